"""Direct convolution in compiled loops against NumPy's columns."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensorgrad.kernels import conv as K
from tensorgrad.kernels import direct, im2col, threads, twin, winograd
from tests.kernels import naive

if importlib.util.find_spec("numba") is None:
    pytest.skip("the fast extra is not installed", allow_module_level=True)

from tensorgrad.kernels.compiled import depthwise, narrow, offsets, pointwise, wide
from tensorgrad.kernels.compiled import direct as loops
from tensorgrad.kernels.compiled.simd import LANES

ONE_FIXTURE_FOR_ALL = [HealthCheck.function_scoped_fixture]  # meant: it does not depend on the example
BOUND = {np.float32: 1e-6, np.float64: 1e-14}  # of the same sum over absolute values


def forget_plans():
    """Let what is decided once for arrays of a shape be decided again: tests change what it depends on."""
    for remembered in (loops._loops, wide._forward, wide._backward, offsets.tasks, offsets.shares):
        remembered.cache_clear()


@pytest.fixture(autouse=True)
def _always_direct(monkeypatch):
    """Let the loops serve every layer, also where BLAS or Winograd's form would be faster."""
    monkeypatch.setattr(loops, "FILLED", 0)
    monkeypatch.setattr(loops, "MANY_CHANNELS", 10_000)
    monkeypatch.setattr(winograd, "_precision", "highest")
    forget_plans()
    yield
    forget_plans()


@pytest.fixture(params=["few pieces", "many pieces"])
def _pieces(request, monkeypatch):
    if request.param == "many pieces":
        monkeypatch.setattr(offsets, "TASK", 50)
        monkeypatch.setattr(threads, "_num_threads", 5)
        forget_plans()


def options(stride, padding, dilation, groups):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@st.composite
def layers(draw):
    """Input, weight, bias and settings of a layer of every kind that has loops of its own."""
    dims = draw(st.integers(1, 3))
    each = lambda s: tuple(draw(s) for _ in range(dims))
    kernel, dilation, stride = each(st.integers(1, 3)), each(st.integers(1, 2)), each(st.integers(1, 3))
    padding = each(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = tuple(
        draw(st.integers(max(1, d * (k - 1) + 1 - sum(p)), (9 if dims < 3 else 5) + d * (k - 1)))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    kind = draw(st.sampled_from(["wide", "pointwise", "narrow", "narrow adjoint", "grouped", "depthwise"]))
    groups, channels, filters = {
        "wide": (1, st.integers(1, 5), st.sampled_from([1, 6, LANES, 2 * LANES + 3])),
        "pointwise": (1, st.integers(1, 20), st.sampled_from([2 * LANES, 3 * LANES, 4 * LANES - 2, 5 * LANES])),
        "narrow": (1, st.sampled_from([LANES, 2 * LANES]), st.integers(1, narrow.FILTERS)),
        "narrow adjoint": (1, st.integers(1, narrow.FILTERS), st.sampled_from([LANES, 2 * LANES])),
        "grouped": (draw(st.integers(2, 3)), st.integers(1, 3), st.sampled_from([2, LANES + 1])),
        "depthwise": (draw(st.sampled_from([2, LANES, LANES + 5, 3 * LANES])), st.just(1), st.just(1)),
    }[kind]
    channels, filters = draw(channels), draw(filters)
    if kind == "pointwise":
        kernel, stride, padding = (1,) * dims, (1,) * dims, ((0, 0),) * dims
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((draw(st.integers(0, 3)), groups * channels, *size)).astype(dtype)
    w = rng.standard_normal((groups * filters, channels, *kernel)).astype(dtype)
    b = rng.standard_normal(groups * filters).astype(dtype) if draw(st.booleans()) else None
    return x, w, b, options(stride, padding, dilation, groups)


def passes(x, w, b, g, k):
    return (
        K.conv(x, w, b, **k),
        K.conv_input_grad(g, w, size=x.shape[2:], **k),
        K.conv_weight_grad(g, x, kernel=w.shape[2:], **k),
    )


def gradient_of(x, w, k):
    out = K.conv_output_size(x.shape[2:], w.shape[2:], k["stride"], k["padding"], k["dilation"])
    return np.random.default_rng(1).standard_normal((len(x), len(w), *out)).astype(x.dtype)


def assert_twins(x, w, b, g, k):
    with twin.using("compiled"):
        found = passes(x, w, b, g, k)
    with twin.using("numpy"):
        exact = passes(*(None if a is None else a.astype(np.float64) for a in (x, w, b, g)), k)
        scale = passes(*(None if a is None else abs(a.astype(np.float64)) for a in (x, w, b, g)), k)
    for a, e, s in zip(found, exact, scale, strict=True):
        assert a.dtype == x.dtype
        assert a.shape == e.shape
        assert (np.abs(a - e) <= BOUND[x.dtype.type] * s.max(initial=0)).all()


@pytest.mark.usefixtures("_pieces")
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(layers())
def test_three_passes_against_columns(layer):
    x, w, b, k = layer
    g = gradient_of(x, w, k)
    before = [None if a is None else a.copy() for a in (x, w, b, g)]
    assert_twins(x, w, b, g, k)
    for a, was in zip((x, w, b, g), before, strict=True):
        np.testing.assert_array_equal(a, was)


@pytest.mark.parametrize("filters", [2 * LANES, 4 * LANES])
def test_tiles_of_several_vectors_and_runs_of_taps(filters):
    """Taps of channels side by side, of a row of pixels, of neither; and of more of them than one tile has room for."""
    for channels, kernel, dilation in [(1, (5, 3), (1, 1)), (8, (3, 3), (1, 1)), (2, (3, 2), (1, 2))]:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((2, channels, 9, 10)).astype(np.float32)
        w = rng.standard_normal((filters, channels, *kernel)).astype(np.float32)
        k = options((1, 1), ((1, 1), (1, 0)), dilation, 1)
        for memory in (x, np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
            assert_twins(memory, w, None, gradient_of(x, w, k), k)


@pytest.mark.parametrize("stride", [(2, 1), (3, 1), (1, 2), (2, 2), (2, 1, 1), (1, 2, 1)])
def test_a_stride_in_one_dimension_leaves_the_rows_between_alone(stride):
    """The input gradient comes one remainder after the other, each between the results of the others."""
    rng, dims = np.random.default_rng(0), len(stride)
    for channels, width, pad in itertools.product((1, 2, 3, 5), (4, 5, 7), (0, 1)):
        x = rng.standard_normal((2, channels, *(6, 7)[: dims - 1], width))
        w = rng.standard_normal((2, channels, *(2,) * dims))
        k = options(stride, ((pad, pad),) * dims, (1,) * dims, 1)
        assert_twins(x, w, None, gradient_of(x, w, k), k)


LAYERS = {
    "wide": ((3, 3, 9, 8), (20, 3, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "without padding": ((3, 3, 9, 8), (20, 3, 3, 3), options((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "strided": ((3, 3, 9, 8), (20, 3, 3, 2), options((2, 3), ((0, 1), (2, 0)), (1, 2), 1)),
    "strided pointwise": ((3, 16, 9, 8), (20, 16, 1, 1), options((2, 2), ((0, 0), (0, 0)), (1, 1), 1)),
    "pointwise": ((3, 20, 9, 8), (30, 20, 1, 1), options((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "pointwise, many channels": ((2, 150, 3, 5), (32, 150, 1, 1), options((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "pointwise, many pixels": ((1, 5, 40, 30), (32, 5, 1, 1), options((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "narrow": ((3, 2 * LANES, 9, 8), (3, 2 * LANES, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "many taps": ((2, 130, 6, 7), (9, 130, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "many taps, few filters": ((2, 20, 9, 7), (6, 20, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "many pixels": ((1, 2, 40, 30), (5, 2, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "one pixel": ((3, 2, 3, 3), (5, 2, 3, 3), options((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "grouped": ((3, 6, 9, 8), (8, 3, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 2)),
    "depthwise": ((3, 20, 9, 8), (20, 1, 3, 3), options((1, 1), ((1, 1), (1, 1)), (1, 1), 20)),
    "depthwise, strided": ((3, 20, 9, 8), (20, 1, 3, 3), options((2, 1), ((1, 1), (1, 1)), (1, 1), 20)),
}


def arrays(name, dtype=np.float32):
    xs, ws, k = LAYERS[name]
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(dtype) for shape in (xs, ws, ws[:1]))
    return x, w, b, gradient_of(x, w, k), k


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.usefixtures("_pieces")
def test_memory_orders(name, dtype):
    x, w, b, g, k = arrays(name, dtype)
    for layout in naive.layouts(x):
        assert_twins(naive.layouts(x)[layout], naive.layouts(w)[layout], b, naive.layouts(g)[layout], k)
    assert_twins(np.broadcast_to(x[:1], x.shape), w, b, np.broadcast_to(g[:1, :1], g.shape), k)


@pytest.mark.parametrize("name", LAYERS)
def test_results_do_not_depend_on_the_number_of_threads(name, monkeypatch):
    monkeypatch.setattr(offsets, "TASK", 50)
    forget_plans()
    x, w, b, g, k = arrays(name)
    results = []
    with twin.using("compiled"):
        for n in (1, 2, 5):
            monkeypatch.setattr(threads, "_num_threads", n)
            results.append(passes(x, w, b, g, k))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", LAYERS)
def test_nan_and_infinity_stay_in_their_windows(name):
    x, w, b, g, k = arrays(name)
    x[0, 0, 1, 2], g[0, 1, 0, 0] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        with twin.using("numpy"):
            expected = passes(x, w, b, g, k)
        with twin.using("compiled"):
            found = passes(x, w, b, g, k)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(e))
        np.testing.assert_array_equal(np.isinf(a), np.isinf(e))
        assert np.isfinite(a).any()


@pytest.mark.parametrize("name", LAYERS)
def test_the_passes_are_adjoints(name):
    x, w, _, g, k = arrays(name, np.float64)
    with twin.using("compiled"):
        y, gx, gw = passes(x, w, None, g, k)
    scale = np.abs(y).sum() * np.abs(g).max()
    assert abs(np.vdot(y, g) - np.vdot(x, gx)) <= 1e-13 * scale
    assert abs(np.vdot(y, g) - np.vdot(w, gw)) <= 1e-13 * scale


@pytest.mark.parametrize(
    "name", ["many taps", "many pixels", "pointwise, many channels", "pointwise, many pixels", "narrow", "depthwise"]
)
def test_long_float32_sums_are_accurate(name):
    """Sums over all taps and over all pixels, where each term has the same sign."""
    x, w, b, g, k = (abs(a) if isinstance(a, np.ndarray) else a for a in arrays(name))
    with twin.using("compiled"):
        found = passes(x, w, b, g, k)
    with twin.using("numpy"):
        exact = passes(*(a.astype(np.float64) for a in (x, w, b, g)), k)
    for a, e in zip(found, exact, strict=True):
        assert np.abs(a - e).max() <= 1e-6 * e.max()


def test_which_loops_serve_a_layer(monkeypatch):
    """Each kind of layer has its own loops; NumPy's version, other dtypes and empty results go to columns."""
    used = []
    for module in (wide, pointwise, narrow, depthwise):
        for function in ("correlate", "weight_grad"):
            if hasattr(module, function):
                name = f"{module.__name__.rpartition('.')[2]}.{function}"
                monkeypatch.setattr(module, function, lambda *_, name=name: used.append(name) or [])
    kinds = {
        "wide": "wide",
        "pointwise": "pointwise",
        "strided pointwise": "wide",
        "narrow": "narrow",
        "grouped": "wide",
        "depthwise": "depthwise",
    }
    for name, module in kinds.items():
        x, w, b, g, k = arrays(name)
        geometry = im2col.Geometry(w.shape[2:], k["stride"], k["padding"], k["dilation"])
        y = np.empty((*g[:, 0].shape, len(w)), np.float32)
        used.clear()
        with twin.using("compiled"):
            assert direct.correlate(x, w, b, y, geometry, k["groups"])
            assert direct.weight_grad(g, x, geometry, k["groups"]) is not None
            assert not direct.correlate(x.astype(np.float16), w, b, y, geometry, k["groups"])
            assert not direct.correlate(x[:0], w, b, y[:0], geometry, k["groups"])
            assert direct.weight_grad(g[:0], x[:0], geometry, k["groups"]) is None
        assert used == [f"{module}.correlate", f"{'wide' if module == 'narrow' else module}.weight_grad"]
        with twin.using("numpy"):
            assert not direct.correlate(x, w, b, y, geometry, k["groups"])
            assert direct.weight_grad(g, x, geometry, k["groups"]) is None


def test_which_input_gradients_are_made_at_once():
    """Those of strided depthwise layers of one dtype."""
    for name in LAYERS:
        x, w, _, g, k = arrays(name)
        geometry = im2col.Geometry(w.shape[2:], k["stride"], k["padding"], k["dilation"])
        gx = np.empty((len(x), *x.shape[2:], x.shape[1]), np.float32)
        with twin.using("compiled"):
            assert direct.strided_input_grad(g, w, gx, geometry, k["groups"]) == (name == "depthwise, strided")
            assert not direct.strided_input_grad(g.astype(np.float64), w, gx, geometry, k["groups"])
            assert not direct.strided_input_grad(g[:0], w, gx[:0], geometry, k["groups"])
        with twin.using("numpy"):
            assert not direct.strided_input_grad(g, w, gx, geometry, k["groups"])


def test_where_blas_is_faster(monkeypatch):
    monkeypatch.undo()
    forget_plans()
    x, w, b, g, k = arrays("one pixel")
    geometry = im2col.Geometry(w.shape[2:], k["stride"], k["padding"], k["dilation"])
    y = np.empty((3, 1, 1, 5), np.float32)
    with twin.using("compiled"):
        assert not direct.correlate(x, w, b, y, geometry, 1)
        wide_x = np.zeros((3, loops.MANY_CHANNELS + 1, 3, 3), np.float32)
        assert direct.weight_grad(g, wide_x, geometry, 1) is None
