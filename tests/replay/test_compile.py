"""`tg.compile`: what it promises of whole programs, training steps above all."""

import copy
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn, optim
from tensorgrad.state import per_thread
from tensorgrad.tensor import Tensor

SLOT = Tensor.__dict__["_data"]


class Net(nn.Module):
    """A little of everything: convolution, moments, masks, a shortcut, an activation in place."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        shortcut = x
        x = self.again(x)
        x += shortcut
        x = F.max_pool2d(self.act(x), 2)
        return self.fc(self.drop(x.flatten(1)))


def batch(n=5):
    return tg.randn(n, 1, 8, 8), tg.randint(3, (n,))


def trained(optimizer, wrap, calls=6):
    """A network after some steps with evaluations between them: its state, the losses, the generator's state."""
    tg.manual_seed(3)
    net = Net()
    descent = optimizer(net.parameters())

    def step(x, y):
        descent.zero_grad()
        loss = F.cross_entropy(net(x), y, label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        descent.step()
        return loss

    def evaluate(x):
        with tg.no_grad():
            return net(x).argmax(1)

    step, evaluate = wrap(step), wrap(evaluate)
    seen = []
    for i in range(calls):
        net.train()
        seen.append(step(*batch(5 if i < calls - 1 else 2)))
        net.eval()
        seen.append(evaluate(batch()[0]))
        descent.param_groups[0]["lr"] *= 0.9
    return [*net.state_dict().values(), *seen], tg.get_rng_state(), (step, evaluate)


@pytest.mark.parametrize(
    "optimizer",
    [lambda p: optim.SGD(p, 0.1, momentum=0.9), optim.Adam, lambda p: optim.AdamW(p, 0.01, weight_decay=0.1)],
    ids=["SGD", "Adam", "AdamW"],
)
def test_training_is_the_same_to_the_last_bit(optimizer):
    plain, plain_state, _ = trained(optimizer, lambda function: function)
    compiled, state, functions = trained(optimizer, tg.compile)
    assert all(function.plans for function in functions), [function.reason for function in functions]
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert state == plain_state


def test_a_module_whose_graph_is_used_outside():
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    compiled = tg.compile(net)
    for _ in range(4):
        x = tg.randn(3, 4)
        results = []
        for function in (net, compiled):
            y = function(x)
            gradients = tg.autograd.grad((y**2).sum(), list(net.parameters()), create_graph=True)
            second = tg.autograd.grad(sum((g**2).sum() for g in gradients), list(net.parameters()))
            results.append([y, *gradients, *second])
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert compiled.plans
    assert compiled.reason is None
    assert [node.module_path for node in nodes_of(compiled(x))] == [node.module_path for node in nodes_of(net(x))]
    assert tg.viz.graph(compiled(x), params=net).source == tg.viz.graph(net(x), params=net).source


def nodes_of(tensor):
    found, stack = [], [tensor.node]
    while stack:
        node = stack.pop()
        found.append(node)
        stack += [edge for edge in node.edges if edge is not None and not isinstance(edge, tg.Tensor)]
    return found


def test_the_program_can_be_read():
    layer = nn.Linear(3, 2)

    @tg.compile
    def step(x):
        loss = F.relu(layer(x)).sum()
        loss.backward()
        return loss

    for _ in range(3):
        step(tg.ones(4, 3))
    lines = [line.strip() for line in step.plans[0].source.splitlines()]
    assert "v0 = linear(a0, w0, w1)" in lines
    assert "v1 = relu(v0)" in lines
    assert any(line.startswith("accumulate_grad(") for line in lines)
    assert lines[lines.index("v1 = relu(v0)") + 1] == "del v0"  # its memory is free as soon as it was read


def test_gradients_are_added_up_as_always():
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    @tg.compile
    def loss(x):
        value = (w * x).sum()
        value.backward()
        return value

    for i in range(1, 6):
        loss(tg.tensor([1.0, 3.0]))
        assert w.grad.tolist() == [i, 3.0 * i]
    w.grad = None
    loss(tg.tensor([1.0, 3.0]))
    assert w.grad.tolist() == [1.0, 3.0]


def test_results_belong_to_the_caller():
    @tg.compile
    def function(x):
        return x * 2, tg.zeros(3) + 1, tg.ones(2)

    for _ in range(4):
        results = function(tg.tensor([1.0, 2.0]))
        assert [r.tolist() for r in results] == [[2.0, 4.0], [1.0, 1.0, 1.0], [1.0, 1.0]]
        for r in results:
            r.fill_(7.0)


def test_what_is_returned_twice_is_one_tensor_and_an_argument_is_itself():
    @tg.compile
    def function(x, more):
        y = x + 1
        return {"y": y, "again": (y, y), "x": x, "more": [more["z"], 3, "text", None]}

    for _ in range(4):
        x, z = tg.ones(2), tg.zeros(1)
        found = function(x, more={"z": z})
        assert found["again"][0] is found["again"][1] is found["y"]
        assert found["x"] is x
        assert found["more"][0] is z
        assert found["more"][1:] == [3, "text", None]
    assert function.plans


def test_an_error_in_a_plan_is_the_same_error():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())

    class Loss(nn.Module):
        def forward(self, x, y):
            return F.cross_entropy(net(x), y)

    loss = Loss()
    compiled = tg.compile(loss)
    for _ in range(3):
        compiled(tg.ones(2, 4), tg.tensor([0, 2]))
    messages = []
    for function in (loss, compiled):
        with pytest.raises(IndexError) as caught:
            function(tg.ones(2, 4), tg.tensor([0, 3]))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "(in Loss)" in messages[0]
    with pytest.raises(ValueError, match=r"\(in Loss"):
        compiled(tg.ones(2, 5), tg.tensor([0, 1]))


def test_an_error_while_it_is_noted_leaves_nothing_behind():
    def function(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tg.compile(function)(tg.ones(2))
    assert per_thread.state.tape is None
    assert sys.getprofile() is None
    assert Tensor.__dict__["_data"] is SLOT


def test_fullgraph_says_why_not():
    @tg.compile(fullgraph=True)
    def function(x):
        return x * 2 if x.sum() > 0 else x

    with pytest.raises(RuntimeError, match=r"function has run, but cannot be repeated.*__bool__ looks at values"):
        function(tg.ones(2))


def test_arguments_of_pytorch_are_accepted():
    def function(x):
        return x + 1

    assert tg.compile(function, disable=True) is function
    compiled = tg.compile(function, dynamic=False, backend="inductor", mode="max-autotune", options={})
    assert compiled(tg.ones(1)).tolist() == [2.0]
    assert compiled.__name__ == "function"
    with pytest.raises(TypeError, match="expected a function or a module, got int"):
        tg.compile(3)


def test_a_compiled_module_has_the_attributes_of_the_module():
    net = nn.Linear(2, 3)
    compiled = tg.compile(net)
    assert compiled.weight is net.weight
    assert list(compiled.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]  # as in PyTorch
    compiled.eval()
    assert not net.training
    assert "Linear" in repr(compiled)
    compiled.bias = None
    assert net.bias is None
    assert compiled(tg.ones(1, 2)).shape == (1, 3)


def test_a_compiled_module_is_a_part_of_others():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tg.compile(nn.Linear(2, 3))
            self.outer = nn.Linear(3, 1)

        def forward(self, x):
            return self.outer(self.inner(x))

    net = Outer()
    assert len(list(net.parameters())) == 4
    for i in range(4):
        net.zero_grad()
        net(tg.ones(2, 2)).sum().backward()
        assert all(p.grad is not None for p in net.parameters()), i
    assert net.inner.plans
    seen = []
    net.inner.register_forward_hook(lambda module, args, result: seen.append(result.shape))
    net(tg.ones(2, 2))
    assert seen == [(2, 3)]


def test_a_copy_has_plans_of_its_own():
    net = nn.Linear(2, 3)
    compiled = tg.compile(net)
    for _ in range(2):
        compiled(tg.ones(1, 2))
    twin = copy.deepcopy(compiled)
    assert not twin.plans
    assert twin.weight is not net.weight
    with tg.no_grad():
        twin.weight.zero_()
        twin.bias.zero_()
    for _ in range(3):
        assert twin(tg.ones(1, 2)).tolist() == [[0.0, 0.0, 0.0]]
    assert compiled(tg.ones(1, 2)).tolist() == net(tg.ones(1, 2)).tolist()


def test_a_compiled_method():
    class Model:
        def __init__(self, factor):
            self.factor = factor

        @tg.compile
        def scaled(self, x):
            return x * self.factor

    for factor in (2.0, 3.0):
        model = Model(factor)
        for _ in range(3):
            assert model.scaled(tg.ones(1)).tolist() == [factor]


def test_one_function_noted_within_another_is_part_of_it():
    inner = tg.compile(lambda x: x * 2)

    @tg.compile
    def outer(x):
        return inner(x) + 1

    for _ in range(4):
        assert outer(tg.ones(2)).tolist() == [3.0, 3.0]
    assert outer.plans
    assert not inner.plans


def test_threads_share_plans():
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    compiled = tg.compile(net)
    inputs = [tg.full((4, 8), i / 10) for i in range(20)]
    expected = [net(x).detach().numpy() for x in inputs]
    wrong = []

    def work():
        for _ in range(10):
            for x, y in zip(inputs, expected, strict=True):
                if not np.array_equal(compiled(x).detach().numpy(), y):
                    wrong.append(x)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert Tensor.__dict__["_data"] is SLOT


def test_a_profiler_is_left_alone():
    calls = []

    def profile(frame, event, argument):
        calls.append(event)

    compiled = tg.compile(lambda x: x + 1)
    sys.setprofile(profile)
    try:
        compiled(tg.ones(1))
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert calls
    assert not compiled.plans


def test_somebody_who_watches_operators_sees_them_all():
    compiled = tg.compile(lambda x: x.log() * 2)
    for _ in range(3):
        compiled(tg.ones(2))
    w = tg.zeros(2).requires_grad_()
    step = tg.compile(lambda x: (w.log() * x).sum())
    for _ in range(3):
        step(tg.ones(2))
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="log"):
        step(tg.ones(2)).backward()


def test_arguments_of_too_many_kinds_are_not_noted_for_ever():
    compiled = tg.compile(lambda x, rate: x * rate)
    for i in range(200):
        assert compiled(tg.ones(1), float(i)).item() == i
    assert len(compiled.plans) <= 64
    assert "another kind" in compiled.reason


def test_surroundings_that_change_always_are_not_noted_for_ever():
    class Counter:
        value = 0

    compiled = tg.compile(lambda x: x * Counter.value)
    for i in range(30):
        Counter.value = i
        assert compiled(tg.ones(1)).item() == i
    assert len(compiled.plans) == 8
    assert "again and again" in compiled.reason


def test_a_plan_holds_no_intermediate_values():
    net = nn.Linear(4, 4)
    seen = []

    def function(x):
        y = net(x)
        seen.append(weakref.ref(y))
        return y.sum()

    compiled = tg.compile(lambda x: function(x).detach())
    with tg.no_grad():
        compiled(tg.ones(2, 4))
    gc.collect()
    assert seen[0]() is None
