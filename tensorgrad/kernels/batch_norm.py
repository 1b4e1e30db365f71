"""Batch normalisation on raw arrays, in blocks that stay in cache for all the passes over them.

A batch of images is a matrix here: a row for each pixel, a column for each channel. Several rows are laid end to end,
since starting a loop over 16 channels costs more than the loop. Vectors of one number a channel are repeated to match.

The moments of a block take two passes, so a large mean costs no accuracy, and memory is still read only once. The
blocks are merged in float64 (Chan, Golub and LeVeque 1979), with M2 the sum of squared deviations from the mean:

    mean = sum_i n_i mean_i / n        M2 = sum_i M2_i + sum_i n_i (mean_i - mean)^2
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import parallel, split
from tensorgrad.kernels.twin import has_twin

BLOCK_FLOATS = 1 << 18  # numbers of a block: a megabyte of float32; NumPy calls on less do not scale (see im2col)
SHARED_FLOATS = 1_000_000  # smaller work is not worth handing to a second thread
WIDTH = 1024  # numbers of the rows that are laid end to end: long for a loop, and a few of them still fit in L1

Vector = NDArray  # one number for each channel


def batch_norm(x: NDArray, w: Vector | None, b: Vector | None, *, eps: float) -> tuple[NDArray, tuple[Vector, Vector]]:
    """Return ``(x - mean) / sqrt(var + eps) * w + b`` for x (N, C, ...), and (mean, var) of each channel (biased)."""
    mean, var = moments = batch_moments(x)
    scale = _inverse_deviation(var, eps)
    return standardize(x, mean, scale if w is None else scale * w, b), moments


def batch_moments(x: NDArray) -> tuple[Vector, Vector]:
    """Return the mean and the biased variance of each channel of x (N, C, ...)."""
    blocks = _Blocks(x.shape)
    matrix = blocks.of(x)
    found = blocks.each(lambda at: block_moments(matrix[at], x.shape[1]))
    counts = blocks.rows_of_each()[:, None]
    means, squares = (np.array(part) for part in zip(*found, strict=True))
    mean = (counts * means).sum(axis=0) / counts.sum()
    squares = squares.sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
    return mean.astype(x.dtype), (squares / counts.sum()).astype(x.dtype)


def standardize(x: NDArray, mean: Vector | None, scale: Vector | None, shift: Vector | None) -> NDArray:
    """Return ``(x - mean) * scale + shift`` for x (N, C, ...) and vectors (C); None stands for 0, 1 and 0."""
    dtype = np.result_type(*(a for a in (x, mean, scale, shift) if a is not None))
    blocks = _Blocks(x.shape)
    y = blocks.empty(dtype)
    matrix, target = blocks.of(x), blocks.of(y)
    mean, scale, shift = (
        blocks.laid(np.full(x.shape[1], absent, dtype) if vector is None else vector, dtype)
        for vector, absent in ((mean, 0), (scale, 1), (shift, 0))
    )
    blocks.each(lambda at: block_standardize(matrix[at], mean, scale, shift, target[at]))
    return y


def batch_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Vector | None, *, eps: float, moments: tuple[Vector, Vector]
) -> tuple[NDArray | None, Vector | None, Vector | None]:
    """Return the gradients of `batch_norm` in x, w and b. With z = (x - mean) / deviation:

    dw = sum g z,  db = sum g,  dx = w / deviation (g - mean(g) - z mean(g z))
    """
    mean, var = moments
    blocks = _Blocks(x.shape)
    matrix, gradient = blocks.of(x), blocks.of(g)
    laid_mean = blocks.laid(mean, x.dtype)
    found = blocks.each(lambda at: block_grad_sums(gradient[at], matrix[at], laid_mean, x.shape[1]))
    sum_g, sum_gd = (np.sum(part, axis=0) for part in zip(*found, strict=True))  # d = x - mean
    inverse = _inverse_deviation(var.astype(np.float64), eps)
    dx = None
    if wanted[0]:
        count = blocks.rows
        scale = inverse if w is None else inverse * w
        dx = blocks.empty(x.dtype)
        target = blocks.of(dx)
        mean_g, slope, scale = (
            blocks.laid(v, x.dtype) for v in (sum_g / count, inverse * inverse * sum_gd / count, scale)
        )
        blocks.each(lambda at: block_input_grad(gradient[at], matrix[at], laid_mean, mean_g, slope, scale, target[at]))
    dw = (sum_gd * inverse).astype(x.dtype) if wanted[1] else None
    return dx, dw, sum_g.astype(x.dtype) if wanted[2] else None


def _inverse_deviation(var: Vector, eps: float) -> Vector:
    return 1 / np.sqrt(var + var.dtype.type(eps))


# ---- the matrix and its blocks -----------------------------------------------------------------------------


class _Blocks:
    """How arrays of one shape (N, C, ...) are read as a matrix of long rows and cut; by the shape alone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.channels = shape[1]
        self.rows = shape[0] * math.prod(shape[2:])
        fit = max(1, WIDTH // max(1, self.channels))
        self.together = math.gcd(self.rows, 1 << fit.bit_length() - 1)  # rows laid end to end; all rows find a place
        self.width = self.together * self.channels
        parts = -(-self.rows * self.channels // BLOCK_FLOATS)
        self.blocks = [slice(*at) for at in split(self.rows // max(1, self.together), parts)]

    def of(self, x: NDArray) -> NDArray:
        """Return x (N, C, ...) as the matrix of long rows; without a copy if it lies channels last."""
        return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(self.rows // max(1, self.together), self.width)

    def empty(self, dtype: Any) -> NDArray:
        """Return a new array of the shape, channels last in memory."""
        return np.moveaxis(np.empty((self.shape[0], *self.shape[2:], self.channels), dtype), -1, 1)

    def laid(self, vector: Vector, dtype: Any) -> NDArray:
        """Return the vector repeated to the width of a long row."""
        return np.repeat(vector[None].astype(dtype, copy=False), self.together, axis=0).reshape(-1)

    def each(self, work: Callable[[slice], Any]) -> list[Any]:
        """Return the results of ``work`` on every block, large arrays on all threads."""
        if self.rows * self.channels < SHARED_FLOATS:
            return [work(at) for at in self.blocks]
        return parallel(work, self.blocks)

    def rows_of_each(self) -> NDArray:
        """Return the number of rows of the matrix (pixels) in every block."""
        return np.array([float((at.stop - at.start) * self.together) for at in self.blocks])


# ---- one block: x (k, width), contiguous -------------------------------------------------------------------


@has_twin
def block_moments(x: NDArray, channels: int) -> tuple[Vector, Vector]:
    """Return the mean of each channel and the sum of squared deviations from it, in float64."""
    count = x.size // channels
    guess = (_sum(x, channels) / count).astype(x.dtype)
    d = scratch("deviation", x.shape, x.dtype)
    np.subtract(x, np.repeat(guess[None], x.shape[1] // channels, axis=0).reshape(-1), out=d)
    correction = _sum(d, channels) / count  # the guess was summed and rounded in x's own precision
    np.multiply(d, d, out=d)
    return guess + correction, np.maximum(_sum(d, channels) - count * correction**2, 0)


@has_twin
def block_standardize(x: NDArray, mean: NDArray, scale: NDArray, shift: NDArray, y: NDArray) -> None:
    """Write ``(x - mean) * scale + shift`` into y."""
    np.subtract(x, mean, out=y)
    np.multiply(y, scale, out=y)
    np.add(y, shift, out=y)


@has_twin
def block_grad_sums(g: NDArray, x: NDArray, mean: NDArray, channels: int) -> tuple[Vector, Vector]:
    """Return sum g and sum g (x - mean) of each channel, in float64."""
    d = np.subtract(x, mean, out=scratch("deviation", x.shape, x.dtype))
    np.multiply(d, g, out=d)
    return _sum(g, channels), _sum(d, channels)


@has_twin
def block_input_grad(
    g: NDArray, x: NDArray, mean: NDArray, mean_g: NDArray, slope: NDArray, scale: NDArray, dx: NDArray
) -> None:
    """Write ``((g - mean_g) - (x - mean) * slope) * scale`` into dx."""
    d = np.subtract(x, mean, out=scratch("deviation", x.shape, x.dtype))
    np.multiply(d, slope, out=d)
    np.subtract(g, mean_g, out=dx)
    np.subtract(dx, d, out=dx)
    np.multiply(dx, scale, out=dx)


def _sum(x: NDArray, channels: int) -> Vector:
    """Return the sum of each channel of a block in float64: down the long rows, then across each of them."""
    down = np.add.reduce(x, axis=0, dtype=np.promote_types(x.dtype, np.float32))
    return down.reshape(-1, channels).sum(axis=0, dtype=np.float64)
