"""Softmax cross-entropy of few classes in one call.

NumPy's exponentials run in vector registers, Numba's one at a time, so that many classes are left to NumPy; for few of
them, its reductions of short rows cost more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared

FEW = 32  # classes
EXPONENTIAL = 20  # times the work of reading a number
IGNORED = kernel.IGNORED


@twin_of(kernel.losses_of_rows)
def losses_of_rows(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    """See `kernels.cross_entropy.losses_of_rows`."""
    if x.shape[1] > FEW:
        return kernel.losses_of_rows.numpy(x, target, weight, losses)  # type: ignore[attr-defined]
    return _losses(pieces_of(len(x), EXPONENTIAL * x.size), x, target, weight, losses)


@twin_of(kernel.grad_of_rows)
def grad_of_rows(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    """See `kernels.cross_entropy.grad_of_rows`."""
    if x.shape[1] > FEW:
        return kernel.grad_of_rows.numpy(x, target, g, gx)  # type: ignore[attr-defined]
    return _grad(pieces_of(len(x), EXPONENTIAL * x.size), x, target, g, gx)


@jit
def _largest(row: NDArray) -> float:
    largest = row[0]
    for c in range(1, row.size):
        largest = row[c] if (row[c] > largest) | (row[c] != row[c]) else largest  # a NaN stays
    return largest


@shared
@jit
def _losses(at: Any, x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    for r in range(*piece(at, len(x))):
        row, total = x[r], 0.0
        largest = _largest(row)
        for c in range(row.size):
            total += np.exp(row[c] - largest)
        losses[r] = weight[r] * (np.log(total) - (row[target[r]] - largest)) if weight[r] != 0 else 0


@shared
@jit
def _grad(at: Any, x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    for r in range(*piece(at, len(x))):
        row, out, total = x[r], gx[r], 0.0
        if target[r] == IGNORED:
            for c in range(row.size):
                out[c] = 0
            continue
        largest = _largest(row)
        for c in range(row.size):
            out[c] = np.exp(row[c] - largest)
            total += out[c]
        for c in range(row.size):
            out[c] = g[r] * (out[c] / total - (1 if c == target[r] else 0))
