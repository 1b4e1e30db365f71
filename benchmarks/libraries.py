"""The libraries behind one set of names, and what is timed in several scripts: a training step, a forward pass."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from networks import NETWORKS

FEWEST_SAMPLES = 16


class Library(NamedTuple):
    """What a program imports: ``import tensorgrad as tg`` and so on, or the same of PyTorch."""

    tg: Any
    F: Any
    nn: Any
    optim: Any
    channels_last: bool  # memory of images; ours makes its own channels last, whatever it is given

    def image(self, *shape: int) -> Any:
        """Random numbers (N, C, H, W) in the memory order that a layer inside a network is given."""
        if not self.channels_last:
            return self.tg.randn(*shape)
        n, c, h, w = shape
        return self.tg.randn(n, h, w, c).permute(0, 3, 1, 2)

    def weight(self, *shape: int) -> Any:
        """Random numbers (O, C, kh, kw) in the memory order that a convolution layer holds them in."""
        return self.image(*shape) if self.tg.__name__ == "torch" else self.tg.randn(*shape)


def load(column: str, threads: int) -> Library:
    """Import the library of a column, seeded, with so many threads."""
    if column in ("torch", "torch_last"):
        import torch as tg
        import torch.nn.functional as F
        from torch import nn, optim
    else:
        import tensorgrad as tg
        import tensorgrad.nn.functional as F
        from tensorgrad import nn, optim

    tg.set_num_threads(threads)
    tg.manual_seed(0)
    return Library(tg, F, nn, optim, channels_last=column != "torch")


def network_step(
    column: str, name: str, batch: int, threads: int, inference: bool = False, compiled: bool = False
) -> Any:
    """A training step of a network: zero_grad, forward, cross-entropy, backward, SGD with momentum.

    With ``inference`` the forward pass alone, in eval mode and without gradients; ``compiled``: ours by `tg.compile`.
    There are 16 samples at least, and the rate is low: a network that learns its one sample by heart has gradients of 0
    after a second, its momentum decays to denormal numbers, and then the steps of all libraries take three times as
    long.
    """
    lib = load(column, threads)
    network = NETWORKS[name]
    model = network.build(lib.nn, lib.F).train(not inference)
    inputs = [lib.tg.randn(batch, *network.image) for _ in range(max(1, FEWEST_SAMPLES // batch))]
    labels = [lib.tg.randint(10, (batch,)) for _ in inputs]
    if column == "torch_last":
        model = model.to(memory_format=lib.tg.channels_last)
        inputs = [x.contiguous(memory_format=lib.tg.channels_last) for x in inputs]
    optimizer = lib.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    batches = itertools.cycle(zip(inputs, labels, strict=True))

    def train(x: Any, y: Any) -> None:
        optimizer.zero_grad()
        lib.F.cross_entropy(model(x), y).backward()
        optimizer.step()

    def infer(x: Any, y: Any) -> None:
        with lib.tg.no_grad():
            model(x)

    step = infer if inference else train
    if compiled and not column.startswith("torch"):
        step = lib.tg.compile(step)
    return lambda: step(*next(batches))
