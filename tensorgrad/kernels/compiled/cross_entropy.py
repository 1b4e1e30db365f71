"""Softmax cross-entropy in one call: the rows of a piece stay in cache for all that is done with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.rows import exponentials, largest, total
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


@shared
@jit
def _losses(at: Any, x: Any, target: Any, weight: Any, losses: Any, rows: Any) -> None:
    for r in range(*piece(at, len(x))):
        top = largest(x, r)
        exponentials(x, r, top, rows, at[2])
        own = x[r, target[r]] - top
        losses[r] = weight[r] * (np.log(total(rows, at[2])) - own) if weight[r] != 0 else 0


@shared
@jit
def _grad(at: Any, x: Any, target: Any, g: Any, gx: Any) -> None:
    for r in range(*piece(at, len(x))):
        if target[r] == IGNORED:
            gx[r] = 0
            continue
        exponentials(x, r, largest(x, r), gx, r)
        scale = gx.dtype.type(1 / total(gx, r))
        own = g[r] * (gx[r, target[r]] * scale - 1)
        for c in range(gx.shape[1]):
            gx[r, c] = g[r] * (gx[r, c] * scale)
        gx[r, target[r]] = own
