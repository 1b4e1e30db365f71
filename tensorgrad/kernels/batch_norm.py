"""Batch normalisation on raw arrays, in blocks that stay in cache for all the passes over them.

A batch of images is a matrix here: a row for each pixel, a column for each channel. Several rows are laid end to end,
since starting a loop over 16 channels costs more than the loop. Vectors of one number a channel are repeated to match.

The moments of a block are those of two passes: a large mean costs no accuracy, and memory is still read only once. The
blocks are merged in float64 (Chan, Golub and LeVeque 1979), with M2 the sum of squared deviations from the mean:

    mean = sum_i n_i mean_i / n        M2 = sum_i M2_i + sum_i n_i (mean_i - mean)^2

For the same reason numbers are taken from a centre before they are multiplied: the mean, or 0 where that loses nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first, channels_last, pixels_together
from tensorgrad.kernels.scratch import WORK, scratch
from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

BLOCK_FLOATS = 1 << 18  # numbers of a block: a megabyte of float32; NumPy calls on less do not scale (see im2col)
SHARED_FLOATS = 1 << 19  # smaller work is not worth handing to a second thread
WIDTH = 8192  # numbers of the rows that are laid end to end; on shorter ones than NumPy's buffer a vector as the other
# operand halves the speed
LOSSLESS = 8  # a mean whose square is not this many times the variance may be subtracted after squaring or scaling
FEW = 128  # long rows that may be added one after the other; the sums of more are those of deviations from the mean

Vector = NDArray  # one number for each channel


def batch_norm_vectors(
    x: NDArray, w: Vector | None, b: Vector | None, *, eps: float
) -> tuple[tuple[Vector, Vector, Vector | None], tuple[Vector, Vector]]:
    """Return the arguments with which `standardize` makes ``(x - mean) / sqrt(var + eps) * w + b``, and (mean, var)."""
    mean, var = moments = batch_moments(x)
    scale = _inverse_deviation(var, eps)
    if w is not None:
        scale = scale * w
    centre = _centre(mean, var)
    shift = (centre - mean) * scale
    return (centre, scale, shift if b is None else shift + b), moments


@has_twin
def batch_moments(x: NDArray) -> tuple[Vector, Vector]:
    """Return the mean and the biased variance of each channel of x (N, C, ...)."""
    blocks = _Blocks(x.shape)
    matrix = blocks.of(x)
    means, squares = blocks.of_each(lambda edges: moments_of_blocks(matrix, edges, x.shape[1]))
    counts = blocks.rows_of_each()[:, None]
    mean = (counts * means).sum(axis=0) / counts.sum()
    squares = squares.sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
    return mean.astype(x.dtype), (squares / counts.sum()).astype(x.dtype)


@has_twin
def standardize(
    x: NDArray,
    mean: Vector | None,
    scale: Vector | None,
    shift: Vector | None,
    residual: NDArray | None = None,
    *,
    rectify: bool = False,
) -> NDArray:
    """Return ``(x - mean) * scale + shift`` for x (N, C, ...) and vectors (C); None stands for 0, 1 and 0.

    A ``residual`` of x's shape is added; with ``rectify``, what is below 0 becomes 0, as in `activation.relu`.
    """
    dtype = np.result_type(*(a for a in (x, mean, scale, shift) if a is not None))
    blocks = _Blocks(x.shape)
    y = blocks.empty(dtype)
    matrix, target = blocks.of(x), blocks.of(y)
    mean, scale, shift = (
        blocks.laid(np.full(x.shape[1], absent, dtype) if vector is None else vector, dtype)
        for vector, absent in ((mean, 0), (scale, 1), (shift, 0))
    )
    least = np.zeros(blocks.width, dtype) if rectify else None
    more = None if residual is None else blocks.of(residual)

    def work(at: slice) -> None:
        standardize_rows(matrix[at], mean, scale, shift, None if more is None else more[at], least, target[at])

    blocks.on_rows(work)
    return y


@has_twin
def batch_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Vector | None, *, eps: float, moments: tuple[Vector, Vector]
) -> tuple[NDArray | None, Vector | None, Vector | None]:
    """Return the gradients of `batch_norm` in x, w and b. With z = (x - mean) / deviation:

    dw = sum g z,  db = sum g,  dx = w / deviation (g - mean(g) - z mean(g z))
    """
    mean, var = moments
    blocks = _Blocks(x.shape)
    matrix, gradient = blocks.of(x), blocks.of(g)
    centre = _centre(mean, var)
    beside = (mean - centre).astype(np.float64)
    laid_centre = blocks.laid(centre, x.dtype)
    found = blocks.of_each(lambda edges: grad_sums_of_blocks(gradient, matrix, laid_centre, edges, x.shape[1]))
    sum_g, products = (np.sum(part, axis=0) for part in found)
    sum_gd = products - beside * sum_g  # d = x - mean
    inverse = _inverse_deviation(var.astype(np.float64), eps)
    dx = None
    if wanted[0]:
        count = blocks.rows
        scale = inverse if w is None else inverse * w
        dx = blocks.empty(x.dtype)
        target = blocks.of(dx)
        slope = inverse * inverse * sum_gd / count
        mean_g, slope, scale = (blocks.laid(v, x.dtype) for v in (sum_g / count - beside * slope, slope, scale))
        blocks.on_rows(
            lambda at: input_grad_of_rows(gradient[at], matrix[at], laid_centre, mean_g, slope, scale, target[at])
        )
    dw = (sum_gd * inverse).astype(x.dtype) if wanted[1] else None
    return dx, dw, sum_g.astype(x.dtype) if wanted[2] else None


def _inverse_deviation(var: Vector, eps: float) -> Vector:
    return 1 / np.sqrt(var + var.dtype.type(eps))


def _centre(mean: Vector, var: Vector) -> Vector:
    """Return what to subtract from numbers before they are scaled: the mean, or 0 where it is not large."""
    return np.where(mean * mean <= LOSSLESS * var, mean.dtype.type(0), mean)


# ---- the matrix and its blocks -----------------------------------------------------------------------------


class _Blocks:
    """How arrays of one shape (N, C, ...) are read as a matrix of long rows and cut; by the shape alone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.channels = shape[1]
        self.rows = shape[0] * math.prod(shape[2:])
        self.together = pixels_together(self.rows, self.channels, WIDTH)
        self.width = self.together * self.channels
        self.edges = _edges(self.rows // max(1, self.together), self.width)

    def of(self, x: NDArray) -> NDArray:
        """Return x (N, C, ...) as the matrix of long rows; without a copy if it lies channels last."""
        return np.ascontiguousarray(channels_last(x)).reshape(self.rows // max(1, self.together), self.width)

    def empty(self, dtype: Any) -> NDArray:
        """Return a new array of the shape, channels last in memory."""
        return channels_first(np.empty((self.shape[0], *self.shape[2:], self.channels), dtype))

    def laid(self, vector: Vector, dtype: Any) -> NDArray:
        """Return the vector repeated to the width of a long row."""
        return np.repeat(vector[None].astype(dtype, copy=False), self.together, axis=0).reshape(-1)

    def of_each(self, work: Callable[[NDArray], tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
        """Return two vectors for every block, as (blocks, C), by ``work`` on the edges of some blocks."""
        found = self._shared(work)
        return np.concatenate([first for first, _ in found]), np.concatenate([second for _, second in found])

    def on_rows(self, work: Callable[[slice], None]) -> None:
        """Run ``work`` on ranges of long rows that make up all of them."""
        self._shared(lambda edges: work(slice(edges[0], edges[-1])))

    def _shared(self, work: Callable[[NDArray], Any]) -> list[Any]:
        """Return the results of ``work`` on the edges of some blocks: large arrays are shared by all threads."""
        if self.rows * self.channels < SHARED_FLOATS:
            return [work(self.edges)]
        some = [self.edges[pieces[0] : pieces[-1] + 2] for pieces in shared_out(range(len(self.edges) - 1))]
        return parallel(work, some)

    def rows_of_each(self) -> NDArray:
        """Return the number of rows of the matrix (pixels) in every block."""
        return np.diff(self.edges) * float(self.together)


def _edges(rows: int, width: int) -> NDArray:
    """Return where blocks of long rows that fit in cache begin and end."""
    return np.array([0, *(stop for _, stop in split(rows, -(-rows * width // BLOCK_FLOATS)))])


# ---- x (rows, width), contiguous -----------------------------------------------------------------------------


def moments_of_blocks(x: NDArray, edges: NDArray, channels: int) -> tuple[NDArray, NDArray]:
    """Return the mean of each block and channel and the sum of squared deviations from it, in float64."""
    means, squares = np.empty((2, len(edges) - 1, channels))
    for i, (rows,) in enumerate(_blocks(edges, x)):
        count = rows.size // channels
        means[i] = _sum(rows, channels) / count
        total = _sum_products(rows, rows, channels)
        squares[i] = total - count * means[i] ** 2
        inexact = ~(LOSSLESS * squares[i] > total) | (len(rows) > FEW)
        if inexact.any():
            means[i, inexact], squares[i, inexact] = (m[inexact] for m in _moments_in_two_passes(rows, means[i]))
    return means, squares


def _moments_in_two_passes(x: NDArray, guess: Vector) -> tuple[Vector, Vector]:
    """Return the mean of each channel of a block, and the sum of squared deviations from it; ``guess`` is near the
    mean, but was summed in x's own precision."""
    count, guess = x.size // len(guess), guess.astype(x.dtype)
    d = scratch(WORK, x.shape, x.dtype)
    np.subtract(x, np.repeat(guess[None], x.size // len(x) // len(guess), axis=0).reshape(-1), out=d)
    correction = _sum(d, len(guess)) / count
    return guess + correction, np.maximum(_sum_products(d, d, len(guess)) - count * correction**2, 0)


def standardize_rows(
    x: NDArray,
    mean: NDArray,
    scale: NDArray,
    shift: NDArray,
    residual: NDArray | None,
    least: NDArray | None,
    y: NDArray,
) -> None:
    """Write ``(x - mean) * scale + shift + residual`` into y, or ``least`` where that is more."""
    for rows, target, more in _blocks(_edges(*x.shape), x, y, x if residual is None else residual):
        np.multiply(_less(rows, mean, out=target), scale, out=target)
        np.add(target, shift, out=target)
        if residual is not None:
            np.add(target, more, out=target)
        if least is not None:
            np.maximum(least, target, out=target)


def grad_sums_of_blocks(
    g: NDArray, x: NDArray, mean: NDArray, edges: NDArray, channels: int
) -> tuple[NDArray, NDArray]:
    """Return sum g and sum g (x - mean) of each block and channel, in float64."""
    sums, products = np.empty((2, len(edges) - 1, channels))
    for i, (gradient, rows) in enumerate(_blocks(edges, g, x)):
        d = _less(rows, mean, out=scratch(WORK, rows.shape, x.dtype))
        sums[i], products[i] = _sum(gradient, channels), _sum_products(gradient, d, channels)
    return sums, products


def input_grad_of_rows(
    g: NDArray, x: NDArray, mean: NDArray, mean_g: NDArray, slope: NDArray, scale: NDArray, dx: NDArray
) -> None:
    """Write ``((g - mean_g) - (x - mean) * slope) * scale`` into dx."""
    for gradient, rows, target in _blocks(_edges(*x.shape), g, x, dx):
        d = scratch(WORK, rows.shape, x.dtype)
        np.multiply(_less(rows, mean, out=d), slope, out=d)
        np.subtract(gradient, mean_g, out=target)
        np.subtract(target, d, out=target)
        np.multiply(target, scale, out=target)


def _less(x: NDArray, centre: NDArray, out: NDArray) -> NDArray:
    """Return ``x - centre``, written into ``out`` if there is anything to subtract."""
    return np.subtract(x, centre, out=out) if centre.any() else x


def _blocks(edges: NDArray, *arrays: NDArray) -> Iterator[tuple[NDArray, ...]]:
    """Yield the rows of each array that lie between one edge and the next."""
    for start, stop in itertools.pairwise(edges):
        yield tuple(a[start:stop] for a in arrays)


def _sum(x: NDArray, channels: int) -> Vector:
    """Return the sum of each channel of a block in float64: down the long rows, then across each of them."""
    return _across(np.add.reduce(x, axis=0, dtype=np.promote_types(x.dtype, np.float32)), channels)


def _sum_products(a: NDArray, b: NDArray, channels: int) -> Vector:
    """Return the sum of the products of a and b for each channel of a block in float64."""
    return _across(np.einsum("ij,ij->j", a, b, dtype=np.result_type(a, b, np.float32)), channels)


def _across(row: NDArray, channels: int) -> Vector:
    """Return the sum of each channel of a long row in float64."""
    return row.reshape(-1, channels).sum(axis=0, dtype=np.float64)
