"""Convolution and pooling at their limits; weights are ones unless said."""

import functools
import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows, value_and_gradients

inf, nan = math.inf, math.nan


def ones(*shape):
    return np.ones(shape)


def image(*pixels):
    return np.array([[pixels]], float)


# --------------------------------------------------------------------------- conv2d


def test_skipped_rows_have_no_gradient():
    y, (gx, _) = value_and_gradients(lambda x, w: F.conv2d(x, w, stride=3), ones(1, 1, 5, 5), ones(1, 1, 2, 2))
    assert y.shape == (1, 1, 2, 2)
    line = np.array([1.0, 1, 0, 1, 1])
    assert_equal(gx[0, 0], np.outer(line, line))


def test_padding_may_exceed_the_kernel():
    y, (gx, gw) = value_and_gradients(lambda x, w: F.conv2d(x, w, padding=4), ones(1, 1, 3, 3), ones(1, 1, 2, 2))
    assert y.shape == (1, 1, 10, 10)
    assert_equal(gx, np.full((1, 1, 3, 3), 4.0))
    assert_equal(gw, np.full((1, 1, 2, 2), 9.0))


def test_dilated_window_with_only_its_centre_inside():
    y, (gx, _) = value_and_gradients(
        lambda x, w: F.conv2d(x, w, padding=1, dilation=2), ones(1, 1, 3, 3), ones(1, 1, 3, 3)
    )
    assert_equal(y, [[[[1]]]])
    assert_equal(gx[0, 0], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_empty_batch():
    y, gradients = value_and_gradients(F.conv2d, ones(0, 1, 3, 3), ones(2, 1, 2, 2), ones(2))
    assert y.shape == (0, 2, 2, 2)
    for gradient, shape in zip(gradients, [(0, 1, 3, 3), (2, 1, 2, 2), (2,)], strict=True):
        assert_equal(gradient, np.zeros(shape))


def test_depthwise():
    _, (gx, _) = value_and_gradients(
        lambda x, w: F.conv2d(x, w, padding=1, groups=4), ones(1, 4, 3, 3), ones(4, 1, 3, 3)
    )
    assert_equal(gx, np.broadcast_to([[4.0, 6, 4], [6, 9, 6], [4, 6, 4]], (1, 4, 3, 3)))


def test_same_padding_of_an_even_kernel_adds_below_and_right():
    y, (gx, _) = value_and_gradients(lambda x, w: F.conv2d(x, w, padding="same"), ones(1, 1, 3, 4), ones(1, 1, 2, 2))
    assert y.shape == (1, 1, 3, 4)
    assert_equal(gx[0, 0, 0], [1, 2, 2, 2])


def test_unbatched():
    assert F.conv2d(tg.tensor(ones(1, 3, 3)), tg.tensor(ones(2, 1, 2, 2))).shape == (2, 2, 2)


def test_a_nan_stays_in_the_windows_that_cover_it():
    x = ones(1, 1, 5, 5)
    x[0, 0, 0, 0] = nan
    y = F.conv2d(tg.tensor(x), tg.tensor(ones(2, 1, 3, 3)), padding=1).numpy(force=True)
    assert np.isnan(y[0, :, :2, :2]).all()
    y[0, :, :2, :2] = 0
    assert np.isfinite(y).all()


def test_zero_times_infinity_is_nan():
    x = ones(1, 1, 2, 2)
    x[0, 0, 0, 0] = inf
    assert_equal(F.conv2d(tg.tensor(x), tg.tensor(np.zeros((1, 1, 2, 2)))).numpy(force=True), [[[[nan]]]])


def test_integers():
    x = tg.tensor(np.arange(9).reshape(1, 1, 3, 3))
    y = F.conv2d(x, tg.tensor(np.ones((1, 1, 2, 2), np.int64)))
    assert_equal(y.numpy(force=True), [[[[8, 12], [20, 24]]]])
    assert y.dtype == np.int64


def conv(x=(1, 2, 4, 4), w=(2, 2, 3, 3), b=None, **static):
    bias = None if b is None else tg.tensor(ones(*b))
    return lambda: F.conv2d(tg.tensor(ones(*x)), tg.tensor(ones(*w)), bias, **static)


@pytest.mark.parametrize(
    ("call", "error"),
    rows(
        ("kernel above input", conv((1, 1, 2, 2), (1, 1, 3, 3)), ValueError),
        ("kernel above padded input", conv((1, 1, 2, 2), (1, 1, 5, 5), padding=1), ValueError),
        ("dilated kernel above input", conv((1, 1, 4, 4), (1, 1, 3, 3), dilation=2), ValueError),
        ("no channels", conv((1, 0, 3, 3), (2, 0, 2, 2)), ValueError),
        ("no rows", conv((1, 1, 0, 3), (1, 1, 1, 1)), ValueError),
        ("no output channels", conv((1, 1, 3, 3), (0, 1, 2, 2)), ValueError),
        ("kernel 0x0", conv((1, 1, 3, 3), (1, 1, 0, 0)), ValueError),
        ("groups do not divide the input channels", conv((1, 3, 4, 4), (2, 1, 3, 3), groups=2), ValueError),
        ("groups do not divide the output channels", conv((1, 2, 4, 4), (3, 1, 3, 3), groups=2), ValueError),
        ("weight of other channels", conv((1, 2, 4, 4), (2, 3, 3, 3)), ValueError),
        ("weight forgets groups", conv((1, 2, 4, 4), (2, 2, 3, 3), groups=2), ValueError),
        ("groups 0", conv(groups=0), ValueError),
        ("groups -1", conv(groups=-1), ValueError),
        ("stride 0", conv(stride=0), ValueError),
        ("stride -1", conv(stride=-1), ValueError),
        ("stride 1.0", conv(stride=1.0), TypeError),
        ("stride of three", conv(stride=(1, 1, 1)), ValueError),
        ("padding -1", conv(padding=-1), ValueError),
        ("padding of three", conv(padding=(1, 1, 1)), ValueError),
        ("dilation 0", conv(dilation=0), ValueError),
        ("bias of another length", conv(b=(3,)), ValueError),
        ("bias 2-d", conv(b=(1, 2)), ValueError),
        ("weight 3-d", conv(w=(2, 2, 3)), ValueError),
        ("input 2-d", conv(x=(4, 4)), ValueError),
        ("input 5-d", conv(x=(1, 1, 2, 4, 4)), ValueError),
        ("same with a stride", conv(padding="same", stride=2), ValueError),
        ("unknown padding", conv(padding="full"), ValueError),
        (
            "float32 with float64",
            lambda: F.conv2d(tg.tensor(ones(1, 1, 3, 3).astype(np.float32)), tg.tensor(ones(1, 1, 2, 2))),
            TypeError,
        ),
    ),
)
def test_conv2d_refuses(call, error):
    with pytest.raises(error, match="conv2d"):
        call()


def test_errors_name_the_sizes():
    with pytest.raises(ValueError, match="3") as caught:
        conv((1, 3, 4, 4), (2, 1, 3, 3), groups=2)()
    assert "groups" in str(caught.value)
    assert "2" in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_conv2d_and_its_gradients_are_adjoint(seed):
    """<conv(x, w), y> = <x, gradient of x> = <w, gradient of w>: no oracle needed."""
    random = np.random.RandomState(seed)
    pick = lambda *choices: choices[random.randint(len(choices))]
    groups, kernel = pick(1, 1, 2, 3), (pick(1, 2, 3), pick(1, 3, 4))
    static = {
        "stride": (pick(1, 1, 2, 3), pick(1, 2)),
        "padding": (pick(0, 1, 2), pick(0, 1)),
        "dilation": (pick(1, 1, 2), pick(1, 2)),
        "groups": groups,
    }
    size = [d * (k - 1) + 1 + random.randint(5) for d, k in zip(static["dilation"], kernel, strict=True)]
    x = tg.tensor(random.standard_normal((pick(1, 3), groups * pick(1, 2), *size)), requires_grad=True)
    w = tg.tensor(random.standard_normal((groups * pick(1, 3), x.shape[1] // groups, *kernel)), requires_grad=True)
    out = F.conv2d(x, w, **static)
    y = random.standard_normal(out.shape)
    gx, gw = tg.autograd.grad(out, (x, w), tg.tensor(y))
    forward = np.vdot(out.numpy(force=True), y)
    scale = np.abs(out.numpy(force=True) * y).sum()
    assert abs(np.vdot(x.numpy(force=True), gx.numpy(force=True)) - forward) <= 1e-12 * scale
    assert abs(np.vdot(w.numpy(force=True), gw.numpy(force=True)) - forward) <= 1e-12 * scale


def test_float32_is_as_accurate_as_its_precision_says(request):
    """Errors relative to the largest value of a float64 run, for a layer of ordinary size."""
    request.addfinalizer(functools.partial(tg.set_float32_conv_precision, tg.get_float32_conv_precision()))
    random = np.random.RandomState(0)
    x, w, y = (random.standard_normal(shape) for shape in ((8, 64, 28, 28), (64, 64, 3, 3), (8, 64, 28, 28)))

    def run(dtype):
        image, weight = (tg.tensor(a.astype(dtype), requires_grad=True) for a in (x, w))
        bias = tg.tensor(np.zeros(64, dtype), requires_grad=True)
        out = F.conv2d(image, weight, bias, padding=1)
        return [
            out.numpy(force=True),
            *(g.numpy(force=True) for g in tg.autograd.grad(out, (image, weight, bias), tg.tensor(y.astype(dtype)))),
        ]

    exact = run(np.float64)
    for precision, limits in (("highest", (1e-6, 1e-6, 1e-5, 1e-5)), ("high", (2e-5, 2e-5, 2e-5, 1e-5))):
        tg.set_float32_conv_precision(precision)
        for narrow, wide, limit in zip(run(np.float32), exact, limits, strict=True):
            assert np.abs(narrow - wide).max() < limit * np.abs(wide).max(), precision


# --------------------------------------------------------------------------- max_pool2d


def max_pool(x, *args, **static):
    """Values, indices and the gradient of the sum, without the batch and channel axes."""
    x = tg.tensor(np.asarray(x, float), requires_grad=True)
    values, indices = F.max_pool2d(x, *args, return_indices=True, **static)
    (gradient,) = tg.autograd.grad(values.sum(), x)
    return values.numpy(force=True)[0, 0], indices.numpy(force=True)[0, 0], gradient.numpy(force=True)[0, 0]


@pytest.mark.parametrize(
    ("pixels", "value", "index"),
    rows(
        ("four equal", ([1, 1], [1, 1]), 1, 0),
        ("-0. before 0.", ([-0.0, 0.0], [0.0, 0.0]), 0, 0),
        ("one nan", ([1, nan], [2, 3]), nan, 1),
        ("all -inf", ([-inf, -inf], [-inf, -inf]), -inf, 0),
    ),
)
def test_the_first_maximum_of_a_window_wins(pixels, value, index):
    values, indices, gradient = max_pool(image(*pixels), 2)
    assert_equal(values, [[value]])
    assert_equal(indices, [[index]])
    assert_equal(gradient.ravel(), np.eye(4)[index])


def test_two_nans_in_a_window():
    """Which of them is a choice (PyTorch takes the last, NumPy's argmax the first); it is one of them."""
    values, indices, gradient = max_pool(image([1, nan], [nan, 2]), 2)
    assert_equal(values, [[nan]])
    assert indices.item() in (1, 2)
    assert_equal(gradient.ravel(), np.eye(4)[indices.item()])


def test_windows_that_share_a_maximum_add_their_gradients():
    _, _, gradient = max_pool(image([1, 2, 3], [4, 9, 5], [6, 7, 8]), 2, 1)
    assert_equal(gradient, [[0, 0, 0], [0, 4, 0], [0, 0, 0]])


@pytest.mark.parametrize("low", [-1.0, -inf])
def test_padding_never_wins(low):
    values, indices, gradient = max_pool(image([low, low], [low, low]), 2, padding=1)
    assert_equal(values, np.full((2, 2), low))
    assert_equal(indices, [[0, 1], [2, 3]])
    assert_equal(gradient, ones(2, 2))


def test_ceil_mode():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    check(lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), [x], [[[[5, 6], [8, 9]]]], None)
    # windows that would start in the padding on the right are dropped
    assert F.max_pool2d(tg.tensor(ones(1, 1, 2, 2)), 1, 3, ceil_mode=True).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pool_shapes(name):
    pool = getattr(F, name)
    assert pool(tg.tensor(ones(0, 1, 2, 2)), 2).shape == (0, 1, 1, 1)
    assert pool(tg.tensor(ones(1, 2, 2)), 2).shape == (1, 1, 1)
    # the limit is half of the *dilated* kernel
    if name == "max_pool2d":
        assert pool(tg.tensor(ones(1, 1, 3, 3)), 2, dilation=2, padding=1, stride=1).shape == (1, 1, 3, 3)


def test_max_pool2d_of_integers():
    y = F.max_pool2d(tg.tensor(np.arange(4).reshape(1, 1, 2, 2)), 2)
    assert_equal(y.numpy(force=True), [[[[3]]]])
    assert y.dtype == np.int64


def pool(name, *args, x=(1, 1, 4, 4), **static):
    return lambda: getattr(F, name)(tg.tensor(ones(*x)), *args, **static)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(
    ("args", "static"),
    rows(
        ("padding above half the kernel", (2,), {"padding": 2}),
        ("padding above half the kernel, odd", (3,), {"padding": 2}),
        ("negative padding", (2,), {"padding": -1}),
        ("stride 0", (2,), {"stride": 0}),
        ("kernel 0", (0,), {}),
        ("kernel above the input", (5,), {}),
        ("kernel of three", ((2, 2, 2),), {}),
        ("no channels", (2,), {"x": (1, 0, 4, 4)}),
        ("no rows", (2,), {"x": (1, 1, 0, 4)}),
        ("2-d", (2,), {"x": (4, 4)}),
    ),
)
def test_pools_refuse(name, args, static):
    with pytest.raises(ValueError, match=name):
        pool(name, *args, **static)()


@pytest.mark.parametrize(
    ("call", "error", "named"),
    rows(
        ("dilation 0", pool("max_pool2d", 2, dilation=0), ValueError, "max_pool2d"),
        ("dilated kernel above the input", pool("max_pool2d", 3, dilation=2), ValueError, "max_pool2d"),
        ("booleans", lambda: F.max_pool2d(tg.tensor(ones(1, 1, 2, 2) > 0), 2), TypeError, "max_pool2d"),
        ("divisor 0", pool("avg_pool2d", 2, divisor_override=0), ValueError, "avg_pool2d"),
        ("adaptive, 2-d", pool("adaptive_avg_pool2d", 2, x=(4, 4)), ValueError, "adaptive_avg_pool2d"),
        ("adaptive, negative", pool("adaptive_avg_pool2d", -1), ValueError, "adaptive_avg_pool2d"),
    ),
)
def test_one_pool_refuses(call, error, named):
    with pytest.raises(error, match=named):
        call()


# --------------------------------------------------------------------------- avg_pool2d

SQUARE = image([1, 2], [3, 4])


@pytest.mark.parametrize(
    ("static", "value"),
    rows(
        ("padding counts", {"padding": 1}, [[0.25, 0.5], [0.75, 1.0]]),
        ("padding does not count", {"padding": 1, "count_include_pad": False}, [[1, 2], [3, 4]]),
        ("divisor_override", {"divisor_override": 3}, [[10 / 3]]),
    ),
)
def test_avg_pool2d_divisor(static, value):
    check(lambda x: F.avg_pool2d(x, 2, **static), [SQUARE], [[value]], None)


def test_avg_pool2d_overhang_does_not_count():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    check(lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True), [x], [[[[3, 4.5], [7.5, 9]]]], None)


def test_a_nan_stays_in_its_window():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = nan
    check(lambda x: F.avg_pool2d(x, 2), [x], [[[[nan, 4.5], [10.5, 12.5]]]], 0.25)


def test_adaptive_windows_overlap():
    x = np.array([1.0, 2, 3, 4]).reshape(1, 1, 4, 1)
    value, gradient = np.reshape([1.5, 2.5, 3.5], (1, 1, 3, 1)), np.reshape([0.5, 1, 1, 0.5], (1, 1, 4, 1))
    check(lambda x: F.adaptive_avg_pool2d(x, (3, 1)), [x], value, gradient)
