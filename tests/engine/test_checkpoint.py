"""Checkpoints: the same bits with less memory."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn
from tensorgrad.autograd.graph import saved_tensors_hooks
from tensorgrad.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*values):
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


def network():
    tg.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 3),
    )


RUNS = {
    "whole": lambda net, x: checkpoint(net, x, use_reentrant=False),
    "closure": lambda net, x: checkpoint(lambda z: net(z), x),
    "sequential": lambda net, x: checkpoint_sequential(net, 3, x),
    "nested": lambda net, x: checkpoint(lambda z: checkpoint(net, checkpoint(lambda a: a * 1, z)), x),
    "nested in a sequence": lambda net, x: checkpoint(lambda z: checkpoint_sequential(net, 2, z), x),
    "retained": lambda net, x: checkpoint(net, x),
}


@pytest.mark.parametrize("name", RUNS)
def test_same_bits_with_parameters_dropout_and_batch_norm(name):
    x = tg.randn(5, 1, 8, 8, requires_grad=True)

    def run(forward):
        net = network()
        x.grad = None
        tg.manual_seed(2)
        loss = F.cross_entropy(forward(net, x), tg.tensor([0, 1, 2, 0, 1]))
        after = tg.rand(3)  # the generator is where it would be
        if name == "retained":
            loss.backward(retain_graph=True)
        loss.backward()
        return [*(p.grad for p in net.parameters()), x.grad, *net.buffers(), after, loss.detach(), tg.rand(3)]

    for a, b in zip(run(lambda net, x: net(x)), run(RUNS[name]), strict=True):
        np.testing.assert_array_equal(a.numpy(force=True), b.numpy(force=True))


def test_higher_derivatives():
    x, w = leaf(0.5, -1.0), leaf(1.0, 2.0)

    def f(x):
        return ((x * w).sin() * x.exp()).sum()

    for function in (lambda: checkpoint(f, x), lambda: checkpoint(lambda z: checkpoint(f, z * 1), x)):
        y = function()
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        (e,) = tg.autograd.grad(f(x), x, create_graph=True)
        np.testing.assert_array_equal(g.numpy(force=True), e.numpy(force=True))
        for target in (x, w):
            found = tg.autograd.grad(g.sum(), target, retain_graph=True)[0]
            expected = tg.autograd.grad(e.sum(), target, retain_graph=True)[0]
            np.testing.assert_array_equal(found.numpy(force=True), expected.numpy(force=True))
    assert tg.autograd.gradgradcheck(lambda x: checkpoint(f, x), x)


def test_arrays_are_dropped_and_the_function_runs_once_more():
    calls, arrays = [], []

    def f(x):
        calls.append(1)
        y = x.exp()
        z = y.sin()
        arrays.append([weakref.ref(y.numpy(force=True)), weakref.ref(z.numpy(force=True))])
        return (y * z).sum()

    x = leaf(1.0, 2.0)
    y = checkpoint(f, x)
    assert [ref() for ref in arrays[0]] == [None, None]
    y.backward()
    assert len(calls) == 2
    assert [ref() for ref in arrays[1]] == [None, None]
    expected = leaf(1.0, 2.0)
    f(expected).backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected.grad.numpy())


def test_masks_are_dropped_too():
    x = tg.randn(50, 50, requires_grad=True)
    y = checkpoint(lambda x: F.dropout(x, 0.5) * 2, x)
    mask = y.node.edges[0].static["mask"]
    assert not isinstance(mask, np.ndarray)
    y.sum().backward()
    assert set(np.unique(x.grad.numpy())) == {0.0, 4.0}


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        for backward in (False, True):
            y = checkpoint(lambda x: x.exp().sin().sum(), x)
            dead = weakref.ref(y.node)
            if backward:
                y.backward()
            del y
            assert dead() is None
    finally:
        gc.enable()


def test_pytrees_keywords_and_other_arguments():
    def f(pair, scale, *, options):
        return {"a": pair[0] * pair[1] * scale, "b": options["shift"] + pair[0].exp()}

    a, b, shift = leaf(1.0), leaf(2.0), leaf(3.0)
    out = checkpoint(f, (a * 1, b), 10.0, options={"shift": shift})
    (out["a"] + out["b"] * out["b"]).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), [20 + 2 * (3 + np.e) * np.e])
    assert b.grad.tolist() == [10.0]
    np.testing.assert_allclose(shift.grad.numpy(), [2 * (3 + np.e)])


def test_no_grad_and_inputs_without_gradients():
    x = leaf(1.0)
    with tg.no_grad():
        assert not checkpoint(lambda x: x * 2, x).requires_grad
    assert not checkpoint(lambda x: x * 2, tg.ones(2)).requires_grad
    w = leaf(2.0, 3.0)
    checkpoint(lambda x: (x * w).exp().sum(), tg.ones(2, dtype=tg.float64)).backward()
    np.testing.assert_allclose(w.grad.numpy(), np.exp([2.0, 3.0]))


def test_a_function_that_differentiates_inside():
    def f(x):
        y = (x**3).sum()
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        return (g * g).sum()

    x = leaf(1.0, 2.0)
    checkpoint(f, x * 1).backward()
    np.testing.assert_allclose(x.grad.numpy(), 36 * np.array([1.0, 8.0]))


def test_writes_inside_the_function():
    def f(x):
        y = x * 2
        y[0] = x[1]
        y *= y
        return (y * x).sum()

    x, plain = leaf(1.0, 2.0), leaf(1.0, 2.0)
    checkpoint(f, x).backward()
    f(plain).backward()
    np.testing.assert_array_equal(x.grad.numpy(), plain.grad.numpy())


def test_without_the_random_state_the_mask_is_another():
    x = tg.ones(1000, requires_grad=True)
    y = checkpoint(lambda x: F.dropout(x * 1, 0.5).exp(), x, preserve_rng_state=False)
    kept = y.numpy(force=True) != 1
    y.sum().backward()
    assert ((x.grad.numpy() != 0) != kept).any()


def test_a_second_run_that_differs_is_an_error():
    x = leaf(1.0)
    state = {"calls": 0}

    def other_operator(x):
        state["calls"] += 1
        return (x * 2).sin() if state["calls"] == 1 else (x * 2).cos()

    with pytest.raises(RuntimeError, match=r"checkpoint of .*other_operator.*<cos.*<sin"):
        checkpoint(other_operator, x).sum().backward()
    state["calls"] = 0

    def fewer(x):
        state["calls"] += 1
        return x.exp().exp() if state["calls"] == 1 else x.exp()

    with pytest.raises(RuntimeError, match="recorded 1 operators, the first time 2"):
        checkpoint(fewer, x).sum().backward()
    assert tg.is_grad_enabled()


def test_a_write_in_between_is_an_error():
    w, x = leaf(1.0), leaf(2.0)
    y = checkpoint(lambda x: (x + w).exp(), x)
    with tg.no_grad():
        w -= 0.5
    with pytest.raises(RuntimeError, match=r"leaf.*modified in place at .*test_checkpoint"):
        y.sum().backward()
    h = x * 1
    y = checkpoint(lambda h: (h + 1).exp(), h)
    h += 1
    with pytest.raises(RuntimeError, match="argument was modified in place"):
        y.sum().backward()


def test_inside_and_around_saved_tensor_hooks():
    seen = []

    def pack(t):
        seen.append(t.shape)
        return t

    x = leaf(1.0, 2.0)
    with saved_tensors_hooks(pack, lambda t: t):
        y = checkpoint(lambda x: x.exp().sin().sum(), x)
    assert seen == []  # the checkpoint is the innermost
    y.backward()

    def with_hooks(x):
        with saved_tensors_hooks(pack, lambda t: t):
            return x.exp().sin().sum()

    z = leaf(1.0, 2.0)
    checkpoint(with_hooks, z).backward()
    assert seen
    np.testing.assert_array_equal(x.grad.numpy(), z.grad.numpy())


def test_no_memory_for_the_second_run_leaves_the_thread_as_it_was(monkeypatch):
    class Block(nn.Module):
        def forward(self, x):
            return checkpoint(tg.exp, x)

    def full():
        raise MemoryError

    loss = Block()(leaf(1.0)).sum()
    monkeypatch.setattr(tg.random, "get_rng_state", full)
    with pytest.raises(MemoryError):
        loss.backward()
    assert (tg.exp(leaf(1.0)).grad_fn.module_path, tg.is_grad_enabled()) == (None, True)


def test_segments():
    with pytest.raises(ValueError, match="from 1 to 2"):
        checkpoint_sequential([tg.sin, tg.cos], 3, leaf(1.0))
    assert tg.utils.checkpoint.checkpoint is checkpoint
