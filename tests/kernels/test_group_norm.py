"""Normalisation of groups of channels: both versions and both memory orders against float64."""

import numpy as np
import pytest

from tensorgrad.kernels import group_norm, threads
from tests.kernels.naive import assert_near, exact_norm

EPS = 1e-5

pytestmark = pytest.mark.usefixtures("version", "one_thread_or_two", "small_blocks_of_rows")


#: as users see them: (N, C, ...), and the number of groups
CASES = {
    "images": ((6, 6, 4, 5), 2),
    "many pixels": ((3, 4, 30, 40), 2),
    "one group": ((4, 6, 7), 1),
    "a group each": ((6, 3, 10, 9), 3),
    "no pixels": ((5, 8), 4),
    "one sample": ((1, 4, 3, 3), 2),
}
ORDERS = {"first": np.asarray, "last": lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)}


def operands(name, order, dtype):
    shape, groups = CASES[name]
    rng = np.random.default_rng(0)
    x, g = (ORDERS[order](3 * rng.standard_normal(shape) + 1).astype(dtype) for _ in range(2))
    w, b = rng.standard_normal((2, shape[1])).astype(dtype)
    return g, x, w, b, groups


def exact(g, x, w, b, groups):
    """The result and the gradients in float64."""
    shape = (len(x), groups, x.shape[1] // groups, *x.shape[2:])
    w, b = (None if v is None else v.reshape(1, *shape[1:3], *[1] * (x.ndim - 2)) for v in (w, b))
    found = exact_norm(*(a.reshape(shape) for a in (g, x)), w, b, tuple(range(2, len(shape))), EPS)
    return {key: value.reshape(x.shape) for key, value in found.items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("affine", ["w and b", "w", "b", ""])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name, order, affine, dtype):
    g, x, w, b, groups = operands(name, order, dtype)
    w, b = (v if letter in affine.split() else None for letter, v in (("w", w), ("b", b)))
    before = g.copy(), x.copy()
    expected = exact(g, x, w, b, groups)
    near = {np.float32: 3e-5, np.float64: 1e-12}[dtype]
    y, moments = group_norm.group_norm(x, w, b, groups=groups, eps=EPS)
    assert y.dtype == dtype
    assert_near(y, expected["y"], near)
    by_group = x.astype(np.float64).reshape(len(x), groups, -1)
    assert_near(moments[0], by_group.mean(axis=2), near)
    assert_near(moments[1], by_group.var(axis=2), near)
    found = group_norm.group_norm_grad((True,) * 3, g, x, w, eps=EPS, moments=moments)
    of_channel = tuple(a for a in range(x.ndim) if a != 1)
    for d, should in zip(
        found, (expected["dx"], expected["gz"].sum(of_channel), g.sum(of_channel, dtype=np.float64)), strict=True
    ):
        assert d.dtype == dtype
        assert_near(d, should, near)
    for a, was in zip((g, x), before, strict=True):
        np.testing.assert_array_equal(a, was)


@pytest.mark.parametrize("order", ORDERS)
def test_results_lie_in_memory_as_the_input_does(order):
    g, x, w, b, groups = operands("many pixels", order, np.float32)
    y, moments = group_norm.group_norm(x, w, b, groups=groups, eps=EPS)
    dx, _, _ = group_norm.group_norm_grad((True,) * 3, np.ascontiguousarray(g), x, w, eps=EPS, moments=moments)
    assert y.strides == dx.strides == x.strides


def test_only_what_is_wanted():
    g, x, w, b, groups = operands("images", "first", np.float32)
    _, moments = group_norm.group_norm(x, w, b, groups=groups, eps=EPS)
    found = group_norm.group_norm_grad((False, True, False), g, x, w, eps=EPS, moments=moments)
    assert [d is None for d in found] == [True, False, True]


@pytest.mark.parametrize("order", ORDERS)
def test_a_large_mean_costs_no_digits(order):
    deviation = np.random.default_rng(0).standard_normal((2, 4, 50, 50))
    x = ORDERS[order]((deviation + 1e3).astype(np.float32))
    found, _ = group_norm.group_norm(x, None, None, groups=2, eps=EPS)
    np.testing.assert_allclose(found, exact(x, x, None, None, 2)["y"], atol=2e-4)


@pytest.mark.parametrize("order", ORDERS)
def test_the_dtype_is_that_of_the_input(order):
    g, x, w, b, groups = operands("images", order, np.float32)
    w, b = w.astype(np.float64), b.astype(np.float64)
    y, moments = group_norm.group_norm(x, w, b, groups=groups, eps=EPS)
    found = group_norm.group_norm_grad((True,) * 3, g, x, w, eps=EPS, moments=moments)
    assert {a.dtype for a in (y, *moments, *found)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0)])
def test_empty(shape):
    x, w = np.empty(shape, np.float32), np.ones(4, np.float32)
    with np.errstate(invalid="ignore"):
        y, moments = group_norm.group_norm(x, w, None, groups=2, eps=EPS)
        dx, dw, db = group_norm.group_norm_grad((True,) * 3, x, x, w, eps=EPS, moments=moments)
    assert y.shape == dx.shape == shape
    np.testing.assert_array_equal(dw, np.zeros(4))
    np.testing.assert_array_equal(db, np.zeros(4))


@pytest.mark.parametrize("order", ORDERS)
def test_results_do_not_depend_on_the_number_of_threads(order):
    rng = np.random.default_rng(0)
    x, g = (ORDERS[order](rng.standard_normal((40, 8, 30, 30)).astype(np.float32)) for _ in range(2))
    results = []
    for count in (1, 3):
        threads.set_num_threads(count)
        y, moments = group_norm.group_norm(x, None, None, groups=2, eps=EPS)
        results.append([y, *group_norm.group_norm_grad((True,) * 3, g, x, None, eps=EPS, moments=moments)])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
