"""Softmax and its kin along columns: a strip of them at a time, whose rows are read as they lie in memory.

The arrays are (before, length, after); a task is some strips of ``WIDTH`` columns. Sums are in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.exponential import exponential
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import piece, put_row
from tensorgrad.kernels.compiled.threads import shared

WIDTH = 256  # columns of a strip: what is kept of each stays in the first cache


def strips(x: NDArray) -> int:
    """Return into how many strips the columns of x (before, length, after) are cut."""
    return len(x) * -(-x.shape[2] // WIDTH)


@jit
def _strip(number: Any, after: Any) -> Any:
    """Return the matrix of a strip, its first column, and the one behind its last."""
    each = -(-after // WIDTH)
    return number // each, number % each * WIDTH, min(after, (number % each + 1) * WIDTH)


@jit
def _largest(x: Any, first: Any, end: Any, top: Any) -> None:
    put_row(x[0, first:end], top)
    for i in range(1, len(x)):
        row = x[i, first:end]
        for c in range(top.size):
            top[c] = row[c] if row[c] > top[c] else top[c]


@jit
def _exponentials(row: Any, top: Any, out: Any) -> None:
    for c in range(out.size):
        out[c] = exponential(row[c] - top[c])


@jit
def _add(row: Any, sums: Any) -> None:
    for c in range(sums.size):
        sums[c] += row[c]


@jit
def _totals(x: Any, first: Any, end: Any, y: Any) -> Any:
    """Write the exponentials of a strip into y; return what was largest in each column, and their sums."""
    top, sums = np.empty(end - first, x.dtype), np.zeros(end - first, np.float64)
    _largest(x, first, end, top)
    for i in range(len(x)):
        _exponentials(x[i, first:end], top, y[i, first:end])
        _add(y[i, first:end], sums)
    return top, sums


@shared
@jit
def softmax(at: Any, strips: Any, x: Any, y: Any) -> None:
    """See `kernels.softmax.softmax_of_lines`."""
    for number in range(*piece(at, strips)):
        b, first, end = _strip(number, x.shape[2])
        top, sums = _totals(x[b], first, end, y[b])
        for c in range(top.size):
            top[c] = 1 / sums[c]
        for i in range(x.shape[1]):
            out = y[b, i, first:end]
            for c in range(out.size):
                out[c] *= top[c]


@shared
@jit
def log_softmax(at: Any, strips: Any, x: Any, y: Any) -> None:
    """See `kernels.softmax.log_softmax_of_lines`."""
    for number in range(*piece(at, strips)):
        b, first, end = _strip(number, x.shape[2])
        top, sums = _totals(x[b], first, end, y[b])
        log = np.log(sums).astype(x.dtype)
        for i in range(x.shape[1]):
            row, out = x[b, i, first:end], y[b, i, first:end]
            for c in range(out.size):
                out[c] = (row[c] - top[c]) - log[c]


@shared
@jit
def softmax_grad(at: Any, strips: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.softmax_grad_of_lines`."""
    for number in range(*piece(at, strips)):
        b, first, end = _strip(number, y.shape[2])
        sums = np.zeros(end - first, np.float64)
        for i in range(y.shape[1]):
            share, gradient = y[b, i, first:end], g[b, i, first:end]
            for c in range(sums.size):
                sums[c] += gradient[c] * share[c]
        mean = sums.astype(y.dtype)
        for i in range(y.shape[1]):
            share, gradient, out = y[b, i, first:end], g[b, i, first:end], gx[b, i, first:end]
            for c in range(out.size):
                out[c] = share[c] * (gradient[c] - mean[c])


@shared
@jit
def log_softmax_grad(at: Any, strips: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.log_softmax_grad_of_lines`."""
    for number in range(*piece(at, strips)):
        b, first, end = _strip(number, y.shape[2])
        sums, zeros = np.zeros(end - first, np.float64), np.zeros(end - first, y.dtype)
        for i in range(y.shape[1]):
            _add(g[b, i, first:end], sums)
        total = sums.astype(y.dtype)
        for i in range(y.shape[1]):
            gradient, out = g[b, i, first:end], gx[b, i, first:end]
            _exponentials(y[b, i, first:end], zeros, out)
            for c in range(out.size):
                out[c] = gradient[c] - out[c] * total[c]
