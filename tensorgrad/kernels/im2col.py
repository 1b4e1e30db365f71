"""Columns: the windows of an image laid out as a matrix, so that convolution becomes one GEMM.

    channels last   (pixels, k * C)   each window is copied in runs of kw * C numbers
    kernel major    (C * k, pixels)   each kernel position is one shifted image; for images of few channels

The work is cut into blocks of output pixels, and a thread holds the columns of one block at a time; those of a
whole batch never exist. A block is a (start, stop) range for the batch and for every spatial dimension of the
output.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tensorgrad.kernels import layout
from tensorgrad.kernels.scratch import WORK, prepare, scratch, views
from tensorgrad.kernels.threads import split

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]
Block = tuple[tuple[int, int], ...]


class Geometry(NamedTuple):
    """How windows lie on an image: one entry of each field for every spatial dimension."""

    kernel: Ints
    stride: Ints
    padding: Pads  # (before, after); negative numbers crop
    dilation: Ints


# Columns of a block, 4 MB. Half of that fits a core's cache better, but NumPy calls below some 50 us do not scale:
# at the end of a call a thread waits for the GIL, and before it is awake the other thread has taken it again.
BLOCK_FLOATS = 1_000_000
BLOCK_PIXELS = 256  # a GEMM of fewer rows would spend its time packing the weights
SHARED_FLOATS = 250_000  # smaller blocks are not worth handing to a second thread
LEAST_BLOCKS = 6  # of work that is worth it: the threads end together, and need less memory
SHORT_RUN = 16  # numbers; shorter channels-last runs copy slower than kernel-major ones


@functools.lru_cache(maxsize=256)  # a network asks about the same few shapes again and again
def conv_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints) -> Ints:
    """Return floor((size + padding - dilation (kernel - 1) - 1) / stride) + 1 for every spatial dimension."""
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def blocks(shape: Ints, per_pixel: int, fewest: int | None = None) -> list[Block]:
    """Cut an output of ``shape`` (N, *out) into blocks of at most about BLOCK_FLOATS, ``per_pixel`` each pixel.

    A block spans the last dimensions in full, a range of one dimension and a single index of those before it,
    so that its pixels follow each other in memory; it has at least ``fewest`` pixels, or BLOCK_PIXELS. The cut depends
    on shapes only, never on threads.
    """
    total = math.prod(shape) * per_pixel
    if total == 0:
        return []
    most = max(BLOCK_FLOATS, (fewest or BLOCK_PIXELS) * per_pixel)
    count = max(-(-total // most), min(LEAST_BLOCKS, total // SHARED_FLOATS))
    target = total / (count + count % 2 if count > 1 else 1)
    axis, inner = 0, total // shape[0]  # `inner` numbers belong to one index of `axis`
    while inner > target and axis < len(shape) - 1:
        axis += 1
        inner //= shape[axis]
    per_block = max(1, round(target / inner))
    pieces = [split(n, n) for n in shape[:axis]]
    pieces.append(split(shape[axis], -(-shape[axis] // per_block)))
    pieces.extend([(0, n)] for n in shape[axis + 1 :])
    return list(itertools.product(*pieces))


def pixels(array: NDArray, block: Block) -> NDArray:
    """Return the view of a channels-last array (N, *out, C) that a block covers."""
    return array[tuple(slice(a, b) for a, b in block)]


def receptive_field(x: NDArray, block: Block, geometry: Geometry) -> tuple[NDArray, Pads]:
    """Return the part of x (N, C, *in) that a block of output pixels sees, and the zeros to add around it."""
    cut, zeros = _receptive_field(x.shape[2:], block[1:], geometry)
    return x[(slice(*block[0]), slice(None), *cut)], zeros


@functools.lru_cache(maxsize=1024)
def _receptive_field(size: Ints, out: Block, geometry: Geometry) -> tuple[tuple[slice, ...], Pads]:
    """Return the part of an image of ``size`` that these output pixels see, and the zeros to add around it."""
    cut, zeros = [], []
    for (a, b), n, k, s, (before, _), d in zip(out, size, *geometry, strict=True):
        start, stop = a * s - before, (b - 1) * s - before + (k - 1) * d + 1
        low = min(max(start, 0), n)
        high = min(max(stop, low), n)
        missing_before = min(max(-start, 0), stop - start)
        cut.append(slice(low, high))
        zeros.append((missing_before, (stop - start) - (high - low) - missing_before))
    return tuple(cut), tuple(zeros)


def padded(x: NDArray, zeros: Pads, channels_last: bool, dtype: np.dtype) -> NDArray:
    """Return x (n, C, *in) with zeros around it, as (n, *padded, C) or (n, C, *padded).

    A view when there is nothing to add and the memory already has that order, else this thread's scratch.
    """
    if channels_last:
        x = layout.channels_last(x)
    run = x.strides[-1] == x.itemsize and (not channels_last or x.strides[-2] == x.shape[-1] * x.itemsize)
    if run and x.dtype == dtype and not any(map(any, zeros)):
        return x
    frame = views(_frame, x.shape, zeros, 1 if channels_last else 2, dtype)
    prepare("padded", frame, frame.border)
    frame.inside[...] = x
    return frame.image


class _Frame(NamedTuple):
    """Scratch for images and the zeros around them."""

    image: NDArray
    inside: NDArray
    border: list[NDArray]


def _frame(shape: Ints, zeros: Pads, first: int, dtype: np.dtype) -> _Frame:
    """Return the frame for images of ``shape``, whose spatial dimensions are those from ``first`` on."""
    whole, inside = list(shape), [slice(None)] * len(shape)
    for axis, (before, after) in enumerate(zeros, first):
        inside[axis] = slice(before, before + shape[axis])
        whole[axis] += before + after
    image = scratch("padded", tuple(whole), dtype)
    border = []
    for axis, (before, after) in enumerate(zeros, first):
        ends = image.swapaxes(0, axis)
        border += [end.swapaxes(0, axis) for end in (ends[:before], ends[whole[axis] - after :]) if end.size]
    return _Frame(image, image[tuple(inside)], border)


def strided(x: NDArray, shape: Ints, strides: Ints) -> NDArray:
    """Return the view of x with this shape and these strides; for contiguous x in a tenth of `as_strided`'s time."""
    if x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return as_strided(x, shape, strides, writeable=False)


def channels_last_columns(x: NDArray, out: Ints, geometry: Geometry) -> NDArray:
    """Return the columns (n * pixels, k * C) of a padded x (n, *padded, C)."""
    n, channels = x.shape[0], x.shape[-1]
    across, within = window_strides(x.strides[1:-1], geometry)
    shape = (n, *out, *geometry.kernel, channels)
    windows = strided(x, shape, (x.strides[0], *across, *within, x.strides[-1]))
    if windows.flags.c_contiguous:  # a 1x1 kernel on every pixel: the image is the matrix
        columns = windows
    else:
        columns = scratch(WORK, shape, x.dtype)
        np.copyto(columns, windows)  # one call: NumPy merges kw and C into one run when the window is dense
    return columns.reshape(n * math.prod(out), math.prod(geometry.kernel) * channels)


def kernel_major_columns(x: NDArray, out: Ints, geometry: Geometry) -> NDArray:
    """Return the columns (C * k, n * pixels) of a padded x (n, C, *padded)."""
    n, channels = x.shape[:2]
    across, within = window_strides(x.strides[2:], geometry)
    shape = (channels, *geometry.kernel, n, *out)
    windows = strided(x, shape, (x.strides[1], *within, x.strides[0], *across))
    columns = scratch(WORK, shape, x.dtype)
    np.copyto(columns, windows)
    return columns.reshape(channels * math.prod(geometry.kernel), n * math.prod(out))


@functools.lru_cache(maxsize=256)
def window_strides(steps: Ints, geometry: Geometry) -> tuple[Ints, Ints]:
    """Return the strides from window to window and from tap to tap, for pixels that lie ``steps`` apart."""
    across = tuple(step * s for step, s in zip(steps, geometry.stride, strict=True))
    within = tuple(step * d for step, d in zip(steps, geometry.dilation, strict=True))
    return across, within
