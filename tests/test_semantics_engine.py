"""The engine's promises: accumulation, modes, refusals, who owns a gradient's memory."""

import copy

import numpy as np
import pytest

import tensorgrad as tg
from tests.cases.expect import assert_equal


def leaf(*values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


# --------------------------------------------------------------------------- backward


def test_two_backwards_accumulate():
    x = leaf(1.0, 2.0)
    for _ in range(2):
        (x * 3).sum().backward()
    assert_equal(x.grad.numpy(), [6, 6])


def test_diamond():
    x = tg.tensor(2.0, requires_grad=True)
    a = 3 * x
    (a + a * a).backward()
    assert_equal(x.grad.numpy(), 39.0)


def test_a_tensor_used_many_times():
    x = leaf(3.0)
    y = x
    for _ in range(10):
        y = y + y
    y.sum().backward()
    assert_equal(x.grad.numpy(), [1024])


def test_scalar_backward_needs_no_gradient():
    x = tg.tensor([[2.0]], requires_grad=True)
    (x * x).backward()
    assert_equal(x.grad.numpy(), [[4.0]])


def test_backward_with_a_gradient():
    x = leaf(1.0, 2.0)
    (x * x).backward(tg.tensor([1.0, 10.0]))
    assert_equal(x.grad.numpy(), [2, 40])


def test_backward_of_a_non_scalar_needs_a_gradient():
    with pytest.raises(RuntimeError, match="scalar"):
        (leaf(1.0, 2.0) * 2).backward()


@pytest.mark.parametrize("shape", [(3,), (2, 1), ()])
def test_backward_with_a_gradient_of_another_shape(shape):
    with pytest.raises((ValueError, RuntimeError), match="shape"):
        (leaf(1.0, 2.0) * 2).backward(tg.tensor(np.ones(shape)))


def test_backward_of_what_needs_no_gradient():
    with pytest.raises(RuntimeError, match="require"):
        tg.tensor([1.0]).sum().backward()


@pytest.mark.parametrize("function", [tg.exp, lambda x: x + 1, lambda x: x.reshape(1)])
def test_backward_twice(function):
    """Always an error, also where nothing was saved; retain_graph allows it."""
    x = leaf(1.0)
    y = function(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_a_long_chain():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.sum().backward()
    assert_equal(x.grad.numpy(), [1])


# --------------------------------------------------------------------------- grad


def test_grad_touches_no_leaf():
    x = leaf(2.0)
    (g,) = tg.autograd.grad((x * x).sum(), x)
    assert_equal(g.numpy(force=True), [4])
    assert x.grad is None


def test_unused_inputs():
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="allow_unused"):
        tg.autograd.grad((x * 2).sum(), (x, y))
    g, unused = tg.autograd.grad((x * 2).sum(), (x, y), allow_unused=True)
    assert_equal(g.numpy(force=True), [2])
    assert unused is None


def test_the_inputs_of_grad_are_any_tensors_in_a_row():
    net = tg.nn.ParameterList([tg.nn.Parameter(tg.ones(2)), tg.nn.Parameter(tg.ones(2))])
    loss = (net[0] * 2 + net[1] * 3).sum()
    named = dict(net.named_parameters())
    for inputs in (net, net.parameters(), named.values(), iter(net)):
        assert [g.tolist() for g in tg.autograd.grad(loss, inputs, retain_graph=True)] == [[2.0, 2.0], [3.0, 3.0]]
    loss.backward(inputs=net.parameters())
    assert net[1].grad.tolist() == [3.0, 3.0]


def test_the_arguments_of_grad_stand_in_pytorchs_order():
    x, unused = tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)
    (g,) = tg.autograd.grad(x**2, x, tg.ones(2), True, True, True)
    assert g.requires_grad
    with pytest.raises(RuntimeError, match="was not used"):
        tg.autograd.grad(x.sum(), unused, None, None, False, True)
    assert tg.autograd.grad(x.sum(), unused, None, None, False, True, True) == (None,)
    with pytest.raises(ValueError, match="only_inputs=False is gone; use backward"):
        tg.autograd.grad(x.sum(), x, only_inputs=False)
    (g,) = tg.autograd.grad(x.sum(), unused, materialize_grads=True)
    assert g.tolist() == [0.0, 0.0, 0.0]


def test_the_slope_of_a_rectifier_is_a_constant():
    x, w = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    (slope,) = tg.autograd.grad((x * w).relu().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"derivative is 0 \(the slope of a ReLU\); .*materialize_grads=True"):
        tg.autograd.grad(slope.sum(), x)
    assert tg.autograd.grad(slope.sum(), x, materialize_grads=True)[0].tolist() == [0.0, 0.0]


def test_grad_of_an_intermediate():
    x = leaf(3.0)
    y = x * x
    g, h = tg.autograd.grad((y * y).sum(), (x, y))
    assert_equal(g.numpy(force=True), [108])
    assert_equal(h.numpy(force=True), [18])


def test_grad_of_several_outputs():
    x = leaf(3.0)
    (g,) = tg.autograd.grad((x * x, x * 2), x, (tg.tensor([1.0]), tg.tensor([10.0])))
    assert_equal(g.numpy(force=True), [26])


def test_third_derivative():
    x = leaf(2.0)
    y = (x**4).sum()
    for expected in (32, 48, 48, 24):
        (y,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        assert_equal(y.numpy(force=True), [expected])


def test_only_floats_require_grad():
    x = tg.tensor([1, 2])
    with pytest.raises(TypeError, match="float"):
        x.requires_grad_()
    assert not (leaf(1.0) > 0).requires_grad


def test_requires_grad_of_a_result_cannot_be_switched_off():
    y = leaf(1.0) * 2
    with pytest.raises(RuntimeError, match=r"leaf|leaves|detach"):
        y.requires_grad = False
    with pytest.raises(RuntimeError, match=r"leaf|leaves|detach"):
        y.requires_grad_(False)


def test_deepcopy_of_a_result():
    with pytest.raises(RuntimeError, match="copy"):
        copy.deepcopy(leaf(1.0) * 2)
    twin = copy.deepcopy(leaf(1.0))
    assert twin.requires_grad
    assert_equal(twin.numpy(force=True), [1])


def test_hooks_may_replace_the_gradient():
    x = leaf(1.0, 2.0)
    handle = x.register_hook(lambda g: g * 10)
    (x * 3).sum().backward()
    assert_equal(x.grad.numpy(), [30, 30])
    handle.remove()
    (x * 3).sum().backward()
    assert_equal(x.grad.numpy(), [33, 33])

    x = leaf(1.0, 2.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    seen = []
    y.register_hook(lambda g: seen.append(g.numpy(force=True).copy()))
    y.sum().backward()
    assert_equal(x.grad.numpy(), [30, 30])
    assert_equal(seen[0], [10, 10])


# --------------------------------------------------------------------------- no_grad


def test_no_grad():
    x = leaf(1.0)
    with tg.no_grad():
        y = x * 2
    assert not y.requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), tg.no_grad():
        raise KeyError
    assert tg.is_grad_enabled()


def test_no_grad_around_a_recursive_function():
    states = []

    @tg.no_grad()
    def descend(depth):
        states.append(tg.is_grad_enabled())
        if depth:
            descend(depth - 1)
        states.append(tg.is_grad_enabled())

    descend(3)
    assert not any(states)
    assert tg.is_grad_enabled()


def test_one_no_grad_nested_in_itself():
    off = tg.no_grad()
    with off, off:
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_no_grad_around_a_generator():
    """Off inside the generator, on outside between its yields."""
    inside = []

    @tg.no_grad()
    def numbers():
        for k in range(3):
            inside.append(tg.is_grad_enabled())
            yield k
            inside.append(tg.is_grad_enabled())

    outside = []
    for _ in numbers():
        outside.append(tg.is_grad_enabled())
    assert inside == [False] * 6
    assert outside == [True] * 3


def test_enable_grad_within_no_grad():
    x = leaf(1.0)
    with tg.no_grad(), tg.enable_grad():
        assert (x * 2).requires_grad
    assert tg.is_grad_enabled()


# --------------------------------------------------------------------------- memory of gradients


def assert_owns(gradient):
    """Contiguous, with strides of its own, writable: `gradient += ...` changes nothing else."""
    array = gradient.numpy(force=True)
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert all(array.strides)
    assert array.flags.owndata or array.base is None or array.base.flags.owndata


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.T.sum(),
        lambda x: x.sum(),
        lambda x: x.reshape(-1).sum(),
        lambda x: x[::-1].sum(),
        lambda x: x.expand(2, 3, 4).sum(),
        lambda x: (x + 0).sum(),
        lambda x: x.mean(),
        lambda x: x.T.reshape(-1)[:5].sum(),
    ],
)
def test_a_leaf_owns_its_gradient(function):
    x = tg.tensor(np.ones((3, 4)), requires_grad=True)
    function(x).backward()
    assert_owns(x.grad)
    assert x.grad.shape == x.shape
    (g,) = tg.autograd.grad(function(x), x)
    assert_owns(g)


def test_gradients_share_no_memory():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = tg.tensor(np.ones(2))
    (x + y).backward(seed)
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    assert not np.shares_memory(x.grad.numpy(), seed.numpy(force=True))
    z = leaf(1.0, 2.0)
    z.clone().backward(seed)
    assert not np.shares_memory(z.grad.numpy(), seed.numpy())
    x.grad.numpy()[:] = 7
    assert_equal(y.grad.numpy(), [1, 1])
    assert_equal(seed.numpy(force=True), [1, 1])


def test_a_gradient_is_not_an_input():
    """The gradient of x * c is c itself times one: never c's own array."""
    x, c = leaf(1.0, 2.0), tg.tensor(np.array([5.0, 6.0]))
    (x * c).backward(tg.tensor(np.ones(2)))
    x.grad.numpy()[:] = 0
    assert_equal(c.numpy(force=True), [5, 6])
    y = leaf(1.0, 2.0)
    y.backward(c)
    assert not np.shares_memory(y.grad.numpy(), c.numpy(force=True))


def test_accumulation_leaves_earlier_gradients_of_others_alone():
    x = leaf(1.0, 2.0)
    (g,) = tg.autograd.grad(x.sum(), x)
    x.sum().backward()
    before = g.numpy(force=True).copy()
    x.sum().backward()
    assert_equal(g.numpy(force=True), before)


def test_dtype_of_gradients():
    x = leaf(1.0, 2.0, dtype=np.float32)
    (x * tg.tensor(np.array([1.0, 2.0]))).sum().backward()
    assert x.grad.dtype == np.float32
    x.grad = None
    (x * 2).backward(tg.tensor(np.array([1.0, 2.0])))
    assert x.grad.dtype == np.float32
