"""Sums that stay accurate in float32 whatever the memory order, and selection by a mask without branches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

FEW = 64  # numbers that may be added one after the other without a tree
ROWS = 32  # numbers that are added one after the other before their sum joins the next level of the tree
SHORT_ROW = 1024  # numbers that a vector of running sums adds up, 16 times 4 of them or so at a time
ROW_FLOATS = 4096  # a row this long runs at memory speed and its running sum stays in the L1 cache
BLOCK_FLOATS = 1 << 18  # numbers whose sum is one task of a thread, or part of one
SUMMED = -1  # marks an axis that is to be summed
SHARED_FLOATS = 500_000  # smaller arrays are not worth handing to a second thread
EINSUM = "fd"  # dtypes whose sums over an inner axis `einsum` adds two to four times faster than a ufunc

_sum: Callable[..., Any] = np.add.reduce  # what np.sum calls after a microsecond


def accurate_sum(x: NDArray, axis: tuple[int, ...] | None, keepdims: bool = False) -> NDArray:
    """Return the sum over the axes in the dtype of x, with the accuracy of pairwise summation over every axis.

    NumPy sums pairwise only along contiguous memory; over other axes it adds row after row, and float32 then
    loses digits: the sum over axis 0 of (1_000_000, 2) is wrong by 1 %. Here rows are added in groups of 32,
    the sums in groups of 32 again, and so on.
    """
    if x.size <= FEW or x.dtype.char not in "fe":
        return _sum(x, axis=axis, dtype=x.dtype, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else tuple([a % x.ndim for a in axis])
    length = math.prod([x.shape[a] for a in axes])
    if length <= FEW:
        return _sum(x, axis=axis, keepdims=keepdims)
    if len(axes) == x.ndim:
        y = sum_of_vector(x.ravel(order="K"))
    else:
        kept = [a for a in range(x.ndim) if a not in axes]
        rows = x.transpose(*axes, *kept)
        if rows.flags.c_contiguous and x.size <= ROW_FLOATS * length:  # rows of memory: a bias gradient, say
            y = sum_of_rows(rows.reshape(length, -1)).reshape(rows.shape[len(axes) :])
        else:
            y = _sum_memory_order(x, axes)
    if keepdims:
        return np.reshape(y, [1 if a in axes else n for a, n in enumerate(x.shape)])
    return y[()]


@has_twin
def sum_of_vector(x: NDArray) -> Any:
    """Return the sum of a vector in its own dtype; that of a long one by rows, on all threads."""
    if x.size < SHARED_FLOATS or x.dtype.char not in EINSUM:
        return np.add.reduce(x)
    whole = x.size - x.size % SHORT_ROW
    rows = x[:whole].reshape(-1, SHORT_ROW)
    sums = np.empty(len(rows), x.dtype)
    parallel(lambda at: _add(rows[slice(*at)], 1, sums[slice(*at)]), split(len(rows), 8))
    return np.add.reduce(sums) + np.add.reduce(x[whole:])


def sum_of_rows(x: NDArray) -> NDArray:
    """Return the sum over the first axis of x (n, C), contiguous; large arrays on all threads."""
    found = sums_of_blocks(x)
    return found[0].astype(x.dtype, copy=False) if len(found) == 1 else np.add.reduce(found, axis=0).astype(x.dtype)


@has_twin
def sums_of_blocks(x: NDArray) -> NDArray:
    """Return the sums of some blocks of the rows of x (n, C), in float64 if there is more than one: (blocks, C)."""
    if x.size <= BLOCK_FLOATS:
        return _sum_rows(x, 0)[None]
    blocks = split(len(x), -(-x.size // BLOCK_FLOATS))
    sums = np.empty((len(blocks), x.shape[1]))

    def add(some: Iterable[int]) -> None:
        for i in some:
            sums[i] = _sum_rows(x[slice(*blocks[i])], 0)

    every = range(len(blocks))
    if x.size < SHARED_FLOATS:
        add(every)
    else:
        parallel(add, shared_out(every))
    return sums


def _sum_memory_order(x: NDArray, axes: tuple[int, ...]) -> NDArray:
    """Reduce the axes one stretch of memory at a time, the innermost first; the kept axes stay in order."""
    kept = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    order = sorted((a for a in range(x.ndim) if x.shape[a] > 1), key=lambda a: -abs(x.strides[a]))
    shape: list[int] = []
    strides: list[int] = []
    names: list[int] = []  # the axis of x, or SUMMED
    for a in order:
        name = SUMMED if a in axes else a
        if names and name == names[-1] == SUMMED and strides[-1] == x.strides[a] * x.shape[a]:
            shape[-1] *= x.shape[a]  # neighbours in memory are one stretch
            strides[-1] = x.strides[a]
        else:
            shape.append(x.shape[a])
            strides.append(x.strides[a])
            names.append(name)
    x = np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    while SUMMED in names:
        at = len(names) - 1 - names[::-1].index(SUMMED)
        x = np.add.reduce(x, axis=at) if at == len(names) - 1 else _sum_rows(x, at)
        del names[at]
    return x.transpose(np.argsort(names)).reshape(kept)


def _sum_rows(x: NDArray, axis: int) -> NDArray:
    """Sum over an axis that is not the innermost, in a tree of groups of rows."""
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if n <= ROWS:
        return _add(x, axis)
    if not before and n >= 2 * ROWS:
        width = math.prod(after)
        together = max(1, min(ROW_FLOATS // width, n // ROWS))  # short rows are laid end to end
        if together > 1 and x.flags.c_contiguous:
            used = n // together * together
            y = _sum_rows(x[:used].reshape(n // together, together * width), 0).reshape(together, *after)
            if used < n:
                y[: n - used] += x[used:]
            return _sum_rows(y, 0)
    groups = n // ROWS
    used = groups * ROWS
    grouped = x[(slice(None),) * axis + (slice(0, used),)].reshape(*before, groups, ROWS, *after)
    y = _add_groups(grouped, axis + 1)
    if used < n:
        rest = x[(slice(None),) * axis + (slice(used, n),)]
        y[(slice(None),) * axis + (slice(0, 1),)] += np.add.reduce(rest, axis=axis, keepdims=True)
    return _sum_rows(y, axis)


def _add_groups(x: NDArray, axis: int) -> NDArray:
    """Return np.add.reduce(x, axis), large arrays on all threads."""
    if x.size < SHARED_FLOATS or axis == 0:
        return _add(x, axis)
    y = np.empty(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)
    parallel(lambda at: _add(x[slice(*at)], axis, y[slice(*at)]), split(len(x), 8))
    return y


def _add(x: NDArray, axis: int, out: NDArray | None = None) -> NDArray:
    """Return np.add.reduce(x, axis, out=out)."""
    if not axis or x.dtype.char not in EINSUM:
        return np.add.reduce(x, axis=axis, out=out)
    axes = list(range(x.ndim))
    total: NDArray = np.einsum(x, axes, [a for a in axes if a != axis], out=out)
    return total


AS_INTEGER: dict[np.dtype, np.dtype] = {
    np.dtype(np.float16): np.dtype(np.int16),
    np.dtype(np.float32): np.dtype(np.int32),
    np.dtype(np.float64): np.dtype(np.int64),
}


def select(mask: NDArray, g: NDArray) -> NDArray:
    """Return g where the mask is true and exactly 0 elsewhere, in g's memory order; mask broadcasts to g's
    shape.

    The bits of g, read as an integer, are multiplied by 0 or 1. That has no branch to mispredict (np.where is
    five times slower on a random mask) and, unlike a product of floats, it turns inf and nan into 0 as well.
    """
    if not g.ndim:
        return np.asarray(g if mask else np.zeros_like(g))
    y = np.empty_like(g)
    mask = mask.astype(bool, copy=False)
    kind = AS_INTEGER.get(g.dtype, g.dtype)
    if g.size < SHARED_FLOATS:
        np.multiply(g.view(kind), mask, out=y.view(kind))
        return y
    outermost = max(range(g.ndim), key=lambda a: abs(y.strides[a]) if g.shape[a] > 1 else -1)
    g_rows, y_rows = (np.moveaxis(a.view(kind), outermost, 0) for a in (g, y))
    mask_rows = np.moveaxis(np.broadcast_to(mask, g.shape), outermost, 0)

    def rows(at: tuple[int, int]) -> None:
        cut = slice(*at)
        np.multiply(g_rows[cut], mask_rows[cut], out=y_rows[cut])

    parallel(rows, split(len(g_rows), 8))
    return y
