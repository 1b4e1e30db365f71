"""Depthwise convolution: every channel has its own m kernels, no sum over channels, so no work for a GEMM.

    y[n, c m + j, o] = b[c m + j] + sum_k x[n, c, o s + k d - p] w[c m + j, 0, k]

is a sum of shifted images, each multiplied by one number a channel; channels lie last: contiguous loops.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import Block, Geometry, Ints, padded, pixels, positions, receptive_field
from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.scratch import scratch


def per_pixel(filters: int) -> int:
    """Return how many numbers one pixel of a block keeps in the cache: the images, the sum and one product."""
    return 4 * filters


def taps(w: NDArray, groups: int, y: NDArray) -> NDArray:
    """Return the kernels w (C m, 1, *k) as (m, *k, width, C), repeated along the width of y (N, *out, C m).

    With the repetition, a row of pixels is one contiguous multiplication instead of one for each pixel.
    """
    kernel = w.shape[2:]
    one = np.moveaxis(w.reshape(groups, -1, *kernel), 0, -1)
    row = np.broadcast_to(one[..., None, :], (*one.shape[:-1], y.shape[-2], groups))
    return np.ascontiguousarray(row, y.dtype)


def block(
    x: NDArray,
    rows: NDArray,
    b: NDArray | None,
    y: NDArray,
    block: Block,
    geometry: Geometry,
) -> None:
    """Write the convolution of x (N, C, *in) with the taps ``rows`` into a block of y (N, *out, C m)."""
    target = pixels(y, block)
    windows = _windows(x, block, y.dtype, geometry)
    multiplier, width = rows.shape[0], target.shape[-2]
    for j in range(multiplier):
        channels = target[..., j::multiplier]
        total = channels if channels.flags.c_contiguous else scratch("total", channels.shape, y.dtype)
        product = scratch("product", channels.shape, y.dtype)
        for i, (position, window) in enumerate(windows):
            tap = rows[j][position][:width]
            if i == 0:
                np.multiply(window, tap, out=total)
            else:
                np.multiply(window, tap, out=product)
                np.add(total, product, out=total)
        if b is not None:
            total += b[: total.shape[-2], j::multiplier]
        if total is not channels:
            channels[...] = total


def weight_grad_block(
    g: NDArray,
    x: NDArray,
    result: NDArray,
    block: Block,
    geometry: Geometry,
) -> None:
    """Write one block's share of the weight gradient into ``result`` (C, k, m)."""
    g_part = pixels(channels_last(g), block)
    windows = _windows(x, block, result.dtype, geometry)
    channels, _, multiplier = result.shape
    for j in range(multiplier):
        g_one = scratch("gradient", (*g_part.shape[:-1], channels), result.dtype)
        g_one[...] = g_part[..., j::multiplier]
        product = scratch("product", g_one.shape, result.dtype)
        rows = product.reshape(math.prod(g_one.shape[:-2]), g_one.shape[-2] * channels)
        for i, (_, window) in enumerate(windows):
            np.multiply(window, g_one, out=product)
            # Rows first: contiguous, and two short sums are more accurate than a long one.
            result[:, i, j] = rows.sum(axis=0).reshape(-1, channels).sum(axis=0)


def _windows(x: NDArray, block: Block, dtype: np.dtype, geometry: Geometry) -> list[tuple[Ints, NDArray]]:
    out = tuple(stop - start for start, stop in block[1:])
    field, zeros = receptive_field(x, block, geometry)
    return positions(padded(field, zeros, True, dtype), 1, out, geometry)
