"""Elementwise work on large arrays: a range of memory for each thread, slices that stay in cache for several passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.threads import get_num_threads, parallel, split

SLICE_FLOATS = 1 << 18  # numbers of a slice: NumPy calls on less do not scale (see im2col)
SHARED_FLOATS = 1 << 19  # smaller arrays are not worth handing to a second thread


def lie_alike(*arrays: NDArray) -> bool:
    """Return whether arrays of one shape lie in the same order in memory, the last of them without gaps."""
    *others, model = arrays
    long = [axis for axis, n in enumerate(model.shape) if n > 1]
    return all(
        a.shape == model.shape and all(a.strides[d] * model.itemsize == model.strides[d] * a.itemsize for d in long)
        for a in others
    )


def laid_like(model: NDArray, x: NDArray) -> NDArray:
    """Return x, broadcast to the shape of ``model``, in the memory order of ``model``; copied only if need be."""
    if lie_alike(x, model):
        return x
    copy = np.empty_like(model, dtype=x.dtype)
    copy[...] = x
    return copy


def flat(*arrays: NDArray) -> list[NDArray]:
    """Return arrays that `lie_alike` as vectors in memory order, without a copy."""
    return [a.ravel(order="K") for a in arrays]


def over_ranges(work: Callable[..., Any], *vectors: NDArray) -> None:
    """Run ``work`` on matching ranges of vectors; of large ones on all threads."""
    size = vectors[0].size

    def run(at: tuple[int, int]) -> None:
        work(*[v[at[0] : at[1]] for v in vectors])

    if size >= SHARED_FLOATS:
        parallel(run, split(size, get_num_threads()))
    else:
        run((0, size))


def in_cache(size: int) -> Iterator[slice]:
    """Yield the slices of a vector that several passes of NumPy should take one by one."""
    for start in range(0, size, SLICE_FLOATS):
        yield slice(start, start + SLICE_FLOATS)
