"""Blocks of batch normalisation: each pass reads memory once, and sums in float64.

The loops run along rows of about a thousand numbers, several pixels laid end to end. Four rows at a time are added in
the array's own precision, and their sum joins the total in float64: a load and a store of totals serve four rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import batch_norm as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of


@twin_of(kernel.block_moments)
@fused
def block_moments(x: NDArray, channels: int) -> tuple[NDArray, NDArray]:
    """The mean of each channel and the sum of squared deviations from it."""
    count = x.size // channels
    mean = np.zeros(x.shape[1], np.float64)
    fours = x.shape[0] // 4 * 4
    for i in range(0, fours, 4):
        row0, row1, row2, row3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(mean.size):
            mean[c] += (row0[c] + row1[c]) + (row2[c] + row3[c])
    for i in range(fours, x.shape[0]):
        row = x[i]
        for c in range(mean.size):
            mean[c] += row[c]
    _share(mean, channels)
    for c in range(mean.size):
        mean[c] /= count
    rounded = mean.astype(x.dtype)
    squares = np.zeros(x.shape[1], np.float64)
    for i in range(0, fours, 4):
        row0, row1, row2, row3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(mean.size):
            m = rounded[c]
            d0, d1, d2, d3 = row0[c] - m, row1[c] - m, row2[c] - m, row3[c] - m
            squares[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
    for i in range(fours, x.shape[0]):
        row = x[i]
        for c in range(mean.size):
            d = row[c] - rounded[c]
            squares[c] += d * d
    _share(squares, channels)
    for c in range(channels):
        squares[c] = np.maximum(squares[c] - count * (mean[c] - rounded[c]) ** 2, 0.0)  # about the mean before rounding
    return mean[:channels], squares[:channels]


@twin_of(kernel.block_standardize)
@jit
def block_standardize(x: NDArray, mean: NDArray, scale: NDArray, shift: NDArray, y: NDArray) -> None:
    """One pass, rounded as NumPy's three."""
    for i in range(x.shape[0]):
        row, out = x[i], y[i]
        for c in range(row.size):
            out[c] = (row[c] - mean[c]) * scale[c] + shift[c]


@twin_of(kernel.block_grad_sums)
@fused
def block_grad_sums(g: NDArray, x: NDArray, mean: NDArray, channels: int) -> tuple[NDArray, NDArray]:
    """The sums of g and of g (x - mean) of each channel."""
    sum_g = np.zeros(x.shape[1], np.float64)
    sum_gd = np.zeros(x.shape[1], np.float64)
    fours = x.shape[0] // 4 * 4
    for i in range(0, fours, 4):
        g0, g1, g2, g3 = g[i], g[i + 1], g[i + 2], g[i + 3]
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(mean.size):
            m = mean[c]
            sum_g[c] += (g0[c] + g1[c]) + (g2[c] + g3[c])
            sum_gd[c] += (g0[c] * (x0[c] - m) + g1[c] * (x1[c] - m)) + (g2[c] * (x2[c] - m) + g3[c] * (x3[c] - m))
    for i in range(fours, x.shape[0]):
        g0, x0 = g[i], x[i]
        for c in range(mean.size):
            sum_g[c] += g0[c]
            sum_gd[c] += g0[c] * (x0[c] - mean[c])
    _share(sum_g, channels)
    _share(sum_gd, channels)
    return sum_g[:channels], sum_gd[:channels]


@twin_of(kernel.block_input_grad)
@jit
def block_input_grad(
    g: NDArray, x: NDArray, mean: NDArray, mean_g: NDArray, slope: NDArray, scale: NDArray, dx: NDArray
) -> None:
    """One pass, rounded as NumPy's five."""
    for i in range(x.shape[0]):
        row, gradient, out = x[i], g[i], dx[i]
        for c in range(row.size):
            out[c] = ((gradient[c] - mean_g[c]) - (row[c] - mean[c]) * slope[c]) * scale[c]


@jit
def _share(v: NDArray, channels: int) -> None:
    """Replace every number of a long row by the sum of those of its channel."""
    for c in range(channels):
        total = 0.0
        for i in range(c, v.size, channels):
            total += v[i]
        for i in range(c, v.size, channels):
            v[i] = total
