"""Reading at positions: whole slices, as an embedding reads them, or single numbers along a dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.lines import lines
from tensorgrad.kernels.memory import keep_freed_memory
from tensorgrad.kernels.threads import parallel, split
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 14  # numbers; below, NumPy's one call costs less than what leads to a loop
BLOCK = 1 << 18  # numbers of a task: NumPy calls on less do not scale


def read(x: NDArray, index: Any) -> Any:
    """Return ``x[index]``, by NumPy's rules; of whole rows by all threads."""
    if (
        type(index) is np.ndarray
        and index.ndim
        and x.ndim
        and index.dtype.kind in "iu"
        and index.size * x.size >= LARGE * len(x) > 0
        and exist(index, len(x))
    ):
        return take(x, index, 0)
    return x[index]


def exist(index: NDArray, length: int) -> bool:
    """Return whether no index is negative or too large."""
    if index.dtype == np.int64:
        return not index.size or bool(largest_unsigned(index.view(np.uint64)) < length)
    return not index.size or bool(0 <= index.min() <= index.max() < length)


@has_twin
def largest_unsigned(index: NDArray) -> Any:
    """Return the largest number of an array, in which those that were negative are larger than all others."""
    return np.maximum.reduce(index, axis=None)


def take(x: NDArray, index: NDArray, dim: int) -> NDArray:
    """Return ``np.take(x, index, axis=dim)``; no index is negative or too large."""
    before, after = x.shape[:dim], x.shape[dim + 1 :]
    if index.size * math.prod(before) * math.prod(after) < LARGE or not x.flags.c_contiguous:
        return np.take(x, index, axis=dim)
    keep_freed_memory()
    y = np.empty((*before, *index.shape, *after), x.dtype)
    places = np.ascontiguousarray(index, np.intp).reshape(-1)
    rows, found = lines(x, dim), y.reshape(math.prod(before), places.size, math.prod(after))
    if found.shape[2] == 1:
        take_lines(rows, np.broadcast_to(places[:, None], found.shape), found)
    else:
        take_rows(rows, places, found)
    return y


@has_twin
def take_rows(x: NDArray, index: NDArray, y: NDArray) -> None:
    """Write ``x[:, index]`` into y, for x (N, rows, width) and y (N, index.size, width), both in C order."""
    np.take(x, index, axis=1, out=y, mode="clip")


def take_along(x: NDArray, index: NDArray, dim: int) -> NDArray:
    """Return ``np.take_along_axis(x, index, axis=dim)``, where index may be smaller than x in the other dimensions."""
    corner = tuple([slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape)])
    x = x[corner]
    if index.size < LARGE or not x.flags.c_contiguous:
        return np.take_along_axis(x, index, axis=dim)
    keep_freed_memory()
    y = np.empty(index.shape, x.dtype)
    take_lines(lines(x, dim), lines(np.ascontiguousarray(index, np.intp), dim), lines(y, dim))
    return y


@has_twin
def take_lines(x: NDArray, index: NDArray, y: NDArray) -> None:
    """Write ``y[n, i, m] = x[n, index[n, i, m], m]``, all in C order.

    One row of indices may serve all lines: then the first stride of ``index`` is 0.
    """

    def work(x: NDArray, index: NDArray, y: NDArray) -> None:
        np.take(x, positions(index, x.shape[1]), out=y, mode="clip")

    over_blocks(work, x, index, y)


def over_blocks(work: Callable[..., Any], *arrays: NDArray) -> None:
    """Run ``work`` on matching blocks along the first axis, on all threads."""
    most = max([a.size for a in arrays])
    if most < 2 * BLOCK:
        work(*arrays)
    else:
        parallel(lambda at: work(*[a[slice(*at)] for a in arrays]), split(len(arrays[0]), most // BLOCK))


def positions(index: NDArray, length: int) -> NDArray:
    """Return where in the memory of x (N, length, M) the numbers ``x[n, index[n, i, m], m]`` are."""
    number, _, width = index.shape
    first = np.arange(number)[:, None, None] * (length * width) + np.arange(width)
    return (index * width if width > 1 else index) + first
