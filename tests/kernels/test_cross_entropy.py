"""Softmax cross-entropy on raw arrays: both versions against float64 formulas, and at the edges."""

import numpy as np
import pytest

from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels import threads

pytestmark = pytest.mark.usefixtures("version")

SHAPES = [(5, 3), (1, 1), (64, 10), (7, 40), (2, 5, 3, 4), (3, 6, 2), (0, 4)]


@pytest.fixture(params=[kernel.BLOCK_FLOATS, 20], ids=["one block", "many blocks"], autouse=True)
def _blocks(request, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK_FLOATS", request.param)


def sample(shape, dtype):
    rng = np.random.default_rng(0)
    samples = (shape[0], *shape[2:])
    target = rng.integers(0, shape[1], samples)
    return (3 * rng.standard_normal(shape)).astype(dtype), target, rng.random(samples).astype(dtype)


def textbook(x, target, weight):
    """Losses and weight * (softmax - onehot), in float64."""
    e = np.exp(x.astype(np.float64))
    p = e / e.sum(axis=1, keepdims=True)
    truth = np.moveaxis(np.eye(x.shape[1])[target], -1, 1)
    return -weight * np.log((p * truth).sum(axis=1)), weight[:, None] * (p - truth)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lay", ["contiguous", "channels last", "Fortran"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 2e-6)])
def test_value_and_gradient(shape, lay, dtype, tolerance):
    x, target, weight = sample(shape, dtype)
    expected = textbook(x, target, weight)
    if lay == "channels last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif lay == "Fortran":
        x, target, weight = map(np.asfortranarray, (x, target, weight))
    before = x.copy()
    found = kernel.cross_entropy(x, target, weight), kernel.cross_entropy_grad(weight, x, target)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, tolerance, tolerance * max(1, np.abs(b).max(initial=0)))
    np.testing.assert_array_equal(x, before)


@np.errstate(invalid="ignore", divide="ignore")
@pytest.mark.parametrize("classes", [3, 40])
def test_edges(classes):
    x = np.zeros((6, classes), np.float32)
    x[0, 0], x[1, 1], x[2, 2], x[3, 0], x[4, 1] = 1e4, -np.inf, np.inf, np.nan, -np.inf
    target = np.array([1, 0, 2, 1, 1, 0])
    one = np.ones(6, np.float32)
    losses, gx = kernel.cross_entropy(x, target, one), kernel.cross_entropy_grad(one, x, target)
    np.testing.assert_allclose(losses[:2], [1e4, np.log(classes - 1)], rtol=1e-6)
    assert np.isnan(losses[2:4]).all()
    assert np.isnan(gx[2:4]).all()
    assert losses[4] == np.inf
    assert gx[4, 1] == -1
    assert np.isfinite(gx[[0, 1, 4, 5]]).all()
    np.testing.assert_allclose(gx[0, :2], [1, -1])


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("classes", [3, 40])
def test_ignored_samples_give_exact_zeros(classes):
    x = np.full((3, classes), np.nan, np.float32)
    x[1] = 0
    target = np.array([kernel.IGNORED, 1, kernel.IGNORED])
    weight = np.float32([0, 2, 0])
    losses = kernel.cross_entropy(x, target, weight)
    np.testing.assert_allclose(losses, [0, 2 * np.log(classes), 0], rtol=1e-6)
    gx = kernel.cross_entropy_grad(np.float32([np.inf, 1, np.nan]), x, target)
    np.testing.assert_array_equal(gx[[0, 2]], 0)
    assert gx[1, 1] < 0


def test_the_number_of_threads_changes_no_bit():
    x, target, weight = sample((64, 10), np.float32)
    before = threads.get_num_threads()
    results = []
    for n in (1, 2):
        threads.set_num_threads(n)
        results.append((kernel.cross_entropy(x, target, weight), kernel.cross_entropy_grad(weight, x, target)))
    threads.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_compiled_exponential():
    """Within one unit in the last place of the exact value; 0 where float32 runs out of digits; a NaN stays."""
    numba = pytest.importorskip("numba")
    from tensorgrad.kernels.compiled.exponential import exponential

    @numba.njit
    def run(x, y):
        for i in range(y.size):
            y[i] = exponential(x[i])

    x = -np.concatenate([np.linspace(0, 87, 200_001), np.geomspace(1e-30, 87, 10_001)]).astype(np.float32)
    y = np.empty_like(x)
    run(x, y)
    exact = np.exp(x.astype(np.float64))
    assert (np.abs(y - exact) <= np.spacing(exact.astype(np.float32))).all()
    edges = np.array([0, -0.0, -88.1, -1e30, -np.inf, np.nan], np.float32)
    y = np.empty_like(edges)
    run(edges, y)
    np.testing.assert_array_equal(y, np.float32([1, 1, 0, 0, 0, np.nan]))
    y = np.empty(len(x))
    run(x.astype(np.float64), y)
    np.testing.assert_allclose(y, exact, rtol=1e-15)
