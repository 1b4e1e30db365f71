"""Depthwise convolution: every channel has its own m kernels, no sum over channels, so no work for a GEMM.

    y[n, c m + j, o]  = b[c m + j] + sum_k x[n, c, o s + k d - p] w[c m + j, 0, k]
    gw[c m + j, 0, k] = sum_{n, o} g[n, c m + j, o] x[n, c, o s + k d - p]

are sums of products of windows with numbers or gradients, channel by channel: one `einsum` each. It walks through the
windows as they lie in the image, and what it adds to stays in cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import Block, Geometry, padded, pixels, receptive_field, strided, window_strides
from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.scratch import scratch


def per_pixel(filters: int) -> int:
    """Return how many numbers one pixel of a block keeps in the cache, roughly: what is read and what is written."""
    return 4 * filters


def taps(w: NDArray, groups: int, y: NDArray, geometry: Geometry) -> NDArray:
    """Return the kernels w (C m, 1, *k) as (m, *k, C), or with stride 1 as (m, *k, width C) for the rows of y."""
    kernel = w.shape[2:]
    one = np.moveaxis(w.reshape(groups, -1, *kernel), 0, -1)
    return np.tile(np.ascontiguousarray(one, y.dtype), y.shape[-2] if in_rows(geometry) else 1)


def in_rows(geometry: Geometry) -> bool:
    """Return whether the windows of a row see pixels that follow each other: then a row is one long run."""
    return geometry.stride[-1] == 1


def block(x: NDArray, taps: NDArray, b: NDArray | None, y: NDArray, block: Block, geometry: Geometry) -> None:
    """Write the convolution of x (N, C, *in) with the `taps` into a block of y (N, *out, C m)."""
    target = pixels(y, block)
    windows = _windows(x, block, y.dtype, geometry, in_rows(geometry))
    axes = list(range(windows.ndim))
    of_kernel = axes[-1 - len(geometry.kernel) : -1]
    of_result = axes[: of_kernel[0]] + axes[-1:]
    multiplier = len(taps)
    for j, numbers in enumerate(taps):
        channels = target[..., j::multiplier]
        total = channels if channels.flags.c_contiguous else scratch("total", channels.shape, y.dtype)
        rows = total.reshape([windows.shape[i] for i in of_result])
        here = numbers[..., : windows.shape[-1]]
        np.einsum(windows, axes, here, [*of_kernel, axes[-1]], of_result, out=rows)
        if b is not None:
            total += b[: total.shape[-2], j::multiplier]
        if total is not channels:
            channels[...] = total


def weight_grad_block(g: NDArray, x: NDArray, result: NDArray, block: Block, geometry: Geometry) -> None:
    """Write one block's share of the weight gradient into ``result`` (C, k, m)."""
    gradient = pixels(channels_last(g), block)
    windows = _windows(x, block, result.dtype, geometry, False)
    channels, places, multiplier = result.shape
    axes = list(range(windows.ndim))
    of_kernel = axes[gradient.ndim - 1 : -1]
    of_pixels = [*axes[: of_kernel[0]], axes[-1]]
    for j in range(multiplier):
        # a sum for each image: two short sums are more accurate than a long one
        shares = np.einsum(windows, axes, gradient[..., j::multiplier], of_pixels, [0, *of_kernel, axes[-1]])
        result[:, :, j] = shares.sum(axis=0).reshape(places, channels).T


def _windows(x: NDArray, block: Block, dtype: np.dtype, geometry: Geometry, in_rows: bool) -> NDArray:
    """Return the windows of a block as a view (n, *out, *k, C), or in rows as (n, *out[:-1], *k, width C)."""
    field, zeros = receptive_field(x, block, geometry)
    image = padded(field, zeros, True, dtype)
    across, within = window_strides(image.strides[1:-1], geometry)
    out, run = tuple([stop - start for start, stop in block[1:]]), image.shape[-1]
    if in_rows:
        out, across, run = out[:-1], across[:-1], out[-1] * run
    return strided(
        image, (len(image), *out, *geometry.kernel, run), (image.strides[0], *across, *within, image.itemsize)
    )
