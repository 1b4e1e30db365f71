"""Normalisation of rows: a row stays in the first cache for all that is done with it, and is summed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import norm as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.rows import total, total_of_squares, totals_with_deviations
from tensorgrad.kernels.compiled.threads import shared

WORK = 3  # times that of reading a number
BLOCK = 256  # columns whose sums stay in the first cache, while the rows of a task are added


@twin_of(kernel.normalize_rows)
def normalize_rows(x: NDArray, w: NDArray, b: NDArray, eps: float, y: NDArray, mean: NDArray, var: NDArray) -> None:
    """See `kernels.norm.normalize_rows`."""
    w = w if w.size else np.ones(x.shape[1], x.dtype)
    b = b if b.size else np.zeros(x.shape[1], x.dtype)
    _normalize(pieces_of(len(x), WORK * x.size), x, w, b, eps, y, mean, var)


@twin_of(kernel.normalize_grad_of_rows)
def normalize_grad_of_rows(
    g: NDArray, x: NDArray, w: NDArray, mean: NDArray, inverse: NDArray, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """See `kernels.norm.normalize_grad_of_rows`."""
    tasks = pieces_of(len(x), 2 * WORK * x.size)
    dw, db = np.zeros((2, tasks, w.size))
    _grad(tasks, g, x, w, mean, inverse, dx, dw, db)
    return dw.sum(axis=0), db.sum(axis=0)


@shared
@jit
def _normalize(at: Any, x: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, var: Any) -> None:
    number, columns = x.dtype.type, x.shape[1]
    for r in range(*piece(at, len(x))):
        centre = number(total(x, r) / columns)
        mean[r], var[r] = centre, total_of_squares(x, r, centre) / columns
        scale = number(1) / np.sqrt(var[r] + number(eps))
        for c in range(columns):
            y[r, c] = (x[r, c] - centre) * scale * w[c] + b[c]


@shared
@jit
def _grad(at: Any, g: Any, x: Any, w: Any, mean: Any, inverse: Any, dx: Any, dw: Any, db: Any) -> None:
    number, columns = x.dtype.type, x.shape[1]
    start, stop = piece(at, len(x))
    for r in range(start, stop):
        centre, scale = mean[r], inverse[r]
        for c in range(columns):
            dx[r, c] = g[r, c] * w[c] if w.size else g[r, c]
        sum_g, sum_gd = totals_with_deviations(dx, x, r, centre)
        mean_g, slope = number(sum_g / columns), number(sum_gd * scale * scale / columns)
        for c in range(columns):
            dx[r, c] = scale * ((dx[r, c] - mean_g) - (x[r, c] - centre) * slope)
    for first in range(0, w.size, BLOCK):
        columns = slice(first, first + BLOCK)
        for r in range(start, stop):
            _add_row(g[r, columns], x[r, columns], mean[r], inverse[r], dw[at[0], columns], db[at[0], columns])


@jit
def _add_row(g: Any, row: Any, mean: Any, scale: Any, dw: Any, db: Any) -> None:
    for c in range(dw.size):
        dw[c] += g[c] * ((row[c] - mean) * scale)
        db[c] += g[c]
