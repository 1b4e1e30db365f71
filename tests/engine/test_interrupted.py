"""Ctrl-C or no memory, at any call inside a training step: the next step is as if nothing had happened."""

import inspect
import os
import sys

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn, optim
from tensorgrad.autograd import planned
from tensorgrad.kernels.threads import parallel
from tensorgrad.state import State, per_thread

PACKAGE = os.path.dirname(tg.__file__) + os.sep
IMAGES = np.random.default_rng(0).standard_normal((4, 1, 6, 6)).astype(np.float32)


class Net(nn.Module):
    """Some of everything: a plan that waits, scratch memory, hooks, a mask, writes in place, a checkpoint."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Dropout(0.25)
        self.fc = nn.Linear(18, 3)
        self.fc.register_full_backward_hook(lambda module, before, after: None)

    def forward(self, x):
        y = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        y = tg.utils.checkpoint.checkpoint(self.drop, y).flatten(1)
        y *= 2
        return self.fc(y)


class RaiseAt:
    """Raises ``error`` in the ``number``-th function of the package that is entered inside the block; counts them.

    Not in what puts things back, and neither in generators nor in callbacks of references: no error comes out of those
    where they end because nobody needs them any more.
    """

    SPARED = ("__exit__", "<lambda>")

    def __init__(self, number, error):
        self.number, self.error, self.count = number, error, 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)

    def _enter(self, frame, event, argument):
        code = frame.f_code
        ours = code.co_filename.startswith(PACKAGE) and not code.co_flags & inspect.CO_GENERATOR
        if ours and code.co_name not in self.SPARED:
            self.count += 1
            if self.count == self.number:
                raise self.error


def begin():
    tg.manual_seed(1)
    net = Net()
    return net, optim.Adam(net.parameters(), lr=0.1)


def step(net, optimizer):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(tg.tensor(IMAGES)), tg.tensor([0, 1, 2, 0]))
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


def trained():
    run = begin()
    for _ in range(2):
        step(*run)
    return {name: value.numpy(force=True).copy() for name, value in run[0].state_dict().items()}


def fields(state):
    return {name: getattr(state, name) for name in State.__slots__ if name not in ("cut_line", "run_quietly")}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_step_that_was_cut_off_anywhere_leaves_nothing_behind(error):
    expected, state = trained(), fields(per_thread.state)
    waiting = len(planned._waiting)
    run = begin()
    with RaiseAt(-1, error) as whole:
        step(*run)
    for number in range(1, whole.count, whole.count // 40 + 1):
        run = begin()
        with pytest.raises(error), RaiseAt(number, error):
            step(*run)
        del run
        assert fields(per_thread.state) == state
        assert parallel(lambda task: task, [1, 2]) == [1, 2]
        found = trained()
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=f"{name}, cut off in call {number}")
    assert len(planned._waiting) == waiting
