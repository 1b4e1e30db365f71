"""Normalisation of rows on raw arrays: two-pass moments, and the gradient that reuses them.

The dimensions that are normalised are the last ones, so that an array is a matrix (M, C) with a row for each mean.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.lines import BLOCK_FLOATS, SHARED_FLOATS
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

Moments = tuple[NDArray, NDArray]


def batch_moments(x: NDArray, dim: tuple[int, ...]) -> Moments:
    """Mean and biased variance over ``dim`` (kept as size 1), in two passes: a large mean costs no accuracy."""
    count = x.dtype.type(math.prod(x.shape[d] for d in dim))
    mean = accurate_sum(x, dim, keepdims=True) / count
    deviation = x - mean
    return mean, accurate_sum(np.multiply(deviation, deviation, out=deviation), dim, keepdims=True) / count


def normalize(x: NDArray, w: Any, b: Any, *, dim: tuple[int, ...], eps: float) -> tuple[NDArray, Moments]:
    """``(x - mean) / sqrt(var + eps) * w + b``; also returns (mean, var) for the gradient and running averages."""
    rows = _matrix(x, dim)
    y = np.empty_like(rows)
    mean, var = (np.empty(len(rows), x.dtype) for _ in range(2))
    by_row = _is_row(w, x, dim) and (b is None or _is_row(b, x, dim))
    own_w, own_b = (_vector(v if by_row else None, x.dtype) for v in (w, b))
    normalize_rows(rows, own_w, own_b, eps, y, mean, var)
    y = y.reshape(x.shape)
    if not by_row and not (w is None and b is None):
        y = _affine(y, 1 if w is None else _beside(w, x), 0 if b is None else _beside(b, x)).astype(x.dtype, copy=False)
    kept = tuple([1 if d in dim else n for d, n in enumerate(x.shape)])
    return y, (mean.reshape(kept), var.reshape(kept))


def normalize_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Any, *, dim: tuple[int, ...], eps: float, moments: Moments
) -> tuple[Any, ...]:
    """Gradients of :func:`normalize` in x, w and b; those of w and b in the shape of w, or of x if that is no row."""
    mean, var = moments
    by_row = _is_row(w, x, dim)
    gw = g if w is None or by_row else _product(g, _beside(w, x))
    dx = np.empty(_matrix(x, dim).shape, x.dtype)
    own = _vector(w if by_row else None, x.dtype)
    dw, db = normalize_grad_of_rows(_matrix(gw, dim), _matrix(x, dim), own, mean.ravel(), var.ravel(), eps, dx)
    found: tuple[Any, ...]
    if by_row:
        found = dx.reshape(x.shape), *(v.astype(x.dtype, copy=False).reshape(w.shape) for v in (dw, db))
    else:
        found = dx.reshape(x.shape), _times_z(g, x, mean, _scale(var, eps)) if wanted[1] else None, g
    return tuple([d if needed else None for d, needed in zip(found, wanted, strict=True)])


_affine = one_pass(lambda y, w, b: y * w + b)
_product = one_pass(lambda g, w: g * w)
_times_z = one_pass(lambda g, x, mean, scale: g * ((x - mean) * scale))


def _beside(w: NDArray, x: NDArray) -> NDArray:
    """Return w, one number a channel, repeated for every sample: a column, which formulas read as it lies."""
    if w.ndim < x.ndim or w.shape[-1] != 1:
        return w
    channels = max((axis for axis, n in enumerate(w.shape) if n > 1), default=0) + 1
    return np.ascontiguousarray(np.broadcast_to(w, (*x.shape[:channels], *w.shape[channels:])))


def _matrix(x: NDArray, dim: tuple[int, ...]) -> NDArray:
    """Return an array as rows (M, C); dim are its last dimensions."""
    columns = math.prod(x.shape[dim[0] :])
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[: dim[0]]), columns)


def _is_row(w: Any, x: NDArray, dim: tuple[int, ...]) -> bool:
    return isinstance(w, np.ndarray) and w.shape == x.shape[dim[0] :] and w.dtype == x.dtype


def _vector(w: NDArray | None, dtype: np.dtype) -> NDArray:
    return _no_numbers(dtype) if w is None else np.ascontiguousarray(w).reshape(-1)


@functools.cache
def _no_numbers(dtype: np.dtype) -> NDArray:
    return np.empty(0, dtype)


def _scale(var: NDArray, eps: float) -> NDArray:
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
            squares = accurate_sum(out * out, (1,), keepdims=True) / x.dtype.type(x.shape[1])
            out *= _scale(squares, eps)
            if w.size:
                out *= w
            if b.size:
                out += b
            mean[cut], var[cut] = found[:, 0], squares[:, 0]

    _over_rows(run, x)


@has_twin
def normalize_grad_of_rows(
    g: NDArray, x: NDArray, w: NDArray, mean: NDArray, var: NDArray, eps: float, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """Write the gradient in x into dx; return those in w and b, or nothing of use if w is none."""
    count = x.dtype.type(x.shape[1])

    def run(some: list[tuple[int, int]]) -> list[tuple[NDArray, NDArray]]:
        found = []
        for at in some:
            cut = slice(*at)
            scale = _scale(var[cut, None], eps)
            z = x[cut] - mean[cut, None]
            z *= scale
            gw = g[cut] * w if w.size else g[cut]
            gz = gw * z
            mean_g, mean_gz = (accurate_sum(a, (1,), keepdims=True) / count for a in (gw, gz))
            if w.size:
                np.multiply(g[cut], z, out=gz)
                found.append((accurate_sum(gz, (0,)), accurate_sum(g[cut], (0,))))
            out = np.subtract(gw, mean_g, out=dx[cut])
            z *= mean_gz
            out -= z
            out *= scale
        return found

    sums = [pair for found in _over_rows(run, x) for pair in found]
    if not sums:
        return np.zeros_like(w), np.zeros_like(w)
    dw, db = (accurate_sum(np.stack(each), (0,)) for each in zip(*sums, strict=True))
    return dw, db


def _over_rows(run: Any, x: NDArray) -> list[Any]:
    """Run blocks of rows that fit in the cache; those of large arrays on all threads."""
    blocks = split(len(x), -(-x.size // BLOCK_FLOATS)) if x.size else []
    return [run(blocks)] if x.size < SHARED_FLOATS else parallel(run, shared_out(blocks))
