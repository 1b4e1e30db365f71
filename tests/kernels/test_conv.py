from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tensorgrad.kernels import banded, col2im, column_product, im2col, threads, twin, winograd
from tensorgrad.kernels import conv as K
from tests.kernels import naive
from tests.kernels.conftest import VERSIONS

pytestmark = pytest.mark.usefixtures("version")

ONE_FIXTURE_FOR_ALL = [HealthCheck.function_scoped_fixture]  # meant: it does not depend on the example


@st.composite
def cases(draw, max_dims=3, most_stride=4):
    dims = draw(st.integers(1, max_dims))
    each = lambda s: tuple(draw(s) for _ in range(dims))
    kernel = each(st.integers(1, 3))
    dilation = each(st.integers(1, 3))
    stride = each(st.integers(1, most_stride))
    padding = each(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    size = tuple(
        draw(st.integers(max(1, d * (k - 1) + 1 - sum(p)), 9 if dims < 3 else 6).filter(bool))
        if d * (k - 1) + 1 - sum(p) <= (9 if dims < 3 else 6)
        else d * (k - 1) + 1
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, filters = draw(st.sampled_from([1, 1, 2, 6])), draw(st.integers(1, 2))
    n = draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((n, groups * channels, *size))
    w = rng.standard_normal((groups * filters, channels, *kernel))
    b = draw(st.sampled_from([None, rng.standard_normal(groups * filters)]))
    return x, w, b, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


PATHS = ["as chosen", "many blocks", "channels last", "banded", "banded, many blocks"]


def several(samples, out, channels, filters, geometry):
    """Some results of a row at once, whatever they cost."""
    return next((t for t in (3, 2, out[-1]) if out[-1] % t == 0), 1)


class TestAgainstLoops:
    @pytest.fixture(params=[("numpy", path) for path in PATHS] + [(v, "as chosen") for v in VERSIONS[1:]], autouse=True)
    def version(self, request, monkeypatch):
        """Send the small cases of these tests through every path that large ones would take."""
        version, path = request.param
        if "many blocks" in path:
            monkeypatch.setattr(im2col, "BLOCK_FLOATS", 40)
            monkeypatch.setattr(im2col, "BLOCK_PIXELS", 1)
            monkeypatch.setattr(im2col, "SHARED_FLOATS", 1)
        if path != "as chosen":
            monkeypatch.setattr(column_product, "SHORT_RUN", 1)
        if "banded" in path:
            monkeypatch.setattr(banded, "results_at_once", several)
        with twin.using(version):
            yield

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(cases())
    def test_values_and_adjoints(self, case):
        x, w, b, k = case
        copies = x.copy(), w.copy()
        y = K.conv(x, w, b, **k)
        expected = naive.conv(x, w, b, **k)
        assert y.shape == expected.shape
        assert y.shape[2:] == K.conv_output_size(x.shape[2:], w.shape[2:], k["stride"], k["padding"], k["dilation"])
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
        assert np.moveaxis(y, 1, -1).flags.c_contiguous

        g = np.random.default_rng(0).standard_normal(y.shape)
        gx = K.conv_input_grad(g, w, size=x.shape[2:], **k)
        gw = K.conv_weight_grad(g, x, kernel=w.shape[2:], **k)
        assert gx.shape == x.shape
        assert gw.shape == w.shape
        assert gw.flags.c_contiguous
        product = np.vdot(g, K.conv(x, w, None, **k))
        scale = np.abs(g).sum() * np.abs(x).max(initial=0) * np.abs(w).max() + 1e-300
        assert abs(np.vdot(gx, x) - product) <= 1e-12 * scale
        assert abs(np.vdot(gw, w) - product) <= 1e-12 * scale
        np.testing.assert_array_equal(x, copies[0])
        np.testing.assert_array_equal(w, copies[1])

    @settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(cases(), st.sampled_from([np.inf, -np.inf, np.nan]))
    def test_what_is_not_finite_reaches_the_windows_that_cover_it(self, case, value):
        x, w, b, k = case
        assume(x.size)
        x[(x.shape[0] // 2, 0, *(n // 2 for n in x.shape[2:]))] = value
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(K.conv(x, w, b, **k), naive.conv(x, w, b, **k), rtol=1e-12, atol=1e-12)

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=ONE_FIXTURE_FOR_ALL)
    @given(cases(max_dims=2))
    def test_gradients_entry_by_entry(self, case):
        """The operators are linear: feeding unit arrays reads off the whole matrix."""
        x, w, _, k = case
        x = x[:1]
        y = K.conv(x, w, None, **k)
        g = np.random.default_rng(0).standard_normal(y.shape)
        gx = K.conv_input_grad(g, w, size=x.shape[2:], **k)
        for at in list(np.ndindex(*x.shape))[:: max(1, x.size // 40)]:
            unit = np.zeros(x.shape)
            unit[at] = 1
            np.testing.assert_allclose(gx[at], np.vdot(g, naive.conv(unit, w, None, **k)), atol=1e-12)
        gw = K.conv_weight_grad(g, x, kernel=w.shape[2:], **k)
        for at in list(np.ndindex(*w.shape))[:: max(1, w.size // 40)]:
            unit = np.zeros(w.shape)
            unit[at] = 1
            np.testing.assert_allclose(gw[at], np.vdot(g, naive.conv(x, unit, None, **k)), atol=1e-12)


GEOMETRIES = {
    "plain": ((2, 6, 9, 8), (4, 6, 3, 3), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "unpadded": ((2, 6, 9, 8), (4, 6, 3, 3), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "first layer": ((2, 1, 9, 8), (4, 1, 3, 3), ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "strided": ((2, 6, 9, 8), (4, 6, 3, 2), ((2, 3), ((0, 1), (2, 0)), (1, 2), 1)),
    "pointwise": ((2, 6, 9, 8), (4, 6, 1, 1), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "grouped": ((2, 6, 9, 8), (4, 3, 3, 3), ((1, 1), ((1, 1), (1, 1)), (1, 1), 2)),
    "depthwise": ((2, 6, 9, 8), (12, 1, 3, 3), ((2, 1), ((1, 1), (1, 1)), (1, 1), 6)),
    "1-d": ((2, 6, 19), (4, 6, 3), ((2,), ((1, 1),), (1,), 1)),
    "3-d": ((2, 6, 5, 4, 6), (4, 6, 2, 3, 2), ((1, 1, 2), ((1, 1),) * 3, (1, 1, 1), 1)),
}


def setting(name):
    xs, ws, (stride, padding, dilation, groups) = GEOMETRIES[name]
    rng = np.random.default_rng(1)
    k = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return rng.standard_normal(xs), rng.standard_normal(ws), rng.standard_normal(ws[0]), k


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts_and_dtypes(name, dtype):
    x, w, b, k = setting(name)
    x, w, b = x.astype(dtype), w.astype(dtype), b.astype(dtype)
    y = K.conv(x, w, b, **k)
    g = np.random.default_rng(2).standard_normal(y.shape).astype(dtype)
    gx = K.conv_input_grad(g, w, size=x.shape[2:], **k)
    gw = K.conv_weight_grad(g, x, kernel=w.shape[2:], **k)
    assert y.dtype == gx.dtype == gw.dtype == dtype
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-4}
    gs, ws, xs = naive.layouts(g), naive.layouts(w), naive.layouts(x)
    for layout in xs:
        np.testing.assert_allclose(K.conv(xs[layout], ws[layout], b, **k), y, **tolerance)
        np.testing.assert_allclose(K.conv_input_grad(gs[layout], ws[layout], size=x.shape[2:], **k), gx, **tolerance)
        np.testing.assert_allclose(K.conv_weight_grad(gs[layout], xs[layout], kernel=w.shape[2:], **k), gw, **tolerance)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_expanded_inputs(name):
    x, w, b, k = setting(name)
    x1 = np.broadcast_to(x[:1, :, :1], x.shape)
    np.testing.assert_allclose(K.conv(x1, w, b, **k), K.conv(x1.copy(), w, b, **k), rtol=1e-12, atol=1e-12)
    g = np.broadcast_to(np.ones(()), K.conv(x, w, b, **k).shape)
    np.testing.assert_allclose(
        K.conv_input_grad(g, w, size=x.shape[2:], **k),
        K.conv_input_grad(g.copy(), w, size=x.shape[2:], **k),
        rtol=1e-12,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        K.conv_weight_grad(g, x1, kernel=w.shape[2:], **k),
        K.conv_weight_grad(g.copy(), x1.copy(), kernel=w.shape[2:], **k),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", GEOMETRIES)
def test_integers(name):
    x, w, b, k = setting(name)
    x, w, b = (np.rint(3 * a).astype(np.int64) for a in (x, w, b))
    y = K.conv(x, w, b, **k)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, naive.conv(x, w, b, **k))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_empty_batch(name):
    x, w, b, k = setting(name)
    y = K.conv(x[:0], w, b, **k)
    assert y.shape == (0, *K.conv(x, w, b, **k).shape[1:])
    assert K.conv_input_grad(y, w, size=x.shape[2:], **k).shape == (0, *x.shape[1:])
    gw = K.conv_weight_grad(y, x[:0], kernel=w.shape[2:], **k)
    assert gw.shape == w.shape
    assert not gw.any()


@pytest.mark.parametrize("name", GEOMETRIES)
def test_thread_counts_give_equal_bits(name, monkeypatch):
    monkeypatch.setattr(im2col, "BLOCK_FLOATS", 300)
    monkeypatch.setattr(im2col, "BLOCK_PIXELS", 1)
    monkeypatch.setattr(im2col, "SHARED_FLOATS", 100)
    x, w, b, k = (a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in setting(name))
    results = []
    before = threads.get_num_threads()
    try:
        for n in (1, 2, 3):
            threads.set_num_threads(n)
            y = K.conv(x, w, b, **k)
            results.append(
                [
                    y,
                    K.conv_input_grad(y, w, size=x.shape[2:], **k),
                    K.conv_weight_grad(y, x, kernel=w.shape[2:], **k),
                ]
            )
    finally:
        threads.set_num_threads(before)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_float32_accuracy(monkeypatch):
    monkeypatch.setattr(winograd, "_precision", "highest")
    rng = np.random.default_rng(0)
    x, w, g = (rng.standard_normal(s) for s in ((8, 64, 28, 28), (64, 64, 3, 3), (8, 64, 28, 28)))
    k = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    x, w, g = (a.astype(np.float32) for a in (x, w, g))
    xd, wd, gd = (a.astype(np.float64) for a in (x, w, g))

    def error(a, exact):
        assert a.dtype == np.float32
        return np.abs(a - exact).max() / np.abs(exact).max()

    assert error(K.conv(x, w, None, **k), K.conv(xd, wd, None, **k)) < 1e-6
    assert error(K.conv_input_grad(g, w, size=(28, 28), **k), K.conv_input_grad(gd, wd, size=(28, 28), **k)) < 1e-6
    assert error(K.conv_weight_grad(g, x, kernel=(3, 3), **k), K.conv_weight_grad(gd, xd, kernel=(3, 3), **k)) < 1e-5


# ---- the cases of SEMANTICS, section 7 ----------------------------------------------------------------------


def ones(size, kernel, stride=1, padding=0, dilation=1, channels=1, groups=1):
    pair = lambda v: v if isinstance(v, tuple) else (v, v)
    padding = tuple(p if isinstance(p, tuple) else (p, p) for p in pair(padding))
    x = np.ones((1, channels, *pair(size)))
    w = np.ones((groups, channels // groups, *pair(kernel)))
    k = {"stride": pair(stride), "padding": padding, "dilation": pair(dilation), "groups": groups}
    y = K.conv(x, w, None, **k)
    g = np.ones_like(y)
    gx = K.conv_input_grad(g, w, size=x.shape[2:], **k)
    gw = K.conv_weight_grad(g, x, kernel=w.shape[2:], **k)
    return y, gx, gw


def test_rows_skipped_by_the_stride_get_zero():
    y, gx, _ = ones(5, 2, stride=3)
    assert y.shape == (1, 1, 2, 2)
    assert not gx[0, 0, 2].any()
    assert not gx[0, 0, :, 2].any()
    assert gx.sum() == 16


def test_stride_above_kernel():
    _, gx, _ = ones(5, 1, stride=2)
    np.testing.assert_array_equal(gx[0, 0, 0], [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(gx[0, 0, 1], [0, 0, 0, 0, 0])


def test_padding_above_kernel():
    y, gx, gw = ones(3, 2, padding=4)
    assert y.shape == (1, 1, 10, 10)
    assert (gx == 4).all()
    assert (gw == 9).all()


def test_dilation_on_a_small_image():
    y, gx, _ = ones(3, 3, padding=1, dilation=2)
    assert y.shape == (1, 1, 1, 1)
    assert gx[0, 0, 1, 1] == 1
    assert gx.sum() == 1


def test_depthwise_counts():
    _, gx, _ = ones(4, 3, padding=1, channels=4, groups=4)
    assert (gx[0, :, 0, 0] == 4).all()
    assert (gx[0, :, 0, 1] == 6).all()
    assert (gx[0, :, 1, 1] == 9).all()


def test_same_padding_of_an_even_kernel():
    _, gx, _ = ones(4, 2, padding=((0, 1), (0, 1)))
    np.testing.assert_array_equal(gx[0, 0, 0], [1, 2, 2, 2])


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_nan_pixel_reaches_only_the_windows_that_cover_it(channels, depthwise):
    x = np.ones((1, channels, 7, 7))
    x[0, 0, 3, 3] = np.nan
    groups = channels if depthwise else 1
    w = np.ones((2 * channels, channels // groups, 3, 3))
    k = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": groups}
    expected = np.zeros((7, 7), bool)
    expected[2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(K.conv(x, w, None, **k))[0, 0], expected)
    y = np.ones((1, 2 * channels, 7, 7))
    y[0, 0, 3, 3] = np.nan
    np.testing.assert_array_equal(np.isnan(K.conv_input_grad(y, w, size=(7, 7), **k))[0, 0], expected)


LENET = {"size": (10, 10), "out": (14, 14), "weight": (6, 16, 5, 5), "padding": (4, 4), "stride": 1, "groups": 1}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),  # on the way back, from 16 channels to 6
        ({"weight": (16, 6, 5, 5)}, False),  # on the way there
        ({"size": (14, 14), "out": (10, 10), "padding": (0, 0)}, False),  # most shares would be thrown away
        ({"out": (15, 15), "padding": (5, 4)}, False),  # the first results see no pixel
        ({"out": (10, 10), "weight": (6, 16, 1, 1), "padding": (0, 0)}, False),
        ({"stride": 2}, False),
        ({"groups": 2}, False),
        ({"samples": 1}, False),  # nothing to be gained
        ({"dtype": np.float16}, True),
        ({"dtype": np.int64}, False),
    ],
)
def test_where_pixels_are_handed_out(change, expected):
    k = LENET | {"samples": 64, "dtype": np.float32} | change
    geometry = im2col.Geometry(k["weight"][2:], (k["stride"],) * 2, (k["padding"],) * 2, (1, 1))
    dtypes = (np.dtype(k["dtype"]),) * 3
    assert col2im.pays(dtypes, k["size"], k["out"], k["weight"], k["samples"], geometry, k["groups"]) is expected


@pytest.fixture
def handed_out(monkeypatch):
    """Hand several pixels out at once wherever that is possible; return for how many convolutions that was."""
    done, pays = [], col2im.pays

    def count(*args):
        chosen = pays(*args)
        done.append(chosen)
        return chosen

    monkeypatch.setattr(col2im, "pays", count)
    monkeypatch.setattr(col2im, "CLEARLY", -1)
    monkeypatch.setattr(col2im, "SMALL", -1)
    monkeypatch.setattr(col2im, "_pixels_at_once", lambda size, *_: several(0, size, 0, 0, None))
    with twin.using("numpy"):
        yield lambda: sum(done)


def test_pixels_handed_out_against_loops(handed_out):
    @settings(max_examples=500, deadline=None, derandomize=True)
    @given(cases(most_stride=1), st.sampled_from([0.5, np.inf, np.nan]))
    def check(case, value):
        x, w, b, k = case
        assume(x.size)
        x[(x.shape[0] // 2, 0, *(n // 2 for n in x.shape[2:]))] = value
        with np.errstate(invalid="ignore"):
            y = K.conv(x, w, b, **k)
            np.testing.assert_allclose(y, naive.conv(x, w, b, **k), rtol=1e-12, atol=1e-12)
        if value == 0.5:
            g = np.random.default_rng(0).standard_normal(y.shape)
            gx = K.conv_input_grad(g, w, size=x.shape[2:], **k)
            scale = np.abs(g).sum() * np.abs(x).max() * np.abs(w).max() + 1e-300
            assert abs(np.vdot(gx, x) - np.vdot(g, K.conv(x, w, None, **k))) <= 1e-12 * scale

    check()
    assert handed_out() > 50


def test_handed_out_in_float32():
    """As it is chosen for a batch; sample by sample there is nothing to be gained."""
    rng = np.random.default_rng(0)
    g, w = rng.standard_normal((64, 16, 10, 10), np.float32), rng.standard_normal((16, 6, 5, 5), np.float32)
    g[5, 3, 2, 7] = np.nan
    k = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1, "size": (14, 14)}
    gx = K.conv_input_grad(g, w, **k)
    exact = np.concatenate([K.conv_input_grad(one.astype(np.float64), w.astype(np.float64), **k) for one in g[:, None]])
    np.testing.assert_array_equal(np.isnan(gx), np.isnan(exact))
    np.testing.assert_allclose(gx, exact, atol=2e-5 * np.nanmax(np.abs(exact)))


@pytest.mark.parametrize("groups", [1, 4])
def test_zero_times_infinity_is_nan(groups):
    x = np.full((1, 4, 3, 3), np.inf)
    w = np.zeros((4, 4 // groups, 3, 3))
    k = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": groups}
    with np.errstate(invalid="ignore"):
        assert np.isnan(K.conv(x, w, None, **k)).all()
        assert np.isnan(K.conv_weight_grad(np.zeros((1, 4, 1, 1)), x, kernel=(3, 3), **k)).all()


def test_large_images_are_cut_inside_a_sample(monkeypatch):
    monkeypatch.setattr(im2col, "BLOCK_FLOATS", 50_000)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 16, 70, 60)), rng.standard_normal((8, 16, 3, 3))
    k = {"stride": (1, 2), "padding": ((1, 1), (1, 0)), "dilation": (1, 1), "groups": 1}
    assert len(im2col.blocks((1, 70, 30), 144)) > 1
    y = K.conv(x, w, None, **k)
    np.testing.assert_allclose(y, naive.conv(x, w, None, **k), atol=1e-11)
    g = rng.standard_normal(y.shape)
    gx, gw = K.conv_input_grad(g, w, size=(70, 60), **k), K.conv_weight_grad(g, x, kernel=(3, 3), **k)
    product = np.vdot(y, g)
    assert abs(np.vdot(gx, x) - product) < 1e-12 * np.abs(y * g).sum()
    assert abs(np.vdot(gw, w) - product) < 1e-12 * np.abs(y * g).sum()
