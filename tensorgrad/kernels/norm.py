"""Normalisation of rows on raw arrays: two-pass moments, and the gradient that reuses them.

The dimensions that are normalised are the last ones, so that an array is a matrix (M, C) with a row for each mean.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.lines import BLOCK_FLOATS, SHARED_FLOATS
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

Moments = tuple[NDArray, NDArray]


def layer_norm(x: NDArray, w: Any, b: Any, *, dims: int, eps: float) -> tuple[NDArray, Moments]:
    """``(x - mean) / sqrt(var + eps) * w + b`` over the last ``dims`` dimensions; also (mean, var) for the gradient."""
    rows = _matrix(x, dims)
    y = np.empty_like(rows)
    mean, var = np.empty((2, len(rows)), x.dtype)
    normalize_rows(rows, vector(w, x.dtype), vector(b, x.dtype), eps, y, mean, var)
    return y.reshape(x.shape), (mean, var)


def layer_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Any, *, dims: int, eps: float, moments: Moments
) -> tuple[NDArray | None, ...]:
    """Gradients of :func:`layer_norm` in x, w and b."""
    rows = _matrix(x, dims)
    dx = np.empty_like(rows)
    own = np.ones(rows.shape[1], x.dtype) if w is None and wanted[2] else vector(w, x.dtype)
    mean, var = moments
    dw, db = normalize_grad_of_rows(_matrix(g, dims), rows, own, mean, inverse_deviation(var, eps), dx)
    shapes = x.shape, x.shape[x.ndim - dims :], x.shape[x.ndim - dims :]
    found = zip((dx, dw, db), shapes, wanted, strict=True)
    return tuple([d.astype(x.dtype, copy=False).reshape(shape) if needed else None for d, shape, needed in found])


def _matrix(x: NDArray, dims: int) -> NDArray:
    """Return an array as rows (M, C), of its last ``dims`` dimensions."""
    before = x.ndim - dims
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:before]), math.prod(x.shape[before:]))


def vector(w: NDArray | None, dtype: np.dtype) -> NDArray:
    """Return w as a vector of this dtype, of no numbers for None."""
    return _no_numbers(dtype) if w is None else np.ascontiguousarray(w, dtype).reshape(-1)


@functools.cache
def _no_numbers(dtype: np.dtype) -> NDArray:
    return np.empty(0, dtype)


def inverse_deviation(var: NDArray, eps: float) -> NDArray:
    """Return ``1 / sqrt(var + eps)``."""
    return 1 / np.sqrt(var + var.dtype.type(eps))


# ---- rows (M, C); w and b (C), or (0) for none ------------------------------------------------------------------


@has_twin
def normalize_rows(x: NDArray, w: NDArray, b: NDArray, eps: float, y: NDArray, mean: NDArray, var: NDArray) -> None:
    """Write ``(x - mean) / sqrt(var + eps) * w + b`` of every row into y, and its moments."""

    def run(some: list[tuple[int, int]]) -> None:
        for at in some:
            cut = slice(*at)
            rows, out = x[cut], y[cut]
            found = accurate_sum(rows, (1,), keepdims=True) / x.dtype.type(x.shape[1])
            np.subtract(rows, found, out=out)
            squares = accurate_sum(out, (1,), keepdims=True, squares=True) / x.dtype.type(x.shape[1])
            out *= inverse_deviation(squares, eps)
            if w.size:
                out *= w
            if b.size:
                out += b
            mean[cut], var[cut] = found[:, 0], squares[:, 0]

    over_blocks_of_rows(run, x)


@has_twin
def normalize_grad_of_rows(
    g: NDArray, x: NDArray, w: NDArray, mean: NDArray, inverse: NDArray, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """Write the gradient in x into dx; return those in w and b, or nothing of use if w is none.

    ``inverse`` is ``1 / sqrt(var + eps)`` of every row.
    """
    count = x.dtype.type(x.shape[1])

    def run(some: list[tuple[int, int]]) -> list[tuple[NDArray, NDArray]]:
        found = []
        for at in some:
            cut = slice(*at)
            z = x[cut] - mean[cut, None]
            z *= inverse[cut, None]
            gw = g[cut] * w if w.size else g[cut]
            gz = gw * z
            mean_g, mean_gz = (accurate_sum(a, (1,), keepdims=True) / count for a in (gw, gz))
            if w.size:
                np.multiply(g[cut], z, out=gz)
                found.append((accurate_sum(gz, (0,)), accurate_sum(g[cut], (0,))))
            out = np.subtract(gw, mean_g, out=dx[cut])
            z *= mean_gz
            out -= z
            out *= inverse[cut, None]
        return found

    return added([pair for found in over_blocks_of_rows(run, x) for pair in found], w)


def over_blocks_of_rows(run: Any, x: NDArray) -> list[Any]:
    """Return what ``run`` gives for lists of (start, stop), blocks of rows that stay in the cache.

    Those of a large array are shared by all threads.
    """
    blocks = split(len(x), -(-x.size // BLOCK_FLOATS)) if x.size else []
    return [run(blocks)] if x.size < SHARED_FLOATS else parallel(run, shared_out(blocks))


def added(pairs: list[tuple[NDArray, NDArray]], w: NDArray) -> tuple[NDArray, NDArray]:
    """Return the sums of the gradients in w and b that blocks have found; zeros if there are none."""
    if not pairs:
        return np.zeros_like(w), np.zeros_like(w)
    dw, db = (accurate_sum(np.stack(each), (0,)) for each in zip(*pairs, strict=True))
    return dw, db
