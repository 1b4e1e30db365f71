"""Batch normalisation: each pass reads memory once, sums are taken in float64, and little happens between the passes.

The loops run along rows of about a thousand numbers, several pixels laid end to end. Four rows at a time are added in
the array's own precision, and their sum joins the total in float64: a load and a store of totals serve four rows.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import batch_norm as kernel
from tensorgrad.kernels.batch_norm import Vector
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces, put_row
from tensorgrad.kernels.compiled.reduce import share_by_channel, sum_rows
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.layout import channels_first, channels_last, pixels_together

WIDTH = 1024  # numbers of the rows that are laid end to end: long for a loop, and a few of them still fit in L1

RECTIFY = True  # or None: what is None is known when a loop is compiled


@twin_of(kernel.batch_moments)
def batch_moments(x: NDArray) -> tuple[Vector, Vector]:
    """See `kernels.batch_norm.batch_moments`."""
    matrix, channels = _long_rows(x), x.shape[1]
    means, squares = np.empty((2, pieces(matrix), channels))
    _moments_of_block(len(means), matrix, means, squares)
    mean, var = np.empty((2, channels), x.dtype)
    _merge(means, squares, len(matrix), matrix.shape[1] // channels, mean, var)
    return mean, var


@twin_of(kernel.standardize)
def standardize(
    x: NDArray,
    mean: Vector | None,
    scale: Vector | None,
    shift: Vector | None,
    residual: NDArray | None = None,
    *,
    rectify: bool = False,
) -> NDArray:
    """See `kernels.batch_norm.standardize`."""
    matrix = _long_rows(x)
    laid = np.zeros((3, matrix.shape[1]), np.result_type(*(a for a in (x, mean, scale, shift) if a is not None)))
    laid[1] = 1
    for row, vector in zip(laid, (mean, scale, shift), strict=True):
        if vector is not None:
            row.reshape(-1, x.shape[1])[...] = vector
    y = np.empty(matrix.shape, laid.dtype)
    more = None if residual is None else _long_rows(residual)
    _standardize(pieces(matrix), matrix, *laid, more, RECTIFY if rectify else None, y)
    return _as_images(y, x)


@twin_of(kernel.batch_norm_grad)
def batch_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Vector | None, *, eps: float, moments: tuple[Vector, Vector]
) -> tuple[NDArray | None, Vector | None, Vector | None]:
    """See `kernels.batch_norm.batch_norm_grad`."""
    matrix, gradient, channels = _long_rows(x), _long_rows(g), x.shape[1]
    laid = np.empty((4, matrix.shape[1]), x.dtype)
    laid[0].reshape(-1, channels)[...] = moments[0]
    sums, products = np.empty((2, pieces(matrix), channels))
    _sums_of_block(len(sums), gradient, matrix, laid[0], sums, products)
    dw, db = np.empty((2, channels), x.dtype)
    _slopes(sums, products, x.size // channels, moments[1], w, eps, laid, dw, db)
    dx = None
    if wanted[0]:
        target = np.empty_like(matrix)
        _input_grad(pieces(matrix), gradient, matrix, *laid, target)
        dx = _as_images(target, x)
    return dx, dw if wanted[1] else None, db if wanted[2] else None


# ---- the matrix ----------------------------------------------------------------------------------------------


def _long_rows(x: NDArray) -> NDArray:
    """Return x (N, C, ...) as a matrix of long rows; without a copy if it lies channels last."""
    return np.ascontiguousarray(channels_last(x)).reshape(_shape(x.shape))


@lru_cache(maxsize=256)
def _shape(shape: tuple[int, ...]) -> tuple[int, int]:
    pixels = shape[0] * math.prod(shape[2:])
    together = pixels_together(pixels, shape[1], WIDTH)
    return pixels // max(1, together), together * shape[1]


def _as_images(y: NDArray, x: NDArray) -> NDArray:
    """Return a matrix of long rows in the shape of x (N, C, ...)."""
    return channels_first(y.reshape(x.shape[0], *x.shape[2:], x.shape[1]))


# ---- between the passes: a number for each channel -----------------------------------------------------------


@jit
def _merge(means: Any, squares: Any, rows: Any, per_row: Any, mean: Any, var: Any) -> None:
    """Write the moments of all blocks of a matrix of ``rows`` long rows, ``per_row`` pixels each."""
    blocks, channels = means.shape
    for c in range(channels):
        first, second = 0.0, 0.0
        for i in range(blocks):
            start, stop = piece((i, blocks, 0), rows)
            first += (stop - start) * per_row * means[i, c]
        exact = first / (rows * per_row)
        for i in range(blocks):
            start, stop = piece((i, blocks, 0), rows)
            second += squares[i, c] + (stop - start) * per_row * (means[i, c] - exact) ** 2
        mean[c], var[c] = exact, second / (rows * per_row)


@jit
def _slopes(sums: Any, products: Any, count: Any, var: Any, w: Any, eps: Any, laid: Any, dw: Any, db: Any) -> None:
    """Write the gradients of w and b, and what `_input_grad` needs for each number of a long row."""
    for c in range(var.size):
        sum_g, sum_gd = 0.0, 0.0  # d = x - mean
        for i in range(len(sums)):
            sum_g += sums[i, c]
            sum_gd += products[i, c]
        inverse = 1 / np.sqrt(np.float64(var[c]) + eps)
        dw[c], db[c] = sum_gd * inverse, sum_g
        scale = inverse
        if w is not None:
            scale = inverse * w[c]
        for i in range(c, laid.shape[1], var.size):
            laid[1, i], laid[2, i], laid[3, i] = sum_g / count, inverse * inverse * sum_gd / count, scale


# ---- a block of rows --------------------------------------------------------------------------------------


@shared
@fused
def _moments_of_block(at: Any, x: Any, means: Any, squares: Any) -> None:
    channels = means.shape[1]
    start, stop = piece(at, len(x))
    count = (stop - start) * x.shape[1] // channels
    total = np.empty(x.shape[1], np.float64)
    sum_rows(x, start, stop, total)
    share_by_channel(total, channels)
    for c in range(total.size):
        total[c] /= count
    put_row(total, means[at[0]])
    rounded = total.astype(x.dtype)
    sum_squares(x, start, stop, rounded, total)
    share_by_channel(total, channels)
    for c in range(channels):  # about the mean before rounding
        squares[at[0], c] = np.maximum(total[c] - count * (means[at[0], c] - rounded[c]) ** 2, 0.0)


@shared
@jit
def _standardize(at: Any, x: Any, mean: Any, scale: Any, shift: Any, residual: Any, rectify: Any, y: Any) -> None:
    """What is None is left out when the loop is compiled: it comes in four forms."""
    zero = y.dtype.type(0)
    for r in range(*piece(at, len(x))):
        row, out = x[r], y[r]
        more = out if residual is None else residual[r]
        for c in range(row.size):
            value = (row[c] - mean[c]) * scale[c] + shift[c]
            if residual is not None:
                value = value + more[c]
            if rectify is not None:
                value = zero if value < zero else value  # a NaN stays
            out[c] = value


@shared
@fused
def _sums_of_block(at: Any, g: Any, x: Any, mean: Any, sums: Any, products: Any) -> None:
    sum_g, sum_gd = np.empty(x.shape[1], np.float64), np.empty(x.shape[1], np.float64)
    start, stop = piece(at, len(x))
    sum_products(g, x, start, stop, mean, sum_g, sum_gd)
    channels = sums.shape[1]
    share_by_channel(sum_g, channels)
    share_by_channel(sum_gd, channels)
    put_row(sum_g, sums[at[0]])
    put_row(sum_gd, products[at[0]])


@shared
@jit
def _input_grad(at: Any, g: Any, x: Any, mean: Any, mean_g: Any, slope: Any, scale: Any, dx: Any) -> None:
    for r in range(*piece(at, len(x))):
        row, gradient, out = x[r], g[r], dx[r]
        for c in range(row.size):
            out[c] = ((gradient[c] - mean_g[c]) - (row[c] - mean[c]) * slope[c]) * scale[c]


@fused
def sum_squares(x: NDArray, start: int, stop: int, mean: NDArray, total: NDArray) -> None:
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
def sum_products(g: NDArray, x: NDArray, start: int, stop: int, mean: NDArray, sum_g: NDArray, sum_gd: NDArray) -> None:
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
