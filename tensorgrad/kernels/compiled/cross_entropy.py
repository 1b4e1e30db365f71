"""Softmax cross-entropy in one call: the rows of a piece stay in cache for all that is done with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels.compiled.exponential import exponential
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

WORK = 8  # times that of reading a number
IGNORED = kernel.IGNORED


@twin_of(kernel.losses_of_rows)
def losses_of_rows(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    """See `kernels.cross_entropy.losses_of_rows`."""
    rows = scratch("row", (get_num_threads(), x.shape[1]), x.dtype)
    _losses(pieces_of(len(x), WORK * x.size), x, target, weight, losses, rows)


@twin_of(kernel.grad_of_rows)
def grad_of_rows(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    """See `kernels.cross_entropy.grad_of_rows`."""
    _grad(pieces_of(len(x), WORK * x.size), x, target, g, gx)


@jit
def _largest(row: Any) -> Any:
    """Return the largest number; a NaN may be passed over, since its exponential will be one too."""
    a = b = c = d = row[0]  # four at a time: none waits for the one before
    whole = row.size - row.size % 4
    for i in range(0, whole, 4):
        a = row[i] if row[i] > a else a
        b = row[i + 1] if row[i + 1] > b else b
        c = row[i + 2] if row[i + 2] > c else c
        d = row[i + 3] if row[i + 3] > d else d
    for i in range(whole, row.size):
        a = row[i] if row[i] > a else a
    a, c = (b if b > a else a), (d if d > c else c)
    return c if c > a else a


@jit
def _exponentials(row: Any, largest: Any, out: Any) -> None:
    for c in range(out.size):
        out[c] = exponential(row[c] - largest)


@fused
def _total(row: Any) -> Any:
    total = 0.0
    for c in range(row.size):
        total += row[c]
    return total


@shared
@jit
def _losses(at: Any, x: Any, target: Any, weight: Any, losses: Any, rows: Any) -> None:
    powers = rows[at[2]]
    for r in range(*piece(at, len(x))):
        row = x[r]
        largest = _largest(row)
        _exponentials(row, largest, powers)
        own = row[target[r]] - largest
        losses[r] = weight[r] * (np.log(_total(powers)) - own) if weight[r] != 0 else 0


@shared
@jit
def _grad(at: Any, x: Any, target: Any, g: Any, gx: Any) -> None:
    for r in range(*piece(at, len(x))):
        out = gx[r]
        if target[r] == IGNORED:
            out[:] = 0
            continue
        _exponentials(x[r], _largest(x[r]), out)
        scale = out.dtype.type(1 / _total(out))
        own = g[r] * (out[target[r]] * scale - 1)
        for c in range(out.size):
            out[c] = g[r] * (out[c] * scale)
        out[target[r]] = own
