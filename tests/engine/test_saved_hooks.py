"""autograd.graph.saved_tensors_hooks: what is saved waits in the form that the user chose."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F

hooks = tg.autograd.graph.saved_tensors_hooks


def leaf(*values):
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


def test_packed_and_unpacked():
    packed, unpacked = [], []

    def pack(t):
        assert not t.requires_grad
        packed.append(t.tolist())
        return ("parcel", t.numpy().copy())

    def unpack(parcel):
        unpacked.append(parcel[1].tolist())
        return tg.Tensor(parcel[1])

    x = leaf(1.0, 2.0)
    with hooks(pack, unpack):
        y = x.exp() * x
    assert [v[0] for v in packed] == [np.e, np.e, 1.0]
    assert not unpacked
    y.sum().backward()
    assert sorted(unpacked) == sorted(packed)
    np.testing.assert_array_equal(x.grad.numpy(), np.exp([1.0, 2.0]) * [1.0, 2.0] + np.exp([1.0, 2.0]))


def test_the_array_is_not_kept():
    x = leaf(1.0, 2.0)
    with hooks(lambda t: t.tolist(), lambda v: tg.tensor(v, dtype=tg.float64)):
        y = x.exp().sum()
    assert y.node.edges[0].value is None
    y.backward(retain_graph=True)
    assert y.node.edges[0].value is None  # packed again
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([1.0, 2.0]))


def test_second_derivatives_go_through_the_hooks():
    x = leaf(2.0)
    with hooks(lambda t: t.numpy() * 2, lambda a: tg.Tensor(a / 2)):
        y = (x**3 * x).sum()
        (g,) = tg.autograd.grad(y, x, create_graph=True)
    (gg,) = tg.autograd.grad(g.sum(), x)
    assert gg.tolist() == [48.0]


def test_a_network_with_hooks_is_the_network_without():
    net = tg.nn.Sequential(
        tg.nn.Conv2d(1, 2, 3), tg.nn.BatchNorm2d(2), tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Flatten()
    )
    x = tg.randn(3, 1, 6, 6)

    def gradients():
        net.zero_grad()
        F.cross_entropy(net(x), tg.tensor([0, 1, 2])).backward()
        return [p.grad.numpy() for p in net.parameters()]

    expected = gradients()
    with hooks(lambda t: t.numpy().tobytes() and (t.numpy().copy(), 0), lambda p: tg.Tensor(p[0])):
        found = gradients()
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_innermost_block_counts():
    seen = []
    identity = lambda t: t
    x = leaf(1.0)
    with hooks(lambda t: seen.append("outer") or t, identity):
        with hooks(lambda t: seen.append("inner") or t, identity):
            x.exp()
        x.exp()
    x.exp()
    assert seen == ["inner", "outer"]


def test_operators_in_a_hook_are_neither_packed_nor_recorded():
    x = leaf(1.0, 2.0)
    w = leaf(2.0, 2.0)
    with hooks(lambda t: t * w, lambda t: t / w):
        y = (x.exp() * x).sum()
    y.backward()
    assert w.grad is None
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]) * [2.0, 3.0])


def test_errors():
    with pytest.raises(TypeError, match="unpack_hook must be callable"):
        hooks(lambda t: t, None)
    x = leaf(1.0, 2.0)
    with hooks(lambda t: t, lambda t: t.float()):
        y = x.exp()
    with pytest.raises(RuntimeError, match=r"backward of exp: unpack_hook.*float64\(2,\), got float32\(2,\)"):
        y.sum().backward()
