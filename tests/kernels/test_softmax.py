"""Softmax and its kin: both versions against float64, along any dimension, for any number of threads."""

import numpy as np
import pytest

from tensorgrad.kernels import lines, softmax, threads

SHAPES = [(1, 1), (7, 10), (3, 700), (500, 3), (4, 5, 6), (2, 300, 5), (40, 3, 300)]


pytestmark = pytest.mark.usefixtures("version", "one_thread_or_two")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_FLOATS", 500)
    monkeypatch.setattr(lines, "COLUMN_FLOATS", 500)
    monkeypatch.setattr(lines, "SHARED_FLOATS", 2000)


def exact(x, dim):
    """The softmax, its logarithm and the log-sum-exp in float64."""
    x = x.astype(np.float64)
    top = x.max(axis=dim, keepdims=True)
    powers = np.exp(x - top)
    total = powers.sum(axis=dim, keepdims=True)
    return powers / total, x - top - np.log(total), top + np.log(total)


def sample(shape, dtype, seed=0):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients(shape, dtype):
    near = {np.float16: 1e-2, np.float32: 3e-6, np.float64: 1e-14}[dtype]
    x, g = sample(shape, dtype), sample(shape, dtype, 1) / 3
    for dim in range(x.ndim):
        shares, logs, sums = exact(x, dim)
        y, log = softmax.softmax(x, dim), softmax.log_softmax(x, dim)
        for found, expected in ((y, shares), (log, logs), (softmax.logsumexp(x, (dim,)), sums)):
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=near, atol=near)
        wide = g.astype(np.float64)
        back = shares * (wide - (wide * shares).sum(axis=dim, keepdims=True))
        np.testing.assert_allclose(softmax.softmax_grad(g, y, dim), back, atol=near * 10)
        total = wide.sum(axis=dim, keepdims=True)
        scale = near * max(1, np.abs(total).max())
        np.testing.assert_allclose(softmax.log_softmax_grad(g, log, dim), wide - shares * total, atol=10 * scale)


@pytest.mark.parametrize("dims", [(0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_log_sum_exp_over_several_dimensions(dims):
    x = sample((4, 5, 6), np.float64)
    np.testing.assert_allclose(softmax.logsumexp(x, dims), np.log(np.exp(x).sum(axis=dims, keepdims=True)), rtol=1e-14)


@pytest.mark.parametrize("dim", [0, 1, 2, 3])
def test_memory_order_is_kept(dim):
    x = np.moveaxis(sample((2, 6, 5, 8), np.float32), -1, 1)
    y = softmax.softmax(x, dim)
    assert y.strides == x.strides
    np.testing.assert_allclose(y, exact(x, dim)[0], atol=1e-6)
    every_other = sample((4, 6, 10), np.float32)[:, :, ::2]
    np.testing.assert_allclose(softmax.softmax(every_other, 1), exact(every_other, 1)[0], atol=1e-6)
    g = sample(x.shape, np.float32, 1)
    np.testing.assert_array_equal(
        softmax.softmax_grad(g, y, dim),
        softmax.softmax_grad(g, np.ascontiguousarray(y), dim) if dim == 3 else softmax.softmax_grad(g.copy(), y, dim),
    )


@pytest.mark.parametrize("dim", [0, 1])
def test_infinities_and_nan(dim):
    rows = np.float32(
        [
            [np.inf, 1, -np.inf],
            [-np.inf] * 3,
            [np.nan, 1, 2],
            [1, np.inf, np.nan],
            [-np.inf, 0, -np.inf],
            [1e4, 0, -1e4],
        ]
    )
    x = rows if dim else np.ascontiguousarray(rows.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums, shares = softmax.logsumexp(x, (dim,)).ravel(), softmax.softmax(x, dim)
        logs = softmax.log_softmax(x, dim)
    np.testing.assert_array_equal(sums, [np.inf, -np.inf, np.nan, np.nan, 0, 1e4])
    shares, logs = (shares, logs) if dim else (shares.T, logs.T)
    assert np.isnan(shares[:4]).all()
    np.testing.assert_array_equal(shares[4:], [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(logs[4:], [[-np.inf, 0, -np.inf], [0, -1e4, -2e4]])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3)])
def test_empty(shape):
    x = np.empty(shape, np.float32)
    for dim in range(x.ndim):
        assert softmax.softmax(x, dim).shape == shape
        assert softmax.log_softmax(x, dim).shape == shape
        with np.errstate(divide="ignore"):
            found = softmax.logsumexp(x, (dim,))
        assert found.shape == tuple(1 if d == dim else n for d, n in enumerate(shape))
        assert np.isneginf(found).all()


def test_results_do_not_depend_on_the_number_of_threads():
    x = sample((900, 300), np.float32)
    for dim in (0, 1):
        threads.set_num_threads(1)
        one = softmax.softmax(x, dim)
        threads.set_num_threads(3)
        np.testing.assert_array_equal(softmax.softmax(x, dim), one)
