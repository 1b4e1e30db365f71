from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensorgrad.kernels import pool, threads, twin, windows
from tests.kernels import naive
from tests.kernels.conftest import VERSIONS

pytestmark = pytest.mark.usefixtures("version")

ONE_FIXTURE_FOR_ALL = [HealthCheck.function_scoped_fixture]  # meant: it does not depend on the example


@pytest.fixture(params=[windows.BLOCK_FLOATS, 30], ids=["one block", "many blocks"])
def _block_size(request, monkeypatch):
    monkeypatch.setattr(windows, "BLOCK_FLOATS", request.param)
    monkeypatch.setattr(windows, "SHARED_FLOATS", min(request.param, windows.SHARED_FLOATS))
    if len(VERSIONS) > 1:
        monkeypatch.setattr("tensorgrad.kernels.compiled.pieces.FLOATS", request.param)


@st.composite
def cases(draw, dilated=True):
    dims = draw(st.integers(1, 3))
    each = lambda s: tuple(draw(s) for _ in range(dims))
    kernel = each(st.integers(1, 4 if dims < 3 else 3))
    dilation = each(st.integers(1, 2)) if dilated else (1,) * dims
    padding = tuple(draw(st.integers(0, ((k - 1) * d + 1) // 2)) for k, d in zip(kernel, dilation, strict=True))
    size = tuple(
        draw(st.integers(max(1, (k - 1) * d + 1 - 2 * p), 9 if dims < 3 else 6))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    params = {
        "kernel": kernel,
        "stride": each(st.integers(1, 4)),
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    if dilated:
        params["dilation"] = dilation
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((draw(st.integers(0, 3)), draw(st.sampled_from([1, 2, 3, 17])), *size))
    return x, params


def poisoned(x, seed):
    """Return x with few distinct numbers, zeros of both signs, infinities and NaN."""
    values = np.array([-np.inf, -np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan])
    return values[np.random.default_rng(seed).integers(0, len(values), x.shape)]


@pytest.mark.usefixtures("_block_size")
class TestAgainstLoops:
    @pytest.mark.parametrize("size", [(8, 6), (7, 9), (2, 3), (6, 7)])
    @pytest.mark.parametrize(("channels", "dtype"), [(1, np.float32), (3, np.float64), (16, np.float32), (5, np.int64)])
    @pytest.mark.parametrize("ceil_mode", [False, True])
    def test_squares(self, size, channels, dtype, ceil_mode):
        k = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
        x = np.random.default_rng(0).integers(-1, 2, (5, channels, *size)).astype(dtype)
        if x.dtype.kind == "f":
            x = poisoned(x, 0).astype(dtype)
        y, index = pool.max_pool(x, ceil_mode=ceil_mode, **k)
        expected, place, _ = naive.max_pool(x, out=y.shape[2:], **k)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(index, place)
        g = poisoned(y, 1).astype(dtype) if x.dtype.kind == "f" else y + 3
        scattered = np.zeros_like(x)
        for at in np.ndindex(*y.shape):
            row, column = 2 * at[2] + index[at] // 2, 2 * at[3] + index[at] % 2
            scattered[at[0], at[1], row, column] = g[at]
        np.testing.assert_array_equal(pool.max_pool_scatter(g, index, size=size, **k), scattered)

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(cases(), st.booleans())
    def test_max_pool(self, case, special):
        x, k = case
        if special:
            x = poisoned(x, 0)
        copy = x.copy()
        y, index = pool.max_pool(x, **k)
        out = pool.pool_output_size(x.shape[2:], **k)
        ceil_mode = k.pop("ceil_mode")
        expected, place, flat = naive.max_pool(x, out=out, **k)
        assert y.shape == index.shape == expected.shape
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(index, place)
        assert index.dtype == np.uint8
        np.testing.assert_array_equal(x, copy)
        assert index.strides == tuple(s // y.itemsize for s in y.strides)
        size = x.shape[2:]
        positions = pool.flat_index(index, size=size, **k)
        assert positions.dtype == np.int64
        seen = np.isin(np.arange(y.size).reshape(y.shape), self.outside(x, y, k), invert=True)
        np.testing.assert_array_equal(positions[seen], flat[seen])
        assert ((positions >= 0) & (positions < np.prod(size))).all()  # of windows without a pixel too

        bits = pool.max_pool_gather(x, index, **k)
        np.testing.assert_array_equal(bits[seen], y[seen])

        g = np.random.default_rng(0).standard_normal(y.shape)
        scattered = np.zeros((*x.shape[:2], int(np.prod(size))))
        for at in np.ndindex(*y.shape):
            if seen[at]:
                scattered[(*at[:2], flat[at])] += g[at]
        gx = pool.max_pool_scatter(g, index, size=size, **k)
        np.testing.assert_allclose(gx, scattered.reshape(x.shape), atol=1e-12)
        assert isinstance(ceil_mode, bool)

    @staticmethod
    def outside(x, y, k):
        """Return the numbers of windows that have no pixel at all."""
        counts, *_ = naive.max_pool(np.ones(x.shape), out=y.shape[2:], **k)
        return np.flatnonzero(np.isneginf(counts))

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(cases(dilated=False), st.booleans(), st.sampled_from([None, None, 3]))
    def test_avg_pool(self, case, count_include_pad, divisor):
        x, k = case
        copy = x.copy()
        size = x.shape[2:]
        out = pool.pool_output_size(size, k["kernel"], k["stride"], k["padding"], (1,) * len(size), k["ceil_mode"])
        k |= {"count_include_pad": count_include_pad, "divisor_override": divisor}
        y = pool.avg_pool(x, **k)
        del k["ceil_mode"]
        expected = naive.avg_pool(x, out=out, **k)
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(x, copy)
        g = np.random.default_rng(0).standard_normal(y.shape)
        gx = pool.avg_pool_input_grad(g, size=size, **k)
        assert gx.shape == x.shape
        np.testing.assert_allclose(np.vdot(gx, x), np.vdot(g, y), rtol=1e-12, atol=1e-12)

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(st.data())
    def test_adaptive(self, data):
        dims = data.draw(st.integers(1, 3))
        size = tuple(data.draw(st.integers(1, 8)) for _ in range(dims))
        out = tuple(data.draw(st.integers(1, 9)) for _ in range(dims))
        x = np.random.default_rng(0).standard_normal((data.draw(st.integers(0, 3)), 2, *size))
        y = pool.adaptive_avg_pool(x, output_size=out)
        np.testing.assert_allclose(y, naive.adaptive_avg_pool(x, output_size=out), rtol=1e-12, atol=1e-12)
        g = np.random.default_rng(1).standard_normal(y.shape)
        gx = pool.adaptive_avg_pool_input_grad(g, size=size)
        assert gx.shape == x.shape
        np.testing.assert_allclose(np.vdot(gx, x), np.vdot(g, y), rtol=1e-12, atol=1e-12)


POOLS = {
    "2x2": {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)},
    "overlapping": {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)},
    "gaps": {"kernel": (1, 2), "stride": (3, 3), "padding": (0, 0)},
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", POOLS)
def test_layouts_dtypes_and_threads(name, dtype):
    k = POOLS[name]
    m = k | {"dilation": (1, 1)}
    a = k | {"count_include_pad": True, "divisor_override": None}
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4, 9, 8)).astype(dtype)

    def everything(x, g, h):
        y, index = pool.max_pool(x, **m, ceil_mode=False)
        return [
            y,
            index,
            pool.max_pool_scatter(g, index, size=(9, 8), **m),
            pool.max_pool_gather(x, index, **m),
            pool.avg_pool(x, **a, ceil_mode=False),
            pool.avg_pool_input_grad(g, size=(9, 8), **a),
            pool.adaptive_avg_pool(x, output_size=(3, 5)),
            pool.adaptive_avg_pool_input_grad(h, size=(9, 8)),
        ]

    g = rng.standard_normal(pool.max_pool(x, **m, ceil_mode=False)[0].shape).astype(dtype)
    h = rng.standard_normal((3, 4, 3, 5)).astype(dtype)
    expected = everything(x, g, h)
    assert {array.dtype for array in expected} == {np.dtype(dtype), np.dtype(np.uint8)}
    assert all(np.moveaxis(array, 1, -1).flags.c_contiguous for array in expected)
    xs, gs, hs = naive.layouts(x), naive.layouts(g), naive.layouts(h)
    for layout in xs:
        for one, two in zip(expected, everything(xs[layout], gs[layout], hs[layout]), strict=True):
            np.testing.assert_array_equal(one, two)
    wide = [np.broadcast_to(array[:, :1], array.shape) for array in (x, g, h)]
    for one, two in zip(everything(*wide), everything(*(v.copy() for v in wide)), strict=True):
        np.testing.assert_array_equal(one, two)
    before = threads.get_num_threads()
    try:
        for n in (1, 2):
            threads.set_num_threads(n)
            for one, two in zip(expected, everything(x, g, h), strict=True):
                np.testing.assert_array_equal(one, two)
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
def test_integers(dtype):
    x = np.random.default_rng(0).integers(0, 100, (2, 3, 8, 6)).astype(dtype)
    m = POOLS["2x2"] | {"dilation": (1, 1)}
    y, index = pool.max_pool(x, **m, ceil_mode=False)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x.reshape(2, 3, 4, 2, 3, 2).max((3, 5)))
    np.testing.assert_array_equal(pool.max_pool_gather(x, index, **m), y)
    np.testing.assert_array_equal(pool.max_pool_scatter(y, index, size=(8, 6), **m).sum((2, 3)), y.sum((2, 3)))
    mean = pool.avg_pool(x, **POOLS["2x2"], ceil_mode=False, count_include_pad=True, divisor_override=None)
    np.testing.assert_array_equal(mean, x.reshape(2, 3, 4, 2, 3, 2).mean((3, 5)))


@pytest.mark.skipif(len(VERSIONS) < 2, reason="the fast extra is not installed")
@pytest.mark.parametrize("channels", [3, 17])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
@pytest.mark.parametrize("name", POOLS)
def test_versions_agree_to_the_last_bit(name, dtype, channels):
    k = POOLS[name] | {"dilation": (1, 1)}
    random = np.random.default_rng(0)
    x = (
        poisoned(np.zeros((2, channels, 9, 8)), 0)
        if np.dtype(dtype).kind == "f"
        else random.integers(0, 9, (2, channels, 9, 8))
    )
    x = x.astype(dtype)
    results = []
    for version in VERSIONS:
        with twin.using(version):
            y, index = pool.max_pool(x, **k, ceil_mode=False)
            g = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
            results.append(
                [y, index, pool.max_pool_scatter(g, index, size=(9, 8), **k), pool.max_pool_gather(x, index, **k)]
            )
    for one, two in zip(*results, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


# ---- the cases of SEMANTICS, section 8 ---------------------------------------------------------------------


def max2(x, kernel=2, stride=None, padding=0, dilation=1, ceil_mode=False):
    x = np.asarray(x, float)[None, None]
    k = {
        "kernel": (kernel,) * 2,
        "stride": (stride or kernel,) * 2,
        "padding": (padding,) * 2,
        "dilation": (dilation,) * 2,
    }
    y, index = pool.max_pool(x, **k, ceil_mode=ceil_mode)
    gx = pool.max_pool_scatter(np.ones_like(y), index, size=x.shape[2:], **k)
    return y[0, 0], index[0, 0], gx[0, 0]


@pytest.mark.parametrize("window", [[[4, 4], [4, 4]], [[-0.0, 0.0], [0.0, -0.0]], [[-np.inf] * 2] * 2])
def test_the_first_of_equals_wins(window):
    y, index, gx = max2(window)
    assert y == window[0][0]
    assert index == 0
    np.testing.assert_array_equal(gx, [[1, 0], [0, 0]])


def test_overlapping_windows_add_up():
    _, _, gx = max2([[1, 2, 1], [2, 9, 2], [1, 2, 1]], stride=1)
    np.testing.assert_array_equal(gx, [[0, 0, 0], [0, 4, 0], [0, 0, 0]])


def test_the_first_nan_wins():
    assert max2([[1, np.nan], [np.nan, 2]])[1] == 1
    assert max2([[9, 1], [1, np.nan]])[1] == 3
    y, _, _ = max2([[1, np.nan, 3, 4], [1, 2, 3, 4]])
    np.testing.assert_array_equal(y, [[np.nan, 4]])


def test_padding_never_wins():
    x = np.full((3, 3), -np.inf)
    y, index, gx = max2(x, kernel=2, padding=1, stride=2)
    assert np.isneginf(y).all()
    np.testing.assert_array_equal(index, [[3, 2], [1, 0]])
    np.testing.assert_array_equal(gx, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    y, _, _ = max2(np.full((3, 3), -5.0), kernel=2, padding=1, stride=2)
    assert (y == -5).all()


def test_dilated_with_padding():
    y, _, _ = max2(np.arange(9.0).reshape(3, 3), kernel=2, dilation=2, padding=1, stride=1)
    np.testing.assert_array_equal(y, [[4, 5, 4], [7, 8, 7], [4, 5, 4]])


def test_ceil_mode():
    x = np.arange(1.0, 10).reshape(3, 3)
    np.testing.assert_array_equal(max2(x, ceil_mode=True)[0], [[5, 6], [8, 9]])
    assert max2([[1, 2], [3, 4]], kernel=1, stride=3, ceil_mode=True)[0].shape == (1, 1)


def test_empty_batch():
    m = POOLS["2x2"] | {"dilation": (1, 1)}
    x = np.zeros((0, 1, 3, 3))
    y, index = pool.max_pool(x, **m, ceil_mode=False)
    assert y.shape == index.shape == (0, 1, 1, 1)
    assert pool.max_pool_scatter(y, index, size=(3, 3), **m).shape == x.shape
    assert pool.max_pool_gather(x, index, **m).shape == y.shape
    assert pool.flat_index(index, size=(3, 3), **m).shape == y.shape
    assert pool.adaptive_avg_pool(x, output_size=(2, 2)).shape == (0, 1, 2, 2)


def test_infinite_gradients_stay_in_their_place():
    m = POOLS["2x2"] | {"dilation": (1, 1)}
    _, index = pool.max_pool(np.ones((1, 1, 2, 2)), **m, ceil_mode=False)
    gx = pool.max_pool_scatter(np.full((1, 1, 1, 1), np.inf), index, size=(2, 2), **m)
    np.testing.assert_array_equal(gx, [[[[np.inf, 0], [0, 0]]]])


def avg2(x, kernel=2, stride=None, padding=0, ceil_mode=False, include=True, divisor=None):
    return pool.avg_pool(
        np.asarray(x, float)[None, None],
        kernel=(kernel,) * 2,
        stride=(stride or kernel,) * 2,
        padding=(padding,) * 2,
        ceil_mode=ceil_mode,
        count_include_pad=include,
        divisor_override=divisor,
    )[0, 0]


def test_avg_divisors():
    x = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(avg2(x, padding=1), [[0.25, 0.5], [0.75, 1.0]])
    np.testing.assert_array_equal(avg2(x, padding=1, include=False), x)
    np.testing.assert_array_equal(avg2(x, divisor=3), [[10 / 3]])
    np.testing.assert_array_equal(avg2(np.arange(1.0, 10).reshape(3, 3), ceil_mode=True), [[3, 4.5], [7.5, 9]])


def test_avg_nan_stays_in_its_window():
    x = np.ones((4, 4))
    x[0, 0] = np.nan
    np.testing.assert_array_equal(avg2(x), [[np.nan, 1], [1, 1]])


def test_adaptive_windows_overlap():
    x = np.array([[[1.0, 2.0]]])
    np.testing.assert_array_equal(pool.adaptive_avg_pool(x, output_size=(3,)), [[[1, 1.5, 2]]])
    x = np.arange(1.0, 5).reshape(1, 1, 4)
    np.testing.assert_array_equal(pool.adaptive_avg_pool(x, output_size=(3,)), [[[1.5, 2.5, 3.5]]])
    g = np.ones((1, 1, 3))
    np.testing.assert_array_equal(pool.adaptive_avg_pool_input_grad(g, size=(4,)), [[[0.5, 1, 1, 0.5]]])


def test_without_windows_nothing_is_scattered():
    gx = np.full((2, 3, 3, 4), 7.0)
    nothing = np.zeros((2, 4, 0, 3))
    windows_2x2 = windows.Windows((2, 2), (1, 1), (0, 0), (1, 1))
    pool.scatter_to_images(nothing, nothing.astype(np.uint8), gx, windows_2x2)
    np.testing.assert_array_equal(gx, 0)
