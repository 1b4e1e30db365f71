"""Normalisation of rows: both versions against float64, with and without a scale for each column."""

import numpy as np
import pytest

from tensorgrad.kernels import norm, threads
from tests.kernels.naive import assert_near, exact_norm

EPS = 1e-5


pytestmark = pytest.mark.usefixtures("version", "one_thread_or_two", "small_blocks_of_rows")


CASES = {
    "rows": ((60, 50), 1),
    "one row": ((1, 7), 1),
    "rows of one": ((5, 1), 1),
    "two dimensions": ((20, 4, 6), 2),
    "everything": ((4, 5), 2),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("affine", ["w and b", "w", "b", ""])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name, affine, dtype):
    shape, dims = CASES[name]
    rng = np.random.default_rng(0)
    x, g = ((3 * rng.standard_normal((2, *shape))) + 1).astype(dtype)
    w, b = (rng.standard_normal(shape[-dims:]).astype(dtype) if v in affine.split() else None for v in "wb")
    y, moments = norm.layer_norm(x, w, b, dims=dims, eps=EPS)
    dim = tuple(range(len(shape) - dims, len(shape)))
    exact = exact_norm(g, x, w, b, dim, EPS)
    near = {np.float32: 3e-5, np.float64: 1e-12}[dtype]
    assert y.dtype == dtype
    np.testing.assert_allclose(y, exact["y"], rtol=near, atol=near)
    np.testing.assert_allclose(moments[0], x.astype(np.float64).mean(axis=dim).ravel(), rtol=near)
    np.testing.assert_allclose(moments[1], x.astype(np.float64).var(axis=dim).ravel(), rtol=near, atol=near)
    wanted = (True, w is not None, b is not None)
    dx, dw, db = norm.layer_norm_grad(wanted, g, x, w, dims=dims, eps=EPS, moments=moments)
    before = tuple(range(len(shape) - dims))
    assert_near(dx, exact["dx"], near)
    for found, of_all, parameter in ((dw, exact["gz"], w), (db, g, b)):
        if parameter is None:
            assert found is None
        else:
            assert_near(found, of_all.sum(axis=before, dtype=np.float64), near)


@pytest.mark.parametrize("order", ["transposed", "every other", "reversed"])
def test_memory_orders(order):
    rng = np.random.default_rng(0)
    views = {"transposed": lambda a: a.T, "every other": lambda a: a[:, ::2], "reversed": lambda a: a[::-1, ::-1]}
    x, g = (views[order](rng.standard_normal((40, 30)).astype(np.float32)) for _ in range(2))
    w = rng.standard_normal(2 * x.shape[1]).astype(np.float32)[::2]
    before = x.copy(), g.copy(), w.copy()
    y, moments = norm.layer_norm(x, w, w, dims=1, eps=EPS)
    exact = exact_norm(g, x, w, w, (1,), EPS)
    np.testing.assert_allclose(y, exact["y"], atol=1e-5)
    dx, dw, _ = norm.layer_norm_grad((True, True, True), g, x, w, dims=1, eps=EPS, moments=moments)
    np.testing.assert_allclose(dx, exact["dx"], atol=1e-4)
    np.testing.assert_allclose(dw, exact["gz"].sum(axis=0), atol=1e-4)
    for a, was in zip((x, g, w), before, strict=True):
        np.testing.assert_array_equal(a, was)


def test_a_constant_row_becomes_zero():
    x = np.full((3, 1000), 0.1, np.float32)
    np.testing.assert_allclose(norm.layer_norm(x, None, None, dims=1, eps=EPS)[0], 0, atol=1e-5)


def test_a_large_mean_costs_no_digits():
    deviation = np.random.default_rng(0).standard_normal((4, 5000)).astype(np.float32)
    x = deviation + np.float32(1e3)
    found = norm.layer_norm(x, None, None, dims=1, eps=0.0)[0]
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axis=1, keepdims=True)) / wide.std(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_the_dtype_is_that_of_the_input():
    x, w = np.ones((60, 50), np.float32), np.ones(50)
    y, moments = norm.layer_norm(x, w, w, dims=1, eps=EPS)
    assert y.dtype == np.float32
    found = norm.layer_norm_grad((True,) * 3, x, x, w, dims=1, eps=EPS, moments=moments)
    assert [d.dtype for d in found] == [np.float32] * 3


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_empty(shape):
    x = np.empty(shape, np.float32)
    with np.errstate(invalid="ignore"):
        y, moments = norm.layer_norm(x, np.ones(shape[1:], np.float32), None, dims=1, eps=EPS)
        dx, dw, db = norm.layer_norm_grad(
            (True,) * 3, x, x, np.ones(shape[1:], np.float32), dims=1, eps=EPS, moments=moments
        )
    assert y.shape == dx.shape == shape
    assert dw.shape == db.shape == shape[1:]
    np.testing.assert_array_equal(dw, 0)


def test_results_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 900, 300)).astype(np.float32)
    w = rng.standard_normal(300).astype(np.float32)
    results = []
    for count in (1, 3):
        threads.set_num_threads(count)
        y, moments = norm.layer_norm(x, w, w, dims=1, eps=EPS)
        results.append([y, *norm.layer_norm_grad((True,) * 3, g, x, w, dims=1, eps=EPS, moments=moments)])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
