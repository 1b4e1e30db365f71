"""Sums over rows of memory, in float64: four rows are added in the array's own precision before their sum joins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import reduce as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces
from tensorgrad.kernels.compiled.threads import shared

LONG = 1 << 17  # numbers of a vector that is worth cutting
WIDTH = 256  # numbers of the rows that are laid end to end: starting a loop over 16 numbers costs more than the loop


@twin_of(kernel.sums_of_blocks)
def sums_of_blocks(x: NDArray) -> NDArray:
    """See `kernels.reduce.sums_of_blocks`."""
    sums = np.empty((pieces(x), x.shape[1]))
    _sums(len(sums), x, sums)
    return sums


@twin_of(kernel.sum_of_vector)
def sum_of_vector(x: NDArray) -> Any:
    """By rows, which all threads add."""
    if x.size < LONG:
        return np.add.reduce(x)
    whole = x.size // WIDTH * WIDTH
    rows = kernel.sum_of_rows(x[:whole].reshape(-1, WIDTH))
    return np.add.reduce(rows) + np.add.reduce(x[whole:])


@shared
@fused
def _sums(at: Any, x: Any, sums: Any) -> None:
    channels = x.shape[1]
    start, stop = piece(at, len(x))
    together = max(1, WIDTH // max(1, channels))
    total = np.empty(together * channels, np.float64)
    count = (stop - start) // together
    long = x[start : start + count * together].reshape(count, together * channels)
    sum_rows(long, 0, count, total)
    share_by_channel(total, channels)
    sums[at[0]] = total[:channels]
    for row in range(start + count * together, stop):
        for c in range(channels):
            sums[at[0], c] += x[row, c]


@fused
def sum_rows(x: NDArray, start: int, stop: int, total: NDArray) -> None:
    """Write the sum of some rows, four of them at a time."""
    total[:] = 0
    fours = start + (stop - start) // 4 * 4
    for i in range(start, fours, 4):
        row0, row1, row2, row3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for c in range(total.size):
            total[c] += (row0[c] + row1[c]) + (row2[c] + row3[c])
    for i in range(fours, stop):
        row = x[i]
        for c in range(total.size):
            total[c] += row[c]


@jit
def share_by_channel(v: NDArray, channels: int) -> None:
    """Replace every number of a long row by the sum of those of its channel."""
    for c in range(channels):
        total = 0.0
        for i in range(c, v.size, channels):
            total += v[i]
        for i in range(c, v.size, channels):
            v[i] = total
