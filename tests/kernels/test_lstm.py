"""A step of the LSTM and the way back through it: both versions against float64 formulas, and at the edges."""

import numpy as np
import pytest

from tensorgrad.kernels import lstm as kernel
from tensorgrad.kernels import threads

pytestmark = pytest.mark.usefixtures("version")

PRECISIONS = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
SHAPES = pytest.mark.parametrize("shape", [(1, 1), (5, 3), (64, 40), (3, 130), (0, 4), (4, 0)])


@pytest.fixture(params=[1, 3], autouse=True)
def _threads(request, monkeypatch, version):
    if version == "compiled":
        monkeypatch.setattr("tensorgrad.kernels.compiled.pieces.FLOATS", 50)  # many pieces
    before = threads.get_num_threads()
    threads.set_num_threads(request.param)
    yield
    threads.set_num_threads(before)


def sample(shape, dtype, *columns, lay=np.ascontiguousarray):
    rng = np.random.default_rng(0)
    return [lay(rng.standard_normal((shape[0], n * shape[1])).astype(dtype)) for n in columns]


def every_other(x):
    wide = np.zeros((2 * x.shape[0], 2 * x.shape[1]), x.dtype)
    wide[::2, ::2] = x
    return wide[::2, ::2]


def textbook(x, u, c):
    """Gates, memory and m, in float64."""
    i, f, n, o = np.split(x.astype(np.float64) + u, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    n = np.tanh(n)
    c = f * c + i * n
    return np.stack([i, f, n, o, np.tanh(c)]), c, o * np.tanh(c)


def run(x, u, c):
    gates = np.empty((5, *c.shape), c.dtype)
    return gates, *kernel.step(x, u, c, gates)


@SHAPES
@PRECISIONS
@pytest.mark.parametrize("lay", [np.ascontiguousarray, np.asfortranarray, every_other])
def test_a_step(shape, dtype, tolerance, lay):
    arguments = sample(shape, dtype, 4, 4, 1, lay=lay)
    before = [a.copy() for a in arguments]
    for found, expected in zip(run(*arguments), textbook(*arguments), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, tolerance, tolerance)
    for a, b in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(a, b)


@SHAPES
@PRECISIONS
@pytest.mark.parametrize("lay", [np.ascontiguousarray, np.asfortranarray, every_other])
def test_the_way_back(shape, dtype, tolerance, lay):
    """Central differences of ``sum(dm m + dc c)``: each number moves one number of m and c only."""
    x, u, c, dm, dc = sample(shape, dtype, 4, 4, 1, 1, 1, lay=lay)
    gates, _, _ = textbook(x, u, c)
    dz = np.empty(x.shape, dtype)
    arguments = dm, dc, gates.astype(dtype), c, dz
    before = [a.copy() for a in arguments[:4]]
    found = kernel.step_back(*arguments)
    for a, b in zip(arguments, before, strict=False):
        np.testing.assert_array_equal(a, b)

    def slopes(z, memory):
        (_, c1, m1), (_, c0, m0) = (textbook(x + s * z, u, c + s * memory) for s in (1e-5, -1e-5))
        return (dm * (m1 - m0) + dc * (c1 - c0)) / 2e-5

    x, u, c = (a.astype(np.float64) for a in (x, u, c))
    tolerance = max(tolerance, 1e-9)  # of the differences
    assert found.dtype == dtype
    np.testing.assert_allclose(found, slopes(0, 1), 10 * tolerance, 10 * tolerance)
    for gate, part in enumerate(np.split(dz, 4, axis=1)):
        one = np.repeat(np.arange(4) == gate, shape[1])
        np.testing.assert_allclose(part, slopes(one, 0), 10 * tolerance, 10 * tolerance)


@np.errstate(over="ignore", under="ignore")
@PRECISIONS
def test_digits_of_small_and_of_large_numbers(dtype, tolerance):
    """Relative errors: tanh of a number near 0 is no difference of two near 1, a sigmoid far below 0 is not 0."""
    size = 4001
    z = np.concatenate([np.linspace(-80, 80, size), np.geomspace(1e-30, 2, size)]).astype(dtype)
    x, c = np.tile(z, 4)[None], np.zeros((1, z.size), dtype)
    gates, _, _ = run(x, np.zeros_like(x), c)
    np.testing.assert_allclose(gates[:, 0], textbook(x, 0, c)[0][:, 0], tolerance)


@np.errstate(over="ignore", invalid="ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinities_saturate_and_a_nan_stays_in_its_place(dtype):
    z = np.array([np.inf, -np.inf, 1e30, -1e30, np.nan, 0], dtype)
    x, c = np.tile(z, 4)[None], np.zeros((1, z.size), dtype)
    (i, f, n, o, t), memory, m = (a[..., 0, :] for a in run(x, np.zeros_like(x), c))
    for sigmoid in (i, f, o):
        np.testing.assert_array_equal(sigmoid, [1, 0, 1, 0, np.nan, 0.5])
    np.testing.assert_array_equal(n, [1, -1, 1, -1, np.nan, 0])
    np.testing.assert_array_equal(memory, [1, 0, 1, 0, np.nan, 0])
    np.testing.assert_array_equal(m, o * t)
