"""Where the numbers of a convolution lie in memory: its geometry as tables of offsets, so that loops need none of it.

    the k-th number of the window of output pixel o    image[window[o] + tap[k]]
    the number of filter f at output pixel o           y[place[o] + f]

``image`` is one sample as it lies in memory, or a copy of it with its padding around it. These are the columns of
im2col, never written down. Dimensions, strides, dilations, padding and memory order are all in the tables.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.simd import LANES, load, store
from tensorgrad.kernels.im2col import Geometry, Ints
from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads, split

Offsets = NDArray[np.intp]

TASK = 500_000  # multiplications of a piece, some 10 us: a thread that comes late finds more of them
MOST_TASKS, MOST_SHARES = 64, 16
HEAD = 11  # numbers that stand before the arrays of packed tables: five ends, six sizes


class Tables(NamedTuple):
    """Offsets and distances, counted in numbers."""

    window: Offsets  # (pixels,) where the window of each output pixel starts in the image
    tap: Offsets  # (*k * channels,) from there to each number of it, channels last
    place: Offsets  # (pixels,) where each output pixel lies in a sample of y
    source: Offsets  # (rows,) where each row lies in a sample of x; empty if samples need no copy
    target: Offsets  # (rows,) where it lies in the image
    run: int  # numbers of a row
    size: int  # numbers of the image; 0 if samples need no copy
    between: int  # from one channel of the image to the next
    reach: int  # from the start of a window to the end of what it sees
    x_sample: int  # from one sample of x to the next
    y_sample: int  # from one sample of y to the next
    packed: Offsets  # all of that in one array: what loops are given, since each array costs a tenth of a microsecond


@functools.lru_cache(maxsize=128)
def tables(x: Ints, channels_last: bool, channels: int, out: Ints, steps: Ints, geometry: Geometry) -> Tables:
    """Return the tables for samples x (C, *in), windows of ``channels``, and y (N, *out, F) with strides ``steps``."""
    total, *size = x
    kernel, stride, padding, dilation = geometry
    before = [p[0] for p in padding]
    reach = [(o - 1) * s + (k - 1) * d + 1 for o, k, s, d in zip(out, kernel, stride, dilation, strict=True)]
    inside = all(b <= 0 and r - b <= n for r, b, n in zip(reach, before, size, strict=True))
    here, between = _steps(total, size, channels_last)
    there, apart = (here, between) if inside else _steps(total, reach, channels_last)
    window = _offsets(out, [step * s for step, s in zip(there, stride, strict=True)])
    tap = _offsets((*kernel, channels), [*(step * d for step, d in zip(there, dilation, strict=True)), apart])
    place, sample = _offsets(out, steps[1:]), math.prod(x)
    end = sum((k - 1) * d * step for k, d, step in zip(kernel, dilation, there, strict=True)) + (total - 1) * apart + 1
    if inside:
        window -= sum(step * b for step, b in zip(there, before, strict=True))
        nothing = np.empty(0, np.intp)
        return _packed((window, tap, place, nothing, nothing), (0, 0, apart, end, sample, steps[0]))
    # The windows see input positions start .. stop - 1 of every dimension; in the image these lie `before` further on.
    start = [max(0, -b) for b in before]
    counts = [max(0, min(n, r - b) - a) for n, r, b, a in zip(size, reach, before, start, strict=True)]
    rows = [*counts[:-1], 1 if channels_last else total]
    source = _offsets(rows, [*here[:-1], between]) + sum(s * a for s, a in zip(here, start, strict=True))
    target = _offsets(rows, [*there[:-1], apart])
    target += sum(s * (a + b) for s, a, b in zip(there, start, before, strict=True))
    run = counts[-1] * (total if channels_last else 1)
    sizes = run, total * math.prod(reach), apart, end, sample, steps[0]
    return _packed((window, tap, place, source, target), sizes)


def _packed(arrays: tuple[Offsets, ...], sizes: Ints) -> Tables:
    """Return tables and their packed form: where each array ends, the sizes, the arrays."""
    ends = HEAD + np.cumsum([len(array) for array in arrays])
    return Tables._make((*arrays, *sizes, np.concatenate([ends, sizes, *arrays]).astype(np.intp)))


@jit
def unpacked(packed: Any) -> Tables:
    """Return the tables again from their packed form."""
    a, b, c, d, e = packed[0], packed[1], packed[2], packed[3], packed[4]
    return Tables(
        packed[HEAD:a], packed[a:b], packed[b:c], packed[c:d], packed[d:e],
        packed[5], packed[6], packed[7], packed[8], packed[9], packed[10], packed,
    )  # fmt: skip


def _steps(channels: int, size: Sequence[int], channels_last: bool) -> tuple[list[int], int]:
    """Return how far neighbours lie apart in a contiguous image: along each dimension, and between channels."""
    steps = [math.prod(size[i + 1 :]) * (channels if channels_last else 1) for i in range(len(size))]
    return steps, 1 if channels_last else math.prod(size)


def _offsets(shape: Sequence[int], steps: Sequence[int]) -> Offsets:
    """Return where every entry of an array of ``shape`` with these strides lies, in C order."""
    where = np.zeros(1, np.intp)
    for n, step in zip(shape, steps, strict=True):
        where = (where[:, None] + np.arange(n, dtype=np.intp) * step).ravel()
    return where


# ---- arrays as the loops take them -------------------------------------------------------------------------


def memory(x: NDArray, any_order: bool = False) -> tuple[NDArray, bool]:
    """Return x (N, C, *in) as 1-d memory and whether channels lie last in it; a copy if its order does not serve."""
    if any_order and x.flags.c_contiguous:
        return contiguous(x).reshape(-1), False
    return contiguous(channels_last(x)).reshape(-1), True


def contiguous(a: NDArray) -> NDArray:
    """Return ``a`` or a copy of it as every loop takes it; for Numba a read-only array would be one more type."""
    if a.flags.carray:  # in C order, aligned, writeable
        return a
    return np.ascontiguousarray(a) if a.flags.writeable else a.copy("C")


def result_memory(y: NDArray) -> NDArray:
    """Return the 1-d memory from the first to the last number of y (N, *out, F)."""
    if y.flags.c_contiguous:
        return y.reshape(-1)
    span = 1 + sum((n - 1) * step for n, step in zip(y.shape, y.strides, strict=True)) // y.itemsize
    return np.lib.stride_tricks.as_strided(y, (span,), (y.itemsize,))


@functools.lru_cache(maxsize=256)
def in_numbers(y_strides: Ints, itemsize: int) -> Ints:
    """Return the strides of N, *out in the memory of y (N, *out, F), which NumPy counts in bytes, in numbers."""
    return tuple([step // itemsize for step in y_strides[:-1]])


def steps_of(g: Ints) -> Ints:
    """Return the strides of N, *out in the memory of g (N, F, *out) with its channels last, in numbers."""
    return tuple([math.prod(g[i + 1 :]) * g[1] for i in range(1, len(g))])


def aligned(shape: Ints, dtype: DTypeLike) -> NDArray:
    """Return zeros in scratch, valid until the next call; they start at a cache line, so no vector lies in two."""
    weights = scratch("aligned", shape, dtype)
    weights.fill(0)
    return weights


def image_space(x: NDArray, table: Tables) -> NDArray:
    """Return memory for one padded sample a thread, its border zero; x itself where samples need no copy."""
    if table.size == 0:
        return x[None]
    image = scratch("image", (get_num_threads(), table.size), x.dtype)
    image.fill(0)
    return image


@jit
def bring(row: int, first: int, last: int, n: int, x: Any, image: Any, table: Any) -> int:
    """Copy what the windows of pixels first ... last see of sample n into the image, from a row on; return the next.

    Where samples need no copy there are no rows. Rows that come long before they are read would have left the cache.
    """
    run, whole, sample = table.run, table.run - table.run % LANES, n * table.x_sample
    start, stop = table.window[first], table.window[last] + table.reach
    while row < len(table.source) and table.target[row] < stop:
        a, b = sample + table.source[row], table.target[row]
        row += 1
        if b + run > start:
            for i in range(0, whole, LANES):
                store(image, b + i, load(x, a + i))
            for i in range(whole, run):
                image[b + i] = x[a + i]
    return row


# ---- cutting the work --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=128)
def tasks(samples: int, pixels: int, multiplications: int) -> NDArray[np.intp]:
    """Return the pieces of work (tasks, 4) whose results do not depend on each other."""
    return _cut(samples, pixels, max(1, min(MOST_TASKS, multiplications // TASK)))


@functools.lru_cache(maxsize=128)
def shares(samples: int, pixels: int, multiplications: int) -> NDArray[np.intp]:
    """Return the pieces of a sum over samples and pixels: not many, since each takes memory."""
    return _cut(samples, pixels, max(1, min(MOST_SHARES, multiplications // (2 * TASK))))


def _cut(samples: int, pixels: int, wanted: int) -> NDArray[np.intp]:
    """Return ``wanted`` pieces or some more: (first sample, last + 1, first output pixel, last + 1)."""
    if samples >= wanted:
        pieces = [(*part, 0, pixels) for part in split(samples, wanted)]
    else:
        pieces = [(n, n + 1, *part) for n in range(samples) for part in split(pixels, -(-wanted // samples))]
    return np.array(pieces, np.intp)
