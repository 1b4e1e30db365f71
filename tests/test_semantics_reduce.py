"""Reductions of empty tensors, at ties, NaN and zeros."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tests.cases.expect import assert_equal, check, rows

inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    rows(
        ("sum of empty", tg.sum, [], 0, 0),
        ("prod of empty", tg.prod, [], 1, 0),
        ("mean of empty", tg.mean, [], nan, 0),
        ("var of empty", tg.var, [], nan, 0),
        ("var of one", tg.var, [3.0], nan, nan),
        ("biased var of one", lambda x: tg.var(x, unbiased=False), [3.0], 0, 0),
        ("std of a constant", tg.std, [2.0, 2.0, 2.0], 0, 0),
        ("prod, one zero", tg.prod, [2.0, 0, 3], 0, [0, 6, 0]),
        ("prod, two zeros", tg.prod, [2.0, 0, 0, 3], 0, 0),
        ("max, ties", tg.max, [1.0, 3, 3], 3, [0, 0.5, 0.5]),
        ("min, ties", tg.min, [3.0, 1, 1], 1, [0, 0.5, 0.5]),
        ("max, two nans", tg.max, [1.0, nan, nan], nan, [0, 0.5, 0.5]),
        ("amax, ties", lambda x: tg.amax(x, 0), [1.0, 3, 3], 3, [0, 0.5, 0.5]),
        ("amin, ties", lambda x: tg.amin(x, 0), [3.0, 1, 1], 1, [0, 0.5, 0.5]),
        ("amax, nan", lambda x: tg.amax(x, 0), [1.0, nan, 2], nan, nan),
        ("max(dim), ties", lambda x: tg.max(x, 0).values, [1.0, 3, 3], 3, [0, 1, 0]),
        ("max(dim), nan", lambda x: tg.max(x, 0).values, [1.0, nan, nan], nan, [0, 1, 0]),
        ("max(dim), all -inf", lambda x: tg.max(x, 0).values, [-inf, -inf], -inf, [1, 0]),
        ("logsumexp, all -inf", lambda x: tg.logsumexp(x, 0), [-inf, -inf], -inf, nan),
        ("logsumexp, inf", lambda x: tg.logsumexp(x, 0), [inf, 1.0], inf, [nan, 0]),
        ("logsumexp, large", lambda x: tg.logsumexp(x, 0), [1000.0, 1000], 1000 + math.log(2), 0.5),
        ("logsumexp, nan", lambda x: tg.logsumexp(x, 0), [nan, 1.0], nan, None),
        ("norm of zeros", tg.norm, [0.0, 0], 0, 0),
        ("1-norm of zeros", lambda x: tg.norm(x, 1), [0.0, 0], 0, 0),
        ("root of a sum of squares at zero", lambda x: tg.sqrt((x * x).sum()), [0.0, 0], 0, nan),
        ("inf-norm, ties", lambda x: tg.norm(x, inf), [2.0, -2, 1], 2, [0.5, -0.5, 0]),
    ),
)
def test_value_and_gradient(function, x, value, gradient):
    check(function, [x], value, gradient)


@pytest.mark.parametrize(
    ("x", "index"), rows(("ties", [1.0, 3, 3], 1), ("nan", [1.0, nan, nan], 1), ("-inf", [-inf, -inf], 0))
)
def test_index_of_the_maximum_is_the_first(x, index):
    assert tg.max(tg.tensor(x), 0).indices.item() == index
    assert tg.argmax(tg.tensor(x)).item() == index
    assert tg.argmax(tg.tensor(x)).dtype == np.int64


@pytest.mark.parametrize(
    ("name", "filled"), [("sum", 0), ("prod", 1), ("mean", nan), ("logsumexp", -inf), ("var", nan)]
)
def test_over_an_empty_axis(name, filled):
    """One value for each index of the other axes; none where another axis is reduced."""
    x = tg.tensor(np.zeros((2, 0, 3)), requires_grad=True)
    y = getattr(tg, name)(x, 1)
    assert_equal(y.numpy(force=True), np.full((2, 3), float(filled)))
    y.sum().backward()
    assert x.grad.shape == (2, 0, 3)
    assert getattr(tg, name)(x, 0).shape == (0, 3)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin"])
def test_extrema_of_nothing(name):
    reduce = getattr(tg, name)
    with pytest.raises((ValueError, IndexError), match=name):
        reduce(tg.tensor(np.zeros(0)))
    with pytest.raises((ValueError, IndexError), match=name):
        reduce(tg.tensor(np.zeros((2, 0, 3))), 1)
    along = reduce(tg.tensor(np.zeros((2, 0, 3))), 0)
    assert (along.values if name in ("max", "min") else along).shape == (0, 3)


def test_cumsum_over_an_empty_axis():
    assert tg.cumsum(tg.tensor(np.zeros((2, 0))), 1).shape == (2, 0)


def test_sum_of_no_dims_is_the_sum_of_all():
    assert_equal(tg.sum(tg.tensor([1.0, 2.0]), dim=()).numpy(force=True), 3.0)


ONE_DIM = [
    "sum",
    "mean",
    "prod",
    "var",
    "std",
    "max",
    "min",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "logsumexp",
    "cumsum",
]


@pytest.mark.parametrize("name", ONE_DIM)
def test_dims(name):
    """A 0-d tensor has the dims 0 and -1; what is out of range is an IndexError."""
    reduce = getattr(tg, name)
    scalar = tg.tensor(np.array(2.0))
    if name not in ("var", "std"):
        reduce(scalar, 0)
        reduce(scalar, -1)
    for x, dim in ((scalar, 1), (tg.tensor([[1.0, 2.0]]), 2), (tg.tensor([[1.0, 2.0]]), -3)):
        with pytest.raises(IndexError, match=name):
            reduce(x, dim)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "amin", "logsumexp"])
@pytest.mark.parametrize("dims", [(0, 0), (0, -2)])
def test_duplicate_dims(name, dims):
    with pytest.raises(ValueError, match=name):
        getattr(tg, name)(tg.tensor([[1.0, 2.0]]), dims)


def test_mean_of_integers():
    with pytest.raises(TypeError, match="mean"):
        tg.mean(tg.tensor([1, 2]))


# --------------------------------------------------------------------------- accuracy


def test_float32_sums_are_accurate():
    """The bias gradient's path: NumPy's own float32 sum over the rows of (1e6, 2) is off by one percent."""
    x = np.random.RandomState(0).uniform(0, 1, (1_000_000, 2)).astype(np.float32)
    exact = x.astype(np.float64)
    assert_equal(tg.tensor(x).sum(0).numpy(force=True) / exact.sum(0), np.ones(2), rtol=1e-6)
    assert_equal(tg.tensor(x).mean(0).numpy(force=True) / exact.mean(0), np.ones(2), rtol=1e-6)
    assert_equal(tg.tensor(x).sum().numpy(force=True) / exact.sum(), 1.0, rtol=1e-6)
    bias = tg.tensor(np.zeros(2, np.float32), requires_grad=True)
    ((tg.tensor(x) + bias) * tg.tensor(x)).sum().backward()
    assert_equal(bias.grad.numpy() / exact.sum(0), np.ones(2), rtol=1e-6)


def test_variance_far_from_zero():
    """Two passes: the mean of squares minus the square of the mean would leave nothing of these digits."""
    x = np.random.RandomState(0).standard_normal(1000) + 1e8
    assert_equal(tg.tensor(x).var().numpy(force=True), np.var(x, ddof=1), rtol=1e-9)
