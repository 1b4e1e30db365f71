"""gradcheck finds wrong gradients, names the worst entry, and is not fooled by kinks, noise or float32."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn
from tensorgrad.autograd.gradient_check import GradcheckError
from tensorgrad.autograd.primitive import Primitive, operator
from tensorgrad.ops._arguments import raw
from tensorgrad.testing import assert_gradients

gradcheck, gradgradcheck = tg.autograd.gradcheck, tg.autograd.gradgradcheck


def leaf(*values, **kwargs):
    return tg.tensor(np.array(values, np.float64), requires_grad=True, **kwargs)


def unregistered(*rules, forward, name):
    return operator(Primitive(name, forward, rules, None))


wrong_cube = unregistered(lambda g, y, x: 3 * g * x, forward=lambda x: x**3, name="wrong_cube")
# right when differentiated once, wrong twice: the rule forgets that its value depends on x
wrong_twice = unregistered(lambda g, y, x: g * (3 * raw(x) ** 2), forward=lambda x: x**3, name="wrong_twice")


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_gradients(fast_mode):
    a, b = tg.randn(2, 3, dtype=tg.float64, requires_grad=True), tg.randn(3, 2, dtype=tg.float64, requires_grad=True)
    assert gradcheck(lambda a, b: (a @ b).softmax(1), (a, b), fast_mode=fast_mode)
    assert gradgradcheck(lambda a, b: (a @ b).softmax(1), (a, b), fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_wrong_gradients(fast_mode):
    x = leaf(0.5, 1.0, 3.0)
    assert not gradcheck(wrong_cube, x, raise_exception=False, fast_mode=fast_mode)
    assert gradcheck(wrong_twice, x, fast_mode=fast_mode)
    assert not gradgradcheck(wrong_twice, x, raise_exception=False, fast_mode=fast_mode)


def test_the_worst_entry_is_named():
    y = leaf(1.0, 1.0, 1.0)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda y, x: (y, wrong_cube(x)), (y, leaf(0.5, 1.0, 3.0)))
    text = str(caught.value)
    assert "2 of 36 entries are wrong" in text
    assert "d output 1[2] / d inputs[1][2]: analytic 9, numerical 27" in text
    assert "wrong_cube" in text


def test_a_module_with_its_parameters():
    tg.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).double()
    x = tg.randn(3, 1, 4, 4, dtype=tg.float64)
    before = {name: value.tolist() for name, value in net.state_dict().items()}
    assert gradcheck(net, x)  # the input needs no gradient, the parameters do
    assert gradgradcheck(net, x.requires_grad_())
    assert {name: value.tolist() for name, value in net.state_dict().items()} == before
    assert all(p.grad is None for p in net.parameters())

    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1).double()

        def forward(self, x):
            return wrong_cube(self.layer.weight) * x

    with pytest.raises(GradcheckError, match=r"gradcheck of Wrong.*\n.*layer\.weight\[0, 0\]"):
        gradcheck(Wrong(), leaf(2.0))


@pytest.mark.parametrize(
    "function", [tg.relu, tg.abs, lambda x: x.clamp(-1, 0), lambda x: F.hardtanh(x, 0, 2), lambda x: x.maximum(-x)]
)
def test_kinks_take_any_subgradient(function):
    assert gradcheck(function, leaf(0.0, 1e-6, -1e-6, 0.5, -0.5))


def test_a_kink_does_not_excuse_everything():
    too_steep = unregistered(lambda g, y, x: g * 2, forward=np.abs, name="too_steep")
    with pytest.raises(GradcheckError, match="analytic 2"):
        gradcheck(too_steep, leaf(0.0))
    jump = unregistered(lambda g, y, x: g * 0, forward=np.floor, name="jump")
    assert not gradcheck(jump, leaf(0.0), raise_exception=False)
    assert gradcheck(jump, leaf(0.5))


def test_what_is_not_deterministic_is_found_out():
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: F.dropout(x), leaf(*range(1, 30)))
    noisy = unregistered(
        lambda g, y, x: g + np.random.default_rng().standard_normal(x.shape),
        forward=lambda x: x + 0,
        name="noisy",
    )
    with pytest.raises(GradcheckError, match="backward is not deterministic"):
        gradcheck(noisy, leaf(1.0))


def test_refusals():
    with pytest.raises(ValueError, match=r"inputs\[1\] is float32.*\.double\(\)"):
        gradcheck(tg.mul, (leaf(1.0), tg.ones(1, requires_grad=True)))
    with pytest.raises(ValueError, match="weight is float32"):
        gradcheck(nn.Linear(1, 1), leaf(1.0))
    with pytest.raises(ValueError, match="no input requires grad"):
        gradcheck(tg.exp, tg.ones(1, dtype=tg.float64))
    with pytest.raises(ValueError, match="no floating-point tensor"):
        gradcheck(lambda x: x > 0, leaf(1.0))

    def modifies(x):
        x.numpy(force=True)[0] = 7
        return x * 1

    with pytest.raises(GradcheckError, match=r"modified inputs\[0\]"):
        gradcheck(modifies, leaf(1.0))


def test_nan_is_wrong():
    assert not gradcheck(tg.sqrt, leaf(0.0), raise_exception=False)
    assert not gradcheck(lambda x: x * np.nan, leaf(0.0), raise_exception=False)


def test_linear_functions_with_step_one():
    x, w = leaf(1e8, -3e7, 2.0), leaf(1.0, 2.0, 3.0)
    assert gradcheck(lambda x, w: (x * w).cumsum(0), (x, w), linear=True)
    slightly_off = unregistered(lambda g, y, x: g * (2 + 1e-8), forward=lambda x: 2 * x, name="slightly_off")
    assert not gradcheck(slightly_off, leaf(1.0), linear=True, raise_exception=False)


def test_inputs_are_left_alone():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    grad = x.grad
    gradcheck(tg.exp, x)
    assert x.grad is grad
    assert x.tolist() == [1.0, 2.0]


# --------------------------------------------------------------------------- assert_gradients


def test_assert_gradients_of_right_operators():
    assert_gradients(tg.matmul, np.ones((2, 3)), np.arange(6.0).reshape(3, 2), reference=np.matmul, linear=True)
    assert_gradients(lambda x, i: tg.gather(x, 1, i), np.arange(6.0).reshape(2, 3), np.array([[0, 2], [1, 1]]))
    assert_gradients(tg.aminmax, np.array([1.0, 3.0, 2.0]))
    assert_gradients(tg.argmax, np.array([1.0, 3.0, 2.0]), reference=np.argmax)


def test_assert_gradients_says_which_promise_is_broken():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    right = lambda g, y, x: 3 * g * x * x
    promises = {
        "first derivative": wrong_cube,
        "second derivative": wrong_twice,
        "value is wrong": unregistered(right, forward=lambda x: x**3 + 1, name="value"),
        "float32": unregistered(right, forward=lambda x: np.asarray(x**3, np.float64), name="wide"),
        "memory order": unregistered(
            lambda g, y, x: g, forward=lambda x: x + (0 if x.flags.c_contiguous else 1), name="strides"
        ),
    }
    for words, op in promises.items():
        reference = (lambda x: x**3) if words == "value is wrong" else None
        with pytest.raises(AssertionError, match=words):
            assert_gradients(op, x, reference=reference)
    with pytest.raises(AssertionError, match="must return tensors"):
        assert_gradients(lambda x: x.tolist(), x)
    with pytest.raises(ValueError, match="read-only"):
        assert_gradients(unregistered(right, forward=lambda x: np.negative(x, out=x), name="writes"), x)
