"""Winograd's convolution against the plain sum, in NumPy's and in the compiled version, and by rows alone."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensorgrad.kernels import conv as K
from tensorgrad.kernels import im2col, row_winograd, threads, toom_cook, twin, winograd
from tensorgrad.kernels.im2col import Geometry

VERSIONS = ["numpy"] + ["compiled"] * (importlib.util.find_spec("numba") is not None)
BOUND = 2e-5  # of the largest result


@pytest.fixture(params=[*VERSIONS, "by rows"], autouse=True)
def version(request, monkeypatch):
    """Run each test with each version of the kernels, and with Winograd's form even where it does not pay."""
    monkeypatch.setattr(winograd, "COMPILED", 0)
    monkeypatch.setattr(winograd, "MATRIX_PRODUCT", 0)
    monkeypatch.setattr(winograd, "COPY", 10_000)
    if request.param == "by rows":
        monkeypatch.setattr(winograd, "pays", lambda *_: False)
        monkeypatch.setattr(row_winograd, "TRANSFORM", -10_000)
        monkeypatch.setattr(row_winograd, "SMALL", 0)
    with twin.using("numpy" if request.param == "by rows" else request.param):
        yield request.param


def options(padding=1):
    pads = padding if isinstance(padding, tuple) else ((padding, padding),) * 2
    return {"stride": (1, 1), "padding": pads, "dilation": (1, 1), "groups": 1}


def arrays(n, size, channels, filters, r, padding=1, seed=0):
    rng = np.random.default_rng(seed)
    k = options(padding)
    kernel = r if isinstance(r, tuple) else (r, r)
    out = K.conv_output_size(size, kernel, k["stride"], k["padding"], k["dilation"])
    shapes = (n, channels, *size), (filters, channels, *kernel), (filters,), (n, filters, *out)
    return (*(rng.standard_normal(shape).astype(np.float32) for shape in shapes), k)


def passes(x, w, b, g, k):
    return (
        K.conv(x, w, b, **k),
        K.conv_input_grad(g, w, size=x.shape[2:], **k),
        K.conv_weight_grad(g, x, kernel=w.shape[2:], **k),
    )


def assert_close(found, exact, bound=BOUND):
    for a, e in zip(found, exact, strict=True):
        assert a.dtype == np.float32
        assert a.shape == e.shape
        assert np.abs(a - e).max(initial=0) <= bound * np.abs(e).max(initial=0)


def in_float64(x, w, b, g, k):
    return passes(*(a.astype(np.float64) for a in (x, w, b, g)), k)


@pytest.mark.parametrize(("channels", "filters"), [(16, 128), (16, 144), (16, 176), (160, 192)])
def test_many_filters_are_packed_for_the_products(channels, filters):
    x, w, b, g, k = arrays(2, (9, 10), channels, filters, 3)
    assert_close(passes(x, w, b, g, k), in_float64(x, w, b, g, k))


@pytest.mark.parametrize("version", VERSIONS[1:], indirect=True)
def test_threads_are_woken_for_two_long_sums(version, monkeypatch):
    """Of many weights there are two sums only, which take milliseconds each: more than tasks of usual length."""
    from tensorgrad.kernels.compiled import threads as regions

    called, team = [], regions.team
    monkeypatch.setattr(regions, "team", lambda tasks, worth: called.append((tasks, worth)) or team(tasks, worth))
    x, w, _, g, k = arrays(8, (16, 16), 128, 128, 3)
    K.conv_weight_grad(g, x, kernel=w.shape[2:], **k)
    assert [worth >= threads.WORTH_WAKING for tasks, worth in called if tasks == 2] == [True]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(0, 5),
    size=st.tuples(st.integers(5, 17), st.integers(5, 17)),
    channels=st.sampled_from([16, 32]),
    filters=st.sampled_from([16, 32, 48, 64, 80]),
    r=st.sampled_from([3, 5]),
    padding=st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6))] * 2),
    floats=st.sampled_from([1, 40_000, 300_000]),
)
def test_three_passes_against_float64(n, size, channels, filters, r, padding, floats):
    x, w, b, g, k = arrays(n, size, channels, filters, r, padding)
    before, winograd.BLOCK_FLOATS = winograd.BLOCK_FLOATS, floats
    try:
        found = passes(x, w, b, g, k)
    finally:
        winograd.BLOCK_FLOATS = before
    assert_close(found, in_float64(x, w, b, g, k))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(0, 5),
    size=st.tuples(st.integers(5, 14), st.integers(6, 14)),
    channels=st.integers(1, 5),
    filters=st.integers(1, 5),
    kernel=st.tuples(st.sampled_from([3, 5]), st.integers(1, 6)),
    padding=st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6))] * 2),
    floats=st.sampled_from([100, 1000, 1_000_000]),
)
def test_any_channels_and_any_width_by_rows(n, size, channels, filters, kernel, padding, floats):
    x, w, b, g, k = arrays(n, size, channels, filters, kernel, padding)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("BLOCK_FLOATS", "SHARED_FLOATS"):
            patch.setattr(im2col, name, floats)
        patch.setattr(im2col, "BLOCK_PIXELS", 1)
        found = passes(x, w, b, g, k)
    assert_close(found, in_float64(x, w, b, g, k))


@pytest.mark.parametrize("channels", [16, 64, 256])
@pytest.mark.parametrize("r", [3, 5])
def test_the_error_stays_below_the_bound(channels, r):
    x, w, b, g, k = arrays(4, (14, 14), channels, channels, r)
    assert_close(passes(x, w, b, g, k), in_float64(x, w, b, g, k))


def test_highest_precision_is_the_plain_sum(monkeypatch):
    x, w, b, g, k = arrays(4, (14, 14), 64, 64, 3)
    monkeypatch.setattr(winograd, "_precision", "highest")
    assert_close(passes(x, w, b, g, k), in_float64(x, w, b, g, k), 1e-6)


def test_the_word_for_the_precision_is_checked():
    with pytest.raises(ValueError, match=r"expected one of highest, high, got 'medium'"):
        winograd.set_float32_conv_precision("medium")
    assert winograd.get_float32_conv_precision() == "high"


def test_an_input_gradient_of_a_padding_that_crops():
    """Padding above the kernel's reach makes the adjoint crop: its own padding is negative."""
    x, w, b, g, k = arrays(2, (9, 8), 16, 16, 3, padding=4)
    assert_close(passes(x, w, b, g, k), in_float64(x, w, b, g, k))


@pytest.mark.filterwarnings("ignore:invalid value")  # operators run the kernels without NumPy's warnings
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_pixel_reaches_only_the_windows_that_cover_it(bad):
    x, w, b, g, k = arrays(6, (13, 13), 16, 16, 3)
    x[2, 3, 5, 6] = bad
    g[1, 0, 11, 2] = bad
    for found, exact in zip(passes(x, w, b, g, k), in_float64(x, w, b, g, k), strict=True):
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(exact))
        np.testing.assert_array_equal(found[~np.isfinite(exact)], exact[~np.isfinite(exact)])
    assert np.isfinite(K.conv(x, w, b, **k)[2]).sum() == 16 * (169 - 9)


@pytest.mark.parametrize("layout", ["channels first", "channels last", "reversed", "every other"])
def test_layouts(layout):
    x, w, b, g, k = arrays(3, (10, 9), 32, 16, 3)
    expected = passes(x, w, b, g, k)

    def laid_out(a):
        if layout == "channels last":
            return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)
        if layout == "reversed":
            return np.ascontiguousarray(a[..., ::-1])[..., ::-1]
        if layout == "every other":
            wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
            wide[..., ::2] = a
            return wide[..., ::2]
        return a

    for found, one in zip(passes(laid_out(x), laid_out(w), b, laid_out(g), k), expected, strict=True):
        np.testing.assert_array_equal(found, one)


def test_thread_counts_give_equal_bits(monkeypatch):
    for module, name in ((winograd, "BLOCK_FLOATS"), (im2col, "BLOCK_FLOATS"), (im2col, "SHARED_FLOATS")):
        monkeypatch.setattr(module, name, 30_000)
    case = arrays(7, (12, 12), 16, 32, 3)
    before = threads.get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            threads.set_num_threads(n)
            results.append(passes(*case))
    finally:
        threads.set_num_threads(before)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_arguments_are_not_modified():
    x, w, b, g, k = arrays(3, (10, 9), 16, 16, 5)
    copies = [a.copy() for a in (x, w, b, g)]
    for a in (x, w, b, g):
        a.flags.writeable = False
    passes(x, w, b, g, k)
    for a, copy in zip((x, w, b, g), copies, strict=True):
        np.testing.assert_array_equal(a, copy)


@pytest.mark.parametrize(
    ("change", "expected", "by_rows"),
    [
        ({}, True, True),
        ({"kernel": (5, 5)}, True, True),
        ({"kernel": (1, 1)}, False, False),
        ({"kernel": (3, 4)}, False, True),
        ({"kernel": (4, 3)}, False, False),
        ({"stride": (2, 1)}, False, False),
        ({"dilation": (1, 2)}, False, False),
        ({"groups": 2}, False, False),
        ({"channels": 24}, False, True),
        ({"filters": 1}, False, True),
        ({"dtype": np.float64}, False, False),
    ],
)
def test_where_it_applies(change, expected, by_rows, version):
    k = {"kernel": (3, 3), "stride": (1, 1), "dilation": (1, 1), "groups": 1, "channels": 64, "filters": 64} | change
    geometry = Geometry(k["kernel"], k["stride"], ((1, 1), (1, 1)), k["dilation"])
    dtypes = (np.dtype(np.float32), np.dtype(k.get("dtype", np.float32)))
    case = 8, (16, 16), k["channels"], k["filters"], geometry, k["groups"]
    if version == "by rows":
        assert row_winograd.pays(dtypes, *case) == by_rows
    else:
        assert winograd.pays(dtypes, *case) == expected


def test_the_points_are_an_identity_of_polynomials():
    """A' ((G w) * (B' x)) is the correlation, exactly, in one dimension and in float64."""
    rng = np.random.default_rng(0)
    for points in (toom_cook.SIX, toom_cook.EIGHT):
        for r in range(1, len(points) + 1):
            found = toom_cook.matrices(points, r)
            x, w = rng.standard_normal(len(points) + 1), rng.standard_normal(r)
            y = found.tile.T @ ((found.kernel @ w) * (found.input @ x))
            np.testing.assert_allclose(y, np.correlate(x, w, "valid"), rtol=1e-12)


def test_images_of_several_shapes_take_turns():
    """What scratch memory holds of one shape never reaches another, and their zeros are theirs again."""
    shapes = [(9, (10, 9), 8, 24), (8, (9, 10), 24, 8), (5, (7, 5), 40, 8), (9, (10, 8), 8, 24)]
    cases = [arrays(n, size, channels, filters, 3) for n, size, channels, filters in shapes]
    for x, *_, k in cases[:]:
        of_each = x[0, :, None, :3, :3].copy()
        cases.append((x, of_each, of_each[:, 0, 0, 0], x, {**k, "groups": x.shape[1]}))
    first = [passes(*case) for case in cases]
    for case, found in zip(cases, first, strict=True):
        assert_close(found, in_float64(*case))
    for case, expected in zip(cases * 2, first * 2, strict=True):
        for a, e in zip(passes(*case), expected, strict=True):
            np.testing.assert_array_equal(a, e)


def test_both_forms_take_turns(monkeypatch):
    """A network may have layers for either form, and both transform gradients in the same scratch memory."""
    monkeypatch.setattr(row_winograd, "TRANSFORM", -10_000)
    monkeypatch.setattr(row_winograd, "SMALL", 0)
    square, wide = arrays(9, (12, 12), 32, 32, 3), arrays(9, (12, 12), 32, 32, (3, 5))
    for _ in range(3):
        for case in (square, wide):
            assert_close(passes(*case), in_float64(*case))
