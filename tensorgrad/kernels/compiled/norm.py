"""Normalisation of rows: a row stays in the first cache for all that is done with it, and is summed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import norm as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.rows import total, total_of_squares
from tensorgrad.kernels.compiled.threads import shared

WORK = 3  # times that of reading a number
BLOCK = 256  # columns whose sums stay in the first cache, while the rows of a task are added


@twin_of(kernel.normalize_rows)
def normalize_rows(x: NDArray, w: NDArray, b: NDArray, eps: float, y: NDArray, mean: NDArray, var: NDArray) -> None:
    """See `kernels.norm.normalize_rows`."""
    _normalize(pieces_of(len(x), WORK * x.size), x, w, b, eps, y, mean, var)


@twin_of(kernel.normalize_grad_of_rows)
def normalize_grad_of_rows(
    g: NDArray, x: NDArray, w: NDArray, mean: NDArray, var: NDArray, eps: float, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """See `kernels.norm.normalize_grad_of_rows`."""
    tasks = pieces_of(len(x), 2 * WORK * x.size)
    dw, db = np.zeros((2, tasks, w.size))
    _grad(tasks, g, x, w, mean, var, eps, dx, dw, db)
    return dw.sum(axis=0), db.sum(axis=0)


@shared
@jit
def _normalize(at: Any, x: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, var: Any) -> None:
    number = x.dtype.type
    for r in range(*piece(at, len(x))):
        row, out = x[r], y[r]
        mean[r] = total(row) / row.size
        var[r] = total_of_squares(row, mean[r]) / row.size
        scale = number(1) / np.sqrt(var[r] + number(eps))
        for c in range(out.size):
            out[c] = (row[c] - mean[r]) * scale
        if w.size:
            for c in range(out.size):
                out[c] *= w[c]
        if b.size:
            for c in range(out.size):
                out[c] += b[c]


@shared
@jit
def _grad(at: Any, g: Any, x: Any, w: Any, mean: Any, var: Any, eps: Any, dx: Any, dw: Any, db: Any) -> None:
    number = x.dtype.type
    start, stop = piece(at, len(x))
    for r in range(start, stop):
        row, out = x[r], dx[r]
        scale = number(1) / np.sqrt(var[r] + number(eps))
        for c in range(out.size):
            out[c] = g[r, c]
        for c in range(w.size):
            out[c] *= w[c]
        sum_g, sum_gz = sums_with_deviations(out, row, mean[r])
        mean_g = number(sum_g / row.size)
        mean_gz = number(sum_gz * scale * scale / row.size)
        for c in range(out.size):
            out[c] = scale * ((out[c] - mean_g) - (row[c] - mean[r]) * mean_gz)
    for first in range(0, w.size, BLOCK):
        columns = slice(first, first + BLOCK)
        for r in range(start, stop):
            scale = number(1) / np.sqrt(var[r] + number(eps))
            _add_row(g[r, columns], x[r, columns], mean[r], scale, dw[at[0], columns], db[at[0], columns])


@fused
def sums_with_deviations(g: Any, row: Any, mean: Any) -> Any:
    """Return the sums of g and of g (x - mean), in float64."""
    sum, products = 0.0, 0.0
    for c in range(row.size):
        sum += g[c]
        products += g[c] * (row[c] - mean)
    return sum, products


@jit
def _add_row(g: Any, row: Any, mean: Any, scale: Any, dw: Any, db: Any) -> None:
    for c in range(dw.size):
        dw[c] += g[c] * ((row[c] - mean) * scale)
        db[c] += g[c]
