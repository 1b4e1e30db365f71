"""Sums that stay accurate in float32 whatever the memory order, and selection by a mask without branches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.twin import has_twin

FEW = 64  # numbers that may be added one after the other without a tree
ROWS = 32  # numbers that are added one after the other before their sum joins the next level of the tree
SHORT_ROW = 1024  # numbers of a row that a vector of running sums adds up
ROW_FLOATS = 4096  # a row this long runs at memory speed and its running sum stays in the L1 cache
SMALL = 4096  # numbers; below, NumPy's one call costs less than to look for a better one
BLOCK_FLOATS = 1 << 18  # numbers whose sum is one task of a thread, or part of one
TASKS = 8  # of as many sums or more
SHARED_FLOATS = 500_000  # smaller arrays are not worth handing to a second thread
EINSUM = "fd"  # dtypes that `einsum` adds two to four times faster than a ufunc, along rows or in short ones
LONG_ROW = 512  # numbers; such rows a ufunc adds as fast

_sum: Callable[..., Any] = np.add.reduce  # what np.sum calls after a microsecond


def accurate_sum(x: NDArray, axis: tuple[int, ...] | None, keepdims: bool = False, squares: bool = False) -> NDArray:
    """Return the sum of x, or of its squares, over the axes, with the accuracy of pairwise summation over each.

    The result has the dtype of x. NumPy sums pairwise only along contiguous memory; over other axes it adds row after
    row, and float32 then loses digits: the sum over axis 0 of (1_000_000, 2) is wrong by 1 %. Here rows are added in
    groups of 32, the sums in groups of 32 again, and so on.
    """
    if x.size <= FEW or x.dtype.char not in "fe":
        return _sum(x * x if squares else x, axis=axis, dtype=x.dtype, keepdims=keepdims)
    plan = _plan(x.shape, x.strides, axis, keepdims)
    if plan.at_once:
        return _sum(x * x if squares else x, axis=axis, keepdims=keepdims)
    if plan.order is not None:
        x = x.transpose(plan.order)
    for shape in plan.steps:
        x, squares = sum_of_middle(x.reshape(shape), squares), False
    y = (x * x if squares else x).reshape(plan.shape)
    return y[()] if plan.places is None else y.transpose(plan.places)


class _Plan(NamedTuple):
    """How to sum an array of some shape, whose axes are taken as they lie in memory."""

    at_once: bool  # by NumPy's own sum
    order: list[int] | None  # of the axes in memory, if that is another one
    steps: list[tuple[int, int, int]]  # shapes of which the middle is summed, one after the other
    shape: list[int]  # of the result, its axes as they lie in memory
    places: list[int] | None  # where its axes lie there, if they are not in order


@lru_cache(1024)
def _plan(shape: tuple[int, ...], strides: tuple[int, ...], axis: tuple[int, ...] | None, keepdims: bool) -> _Plan:
    """Plan to sum over the innermost axes first, and over neighbours together."""

    def size(axes: list[int]) -> int:
        return math.prod([shape[a] for a in axes])

    axes = set(range(len(shape)) if axis is None else [a % len(shape) for a in axis])
    long = [a for a, n in enumerate(shape) if n > 1]
    order = sorted(long, key=lambda a: -abs(strides[a]))
    summed = [a for a in order if a in axes]
    innermost = order[len(order) - len(summed) :] == summed
    one_stretch = innermost and all(strides[a] == strides[b] * shape[b] for a, b in pairwise(summed))
    steps, left = [], order.copy()
    while axes.intersection(left):
        stop = 1 + max(i for i, a in enumerate(left) if a in axes)
        start = stop - 1
        while start and left[start - 1] in axes:
            start -= 1
        steps.append((size(left[:start]), size(left[start:stop]), size(left[stop:])))
        del left[start:stop]
    in_order = order == long
    order = list(range(len(shape))) if in_order else order + [a for a, n in enumerate(shape) if n == 1]
    kept = order if keepdims else [a for a in order if a not in axes]
    return _Plan(
        at_once=math.prod(shape) <= SMALL and (size(summed) <= FEW or one_stretch),  # pairwise if there are many
        order=None if in_order else order,
        steps=steps,
        shape=[1 if a in axes else shape[a] for a in kept],
        places=None if kept == sorted(kept) else sorted(range(len(kept)), key=kept.__getitem__),
    )


@has_twin
def sum_of_middle(x: NDArray, squares: bool = False) -> NDArray:
    """Return the sum over axis 1 of x (A, N, C), or of its squares: (A, C). Large arrays are shared by all threads."""
    if x.size < SHARED_FLOATS:
        return _add(x, squares)
    before, length, after = x.shape
    if before >= TASKS:
        sums = np.empty((before, after), x.dtype)

        def add(at: tuple[int, int]) -> None:
            sums[slice(*at)] = _add(x[slice(*at)], squares)

        parallel(add, split(before, TASKS))
        return sums
    pieces = split(length, max(1, min(length // ROWS, x.size // BLOCK_FLOATS)))
    partial = np.empty((len(pieces), before, after))

    def add_some(numbers: Iterable[int]) -> None:
        for i in numbers:
            partial[i] = _add(x[:, slice(*pieces[i])], squares)

    parallel(add_some, shared_out(range(len(pieces))))
    return np.add.reduce(partial, axis=0).astype(x.dtype)


def _add(x: NDArray, squares: bool = False) -> NDArray:
    """Return the sum over axis 1 of x (A, N, C), or of its squares, on this thread: of groups, of their sums ..."""
    before, length, after = x.shape
    group = SHORT_ROW if after == 1 else ROWS
    if length <= group:
        return _add_group(x, squares)
    together = min(ROW_FLOATS // after, length // ROWS) if 1 < after < LONG_ROW else 1
    if together > 1:  # short rows are laid end to end
        used = length // together * together
        long = x[:, :used].reshape(before, used // together, together * after)
        y = _add(long, squares).reshape(before, together, after)
    else:
        used = length // group * group
        grouped = x[:, :used].reshape(before * (used // group), group, after)
        y = _add_group(grouped, squares).reshape(before, used // group, after)
    if used < length:
        rest = x[:, used:]
        y[:, :1] += _add(rest, squares)[:, None]
    return _add(y)


def _add_group(x: NDArray, squares: bool) -> NDArray:
    """Return the sum over axis 1 of x (A, N, C), or of its squares, of few rows or along short ones."""
    if x.dtype.char not in EINSUM:
        return np.add.reduce(x * x if squares else x, axis=1)
    if squares:
        total: NDArray = np.vecdot(x.mT, x.mT) if x.shape[2] == 1 else np.einsum("anc,anc->ac", x, x)
        return total
    return np.add.reduce(x, axis=1) if x.shape[2] >= LONG_ROW else np.einsum("anc->ac", x)


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
