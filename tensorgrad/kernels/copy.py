"""Copies of large arrays, by all threads: gradients that a leaf keeps, tensors that are joined or get a border."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.memory import keep_freed_memory
from tensorgrad.kernels.slices import SHARED_FLOATS
from tensorgrad.kernels.threads import parallel, split
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 16  # numbers; below, NumPy's one call costs less than to look for a second thread


def copied(x: NDArray) -> NDArray:
    """Return the numbers of x in memory of their own, in C order."""
    if x.size < LARGE:
        return np.array(x, order="C")
    y = np.empty(x.shape, x.dtype)
    write(x, y)
    return y


def joined(parts: Sequence[NDArray], dim: int) -> NDArray:
    """Return ``np.concatenate(parts, axis=dim)``, in the memory order of the first part if they are large."""
    first, *others = parts
    if sum([part.size for part in parts]) < LARGE or any(part.dtype != first.dtype for part in others):
        return np.concatenate(parts, axis=dim)
    length = sum([part.shape[dim] for part in parts])
    y = np.empty_like(first, shape=(*first.shape[:dim], length, *first.shape[dim + 1 :]))
    before: tuple[slice, ...] = (slice(None),) * dim
    start = 0
    for part in parts:
        stop = start + part.shape[dim]
        write(part, y[(*before, slice(start, stop))])
        start = stop
    return y


def padded(x: NDArray, widths: Sequence[tuple[int, int]], value: float) -> NDArray:
    """Return x with ``value`` before and after it along every axis, in its memory order; negative widths crop."""
    kept = tuple([slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, widths, strict=True)])
    added = [(max(a, 0), max(b, 0)) for a, b in widths]
    x = x[kept]
    y = np.empty_like(x, shape=[a + n + b for n, (a, b) in zip(x.shape, added, strict=True)])
    if y.size > x.size:
        y.fill(value)
    write(x, y[tuple([slice(a, a + n) for n, (a, _) in zip(x.shape, added, strict=True)])])
    return y


def write(x: NDArray, y: NDArray) -> None:
    """Write the numbers of x into y, of the same shape and in other memory."""
    if x.size < LARGE or x.dtype != y.dtype:
        y[...] = x
    else:
        keep_freed_memory()
        write_large(x, y)


@has_twin
def write_large(x: NDArray, y: NDArray) -> None:
    """Write the numbers of x into y."""
    if len(x) < 2 or x.size < SHARED_FLOATS:
        y[...] = x
    else:
        parallel(lambda at: np.copyto(y[slice(*at)], x[slice(*at)]), split(len(x), 2))
