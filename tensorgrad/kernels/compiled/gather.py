"""Reading at positions: whole runs of memory, or single numbers, whose bits are moved as those of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import gather as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.memory import move
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared

LARGE = 1 << 15  # indices that are worth a loop of our own


@twin_of(kernel.largest_unsigned)
def largest_unsigned(index: NDArray) -> Any:
    """See `kernels.gather.largest_unsigned`."""
    if index.size < LARGE or not index.flags.c_contiguous:
        return kernel.largest_unsigned.numpy(index)  # type: ignore[attr-defined]
    found = np.empty(pieces_of(index.size, 2 * index.size), index.dtype)
    _largest(len(found), index.reshape(-1), found)
    return max(found)


@shared
@jit
def _largest(at: Any, index: Any, found: Any) -> None:
    start, stop = piece(at, index.size)
    most = index[start]
    for i in index[start:stop]:
        most = max(most, i)
    found[at[0]] = most


def take_rows(x: NDArray, index: NDArray, y: NDArray) -> None:
    """See `kernels.gather.take_rows`."""
    tasks = pieces_of(len(y) * index.size, 2 * y.size)
    _take_rows(tasks, x.ctypes.data, y.ctypes.data, index, len(x), x.shape[1], x.shape[2] * x.itemsize)


def take_lines(x: NDArray, index: NDArray, y: NDArray) -> None:
    """See `kernels.gather.take_lines`."""
    if x.shape[2] == 1:
        _take_numbers(pieces_of(y.size, 2 * y.size), *_bits(x[:, :, 0], y[:, :, 0]), indices_of_lines(index))
    else:
        _take_lines(pieces_of(len(x) * index.shape[1], 2 * y.size), *_bits(x, y), index)


def indices_of_lines(index: NDArray) -> NDArray:
    """Return the indices (N, lines, 1) as a matrix, with one row where all are the same."""
    return index[: 1 if index.strides[0] == 0 else None, :, 0]


def _bits(*arrays: NDArray) -> list[NDArray]:
    return [a.view(f"i{a.itemsize}") for a in arrays]


@shared
@jit
def _take_rows(at: Any, x: Any, y: Any, index: Any, number: Any, rows: Any, run: Any) -> None:
    start, stop = piece(at, number * index.size)
    for k in range(start, stop):
        n = k // index.size
        move(y + k * run, x + (n * rows + index[k - n * index.size]) * run, run)


@shared
@jit
def _take_numbers(at: Any, x: Any, y: Any, index: Any) -> None:
    """Write ``y[n, i] = x[n, index[n, i]]``; one row of indices serves all."""
    start, stop = piece(at, y.size)
    while start < stop:
        n = start // y.shape[1]
        first = start - n * y.shape[1]
        count = min(y.shape[1] - first, stop - start)
        source, out, places = x[n], y[n, first : first + count], index[n % len(index), first : first + count]
        for i in range(count):
            out[i] = source[places[i]]
        start += count


@shared
@jit
def _take_lines(at: Any, x: Any, y: Any, index: Any) -> None:
    """Write ``y[n, i, m] = x[n, index[n, i, m], m]``."""
    length, width = index.shape[1:]
    for k in range(*piece(at, len(x) * length)):
        n = k // length
        source, out, places = x[n], y[n, k - n * length], index[n, k - n * length]
        for m in range(width):
            out[m] = source[places[m], m]
