"""Normalisation of rows: both versions against float64, with and without a scale for each column."""

import numpy as np
import pytest

from tensorgrad.kernels import norm, threads

EPS = 1e-5


pytestmark = pytest.mark.usefixtures("version", "one_thread_or_two")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(norm, "BLOCK_FLOATS", 500)
    monkeypatch.setattr(norm, "SHARED_FLOATS", 2000)


def exact(x, w, b, dim, g):
    """The result and the gradients in float64."""
    x, w, b, g = (None if a is None else a.astype(np.float64) for a in (x, w, b, g))
    mean, var = x.mean(axis=dim, keepdims=True), x.var(axis=dim, keepdims=True)
    scale = 1 / np.sqrt(var + EPS)
    z = (x - mean) * scale
    y = z if w is None else z * w
    y = y if b is None else y + b
    gw = g if w is None else g * w
    dx = scale * (gw - gw.mean(axis=dim, keepdims=True) - z * (gw * z).mean(axis=dim, keepdims=True))
    return y, dx, g * z, g


def to_shape(gradient, w):
    """A gradient summed over what broadcasting has added."""
    if w is None or gradient.shape == w.shape:
        return gradient
    extra = gradient.ndim - w.ndim
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(w.shape) if n == 1)
    return gradient.sum(axis=axes, keepdims=True).reshape(w.shape)


CASES = {
    "rows": ((60, 50), (1,), (50,)),
    "one row": ((1, 7), (1,), (7,)),
    "rows of one": ((5, 1), (1,), (1,)),
    "two dimensions": ((20, 4, 6), (1, 2), (4, 6)),
    "groups": ((6, 2, 3, 4, 5), (2, 3, 4), (1, 2, 3, 1, 1)),
    "instances": ((6, 3, 10, 9), (2, 3), (1, 3, 1, 1)),
    "everything": ((4, 5), (0, 1), (4, 5)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("affine", ["w and b", "w", "b", ""])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name, affine, dtype):
    shape, dim, affine_shape = CASES[name]
    rng = np.random.default_rng(0)
    x, g = ((3 * rng.standard_normal((2, *shape))) + 1).astype(dtype)
    w, b = (rng.standard_normal(affine_shape).astype(dtype) if v in affine.split() else None for v in "wb")
    y, moments = norm.normalize(x, w, b, dim=dim, eps=EPS)
    expected = exact(x, w, b, dim, g)
    near = {np.float32: 3e-5, np.float64: 1e-12}[dtype]
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected[0], rtol=near, atol=near)
    np.testing.assert_allclose(moments[0], x.astype(np.float64).mean(axis=dim, keepdims=True), rtol=near)
    np.testing.assert_allclose(moments[1], x.astype(np.float64).var(axis=dim, keepdims=True), rtol=near, atol=near)
    wanted = (True, w is not None, b is not None)
    dx, dw, db = norm.normalize_grad(wanted, g, x, w, dim=dim, eps=EPS, moments=moments)
    for found, should, parameter in ((dx, expected[1], None), (dw, expected[2], w), (db, expected[3], b)):
        if found is not None and (parameter is not None or found is dx):
            size = near * max(1, np.abs(should).max()) * 10
            np.testing.assert_allclose(to_shape(found, parameter), to_shape(should, parameter), rtol=near, atol=size)


@pytest.mark.parametrize("order", ["transposed", "every other", "reversed"])
def test_memory_orders(order):
    rng = np.random.default_rng(0)
    views = {"transposed": lambda a: a.T, "every other": lambda a: a[:, ::2], "reversed": lambda a: a[::-1, ::-1]}
    x, g = (views[order](rng.standard_normal((40, 30)).astype(np.float32)) for _ in range(2))
    w = rng.standard_normal(2 * x.shape[1]).astype(np.float32)[::2]
    before = x.copy(), g.copy(), w.copy()
    y, moments = norm.normalize(x, w, w, dim=(1,), eps=EPS)
    expected = exact(x, w, w, (1,), g)
    np.testing.assert_allclose(y, expected[0], atol=1e-5)
    dx, dw, _ = norm.normalize_grad((True, True, True), g, x, w, dim=(1,), eps=EPS, moments=moments)
    np.testing.assert_allclose(dx, expected[1], atol=1e-4)
    np.testing.assert_allclose(dw, expected[2].sum(axis=0), atol=1e-4)
    for a, was in zip((x, g, w), before, strict=True):
        np.testing.assert_array_equal(a, was)


def test_a_constant_row_becomes_zero():
    x = np.full((3, 1000), 0.1, np.float32)
    np.testing.assert_allclose(norm.normalize(x, None, None, dim=(1,), eps=EPS)[0], 0, atol=1e-5)


def test_a_large_mean_costs_no_digits():
    deviation = np.random.default_rng(0).standard_normal((4, 5000)).astype(np.float32)
    x = deviation + np.float32(1e3)
    found = norm.normalize(x, None, None, dim=(1,), eps=0.0)[0]
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axis=1, keepdims=True)) / wide.std(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("name", ["rows", "groups"])
def test_the_dtype_is_that_of_the_input(name):
    shape, dim, affine_shape = CASES[name]
    x, w = np.ones(shape, np.float32), np.ones(affine_shape)
    y, moments = norm.normalize(x, w, w, dim=dim, eps=EPS)
    assert y.dtype == np.float32
    assert norm.normalize_grad((True,) * 3, x, x, w, dim=dim, eps=EPS, moments=moments)[0].dtype == np.float32


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_empty(shape):
    x = np.empty(shape, np.float32)
    with np.errstate(invalid="ignore"):
        y, moments = norm.normalize(x, np.ones(shape[1:], np.float32), None, dim=(1,), eps=EPS)
        dx, dw, db = norm.normalize_grad(
            (True,) * 3, x, x, np.ones(shape[1:], np.float32), dim=(1,), eps=EPS, moments=moments
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
        y, moments = norm.normalize(x, w, w, dim=(1,), eps=EPS)
        results.append([y, *norm.normalize_grad((True,) * 3, g, x, w, dim=(1,), eps=EPS, moments=moments)])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
