"""Batch normalisation on raw arrays: both versions against float64 formulas, in any memory order and any blocks."""

import numpy as np
import pytest

from tensorgrad.kernels import batch_norm as kernel
from tensorgrad.kernels import threads, twin
from tests.kernels.conftest import VERSIONS

pytestmark = pytest.mark.usefixtures("version")

SHAPES = [
    (4, 3),
    (5, 16, 4, 4),
    (64, 16, 12, 12),
    (3, 7, 11),
    (2, 1, 3, 3),
    (2, 1500, 2),
    (2, 4, 2, 3, 2),
    (37, 6, 5, 5),
]


@pytest.fixture(params=[kernel.BLOCK_FLOATS, 2000], ids=["one block", "many blocks"], autouse=True)
def _blocks(request, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK_FLOATS", request.param)
    monkeypatch.setattr(kernel, "SHARED_FLOATS", request.param)
    if len(VERSIONS) > 1:
        monkeypatch.setattr("tensorgrad.kernels.compiled.pieces.FLOATS", request.param)


def batch_norm(x, w, b, *, eps):
    vectors, moments = kernel.batch_norm_vectors(x, w, b, eps=eps)
    return kernel.standardize(x, *vectors), moments


def column(vector, x):
    return vector.reshape(1, -1, *[1] * (x.ndim - 2))


def over(x):
    return (0, *range(2, x.ndim))


def sample(shape, dtype, order="channels last", mean=1.0):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape) * 2 + mean
    if order == "channels last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif order == "every second":
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    return x.astype(dtype), rng.standard_normal(shape).astype(dtype), *rng.standard_normal((2, shape[1])).astype(dtype)


def gradients(g, x, w, eps):
    """The textbook's formulas in float64."""
    g, x, w = (a.astype(np.float64) for a in (g, x, w))
    scale = 1 / np.sqrt(x.var(axis=over(x), keepdims=True) + eps)
    z = (x - x.mean(axis=over(x), keepdims=True)) * scale
    gw = g * column(w, x)
    mean = lambda a: a.mean(axis=over(x), keepdims=True)
    return scale * (gw - mean(gw) - z * mean(gw * z)), (g * z).sum(axis=over(x)), g.sum(axis=over(x))


@pytest.mark.parametrize("order", ["channels last", "channels first", "every second"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 3e-6)])
def test_value_and_gradients(shape, order, dtype, tolerance):
    x, g, w, b = sample(shape, dtype, order)
    before = x.copy(), g.copy()
    y, (mean, var) = batch_norm(x, w, b, eps=0.1)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=over(x)), tolerance, tolerance)
    np.testing.assert_allclose(var, exact.var(axis=over(x)), tolerance, tolerance)
    z = (exact - column(mean, x)) / np.sqrt(column(var, x) + 0.1)
    np.testing.assert_allclose(y, z * column(w, x) + column(b, x), tolerance, tolerance)
    found = kernel.batch_norm_grad((True,) * 3, g, x, w, eps=0.1, moments=(mean, var))
    for actual, expected in zip(found, gradients(g, x, w, 0.1), strict=True):
        np.testing.assert_allclose(actual, expected, tolerance, tolerance * max(1, np.abs(expected).max()))
    assert {a.dtype for a in (y, mean, var, *found)} == {np.dtype(dtype)}
    assert np.array_equal(x, before[0])
    assert np.array_equal(g, before[1])


def test_results_lie_channels_last():
    x, g, w, b = sample((2, 3, 4, 4), np.float32, "channels first")
    y, moments = batch_norm(x, w, b, eps=0.1)
    dx, *_ = kernel.batch_norm_grad((True,) * 3, g, x, w, eps=0.1, moments=moments)
    assert y.strides[1] == dx.strides[1] == 4


def test_only_wanted_gradients():
    x, g, w, b = sample((4, 3), np.float64)
    _, moments = batch_norm(x, w, b, eps=0.1)
    every = kernel.batch_norm_grad((True,) * 3, g, x, w, eps=0.1, moments=moments)
    for i in range(3):
        found = kernel.batch_norm_grad(tuple(i == k for k in range(3)), g, x, w, eps=0.1, moments=moments)
        assert [a is not None for a in found] == [i == k for k in range(3)]
        np.testing.assert_array_equal(found[i], every[i])


@pytest.mark.parametrize(("mean", "tolerance"), [(1e4, 1e-3), (-3e5, 0.05)])
def test_a_large_mean_costs_what_rounding_the_input_costs(mean, tolerance):
    x, *_ = sample((64, 16, 12, 12), np.float32, mean=mean)
    y, (_, var) = batch_norm(x, None, None, eps=0.0)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(var, exact.var(axis=over(x)), 1e-5)
    z = (exact - exact.mean(axis=over(x), keepdims=True)) / exact.std(axis=over(x), keepdims=True)
    np.testing.assert_allclose(y, z, rtol=0, atol=tolerance)


def test_many_float32_rows_are_summed_accurately():
    x = np.random.default_rng(0).random((300_000, 2), dtype=np.float32)
    mean, var = kernel.batch_moments(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), 1e-6)
    np.testing.assert_allclose(var, x.var(axis=0, dtype=np.float64), 1e-6)


def test_a_constant_channel_is_exactly_zero():
    x = np.full((64, 3, 12, 12), 0.1, np.float32)
    y, (mean, var) = batch_norm(x, None, None, eps=1e-5)
    np.testing.assert_array_equal(mean, x[0, :, 0, 0])
    np.testing.assert_array_equal(var, 0)
    np.testing.assert_array_equal(y, 0)


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_poisoned_channel_leaves_the_others_alone(poison):
    x, g, w, b = sample((8, 3, 5, 5), np.float32)
    clean, _ = batch_norm(x, w, b, eps=0.1)
    x[3, 1, 2, 2] = poison
    y, moments = batch_norm(x, w, b, eps=0.1)
    dx, dw, _ = kernel.batch_norm_grad((True,) * 3, g, x, w, eps=0.1, moments=moments)
    assert np.isnan(moments[1][1])
    assert np.isnan(y[:, 1]).all()
    assert np.isnan(dx[:, 1]).all()
    assert np.isnan(dw[1])
    np.testing.assert_array_equal(y[:, [0, 2]], clean[:, [0, 2]])
    assert np.isfinite(dx[:, [0, 2]]).all()


def test_standardize_leaves_out_what_is_none():
    x, _, w, b = sample((4, 3, 2, 2), np.float32)
    np.testing.assert_array_equal(kernel.standardize(x, None, None, None), x)
    np.testing.assert_array_equal(kernel.standardize(x, b, None, None), x - column(b, x))
    np.testing.assert_array_equal(kernel.standardize(x, None, w, None), x * column(w, x))
    np.testing.assert_array_equal(kernel.standardize(x, None, None, b), x + column(b, x))
    assert kernel.standardize(x[:0], b, w, b).shape == (0, 3, 2, 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_residual_and_a_rectifier_in_the_same_pass(shape, dtype):
    x, residual, w, b = sample(shape, dtype)
    x.flat[:4] = np.nan, np.inf, -np.inf, -0.0
    for vectors in ((b, w, b), (None, None, None)):
        plain = kernel.standardize(x, *vectors)
        for more, expected in (([], plain), ([residual], plain + residual)):
            np.testing.assert_array_equal(kernel.standardize(x, *vectors, *more), expected)
            found = kernel.standardize(x, *vectors, *more, rectify=True)
            np.testing.assert_array_equal(found, np.maximum(0, expected))
            np.testing.assert_array_equal(np.signbit(found), np.signbit(np.maximum(0, expected)))


@pytest.mark.parametrize("dtype", [np.float16, np.dtype(">f4")])
def test_dtypes_that_are_not_compiled(dtype):
    x, g, w, b = sample((6, 3, 4, 4), np.float32)
    y, moments = batch_norm(x.astype(dtype), w.astype(dtype), b.astype(dtype), eps=0.1)
    np.testing.assert_allclose(y, batch_norm(x, w, b, eps=0.1)[0], atol=0.02)
    dx, *_ = kernel.batch_norm_grad((True,) * 3, g.astype(dtype), x.astype(dtype), w, eps=0.1, moments=moments)
    np.testing.assert_allclose(dx, gradients(g, x, w, 0.1)[0], atol=0.02)


def test_the_number_of_threads_changes_no_bit():
    x, g, w, b = sample((64, 16, 12, 12), np.float32)
    results = []
    before = threads.get_num_threads()
    for n in (1, 2, 3):
        threads.set_num_threads(n)
        y, moments = batch_norm(x, w, b, eps=0.1)
        results.append([y, *moments, *kernel.batch_norm_grad((True,) * 3, g, x, w, eps=0.1, moments=moments)])
    threads.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(len(VERSIONS) < 2, reason="the fast extra is not installed")
def test_the_versions_round_their_elementwise_passes_alike():
    x, _, w, b = sample((5, 16, 4, 4), np.float32)
    results = []
    for version in VERSIONS:
        with twin.using(version):
            results.append(kernel.standardize(x, w, b, w))
    np.testing.assert_array_equal(*results)
