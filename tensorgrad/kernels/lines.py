"""Lines: the numbers along one dimension, or along some that lie beside each other, which are normalised together.

Arrays are read as (before, length, after). Lines along the last dimension are rows of memory (after = 1), others are
columns of matrices. A block of lines stays in the cache for all that is done with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.kernels.slices import laid_like
from tensorgrad.kernels.threads import parallel, shared_out, split

Work = Callable[..., None]

BLOCK_FLOATS = 1 << 16  # numbers of rows that stay in the cache for a chain of NumPy's calls
COLUMN_FLOATS = 1 << 18  # numbers of columns; NumPy starts a loop for each row of a block, so it should not be short
SHARED_FLOATS = 1 << 19  # smaller arrays are not worth handing to a second thread


def along(work: Work, dim: int, first: NDArray, *others: NDArray) -> NDArray:
    """Return what ``work`` writes into an array like the first one, in its memory order; all have its shape."""
    if not first.flags.c_contiguous:
        order = sorted(range(first.ndim), key=lambda axis: -first.strides[axis])
        moved = [a.transpose(order) for a in (first, *[laid_like(first, a) for a in others])]
        if moved[0].flags.c_contiguous:
            return along(work, order.index(dim), *moved).transpose(np.argsort(order))
    y = np.empty(first.shape, first.dtype)
    if y.size:
        work(*[lines(np.ascontiguousarray(a), dim) for a in (first, *others)], lines(y, dim))
    return y


def lines(x: NDArray, dim: int) -> NDArray:
    """Return x in C order as (before, length of ``dim``, after)."""
    return x.reshape(math.prod(x.shape[:dim]), x.shape[dim], math.prod(x.shape[dim + 1 :]))


def over_blocks(work: Work, *arrays: NDArray) -> None:
    """Run ``work`` on blocks of lines; those of large arrays on all threads.

    A block is some rows (M, length), or some columns of some matrices (N, length, columns).
    """
    before, length, after = arrays[0].shape
    if after == 1:
        arrays = tuple([a.reshape(a.shape[:2]) for a in arrays])
    size = before * length * after
    block = BLOCK_FLOATS if after == 1 else COLUMN_FLOATS
    if size <= block:
        work(*arrays)
        return
    rows = split(before, -(-size // block))
    columns = split(after, -(-length * after // block))
    cuts = [(row, column) for row in rows for column in columns]

    def run(some: Sequence[Any]) -> None:
        for row, column in some:
            cut = (slice(*row),) if after == 1 else (slice(*row), slice(None), slice(*column))
            work(*[a[cut] for a in arrays])

    if size < SHARED_FLOATS:
        run(cuts)
    else:
        parallel(run, shared_out(cuts))


def sums(x: NDArray) -> NDArray:
    """Return the sum of every line of a block, with size 1 in its place."""
    return accurate_sum(x, (1,), keepdims=True)
