"""Where the gradient of a leaf lies: in memory of its own, in the order of the leaf's where that has no gaps."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.autograd.primitive import Primitive, operator

rng = np.random.default_rng(0)


def around(array):
    """A leaf around ``array`` itself."""
    return tg.Tensor(array, requires_grad=True)


def numbers(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def identity(*rules):
    """An operator that adds its inputs up, with these rules; in no table of operators."""
    return operator(Primitive("layout_test", lambda *inputs: sum(inputs), rules, None))


LAYOUTS = {
    "C order": numbers(2, 3, 4, 5),
    "channels last": numbers(2, 4, 5, 3).transpose(0, 3, 1, 2),
    "Fortran order": np.asfortranarray(numbers(2, 3, 4, 5)),
    "one sample": numbers(1, 4, 5, 3).transpose(0, 3, 1, 2),
    "one channel": numbers(2, 4, 5, 1).transpose(0, 3, 1, 2),
}
GAPS = {
    "every other column": numbers(2, 3, 4, 10)[..., ::2],
    "backwards": numbers(2, 3, 4, 5)[:, ::-1],
    "repeated": np.broadcast_to(numbers(3, 1, 5), (2, 3, 4, 5)),
}


def long_strides(array):
    """The strides that mean something: of dimensions with more than one entry."""
    return [step for step, n in zip(array.strides, array.shape, strict=True) if n > 1]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(
    "function",
    [lambda x: x.sum(), lambda x: (x * x).sum(), lambda x: x.T.exp().sum(), lambda x: (x.relu() * x + x).sum()],
)
def test_a_gradient_lies_as_its_leaf(function, name):
    x = around(LAYOUTS[name].copy(order="K"))
    for _ in range(2):  # the second gradient is added to the first
        function(x).backward()
    plain = tg.tensor(np.ascontiguousarray(LAYOUTS[name]), requires_grad=True)
    (expected,) = tg.autograd.grad(function(plain), plain)
    np.testing.assert_allclose(x.grad.numpy(), 2 * expected.numpy(), rtol=1e-6)
    assert long_strides(x.grad.numpy()) == long_strides(x.numpy(force=True))
    assert x.grad.numpy().flags.writeable


@pytest.mark.parametrize("name", GAPS)
def test_the_gradient_of_a_leaf_with_gaps_lies_in_c_order(name):
    x = around(GAPS[name])
    (x * x).sum().backward()
    assert x.grad.numpy().flags.c_contiguous
    np.testing.assert_allclose(x.grad.numpy(), 2 * GAPS[name], rtol=1e-6)


def test_what_a_convolution_gives_a_channels_last_image_is_kept():
    image, weight = numbers(2, 6, 6, 4).transpose(0, 3, 1, 2), tg.tensor(numbers(8, 4, 3, 3))
    x = around(image)
    F.conv2d(x, weight).sum().backward()
    plain = tg.tensor(np.ascontiguousarray(image), requires_grad=True)
    F.conv2d(plain, weight).sum().backward()
    assert x.grad.numpy().strides == image.strides
    assert plain.grad.numpy().flags.c_contiguous
    np.testing.assert_allclose(x.grad.numpy(), plain.grad.numpy(), rtol=1e-5)


def test_a_new_array_behind_a_view_is_kept():
    made = []

    def rule(g, y, x):
        gradient = np.full((3, 2), 5.0, np.float32).T
        made.append(gradient.ctypes.data)
        return gradient

    for shape, leaf in (((2, 3), np.ones((3, 2), np.float32).T), ((6,), np.ones(6, np.float32))):
        x = around(leaf)
        same = identity(rule if shape == (2, 3) else lambda g, y, x: rule(g, y, x).T.reshape(6))
        same(x).sum().backward()
        assert x.grad.numpy().ctypes.data == made[-1]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda kept: kept, id="the array itself, turned"),
        pytest.param(lambda kept: kept[:], id="all of it"),
        pytest.param(lambda kept: kept.T[::-1].T[:, ::-1], id="turned and back"),
    ],
)
def test_a_view_of_what_somebody_holds_is_copied(rule):
    kept = np.ones((2, 3), np.float32)
    x = around(np.zeros((2, 3), np.float32))
    identity(lambda g, y, x: rule(kept).view())(x).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), kept)


def test_two_views_of_one_array_are_not_kept_by_two_leaves():
    def views():
        array = np.ones(4, np.float32)
        return array.reshape(2, 2), array.reshape(2, 2)

    x, y = around(np.zeros((2, 2), np.float32)), around(np.zeros((2, 2), np.float32))
    both = operator(Primitive("layout_test", np.add, (), lambda wanted, g, out, a, b: views()))
    both(x, y).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())


def test_repeated_numbers_are_copied():
    """As many numbers as the array behind them has, but all of them the first one."""
    x = around(np.zeros(4, np.float32))

    def rule(g, y, x):
        array = np.arange(4, dtype=np.float32)
        return np.ndarray((4,), np.float32, array, strides=(0,))

    factors = tg.tensor([1.0, 2.0, 3.0, 4.0])
    (x * factors + identity(rule)(x)).sum().backward()  # the product's gradient is added to the repeated number
    assert x.grad.tolist() == factors.tolist()


def test_a_part_does_not_hold_the_whole():
    x = around(np.zeros(3, np.float32))
    identity(lambda g, y, x: np.zeros(1000, np.float32)[:3])(x).sum().backward()
    base = x.grad.numpy().base
    assert base is None or base.nbytes == x.grad.nbytes


def test_grad_hands_out_memory_of_its_own_too():
    image = numbers(2, 4, 5, 3).transpose(0, 3, 1, 2)
    x = around(image)
    (gradient,) = tg.autograd.grad((x * 2).sum(), x)
    assert gradient.numpy().strides == image.strides
    y = x * 1
    seed = tg.ones(*y.shape)
    (gradient,) = tg.autograd.grad(y, y, seed)
    assert not np.shares_memory(gradient.numpy(), seed.numpy())
