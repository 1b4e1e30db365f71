"""Laws of convolution, windows and resizing that need no oracle, on random shapes and settings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
import tensorgrad.nn.functional as F

EXACT = 1e-12  # relative to the sums that are compared
law = settings(max_examples=60, deadline=None)


def array(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def assert_same_product(a, b, c, d):
    """<a, b> = <c, d>."""
    size = max(1.0, np.abs(a).sum() * np.abs(b).max(initial=0))
    np.testing.assert_allclose(np.vdot(a, b), np.vdot(c, d), rtol=EXACT, atol=EXACT * size)


@st.composite
def convolutions(draw, rank=None):
    """Input and weight of a convolution that fits, with its settings."""
    rank = rank or draw(st.integers(1, 3))
    one = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))
    kernel, stride, dilation, padding = one(1, 3), one(1, 3), one(1, 2), one(0, 2)
    size = tuple(
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 8 - rank + d * (k - 1)))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    groups, n = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    c, f = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    x, w = array(seed, n, c, *size), array(seed + 1, f, c // groups, *kernel)
    return rank, x, w, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@law
@given(convolutions())
def test_transposed_convolution_is_the_adjoint(case):
    rank, x, w, static = case
    y = getattr(F, f"conv{rank}d")(x, w, **static)
    g = array(y.size, *y.shape)
    window = zip(x.shape[2:], w.shape[2:], static["stride"], static["padding"], static["dilation"], strict=True)
    extra = tuple((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in window)  # rows that no window reads
    back = getattr(F, f"conv_transpose{rank}d")(g, w, output_padding=extra, **static)
    assert back.shape == x.shape
    assert_same_product(y, g, x, back)


@law
@given(convolutions())
def test_the_gradients_are_adjoints(case):
    rank, x, w, static = case
    tx, tw = tg.tensor(x, requires_grad=True), tg.tensor(w, requires_grad=True)
    y = getattr(F, f"conv{rank}d")(tx, tw, **static)
    g = array(y.numel(), *y.shape)
    gx, gw = tg.autograd.grad(y, (tx, tw), tg.tensor(g))
    assert_same_product(y.detach().numpy(), g, x, gx.numpy())
    assert_same_product(y.detach().numpy(), g, w, gw.numpy())


@law
@given(convolutions())
def test_groups_are_separate_convolutions(case):
    rank, x, w, static = case
    conv, groups = getattr(F, f"conv{rank}d"), static.pop("groups")
    whole = conv(x, w, groups=groups, **static)
    parts = [conv(a, b, **static) for a, b in zip(np.split(x, groups, 1), np.split(w, groups), strict=True)]
    np.testing.assert_allclose(whole, np.concatenate(parts, 1), rtol=EXACT, atol=EXACT)


@law
@given(convolutions())
def test_a_batch_is_its_samples(case):
    rank, x, w, static = case
    for name, a, b in (("conv", x, w), ("conv_transpose", array(1, len(x), len(w), *[3] * rank), w)):
        call = getattr(F, f"{name}{rank}d")
        extent = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, k, s, p, d in zip(
                a.shape[2:], b.shape[2:], static["stride"], static["padding"], static["dilation"], strict=True
            )
        ]
        if name == "conv_transpose" and min(extent) < 1:
            continue
        whole = call(a, b, **static)
        np.testing.assert_allclose(whole, np.concatenate([call(s[None], b, **static) for s in a]), EXACT, EXACT)
        np.testing.assert_allclose(whole, np.stack([call(s, b, **static) for s in a]), EXACT, EXACT)


@law
@given(convolutions(rank=2))
def test_convolution_is_a_product_with_the_windows(case):
    _, x, w, static = case
    w = w.repeat(static.pop("groups"), 1)
    y = F.conv2d(x, w, **static)
    columns = F.unfold(x, w.shape[2:], **static)
    np.testing.assert_allclose(w.reshape(len(w), -1) @ columns, y.reshape(*y.shape[:2], -1), rtol=EXACT, atol=EXACT)


@law
@given(convolutions(rank=2))
def test_fold_is_the_adjoint_of_unfold_and_counts_windows(case):
    _, x, w, static = case
    del static["groups"]
    kernel, size = w.shape[2:], x.shape[2:]
    columns = F.unfold(x, kernel, **static)
    g = array(columns.size, *columns.shape)
    assert_same_product(columns, g, x, F.fold(g, size, kernel, **static))
    count = F.fold(F.unfold(np.ones_like(x), kernel, **static), size, kernel, **static)
    np.testing.assert_allclose(F.fold(columns, size, kernel, **static), x * count, rtol=EXACT, atol=EXACT)


# --------------------------------------------------------------------------- resizing

MODES = [(1, "linear"), (2, "bilinear"), (3, "trilinear"), (2, "bicubic")]
MODES += [(rank, mode) for rank in (1, 2, 3) for mode in ("nearest", "nearest-exact", "area")]


@st.composite
def resizings(draw):
    rank, mode = draw(st.sampled_from(MODES))
    sizes = st.tuples(*[st.integers(1, 7)] * rank)
    static = {"mode": mode}
    if mode in ("linear", "bilinear", "trilinear", "bicubic"):
        static["align_corners"] = draw(st.booleans())
    if mode in ("bilinear", "bicubic"):
        static["antialias"] = draw(st.booleans())
    return array(draw(st.integers(0, 2**32 - 1)), 2, 2, *draw(sizes)), draw(sizes), static


@law
@given(resizings())
def test_the_gradient_of_resizing_is_its_adjoint(case):
    x, size, static = case
    t = tg.tensor(x, requires_grad=True)
    y = F.interpolate(t, size, **static)
    g = array(y.numel(), *y.shape)
    (gx,) = tg.autograd.grad(y, t, tg.tensor(g))
    assert_same_product(y.detach().numpy(), g, x, gx.numpy())


@law
@given(resizings())
def test_resizing_keeps_constants(case):
    x, size, static = case
    np.testing.assert_allclose(F.interpolate(np.full_like(x, 3.0), size, **static), 3.0, rtol=1e-14)


@law
@given(resizings())
def test_the_same_size_changes_nothing(case):
    x, _, static = case
    np.testing.assert_allclose(F.interpolate(x, x.shape[2:], **static), x, rtol=EXACT, atol=EXACT)


@law
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_pixel_shuffle_and_back(r, c, seed):
    x = array(seed, 2, c * r * r, 2, 3)
    np.testing.assert_array_equal(F.pixel_unshuffle(F.pixel_shuffle(x, r), r), x)
    y = array(seed, 1, c * r, 4)
    np.testing.assert_array_equal(F.channel_shuffle(F.channel_shuffle(y, r), c), y)


@law
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_unpooling_undoes_pooling(case, seed):
    """Pooling what was unpooled gives the maxima back, when windows do not overlap and the maxima are positive."""
    rank, _, w, _ = case
    kernel = w.shape[2:]
    x = np.abs(array(seed, 2, 2, *[3 * k for k in kernel])) + 0.1
    y, places = getattr(F, f"max_pool{rank}d")(x, kernel, return_indices=True)
    back = getattr(F, f"max_unpool{rank}d")(y, places, kernel)
    np.testing.assert_array_equal(getattr(F, f"max_pool{rank}d")(back, kernel), y)
    np.testing.assert_array_equal(back[back != 0], x[back != 0])
