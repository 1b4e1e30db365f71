"""The edges of transposed convolution, pooling, resizing, normalisation and embedding; layers that use them."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn
from tests.cases.expect import assert_equal, check

ones = tg.ones
index = lambda *numbers: tg.tensor(np.array(numbers, np.int64))

# --------------------------------------------------------------------------- errors: call, kind, words of the message

ERRORS = {
    "conv_transpose: channels": (
        lambda: F.conv_transpose2d(ones(1, 3, 2, 2), ones(2, 1, 2, 2)),
        ValueError,
        "channels",
    ),
    "conv_transpose: groups": (
        lambda: F.conv_transpose1d(ones(1, 3, 2), ones(3, 1, 2), groups=2),
        ValueError,
        "groups",
    ),
    "conv_transpose: bias": (lambda: F.conv_transpose1d(ones(1, 1, 2), ones(1, 2, 2), ones(3)), ValueError, "bias"),
    "conv_transpose: output_padding": (
        lambda: F.conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 2, 2), stride=2, output_padding=2),
        ValueError,
        "output_padding must be smaller",
    ),
    "conv_transpose: nothing left": (
        lambda: F.conv_transpose1d(ones(1, 1, 1), ones(1, 1, 1), padding=1),
        ValueError,
        "too small",
    ),
    "conv_transpose: dtypes": (
        lambda: F.conv_transpose1d(ones(1, 1, 2), ones(1, 1, 2, dtype=np.float64)),
        TypeError,
        "one dtype",
    ),
    "conv: complex": (
        lambda: F.conv1d(np.ones((1, 1, 2), np.complex64), np.ones((1, 1, 2), np.complex64)),
        TypeError,
        "not supported",
    ),
    "conv_transpose: float stride": (
        lambda: F.conv_transpose1d(ones(1, 1, 2), ones(1, 1, 2), stride=1.0),
        TypeError,
        "stride must be an integer",
    ),
    "max_pool3d: 3-d": (lambda: F.max_pool3d(ones(2, 2, 2), 2), ValueError, "3 spatial"),
    "avg_pool1d: kernel": (lambda: F.avg_pool1d(ones(1, 1, 2), 3), ValueError, "too small"),
    "adaptive_max_pool2d: negative": (lambda: F.adaptive_max_pool2d(ones(1, 2, 2), -1), ValueError, "negative"),
    "lp_pool2d: p 0": (lambda: F.lp_pool2d(ones(1, 2, 2), 0, 2), ValueError, "norm_type"),
    "max_unpool2d: outside": (lambda: F.max_unpool2d(ones(1, 1, 1), index([[4]]), 2), IndexError, "out of bounds"),
    "max_unpool2d: shapes": (lambda: F.max_unpool2d(ones(1, 1, 2), index([[4]]), 2), ValueError, "indices"),
    "unfold: too small": (lambda: F.unfold(ones(1, 1, 2, 2), 3), ValueError, "too small"),
    "unfold: 2-d": (lambda: F.unfold(ones(2, 2), 1), ValueError, "expected"),
    "fold: windows": (lambda: F.fold(ones(1, 4, 3), (3, 3), 2), ValueError, "4 windows"),
    "fold: columns": (lambda: F.fold(ones(1, 3, 4), (3, 3), 2), ValueError, "multiple of 4"),
    "interpolate: both": (lambda: F.interpolate(ones(1, 1, 2), 2, 2.0), ValueError, "either"),
    "interpolate: neither": (lambda: F.interpolate(ones(1, 1, 2)), ValueError, "either"),
    "interpolate: mode": (lambda: F.interpolate(ones(1, 1, 2), 2, mode="magic"), ValueError, "mode"),
    "interpolate: rank": (lambda: F.interpolate(ones(1, 1, 2), 2, mode="bilinear"), ValueError, "2 spatial"),
    "interpolate: corners": (lambda: F.interpolate(ones(1, 1, 2), 2, align_corners=True), ValueError, "align_corners"),
    "interpolate: antialias": (lambda: F.interpolate(ones(1, 1, 2), 2, antialias=True), ValueError, "antialias"),
    "interpolate: integers": (lambda: F.interpolate(index([[1, 2]]), 2), TypeError, "floating"),
    "interpolate: nothing left": (lambda: F.interpolate(ones(1, 1, 2), scale_factor=0.2), ValueError, "nothing"),
    "pixel_shuffle: channels": (lambda: F.pixel_shuffle(ones(1, 3, 2, 2), 2), ValueError, "divide the channels"),
    "pixel_unshuffle: size": (lambda: F.pixel_unshuffle(ones(1, 3, 2), 2), ValueError, "divide height"),
    "channel_shuffle: groups": (lambda: F.channel_shuffle(ones(1, 3, 2), 2), ValueError, "groups=2"),
    "group_norm: groups": (lambda: F.group_norm(ones(1, 3, 2), 2), ValueError, "num_groups=2"),
    "group_norm: weight": (lambda: F.group_norm(ones(1, 4, 2), 2, ones(2)), ValueError, "weight"),
    "instance_norm: one value": (lambda: F.instance_norm(ones(2, 3, 1)), ValueError, "more than 1 spatial"),
    "instance_norm: buffers": (lambda: F.instance_norm(ones(2, 3, 2), use_input_stats=False), ValueError, "running"),
    "rms_norm: shape": (lambda: F.rms_norm(ones(2, 3), (2,)), ValueError, "last dimensions"),
    "local_response_norm: 2-d": (lambda: F.local_response_norm(ones(2, 3), 2), ValueError, "3 dimensions"),
    "embedding: outside": (lambda: F.embedding(index(3), ones(3, 2)), IndexError, "row 3"),
    "embedding: negative": (lambda: F.embedding(index(-1), ones(3, 2)), IndexError, "row -1"),
    "embedding: floats": (lambda: F.embedding(ones(2), ones(3, 2)), TypeError, "integers"),
    "embedding: padding_idx": (lambda: F.embedding(index(0), ones(3, 2), 3), ValueError, "padding_idx"),
    "bilinear: features": (lambda: F.bilinear(ones(1, 2), ones(1, 3), ones(1, 3, 2)), ValueError, "weight"),
    "attention: features": (
        lambda: F.scaled_dot_product_attention(ones(2, 3), ones(2, 4), ones(2, 4)),
        ValueError,
        "query",
    ),
    "attention: two masks": (
        lambda: F.scaled_dot_product_attention(*[ones(2, 3)] * 3, attn_mask=ones(2, 2), is_causal=True),
        ValueError,
        "not both",
    ),
    "layer: padding_mode": (lambda: nn.Conv2d(1, 1, 3, padding_mode="magic"), ValueError, "padding_mode"),
    "layer: transposed padding": (lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"), ValueError, "padding"),
    "layer: output_size": (
        lambda: nn.ConvTranspose1d(1, 1, 2, stride=2)(ones(1, 1, 2), output_size=(6,)),
        ValueError,
        "output_size",
    ),
    "layer: pad widths": (lambda: nn.ZeroPad2d((1, 2)), ValueError, "padding"),
    "layer: group norm": (lambda: nn.GroupNorm(2, 3), ValueError, "num_groups"),
    "layer: instance norm": (lambda: nn.InstanceNorm1d(2)(ones(1, 3, 4)), ValueError, "2 channels"),
    "layer: padding_idx": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx"),
}


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS.values(), ids=ERRORS.keys())
def test_error(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_errors_name_the_operator_of_the_right_rank():
    for call, name in (
        (lambda: F.conv_transpose3d(ones(1), ones(1)), "conv_transpose3d"),
        (lambda: F.adaptive_max_pool1d(ones(1), 1), "adaptive_max_pool1d"),
        (lambda: F.lp_pool1d(ones(1), 2, 2), "lp_pool1d"),
    ):
        with pytest.raises(ValueError, match=f"^{name}: "):
            call()


# --------------------------------------------------------------------------- pooling and resizing


def test_adaptive_maximum_takes_the_first_of_two_nans():
    _, places = F.adaptive_max_pool2d(tg.tensor([[[1.0, math.nan], [math.nan, 2.0]]]), 1, return_indices=True)
    assert places.item() == 1


def test_unpooling_keeps_the_last_of_two_values_for_one_place():
    check(lambda x: F.max_unpool1d(x, index([0, 0]), 1), [[[1.0, 2.0]]], [[2.0, 0.0]], [[0.0, 1.0]])


def test_nearest_is_exact_where_float32_would_round():
    """41 * 27 / 27 and the like: PyTorch's float32 kernel is one pixel off for some sizes, its float64 one is not."""
    for n in range(1, 30):
        for m in range(1, 60):
            y = F.interpolate(tg.arange(n, dtype=np.float32).reshape(1, 1, n), m)
            assert_equal(y.numpy(force=True)[0, 0], np.arange(m) * n // m)


def test_an_infinite_pixel_stays_where_it_is():
    x = tg.tensor([[[1.0, math.inf, 2.0]]], requires_grad=True)
    y = F.interpolate(x, 5, mode="linear", align_corners=True)
    assert np.isinf(y.numpy(force=True)[0, 0]).tolist() == [False, True, True, True, False]
    (g,) = tg.autograd.grad(F.interpolate(x, 2), x, tg.tensor([[[1.0, math.inf]]]))
    assert_equal(g.numpy(force=True)[0, 0], [1.0, math.inf, 0.0])


# --------------------------------------------------------------------------- normalisation


def test_instance_norm_moves_running_moments_by_the_batch_average():
    mean, var = tg.zeros(1), ones(1)
    x = tg.tensor([[[1.0, 3.0]], [[2.0, 8.0]]])
    F.instance_norm(x, mean, var, momentum=0.5)
    assert_equal(mean.numpy(force=True), [0.5 * (2 + 5) / 2])
    assert_equal(var.numpy(force=True), [0.5 + 0.5 * (2 + 18) / 2])


@pytest.mark.parametrize("recorded", [True, False])
def test_batch_norm_moves_running_moments_alike_with_and_without_a_graph(recorded):
    layer = nn.BatchNorm2d(2)
    x = tg.tensor(np.arange(16.0, dtype=np.float32).reshape(2, 2, 2, 2))
    with tg.set_grad_enabled(recorded):
        layer(x)
    values = x.numpy(force=True).transpose(1, 0, 2, 3).reshape(2, 8)
    np.testing.assert_allclose(layer.running_mean.numpy(force=True), 0.1 * values.mean(1), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(force=True), 0.9 + 0.1 * values.var(1, ddof=1), rtol=1e-6)


def test_instance_norm_layer_uses_running_moments_in_evaluation_only_if_it_tracks_them():
    x = tg.tensor([[[1.0, 3.0]]])
    plain, tracking = nn.InstanceNorm1d(1).eval(), nn.InstanceNorm1d(1, track_running_stats=True).eval()
    np.testing.assert_allclose(plain(x).numpy(force=True), [[[-1, 1]]], rtol=1e-5)
    np.testing.assert_allclose(tracking(x).numpy(force=True), x.numpy(force=True), rtol=1e-5)
    assert plain(tg.tensor([[1.0, 3.0]])).shape == (1, 2)


def test_normalize_of_zero_is_zero():
    assert_equal(F.normalize(tg.zeros(2, 3)).numpy(force=True), np.zeros((2, 3)))


@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_empty_batch_leaves_the_buffers(norm):
    mean, var = tg.zeros(3), ones(3)
    assert norm(ones(0, 3, 2), mean, var, None, None, True).shape == (0, 3, 2)
    assert_equal(mean.numpy(force=True), [0.0] * 3)
    assert_equal(var.numpy(force=True), [1.0] * 3)


# --------------------------------------------------------------------------- embedding


def test_duplicates_accumulate_and_the_padding_row_does_not_learn():
    table = [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    check(lambda w: F.embedding(index(0, 2, 0), w), [table], [table[0], table[2], table[0]], [[2, 2], [0, 0], [1, 1]])
    check(
        lambda w: F.embedding(index(0, 2, 0), w, padding_idx=0),
        [table],
        [table[0], table[2], table[0]],
        [[0, 0], [0, 0], [1, 1]],
    )


def test_max_norm_shortens_the_rows_that_are_read_and_no_others():
    w = tg.tensor([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]])
    y = F.embedding(index(0, 2), w, max_norm=1.0)
    np.testing.assert_allclose(w.numpy(force=True), [[0.6, 0.8], [6.0, 8.0], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(y.numpy(force=True), w.numpy(force=True)[[0, 2]])


def test_embedding_layer():
    layer = nn.Embedding(4, 2, padding_idx=-2)
    assert layer.padding_idx == 2
    assert_equal(layer.weight.numpy(force=True)[2], [0.0, 0.0])
    layer(index(2, 3)).sum().backward()
    assert_equal(layer.weight.grad.numpy(), [[0, 0], [0, 0], [0, 0], [1, 1]])
    frozen = nn.Embedding.from_pretrained(tg.tensor([[1.0, 2.0]]))
    assert not frozen.weight.requires_grad
    assert_equal(frozen(index(0)).numpy(force=True), [[1.0, 2.0]])
    assert layer(tg.tensor(np.zeros((0, 3), np.int64))).shape == (0, 3, 2)


# --------------------------------------------------------------------------- layers


def test_transposed_layer_reaches_every_size_the_convolution_may_have_had():
    down, up = nn.Conv2d(1, 2, 3, stride=3), nn.ConvTranspose2d(2, 1, 3, stride=3)
    for size in ((6, 6), (7, 8), (8, 6)):
        assert up(down(ones(1, 1, *size)), output_size=size).shape == (1, 1, *size)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), "same"])
def test_padding_mode_is_a_padded_convolution(mode, padding):
    layer = nn.Conv2d(1, 2, (3, 5), padding=padding, padding_mode=mode)
    x = tg.randn(1, 1, 5, 6)
    wide = F.pad(x, (2, 2, 1, 1), mode)
    assert_equal(layer(x).numpy(force=True), F.conv2d(wide, layer.weight, layer.bias).numpy(force=True))


def test_attention_drops_weights_only_when_asked():
    q = tg.randn(1, 8, 4)
    same = F.scaled_dot_product_attention(q, q, q)
    assert_equal(F.scaled_dot_product_attention(q, q, q, dropout_p=1.0).numpy(force=True), np.zeros((1, 8, 4)))
    assert_equal(F.scaled_dot_product_attention(q, q, q, dropout_p=0.0).numpy(force=True), same.numpy(force=True))


@pytest.mark.parametrize("wrong", [1.0, True, (1.0, 1.0), (True, 1)])
def test_what_is_refused_is_refused_after_an_equal_number_was_taken(wrong):
    """What is known of the shapes is remembered by numbers, and 1 == 1.0 == True."""
    x, w = tg.ones(1, 2, 5, 5), tg.ones(2, 2, 1, 1)
    for name in ("stride", "padding", "dilation", "groups"):
        F.conv2d(x, w, **{name: 1})
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            F.conv2d(x, w, **{name: wrong})
    F.max_pool2d(x, 2, stride=1, padding=1, dilation=1)
    for name in ("stride", "padding", "dilation"):
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            F.max_pool2d(x, 2, **{"stride": 1, "padding": 1, "dilation": 1, name: wrong})
