"""Elementwise operators at kinks, poles, infinities and NaN: PyTorch's values and gradients, literally."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows, value_and_gradients

inf, nan = math.inf, math.nan

# --------------------------------------------------------------------------- functions of one variable


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    rows(
        ("log", tg.log, [0.0, -0.0, -1.0, inf], [-inf, -inf, nan, inf], [inf, -inf, -1, 0]),
        ("log1p", tg.log1p, [-1.0, -2.0], [-inf, nan], [inf, -1]),
        ("sqrt", tg.sqrt, [0.0, -0.0, -1.0, inf], [0, -0.0, nan, inf], [inf, -inf, nan, 0]),
        ("rsqrt", tg.rsqrt, [0.0], [inf], [-inf]),
        ("reciprocal", tg.reciprocal, [0.0, -0.0], [inf, -inf], [-inf, -inf]),
        ("1 / x", lambda x: 1 / x, [0.0, -0.0], [inf, -inf], [-inf, -inf]),
        ("abs", tg.abs, [0.0, -0.0, nan, -inf], [0, 0, nan, inf], [0, 0, 0, -1]),
        ("relu", F.relu, [0.0, -0.0, nan, inf], [0, -0.0, nan, inf], [0, 0, 1, 1]),
        ("leaky_relu", lambda x: F.leaky_relu(x, 0.1), [0.0], [0], [0.1]),
        ("elu", F.elu, [0.0], [0], [1]),
        ("gelu", F.gelu, [0.0, -inf, inf], [0, nan, inf], [0.5, nan, nan]),
        ("silu", F.silu, [0.0, -inf], [0, nan], [0.5, nan]),
        ("sigmoid", tg.sigmoid, [1000.0, -1000.0], [1, 0], [0, 0]),
        ("tanh", tg.tanh, [1000.0, -1000.0], [1, -1], [0, 0]),
        ("softplus", F.softplus, [1000.0, -1000.0, 0.0], [1000, 0, math.log(2)], [1, 0, 0.5]),
        ("exp", tg.exp, [1000.0], [inf], [inf]),
        ("x ** 0", lambda x: x**0, [0.0, nan], [1, 1], [0, 0]),
        ("x ** 3", lambda x: x**3, [-2.0], [-8], [12]),
        ("x ** 0.5", lambda x: x**0.5, [-2.0], [nan], [nan]),
        ("0.0 ** y", lambda y: 0.0**y, [0.0, 1.0, -1.0], [1, 0, inf], [0, 0, -inf]),
    ),
)
def test_one_input(function, x, value, gradient):
    check(function, [x], value, gradient)


def test_exp_float32():
    x = tg.tensor(np.array([88.7, 89], np.float32))
    assert_equal(tg.exp(x).numpy(force=True), [np.exp(np.float32(88.7)), inf], rtol=1e-6)
    assert tg.exp(x).dtype == np.float32


# --------------------------------------------------------------------------- functions of two variables


@pytest.mark.parametrize(
    ("function", "x", "y", "value", "dx", "dy"),
    rows(
        ("div", tg.div, [1.0, 0, -1], [0.0, 0, 0], [inf, nan, -inf], [inf, inf, inf], [-inf, nan, inf]),
        (
            "pow at zero",
            tg.pow,
            [0.0, 0, 0, 0, 0],
            [0.0, 1, 2, 0.5, -1],
            [1, 0, 0, 0, inf],
            [0, 1, 0, inf, -inf],
            [0, 0, 0, 0, -inf],
        ),
        ("pow of a negative", tg.pow, [-2.0, -2.0], [3.0, 0.5], [-8, nan], [12, nan], [nan, nan]),
        (
            "pow with nan and inf",
            tg.pow,
            [1.0, nan, inf],
            [nan, 0.0, 0.0],
            [1, 1, 1],
            [nan, 0, 0],
            [0, nan, inf],
        ),
        ("maximum, ties", tg.maximum, [1.0, 0.0], [1.0, -0.0], [1, 0], [0.5, 0.5], [0.5, 0.5]),
        ("minimum, ties", tg.minimum, [1.0, 0.0], [1.0, -0.0], [1, 0], [0.5, 0.5], [0.5, 0.5]),
        ("maximum, nan", tg.maximum, [nan, 1.0], [1.0, nan], [nan, nan], [1, 1], [1, 1]),
        ("minimum, nan", tg.minimum, [nan, 1.0], [1.0, nan], [nan, nan], [1, 1], [1, 1]),
        ("remainder", tg.remainder, [5.0, -5, 5], [3.0, 3, 0], [2, 1, nan], [1, 1, 1], [-1, 2, -inf]),
    ),
)
def test_two_inputs(function, x, y, value, dx, dy):
    check(function, [x, y], value, dx, dy)


def test_extremum_of_a_tensor_with_itself():
    check(lambda x: tg.maximum(x, x), [[1.0, 2.0]], [1, 2], 1)
    check(lambda x: tg.minimum(x, x), [[1.0, 2.0]], [1, 2], 1)


# --------------------------------------------------------------------------- clamp and where


@pytest.mark.parametrize(
    ("low", "high", "x", "value", "gradient"),
    rows(
        ("at both bounds", -1, 1, [-1.0, 1.0], [-1, 1], [1, 1]),
        ("outside", -1, 1, [-2.0, 2.0], [-1, 1], [0, 0]),
        ("nan", -1, 1, [nan], [nan], [0]),
        ("min above max", 3, 1, [0.0, 2.0, 4.0], [1, 1, 1], [0, 0, 0]),
        ("a bound is nan", nan, 1, [0.0], [nan], [0]),
    ),
)
def test_clamp(low, high, x, value, gradient):
    check(lambda x: tg.clamp(x, low, high), [x], value, gradient)


def test_clamp_gives_the_bounds_gradient_only_where_they_bind():
    x, low, high = [0.0, 1.0, 2.0, 3.0, 4.0], [1.0] * 5, [3.0] * 5
    check(tg.clamp, [x, low, high], [1, 1, 2, 3, 3], [0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1])


def test_clamp_needs_a_bound():
    with pytest.raises(ValueError, match="clamp"):
        tg.clamp(tg.tensor([1.0]))


def test_where_untaken_branch():
    check(lambda x: tg.where(x > 0, x, tg.log(x)), [[1.0]], [1], [1])
    # 0 * inf: the known trap, and the form that avoids it
    check(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [[0.0]], [0], [nan])
    check(lambda x: tg.where(x > 0, tg.sqrt(tg.where(x > 0, x, 1.0)), 0.0), [[0.0]], [0], [0])


def test_where_of_a_condition_alone_gives_positions():
    x = tg.tensor([[1.0, 0.0], [0.0, 2.0]])
    rows, columns = tg.where(x > 0)
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])
    assert [found.tolist() for found in tg.where(x)] == [[0, 1], [0, 1]]
    for one in ({"input": x}, {"other": x}):
        with pytest.raises(TypeError, match="where: expected a condition alone, or a condition, input and other"):
            tg.where(x > 0, **one)


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [(1.0, 0.0, np.float32), (1, 2.5, np.float32), (1, 0, np.int64), (True, False, np.bool_), (1, True, np.int64)],
)
def test_where_of_two_numbers_has_the_dtype_of_a_tensor_of_them(a, b, dtype):
    y = tg.where(tg.tensor([True, False]), a, b)
    assert (y.tolist(), y.dtype) == ([a, b], dtype)


@pytest.mark.parametrize(("extremum", "expected"), [(tg.max, [0.0, 2.0]), (tg.min, [-1.0, 0.0])])
def test_a_tensor_of_one_number_is_compared_with_and_no_dimension(extremum, expected):
    x = tg.tensor([-1.0, 2.0], requires_grad=True)
    y = extremum(x, tg.tensor(0.0))
    assert y.tolist() == getattr(x, extremum.__name__)(tg.tensor(0)).tolist() == expected
    y.sum().backward()
    assert x.grad.tolist() == [float(value != 0) for value in expected]


@pytest.mark.parametrize("other", [None, "none"])
def test_a_comparison_with_what_is_no_number_is_a_plain_boolean(other):
    x = tg.ones(2)
    assert (x == other) is False
    assert (x != other) is True


def test_where_needs_a_boolean_condition():
    with pytest.raises(TypeError, match="where"):
        tg.where(tg.tensor([1.0, 0.0]), tg.tensor([1.0, 2.0]), 0.0)


# --------------------------------------------------------------------------- dtypes


F32, F64, I64, I32 = np.float32, np.float64, np.int64, np.int32


@pytest.mark.parametrize(
    ("make", "dtype"),
    rows(
        ("float32 + Python float", lambda f, i: f + 1.5, F32),
        ("float32 + Python int", lambda f, i: f + 1, F32),
        ("float32 * np.float64 scalar", lambda f, i: f * np.sqrt(2), F32),
        ("np.float64 scalar * float32", lambda f, i: np.sqrt(2) * f, F32),
        ("float32 / np.float64 scalar", lambda f, i: f / np.float64(2), F32),
        ("float32 ** np.float64 scalar", lambda f, i: f ** np.float64(2), F32),
        ("int64 + Python float", lambda f, i: i + 1.5, F32),
        ("int64 + Python int", lambda f, i: i + 1, I64),
        ("int64 / int64", lambda f, i: i / i, F32),
        ("int64 tensor + float32 tensor", lambda f, i: i + f, F32),
        ("float32 tensor * int64 tensor", lambda f, i: f * i, F32),
        ("float32 tensor + 0-d float64 tensor", lambda f, i: f + tg.tensor(np.array(1.0)), F32),
        ("0-d float64 tensor * float32 tensor", lambda f, i: tg.tensor(np.array(1.0)) * f, F32),
        ("float32 tensor + float64 tensor", lambda f, i: f + tg.tensor(np.ones(3)), F64),
        ("maximum with a Python float", lambda f, i: tg.clamp(f, min=0.5), F32),
        ("where with a Python float", lambda f, i: tg.where(f > 0, f, 0.0), F32),
        ("sum of int32", lambda f, i: tg.tensor(np.ones(3, I32)).sum(), I64),
        ("comparison", lambda f, i: f > 0, np.bool_),
    ),
)
def test_dtype(make, dtype):
    f, i = tg.tensor(np.ones(3, F32)), tg.tensor(np.ones(3, I64))
    assert make(f, i).dtype == dtype


def test_mixed_gradients_have_their_inputs_dtypes():
    x = tg.tensor(np.ones(3, F32), requires_grad=True)
    y = tg.tensor(np.ones(3, F64), requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (F32, F64)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "error", "named"),
    rows(
        ("int ** -1", lambda: tg.tensor([2, 3]) ** -1, ValueError, "pow"),
        ("-bool", lambda: -tg.tensor([True, False]), TypeError, "neg"),
        ("bool - bool", lambda: tg.tensor([True]) - tg.tensor([False]), TypeError, "sub"),
        ("integers that require grad", lambda: tg.tensor([1, 2], requires_grad=True), TypeError, "float"),
        ("booleans that require grad", lambda: tg.tensor([True], requires_grad=True), TypeError, "float"),
        ("complex", lambda: tg.tensor(np.array([1j])), TypeError, "complex"),
        ("complex operand", lambda: tg.tensor([1.0]) * 1j, TypeError, "mul"),
        (
            "shapes that do not broadcast",
            lambda: tg.tensor([1.0, 2]) + tg.tensor([1.0, 2, 3]),
            ValueError,
            "add",
        ),
        ("a string", lambda: tg.tensor([1.0]) * "x", TypeError, "mul"),
        ("unknown approximation", lambda: F.gelu(tg.tensor([1.0]), approximate="erf"), ValueError, "gelu"),
    ),
)
def test_refusal(call, error, named):
    with pytest.raises(error, match=named):
        call()


def test_no_overflow_in_second_derivatives():
    """Saturated functions have zero curvature, not NaN."""
    for function in (tg.sigmoid, tg.tanh, F.softplus):
        x = tg.tensor([1000.0, -1000.0], requires_grad=True)
        (g,) = tg.autograd.grad(function(x).sum(), x, create_graph=True)
        (h,) = tg.autograd.grad(g.sum(), x)
        assert_equal(h.numpy(force=True), np.zeros(2))


def test_value_and_gradients_of_an_unused_input_are_zero():
    _, (dx, dy) = value_and_gradients(lambda x, y: x * 2, [1.0], [1.0])
    assert_equal(dx, [2.0])
    assert_equal(dy, [0.0])
