"""Sums of arrays as they lie in memory: short stretches in the array's own precision, and their sums in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import reduce as kernel
from tensorgrad.kernels.compiled.jit import fused, jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces, put_row
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_inner, load_each, spaced, store_totals, tile

WIDTH = 256  # numbers of the rows that are laid end to end: starting a loop over 16 numbers costs more than the loop
STRETCH = 1024  # numbers of a row that a vector of running sums adds up
SHORT_ROW = 256  # numbers of a row that shares its end with others, see `store_totals`
ROWS_TOGETHER = tuple(range(LANES))
ONES = {np.dtype(kind): np.ones(LANES, kind) for kind in (np.float32, np.float64)}
FEWEST = 64  # numbers of a sum that are worth a task


@twin_of(kernel.sum_of_middle)
def sum_of_middle(x: NDArray, squares: bool = False) -> NDArray:
    """See `kernels.reduce.sum_of_middle`; few long sums are cut."""
    if not x.flags.c_contiguous:
        return kernel.sum_of_middle.numpy(x, squares)  # type: ignore[attr-defined]
    before, length, after = x.shape
    numbers = x.reshape(-1)
    tasks = pieces(numbers)
    parts = max(1, min(tasks // before, length // FEWEST))
    if parts == after == 1 and length <= SHORT_ROW and not squares:
        sums = np.empty((before, 1), x.dtype)
        _sums_of_short_rows(min(tasks, before), numbers, length, ONES[x.dtype], ROWS_TOGETHER, sums)
        return sums
    sums = np.empty((before * parts, after), x.dtype if parts == 1 else np.float64)
    loop = _sums_of_rows if after == 1 else _sums_of_columns
    loop(min(tasks, len(sums)), numbers, length, parts, squares, sums)
    return sums if parts == 1 else np.add.reduce(sums.reshape(before, parts, after), axis=1).astype(x.dtype)


@jit
def _cut(item: Any, length: Any, parts: Any) -> Any:
    """Return where the numbers of an item begin and end; every sum over a length is cut into so many items."""
    if parts == 1:
        return item * length, (item + 1) * length
    row, part = item // parts, item % parts
    return row * length + length * part // parts, row * length + length * (part + 1) // parts


@shared
@fused
def _sums_of_rows(at: Any, x: Any, length: Any, parts: Any, squares: Any, sums: Any) -> None:
    for item in range(*piece(at, len(sums))):
        start, stop = _cut(item, length, parts)
        total = 0.0
        for begin in range(start, stop, STRETCH):
            stretch = x[begin : min(begin + STRETCH, stop)]
            total += _sum_of_squares(stretch) if squares else _sum(stretch)
        sums[item, 0] = total


@fused
def _sum(row: Any) -> Any:
    total = row.dtype.type(0)
    for i in range(row.size):
        total += row[i]
    return total


@fused
def _sum_of_squares(row: Any) -> Any:
    total = row.dtype.type(0)
    for i in range(row.size):
        total += row[i] * row[i]
    return total


@shared
@jit
def _sums_of_short_rows(at: Any, x: Any, length: Any, ones: Any, rows: Any, sums: Any) -> None:
    """The sums of LANES rows at a time, as products with ones."""
    start, stop = piece(at, len(sums))
    one, whole = load_each(ones, (0,), 0, None), length // LANES * LANES
    for row in range(start, stop, len(rows)):
        there = spaced(length, row, stop - 1, rows)
        total = tile(load_each(ones, (0,), 0, 0), rows)
        for i in range(0, whole, LANES):
            total = add_inner(total, x, there, i, one, None)
        if whole < length:
            total = add_inner(total, x, there, whole, one, length - whole)
        store_totals(total, sums, spaced(1, row, stop - 1, rows), 0, (0,))


@shared
@fused
def _sums_of_columns(at: Any, x: Any, length: Any, parts: Any, squares: Any, sums: Any) -> None:
    after = sums.shape[1]
    total = np.empty(max(1, WIDTH // after) * after, np.float64)
    for item in range(*piece(at, len(sums))):
        start, stop = _cut(item, length, parts)
        part = x[start * after : stop * after]
        count = part.size // total.size
        sum_rows(part[: count * total.size].reshape(count, total.size), 0, count, total, squares)
        if after < total.size:
            share_by_channel(total, after)
        rest = part[count * total.size :]
        for i in range(rest.size):
            total[i % after] += rest[i] * rest[i] if squares else rest[i]
        put_row(total, sums[item])


@fused
def sum_rows(x: NDArray, start: int, stop: int, total: NDArray, squares: bool = False) -> None:
    """Write the sum of some rows, or of their squares, four of them at a time."""
    total[:] = 0
    fours = start + (stop - start) // 4 * 4
    for i in range(start, fours, 4):
        row0, row1, row2, row3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        if squares:
            for c in range(total.size):
                total[c] += (row0[c] * row0[c] + row1[c] * row1[c]) + (row2[c] * row2[c] + row3[c] * row3[c])
        else:
            for c in range(total.size):
                total[c] += (row0[c] + row1[c]) + (row2[c] + row3[c])
    for i in range(fours, stop):
        row = x[i]
        for c in range(total.size):
            total[c] += row[c] * row[c] if squares else row[c]


@jit
def share_by_channel(v: NDArray, channels: int) -> None:
    """Replace every number of a long row by the sum of those of its channel."""
    for c in range(channels):
        total = 0.0
        for i in range(c, v.size, channels):
            total += v[i]
        for i in range(c, v.size, channels):
            v[i] = total
