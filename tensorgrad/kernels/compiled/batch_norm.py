"""Batch normalisation: each pass reads memory once, and sums in float64.

The loops run along rows of about a thousand numbers, several pixels laid end to end. Four rows at a time are added in
the array's own precision, and their sum joins the total in float64: a load and a store of totals serve four rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import batch_norm as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces
from tensorgrad.kernels.compiled.reduce import share_by_channel, sum_rows
from tensorgrad.kernels.compiled.threads import shared


@twin_of(kernel.moments_of_blocks)
def moments_of_blocks(x: NDArray, channels: int) -> tuple[NDArray, NDArray, NDArray]:
    """See `kernels.batch_norm.moments_of_blocks`."""
    blocks = pieces(x)
    means, squares = np.empty((2, blocks, channels))
    _moments(blocks, x, means, squares)
    edges = np.arange(blocks + 1) * len(x) // blocks
    return np.diff(edges)[:, None] * (x.shape[1] / channels), means, squares


@twin_of(kernel.standardize_rows)
def standardize_rows(x: NDArray, mean: NDArray, scale: NDArray, shift: NDArray, y: NDArray) -> None:
    """One pass, rounded as NumPy's three."""
    _standardize(pieces(x), x, mean, scale, shift, y)


@twin_of(kernel.grad_sums_of_blocks)
def grad_sums_of_blocks(g: NDArray, x: NDArray, mean: NDArray, channels: int) -> tuple[NDArray, NDArray]:
    """See `kernels.batch_norm.grad_sums_of_blocks`."""
    sums, products = np.empty((2, pieces(x), channels))
    _grad_sums(len(sums), g, x, mean, sums, products)
    return sums, products


@twin_of(kernel.input_grad_of_rows)
def input_grad_of_rows(
    g: NDArray, x: NDArray, mean: NDArray, mean_g: NDArray, slope: NDArray, scale: NDArray, dx: NDArray
) -> None:
    """One pass, rounded as NumPy's five."""
    _input_grad(pieces(x), g, x, mean, mean_g, slope, scale, dx)


# ---- a block of rows --------------------------------------------------------------------------------------


@shared
@fused
def _moments(at: Any, x: Any, means: Any, squares: Any) -> None:
    channels = means.shape[1]
    start, stop = piece(at, len(x))
    count = (stop - start) * x.shape[1] // channels
    total = np.empty(x.shape[1], np.float64)
    sum_rows(x, start, stop, total)
    share_by_channel(total, channels)
    for c in range(total.size):
        total[c] /= count
    means[at[0]] = total[:channels]
    rounded = total.astype(x.dtype)
    _sum_squares(x, start, stop, rounded, total)
    share_by_channel(total, channels)
    for c in range(channels):  # about the mean before rounding
        squares[at[0], c] = np.maximum(total[c] - count * (means[at[0], c] - rounded[c]) ** 2, 0.0)


@shared
@jit
def _standardize(at: Any, x: Any, mean: Any, scale: Any, shift: Any, y: Any) -> None:
    for r in range(*piece(at, len(x))):
        row, out = x[r], y[r]
        for c in range(row.size):
            out[c] = (row[c] - mean[c]) * scale[c] + shift[c]


@shared
@fused
def _grad_sums(at: Any, g: Any, x: Any, mean: Any, sums: Any, products: Any) -> None:
    sum_g, sum_gd = np.empty(x.shape[1], np.float64), np.empty(x.shape[1], np.float64)
    start, stop = piece(at, len(x))
    _sum_products(g, x, start, stop, mean, sum_g, sum_gd)
    channels = sums.shape[1]
    share_by_channel(sum_g, channels)
    share_by_channel(sum_gd, channels)
    sums[at[0]], products[at[0]] = sum_g[:channels], sum_gd[:channels]


@shared
@jit
def _input_grad(at: Any, g: Any, x: Any, mean: Any, mean_g: Any, slope: Any, scale: Any, dx: Any) -> None:
    for r in range(*piece(at, len(x))):
        row, gradient, out = x[r], g[r], dx[r]
        for c in range(row.size):
            out[c] = ((gradient[c] - mean_g[c]) - (row[c] - mean[c]) * slope[c]) * scale[c]


@fused
def _sum_squares(x: NDArray, start: int, stop: int, mean: NDArray, total: NDArray) -> None:
    """Write the sum of (x - mean)^2 over some rows, four of them at a time."""
    total[:] = 0
    fours = start + (stop - start) // 4 * 4
    for i in range(start, fours, 4):
        row0, row1, row2, row3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(mean.size):
            m = mean[c]
            d0, d1, d2, d3 = row0[c] - m, row1[c] - m, row2[c] - m, row3[c] - m
            total[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
    for i in range(fours, stop):
        row = x[i]
        for c in range(mean.size):
            d = row[c] - mean[c]
            total[c] += d * d


@fused
def _sum_products(
    g: NDArray, x: NDArray, start: int, stop: int, mean: NDArray, sum_g: NDArray, sum_gd: NDArray
) -> None:
    """Write the sums of g and of g (x - mean) over some rows, four of them at a time."""
    sum_g[:] = 0
    sum_gd[:] = 0
    fours = start + (stop - start) // 4 * 4
    for i in range(start, fours, 4):
        g0, g1, g2, g3 = g[i], g[i + 1], g[i + 2], g[i + 3]
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(mean.size):
            m = mean[c]
            sum_g[c] += (g0[c] + g1[c]) + (g2[c] + g3[c])
            sum_gd[c] += (g0[c] * (x0[c] - m) + g1[c] * (x1[c] - m)) + (g2[c] * (x2[c] - m) + g3[c] * (x3[c] - m))
    for i in range(fours, stop):
        g0, x0 = g[i], x[i]
        for c in range(mean.size):
            sum_g[c] += g0[c]
            sum_gd[c] += g0[c] * (x0[c] - mean[c])
