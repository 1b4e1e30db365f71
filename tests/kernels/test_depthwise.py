"""One kernel a channel, in float32: strides, several kernels a channel, what is not finite, and long sums."""

from __future__ import annotations

import numpy as np
import pytest

from tensorgrad.kernels import conv as K
from tensorgrad.kernels import im2col

pytestmark = pytest.mark.usefixtures("version")


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (3, 1), (5, 2)])
@pytest.mark.parametrize("channels", [2, 16, 300])
@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bad", [None, np.nan])
def test_depthwise_in_float32(kernel, channels, multiplier, stride, bad, monkeypatch):
    monkeypatch.setattr(im2col, "SHARED_FLOATS", 10_000)  # several blocks
    rng = np.random.default_rng(1)
    k = {"stride": (stride, stride), "padding": ((2, 1), (1, 2)), "dilation": (1, 1), "groups": channels}
    x = rng.standard_normal((3, channels, 11, 14), np.float32)
    w = rng.standard_normal((channels * multiplier, 1, *kernel), np.float32)
    if bad is not None:
        x[1, 0, -1, 3] = bad

    def passes(x, w):
        y = K.conv(x, w, None, **k)
        g = np.cos(np.arange(y.size)).reshape(y.shape).astype(x.dtype)
        if bad is not None:
            g[2, 1, 4, 4] = bad
        return y, K.conv_input_grad(g, w, size=x.shape[2:], **k), K.conv_weight_grad(g, x, kernel=kernel, **k)

    for found, exact in zip(passes(x, w), passes(x.astype(np.float64), w.astype(np.float64)), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
        np.testing.assert_allclose(found, exact, atol=2e-6 * np.nanmax(np.abs(exact)))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_large_image_costs_no_digits_depthwise(stride):
    rng = np.random.default_rng(0)
    k = {"stride": (stride, stride), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 4, "kernel": (3, 3)}
    x, g = rng.random((1, 4, 400, 400), np.float32), rng.random((1, 4, 400 // stride, 400 // stride), np.float32)
    gw = K.conv_weight_grad(g, x, **k)
    np.testing.assert_allclose(gw, K.conv_weight_grad(g.astype(np.float64), x.astype(np.float64), **k), rtol=2e-6)
