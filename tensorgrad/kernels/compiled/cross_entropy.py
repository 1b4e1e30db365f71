"""Softmax cross-entropy of few classes in one call.

NumPy's exponentials run in vector registers, Numba's one at a time, so that many classes are left to NumPy; for few of
them, its reductions of short rows cost more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of

FEW = 32  # classes
IGNORED = kernel.IGNORED


@twin_of(kernel.losses_of_rows)
def losses_of_rows(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    """See `kernels.cross_entropy.losses_of_rows`."""
    run = _losses if x.shape[1] <= FEW else kernel.losses_of_rows.numpy  # type: ignore[attr-defined]
    run(x, target, weight, losses)


@twin_of(kernel.grad_of_rows)
def grad_of_rows(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    """See `kernels.cross_entropy.grad_of_rows`."""
    run = _grad if x.shape[1] <= FEW else kernel.grad_of_rows.numpy  # type: ignore[attr-defined]
    run(x, target, g, gx)


@jit
def _largest(row: NDArray) -> float:
    largest = row[0]
    for c in range(1, row.size):
        largest = row[c] if (row[c] > largest) | (row[c] != row[c]) else largest  # a NaN stays
    return largest


@jit
def _losses(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    for i in range(x.shape[0]):
        row, total = x[i], 0.0
        largest = _largest(row)
        for c in range(row.size):
            total += np.exp(row[c] - largest)
        losses[i] = weight[i] * (np.log(total) - (row[target[i]] - largest)) if weight[i] != 0 else 0


@jit
def _grad(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    for i in range(x.shape[0]):
        row, out, total = x[i], gx[i], 0.0
        if target[i] == IGNORED:
            for c in range(row.size):
                out[c] = 0
            continue
        largest = _largest(row)
        for c in range(row.size):
            out[c] = np.exp(row[c] - largest)
            total += out[c]
        for c in range(row.size):
            out[c] = g[i] * (out[c] / total - (1 if c == target[i] else 0))
