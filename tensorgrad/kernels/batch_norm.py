"""Batch normalisation on raw arrays, in blocks that stay in cache for all the passes over them.

A batch of images is a matrix here: a row for each pixel, a column for each channel. Several rows are laid end to end,
since starting a loop over 16 channels costs more than the loop. Vectors of one number a channel are repeated to match.

The moments of a block take two passes, so a large mean costs no accuracy, and memory is still read only once. The
blocks are merged in float64 (Chan, Golub and LeVeque 1979), with M2 the sum of squared deviations from the mean:

    mean = sum_i n_i mean_i / n        M2 = sum_i M2_i + sum_i n_i (mean_i - mean)^2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first, channels_last
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

BLOCK_FLOATS = 1 << 18  # numbers of a block: a megabyte of float32; NumPy calls on less do not scale (see im2col)
SHARED_FLOATS = 1 << 18  # smaller work is not worth handing to a second thread
WIDTH = 1024  # numbers of the rows that are laid end to end: long for a loop, and a few of them still fit in L1

Vector = NDArray  # one number for each channel


@has_twin
def batch_norm(x: NDArray, w: Vector | None, b: Vector | None, *, eps: float) -> tuple[NDArray, tuple[Vector, Vector]]:
    """Return ``(x - mean) / sqrt(var + eps) * w + b`` for x (N, C, ...), and (mean, var) of each channel (biased)."""
    mean, var = moments = batch_moments(x)
    scale = _inverse_deviation(var, eps)
    return standardize(x, mean, scale if w is None else scale * w, b), moments


@has_twin
def batch_moments(x: NDArray) -> tuple[Vector, Vector]:
    """Return the mean and the biased variance of each channel of x (N, C, ...)."""
    layout = _Matrix(x.shape)
    matrix = layout.of(x)
    counts, means, squares = moments_of_blocks(matrix, x.shape[1])
    mean = (counts * means).sum(axis=0) / counts.sum()
    squares = squares.sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
    return mean.astype(x.dtype), (squares / counts.sum()).astype(x.dtype)


@has_twin
def standardize(x: NDArray, mean: Vector | None, scale: Vector | None, shift: Vector | None) -> NDArray:
    """Return ``(x - mean) * scale + shift`` for x (N, C, ...) and vectors (C); None stands for 0, 1 and 0."""
    dtype = np.result_type(*(a for a in (x, mean, scale, shift) if a is not None))
    layout = _Matrix(x.shape)
    y = layout.empty(dtype)
    matrix, target = layout.of(x), layout.of(y)
    mean, scale, shift = (
        layout.laid(np.full(x.shape[1], absent, dtype) if vector is None else vector, dtype)
        for vector, absent in ((mean, 0), (scale, 1), (shift, 0))
    )
    standardize_rows(matrix, mean, scale, shift, target)
    return y


@has_twin
def batch_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Vector | None, *, eps: float, moments: tuple[Vector, Vector]
) -> tuple[NDArray | None, Vector | None, Vector | None]:
    """Return the gradients of `batch_norm` in x, w and b. With z = (x - mean) / deviation:

    dw = sum g z,  db = sum g,  dx = w / deviation (g - mean(g) - z mean(g z))
    """
    mean, var = moments
    layout = _Matrix(x.shape)
    matrix, gradient = layout.of(x), layout.of(g)
    laid_mean = layout.laid(mean, x.dtype)
    found = grad_sums_of_blocks(gradient, matrix, laid_mean, x.shape[1])
    sum_g, sum_gd = (np.sum(part, axis=0) for part in found)  # d = x - mean
    inverse = _inverse_deviation(var.astype(np.float64), eps)
    dx = None
    if wanted[0]:
        count = layout.rows
        scale = inverse if w is None else inverse * w
        dx = layout.empty(x.dtype)
        target = layout.of(dx)
        mean_g, slope, scale = (
            layout.laid(v, x.dtype) for v in (sum_g / count, inverse * inverse * sum_gd / count, scale)
        )
        input_grad_of_rows(gradient, matrix, laid_mean, mean_g, slope, scale, target)
    dw = (sum_gd * inverse).astype(x.dtype) if wanted[1] else None
    return dx, dw, sum_g.astype(x.dtype) if wanted[2] else None


def _inverse_deviation(var: Vector, eps: float) -> Vector:
    return 1 / np.sqrt(var + var.dtype.type(eps))


# ---- the matrix --------------------------------------------------------------------------------------------


class _Matrix:
    """How arrays of one shape (N, C, ...) are read as a matrix of long rows."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.channels = shape[1]
        self.rows = shape[0] * math.prod(shape[2:])
        fit = max(1, WIDTH // max(1, self.channels))
        self.together = math.gcd(self.rows, 1 << fit.bit_length() - 1)  # rows laid end to end; all rows find a place

    def of(self, x: NDArray) -> NDArray:
        """Return x (N, C, ...) as the matrix of long rows; without a copy if it lies channels last."""
        return np.ascontiguousarray(channels_last(x)).reshape(
            self.rows // max(1, self.together), self.together * self.channels
        )

    def empty(self, dtype: Any) -> NDArray:
        """Return a new array of the shape, channels last in memory."""
        return channels_first(np.empty((self.shape[0], *self.shape[2:], self.channels), dtype))

    def laid(self, vector: Vector, dtype: Any) -> NDArray:
        """Return the vector repeated to the width of a long row."""
        return np.repeat(vector[None].astype(dtype, copy=False), self.together, axis=0).reshape(-1)


# ---- x (rows, width), contiguous -----------------------------------------------------------------------------


def moments_of_blocks(x: NDArray, channels: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return the number of pixels of each block (blocks, 1), and for each block and channel the mean and the sum of
    squared deviations from it, in float64."""
    blocks = _cut(x)
    means, squares = np.empty((2, len(blocks), channels))

    def moments(i: int, rows: NDArray) -> None:
        count = rows.size // channels
        guess = (_sum(rows, channels) / count).astype(x.dtype)
        d = scratch("deviation", rows.shape, x.dtype)
        np.subtract(rows, np.repeat(guess[None], x.shape[1] // channels, axis=0).reshape(-1), out=d)
        correction = _sum(d, channels) / count  # the guess was summed and rounded in x's own precision
        np.multiply(d, d, out=d)
        means[i] = guess + correction
        squares[i] = np.maximum(_sum(d, channels) - count * correction**2, 0)

    _on_each(blocks, moments, x)
    counts = np.array([(stop - start) * x.shape[1] / channels for start, stop in blocks])
    return counts[:, None], means, squares


def standardize_rows(x: NDArray, mean: NDArray, scale: NDArray, shift: NDArray, y: NDArray) -> None:
    """Write ``(x - mean) * scale + shift`` into y."""

    def standardize(_: int, rows: NDArray, target: NDArray) -> None:
        np.subtract(rows, mean, out=target)
        np.multiply(target, scale, out=target)
        np.add(target, shift, out=target)

    _on_each(_cut(x), standardize, x, y)


def grad_sums_of_blocks(g: NDArray, x: NDArray, mean: NDArray, channels: int) -> tuple[NDArray, NDArray]:
    """Return sum g and sum g (x - mean) of each block and channel, in float64."""
    blocks = _cut(x)
    sums, products = np.empty((2, len(blocks), channels))

    def add(i: int, gradient: NDArray, rows: NDArray) -> None:
        d = np.subtract(rows, mean, out=scratch("deviation", rows.shape, x.dtype))
        np.multiply(d, gradient, out=d)
        sums[i], products[i] = _sum(gradient, channels), _sum(d, channels)

    _on_each(blocks, add, g, x)
    return sums, products


def input_grad_of_rows(
    g: NDArray, x: NDArray, mean: NDArray, mean_g: NDArray, slope: NDArray, scale: NDArray, dx: NDArray
) -> None:
    """Write ``((g - mean_g) - (x - mean) * slope) * scale`` into dx."""

    def differentiate(_: int, gradient: NDArray, rows: NDArray, target: NDArray) -> None:
        d = np.subtract(rows, mean, out=scratch("deviation", rows.shape, x.dtype))
        np.multiply(d, slope, out=d)
        np.subtract(gradient, mean_g, out=target)
        np.subtract(target, d, out=target)
        np.multiply(target, scale, out=target)

    _on_each(_cut(x), differentiate, g, x, dx)


def _cut(x: NDArray) -> list[tuple[int, int]]:
    """Return where blocks of long rows that fit in cache begin and end; by the shape alone."""
    return split(len(x), -(-x.size // BLOCK_FLOATS))


def _on_each(blocks: list[tuple[int, int]], work: Callable[..., None], *arrays: NDArray) -> None:
    """Run ``work(i, rows of each array)`` for every block; large arrays are shared by all threads."""

    def run(some: Iterable[int]) -> None:
        for i in some:
            work(i, *(a[slice(*blocks[i])] for a in arrays))

    every = range(len(blocks))
    if arrays[0].size < SHARED_FLOATS:
        run(every)
    else:
        parallel(run, shared_out(every))


def _sum(x: NDArray, channels: int) -> Vector:
    """Return the sum of each channel of a block in float64: down the long rows, then across each of them."""
    down = np.add.reduce(x, axis=0, dtype=np.promote_types(x.dtype, np.float32))
    return down.reshape(-1, channels).sum(axis=0, dtype=np.float64)
