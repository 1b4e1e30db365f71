"""Sums over rows of memory, in float64: four rows are added in the array's own precision before their sum joins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import reduce as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of

WIDTH = 256  # numbers of the rows that are laid end to end: starting a loop over 16 numbers costs more than the loop


@twin_of(kernel.sums_of_blocks)
@fused
def sums_of_blocks(x: NDArray, edges: NDArray) -> NDArray:
    """The sum of the rows of each block."""
    channels = x.shape[1]
    together = max(1, WIDTH // max(1, channels))
    total = np.empty(together * channels, np.float64)
    sums = np.zeros((len(edges) - 1, channels), np.float64)
    for i in range(len(sums)):
        start, stop = edges[i], edges[i + 1]
        count = (stop - start) // together
        long = x[start : start + count * together].reshape(count, together * channels)
        sum_rows(long, 0, count, total)
        share_by_channel(total, channels)
        sums[i] = total[:channels]
        for row in range(start + count * together, stop):
            for c in range(channels):
                sums[i, c] += x[row, c]
    return sums


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
