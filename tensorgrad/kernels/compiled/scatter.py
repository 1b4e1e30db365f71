"""Adding at positions, in float64: every task has places of its own, and adds in the order of the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import scatter as kernel
from tensorgrad.kernels.compiled.gather import indices_of_lines
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of, put_row
from tensorgrad.kernels.compiled.threads import shared

COLUMNS = 128  # numbers of a row that are worth a task of their own where there are few rows
TASKS = 64
CACHED = 1 << 14  # sums that stay in cache


@twin_of(kernel.add_lines)
def add_lines(values: NDArray, index: NDArray, out: NDArray) -> None:
    """See `kernels.scatter.add_lines`."""
    number, length, width = out.shape
    work = 4 * (values.size + out.size)
    if work < kernel.LARGE:
        kernel.add_lines.numpy(values, index, out)  # type: ignore[attr-defined]
    elif width == 1:
        _add_numbers(pieces_of(number, work), values[:, :, 0], indices_of_lines(index), out[:, :, 0])
    else:
        columns = min(width, max(16, CACHED // length))
        _add_lines(pieces_of(number * -(-width // columns), work), values, index, out, columns)


@twin_of(kernel.add_rows)
def add_rows(values: NDArray, index: NDArray, out: NDArray) -> None:
    """See `kernels.scatter.add_rows`."""
    if out.dtype.kind != "f" or values.size < kernel.SMALL:
        kernel.add_rows.numpy(values, index, out)  # type: ignore[attr-defined]
        return
    number, rows, width = out.shape
    starts, order = np.zeros(rows + 1, np.intp), np.empty(index.size, np.intp)
    _sort(index, starts, order)
    blocks = max(1, min(width // COLUMNS, TASKS // rows))
    _add_rows(pieces_of(number * blocks * rows, values.size + out.size), values, starts, order, out, blocks)


@shared
@jit
def _add_numbers(at: Any, values: Any, index: Any, out: Any) -> None:
    """Add up one line after the other; one row of indices serves all."""
    total = np.empty(out.shape[1], np.float64)
    for n in range(*piece(at, len(out))):
        row, places, result = values[n], index[n % len(index)], out[n]
        total[:] = 0
        for i in range(row.size):
            total[places[i]] += row[i]
        for i in range(result.size):
            result[i] = total[i]


@shared
@jit
def _add_lines(at: Any, values: Any, index: Any, out: Any, columns: Any) -> None:
    """Add up some columns of some lines at a time."""
    number, length, width = out.shape
    blocks = -(-width // columns)
    total = np.empty((length, columns), np.float64)
    for task in range(*piece(at, number * blocks)):
        n, first = task // blocks, task % blocks * columns
        last = min(first + columns, width)
        total[:] = 0
        for i in range(values.shape[1]):
            row, places = values[n, i, first:last], index[n, i, first:last]
            for c in range(row.size):
                total[places[c], c] += row[c]
        for i in range(length):
            sums, row = total[i], out[n, i, first:last]
            for c in range(row.size):
                row[c] = sums[c]


@jit
def _sort(index: Any, starts: Any, order: Any) -> None:
    """Write into ``order`` which values go to place 0, then those of place 1; ``starts`` is where each place begins."""
    for place in index:
        starts[place + 1] += 1
    for place in range(1, starts.size):
        starts[place] += starts[place - 1]
    for i in range(index.size):
        place = index[i]
        order[starts[place]] = i
        starts[place] += 1
    for place in range(starts.size - 1, 0, -1):
        starts[place] = starts[place - 1]
    starts[0] = 0


@shared
@jit
def _add_rows(at: Any, values: Any, starts: Any, order: Any, out: Any, blocks: Any) -> None:
    """Add up the values of one place after the other, in one of several blocks of columns."""
    number, rows, width = out.shape
    total = np.empty(width, np.float64)
    for task in range(*piece(at, number * blocks * rows)):
        block, place = task // rows, task % rows
        n, block = block // blocks, block % blocks
        first, last = width * block // blocks, width * (block + 1) // blocks
        result, begin, end = out[n, place, first:last], starts[place], starts[place + 1]
        if begin == end:
            result[:] = 0
        elif begin + 1 == end:
            put_row(values[n, order[begin], first:last], result)
        else:
            sums = total[: result.size]
            sums[:] = 0
            for i in range(begin, end):
                row = values[n, order[i], first:last]
                for c in range(row.size):
                    sums[c] += row[c]
            put_row(sums, result)
