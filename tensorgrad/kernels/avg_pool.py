"""Average pooling over fixed windows, and over windows that adapt to a wanted output size; both with
adjoints.

Sums are taken one axis after the other, then divided; the adjoint divides first and spreads along each axis.
Arrays are (N, C, *spatial) of any strides; results lie channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.twin import has_twin
from tensorgrad.kernels.windows import (
    Ints,
    Tap,
    begins_with_pair,
    contiguous_channels,
    meets_each_pixel_once,
    over_samples,
    pool_output_size,
    taps,
)

AlongAxis = Callable[[NDArray, NDArray, int], None]  # (source, target, axis); axis counts the N axis as 0


@has_twin
def avg_pool(
    x: NDArray,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> NDArray:
    """Return the mean of every window of x (N, C, *in): (N, C, *out). Integers give float64.

    The divisor counts the window's pixels with the padding (``count_include_pad``) or without, never what a
    window of ceil mode has beyond the padding; ``divisor_override`` replaces it.
    """
    size = x.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, (1,) * len(size), ceil_mode)
    axis_taps = _all_taps(size, out, kernel, stride, padding)
    divisor = divisor_override or window_sizes(size, out, kernel, stride, padding, count_include_pad)
    along: AlongAxis = lambda source, target, axis: _sum_along(axis, axis_taps[axis - 1], source, target)
    return _axis_by_axis(x, out, along, divide_last=divisor)


@has_twin
def avg_pool_input_grad(
    g: NDArray,
    *,
    size: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    count_include_pad: bool,
    divisor_override: int | None,
) -> NDArray:
    """Return the adjoint of `avg_pool`: each g (N, C, *out) over its divisor, added to its window, (N, C,
    *size)."""
    out = g.shape[2:]
    axis_taps = _all_taps(size, out, kernel, stride, padding)
    divisor = divisor_override or window_sizes(size, out, kernel, stride, padding, count_include_pad)
    along: AlongAxis = lambda source, target, axis: _spread_along(axis, axis_taps[axis - 1], source, target)
    return _axis_by_axis(g, size, along, divide_first=divisor)


@has_twin
def adaptive_avg_pool(x: NDArray, *, output_size: Ints) -> NDArray:
    """Return means of x (N, C, *in) over prod(output_size) windows that cover it: (N, C, *output_size).

    Along an axis, window o of O covers the pixels floor(o n / O) .. ceil((o + 1) n / O) - 1.
    """
    size = x.shape[2:]
    edges = [adaptive_windows(n, o) for n, o in zip(size, output_size, strict=True)]
    divisor = outer([np.array([b - a for a, b in windows]) for windows in edges])

    def along(source: NDArray, target: NDArray, axis: int) -> None:
        before = (slice(None),) * axis
        for o, (a, b) in enumerate(edges[axis - 1]):
            here = target[(*before, slice(o, o + 1))]
            np.add.reduce(source[(*before, slice(a, b))], axis=axis, out=here, keepdims=True)

    return _axis_by_axis(x, output_size, along, divide_last=divisor)


@has_twin
def adaptive_avg_pool_input_grad(g: NDArray, *, size: Ints) -> NDArray:
    """Return the adjoint of `adaptive_avg_pool`: g (N, C, *out) spread evenly over its windows, (N, C,
    *size)."""
    edges = [adaptive_windows(n, o) for n, o in zip(size, g.shape[2:], strict=True)]
    divisor = outer([np.array([b - a for a, b in windows]) for windows in edges])

    def along(source: NDArray, target: NDArray, axis: int) -> None:
        before = (slice(None),) * axis
        target[...] = 0
        for o, (a, b) in enumerate(edges[axis - 1]):
            target[(*before, slice(a, b))] += source[(*before, slice(o, o + 1))]

    return _axis_by_axis(g, size, along, divide_first=divisor)


# ---- one axis after the other ------------------------------------------------------------------------------


def _axis_by_axis(
    x: NDArray,
    size: Ints,
    along: AlongAxis,
    *,
    divide_first: NDArray | int = 1,
    divide_last: NDArray | int = 1,
) -> NDArray:
    """Bring x (N, C, *in) to (N, C, *size) by ``along``, from the last axis to the first, and divide."""
    dtype = np.result_type(x, np.float64) if x.dtype.kind in "biu" else x.dtype
    y = np.empty((x.shape[0], *size, x.shape[1]), dtype)

    def work(batch: slice) -> None:
        source = contiguous_channels(x[batch], "source")
        if source.dtype != dtype or not np.array_equal(divide_first, 1):
            source = np.divide(source, divide_first, out=scratch("divided", source.shape, dtype), dtype=dtype)
        for axis in range(len(size), 0, -1):
            shape = (*source.shape[:axis], size[axis - 1], *source.shape[axis + 1 :])
            target = y[batch] if axis == 1 else scratch(f"values {axis}", shape, dtype)
            along(source, target, axis)
            source = target
        if not np.array_equal(divide_last, 1):
            np.divide(source, divide_last, out=source, dtype=dtype)

    over_samples(work, x.shape[0], max(x.size, y.size))
    return channels_first(y)


def _sum_along(axis: int, found: Sequence[Tap], x: NDArray, y: NDArray) -> None:
    if begins_with_pair(found, y.shape[axis]):
        (one, two), found = found[:2], found[2:]
        np.add(x[one.pixels(axis)], x[two.pixels(axis)], out=y)
    else:
        y[...] = 0
    for tap in found:
        y[tap.windows(axis)] += x[tap.pixels(axis)]


def _spread_along(axis: int, found: tuple[Tap, ...], g: NDArray, gx: NDArray) -> None:
    """Do `_sum_along` in reverse: add each window's number to all of its pixels."""
    once = meets_each_pixel_once(found, gx.shape[axis])
    if not once:
        gx[...] = 0
    for tap in found:
        if once:
            gx[tap.pixels(axis)] = g[tap.windows(axis)]
        else:
            gx[tap.pixels(axis)] += g[tap.windows(axis)]


def _all_taps(size: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints) -> list[tuple[Tap, ...]]:
    return [taps(n, o, k, s, p, 1) for n, o, k, s, p in zip(size, out, kernel, stride, padding, strict=True)]


def window_sizes(size: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, count_include_pad: bool) -> NDArray:
    """Return the number of pixels that count in each window, (*out, 1); one number if all windows agree."""
    counts = []
    for n, o, k, s, p in zip(size, out, kernel, stride, padding, strict=True):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        counts.append(stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0))
    return outer(counts)


def outer(counts: list[NDArray]) -> NDArray:
    """Return the outer product of per-axis counts as (*out, 1), or a 0-d array if all are the same number."""
    result = np.ones(())
    for count in counts:
        result = result[..., None] * count
    if result.size and (result == result.flat[0]).all():
        return result.flat[0:1].reshape(())
    return result[..., None]


def adaptive_windows(n: int, out: int) -> list[tuple[int, int]]:
    """Return the (start, stop) of each of ``out`` windows that cover n pixels."""
    return [(o * n // out, -(-(o + 1) * n // out)) for o in range(out)]
