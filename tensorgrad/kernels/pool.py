"""Pooling in one, two or three dimensions: maximum here, averages from their own module.

The maximum remembers the *place* of each winner in its window, 0 .. prod(kernel) - 1 in row-major order, in
the smallest unsigned integers. Scatter and gather are each other's adjoints, both linear, given the places.

Arrays are (N, C, *spatial) of any strides; results lie channels last.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.avg_pool import (
    adaptive_avg_pool,
    adaptive_avg_pool_input_grad,
    adaptive_windows,
    avg_pool,
    avg_pool_input_grad,
)
from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.reduce import AS_INTEGER
from tensorgrad.kernels.scratch import WORK, scratch
from tensorgrad.kernels.twin import has_twin
from tensorgrad.kernels.windows import (
    Ints,
    Tap,
    Windows,
    begins_with_pair,
    contiguous_channels,
    over_samples,
    pool_output_size,
    tile,
    window_places,
)

__all__ = [
    "adaptive_avg_pool",
    "adaptive_avg_pool_input_grad",
    "adaptive_max_index",
    "avg_pool",
    "avg_pool_input_grad",
    "flat_index",
    "max_pool",
    "max_pool_gather",
    "max_pool_scatter",
    "pool_output_size",
]

SQUARES = Windows(kernel=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1))
SHORT_PIXEL = 32  # channels
MOVED_WHOLE = 12  # channels; of fewer, NumPy moves pixels as single elements faster than it multiplies them in place


def max_pool(
    x: NDArray, *, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> tuple[NDArray, NDArray]:
    """Return the largest number of every window of x (N, C, *in) and its place in the window: both (N, C,
    *out).

    Of equal numbers the first in row-major order wins; NaN wins over numbers, and the first NaN over later
    ones. Padding never wins, not even over -inf.
    """
    shape, place_dtype, windows = _maxima(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y, place = np.empty(shape, x.dtype), np.empty(shape, place_dtype)
    max_of_images(x, y, place, windows)
    return channels_first(y), channels_first(place)


@functools.lru_cache(maxsize=256)  # a network asks about the same few shapes again and again
def _maxima(
    x: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> tuple[Ints, np.dtype, Windows]:
    """Return the shape (N, *out, C) of the maxima, integers that can name their places, and the windows."""
    windows = Windows(kernel, stride, padding, dilation)
    out = pool_output_size(x[2:], *windows, ceil_mode)
    return (x[0], *out, x[1]), np.min_scalar_type(math.prod(kernel) - 1), windows


def max_pool_scatter(
    g: NDArray, index: NDArray, *, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> NDArray:
    """Return the adjoint of `max_pool_gather`: g (N, C, *out) put to its places and added up, (N, C,
    *size)."""
    gx = np.empty((g.shape[0], *size, g.shape[1]), g.dtype)
    scatter_to_images(g, index, gx, Windows(kernel, stride, padding, dilation))
    return channels_first(gx)


def max_pool_gather(
    x: NDArray, index: NDArray, *, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> NDArray:
    """Return the pixels of x (N, C, *in) at the places ``index`` (N, C, *out) of their windows: index's
    shape."""
    y = np.empty((x.shape[0], *index.shape[2:], x.shape[1]), x.dtype)
    gather_from_images(x, index, y, Windows(kernel, stride, padding, dilation))
    return channels_first(y)


def flat_index(index: NDArray, *, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> NDArray:
    """Return places in the window as positions in the flattened image, 0 .. prod(size) - 1 (int64, index's
    shape).

    This is what PyTorch's return_indices gives.
    """
    step = [math.prod(size[a + 1 :]) for a in range(len(size))]
    in_window = np.zeros((), np.int64)
    window = np.zeros((), np.int64)
    for k, n, s, p, d, one in zip(kernel, index.shape[2:], stride, padding, dilation, step, strict=True):
        in_window = in_window[..., None] + np.arange(k) * d * one
        window = window[..., None] + (np.arange(n) * s - p) * one
    flat = in_window.ravel()[index] + window
    # Only a window that lies in padding altogether (small image, wide dilation) can point outside.
    return np.clip(flat, 0, math.prod(size) - 1, out=flat)


def adaptive_max_index(x: NDArray, *, output_size: Ints) -> NDArray:
    """Return where the maximum of each adaptive window of x (N, C, *in) lies in the flattened image (int64).

    Windows are those of `adaptive_avg_pool`; ties and NaN go to the first place, as in `max_pool`.
    """
    size = x.shape[2:]
    values, flat = x, None
    for axis in range(x.ndim - 1, 1, -1):
        before, step = (slice(None),) * axis, math.prod(size[axis - 1 :])
        shape = (*x.shape[:axis], output_size[axis - 2], *values.shape[axis + 1 :])
        best, places = np.empty(shape, x.dtype), np.empty(shape, np.int64)
        for o, (a, b) in enumerate(adaptive_windows(size[axis - 2], output_size[axis - 2])):
            window, here = (*before, slice(a, b)), (*before, slice(o, o + 1))
            winner = np.argmax(values[window], axis=axis, keepdims=True)
            best[here] = np.take_along_axis(values[window], winner, axis)
            places[here] = (winner + a) * step
            if flat is not None:
                places[here] += np.take_along_axis(flat[window], winner, axis)
        values, flat = best, places
    assert flat is not None
    return flat


# ---- all samples -------------------------------------------------------------------------------------------


@has_twin
def max_of_images(x: NDArray, y: NDArray, place: NDArray, windows: Windows) -> None:
    """Write the maximum of every window of x (N, C, *in) into y, and its place into ``place``, both (N, *out, C)."""

    def pool(batch: slice) -> None:
        max_pool_block(contiguous_channels(x[batch], "images"), y[batch], place[batch], windows)

    over_samples(pool, len(x), x.size)


@has_twin
def scatter_to_images(g: NDArray, place: NDArray, gx: NDArray, windows: Windows) -> None:
    """Write zeros into gx (N, *in, C), and add g (N, C, *out) at its places."""
    _at_places(scatter_block, g, place, gx, windows, gx.size)


@has_twin
def gather_from_images(x: NDArray, place: NDArray, y: NDArray, windows: Windows) -> None:
    """Write the pixels of x (N, C, *in) at the places (N, C, *out) of their windows into y (N, *out, C)."""
    _at_places(gather_block, x, place, y, windows, x.size)


def _at_places(
    block: Callable[..., None], values: NDArray, place: NDArray, result: NDArray, windows: Windows, total: int
) -> None:
    """Run `scatter_block` or `gather_block` over all samples."""

    def run(batch: slice) -> None:
        here, there = contiguous_channels(values[batch], "values"), contiguous_channels(place[batch], "places")
        block(here, there, result[batch], windows)

    over_samples(run, len(values), total)


# ---- a block of samples, channels last ---------------------------------------------------------------------


def max_pool_block(x: NDArray, y: NDArray, place: NDArray, windows: Windows) -> None:
    """Write the maximum of every window of x (n, *in, C) into y, and its place into ``place``, both (n, *out, C)."""
    axis_taps = windows.taps(x.shape[1:-1], y.shape[1:-1])
    if _are_squares(x, y, windows):
        _max_of_squares(x, y, place)
    else:
        _max_along_axes(axis_taps, windows.kernel, x, y, place)
    if y.dtype.kind == "f" and np.isnan(y).any():
        _place_first_nan(x, place, windows.kernel, axis_taps)


def scatter_block(g: NDArray, place: NDArray, gx: NDArray, windows: Windows) -> None:
    """Write zeros into gx (n, *in, C), and add g (n, *out, C) at its places.

    What windows give to one pixel is added in the order of the windows: it is at the last place of the first of them.
    """
    axis_taps = windows.taps(gx.shape[1:-1], g.shape[1:-1])
    once = tile(axis_taps, gx.shape[1:-1])
    whole = once and 0 < gx.shape[-1] < MOVED_WHOLE
    if not once:
        gx[...] = 0
    for number, here, pixels in reversed(window_places(windows.kernel, axis_taps)):
        if whole:
            _whole_pixels(gx[pixels])[...] = _whole_pixels(_chosen(g[here], place[here], number))
        elif once:
            _chosen(g[here], place[here], number, out=gx[pixels])
        else:
            gx[pixels] += _chosen(g[here], place[here], number)


def gather_block(x: NDArray, place: NDArray, y: NDArray, windows: Windows) -> None:
    """Write the pixels of x (n, *in, C) at the places of their windows into y (n, *out, C)."""
    target = y.view(AS_INTEGER.get(y.dtype) or y.dtype)
    target[...] = 0
    for number, here, pixels in window_places(windows.kernel, windows.taps(x.shape[1:-1], y.shape[1:-1])):
        chosen = _chosen(x[pixels], place[here], number).view(target.dtype)
        target[here] |= chosen  # one place of each window gives its bits, the others give none


# ---- one axis at a time ------------------------------------------------------------------------------------


def _max_along_axes(axis_taps: Sequence[tuple[Tap, ...]], kernel: Ints, x: NDArray, y: NDArray, place: NDArray) -> None:
    """Write the maximum of every window and its place, along one axis after the other, the last one first."""
    values, places = x, None
    worth = 1  # places that one step along the axis counts
    for axis in range(len(axis_taps), 0, -1):
        shape = (*values.shape[:axis], y.shape[axis], *values.shape[axis + 1 :])
        best = y if axis == 1 else scratch(f"values {axis}", shape, y.dtype)
        best_places = place if axis == 1 else scratch(f"places {axis}", shape, place.dtype)
        _max_along(axis, axis_taps[axis - 1], worth, values, places, best, best_places)
        values, places = best, best_places
        worth *= kernel[axis - 1]


def _max_along(
    axis: int,
    found: Sequence[Tap],
    worth: int,
    x: NDArray,
    x_place: NDArray | None,
    y: NDArray,
    place: NDArray,
) -> None:
    """Write into y the maximum of x along an axis, and its place into ``place``.

    A place along this axis counts ``worth`` for each tap, plus the winner's place along the later axes,
    x_place.
    """
    out = y.shape[axis]
    met = out  # windows from this one on have met a tap already
    if begins_with_pair(found, out):
        (one, two), found = found[:2], found[2:]
        a, b = one.pixels(axis), two.pixels(axis)
        a_place, b_place = (None, None) if x_place is None else (x_place[a], x_place[b])
        _keep_larger(x[a], a_place, x[b], b_place, two.position * worth, y, place)
        met = 0
    elif not found or found[-1].start > 0 or max(tap.stop for tap in found) < out:
        y[...] = -np.inf if y.dtype.kind == "f" else np.iinfo(y.dtype).min  # a window in padding altogether
        place[...] = 0
    for tap in found:
        first = tap.position * worth
        if tap.start < min(met, tap.stop):  # the first tap of these windows
            stop = min(met, tap.stop)
            here, there = tap.windows(axis, stop=stop), tap.pixels(axis, stop=stop)
            y[here] = x[there]
            place[here] = first if x_place is None else x_place[there] + place.dtype.type(first)
        if met < tap.stop:
            start = max(met, tap.start)
            here, there = tap.windows(axis, start), tap.pixels(axis, start)
            there_place = None if x_place is None else x_place[there]
            _keep_larger(y[here], place[here], x[there], there_place, first, y[here], place[here])
        met = min(met, tap.start)


def _keep_larger(
    a: NDArray,
    a_place: NDArray | None,
    b: NDArray,
    b_place: NDArray | None,
    first: int,
    y: NDArray,
    place: NDArray,
) -> None:
    """Write max(a, b) into y, and into ``place`` a's place, or first + b's place where b is strictly larger.

    Places grow from tap to tap, so the choice between them is a maximum: arithmetic on bytes, where selecting
    by a random mask would cost a branch misprediction every other time. No place given means 0.
    """
    wins = np.greater(b, a, out=scratch("wins", b.shape, np.bool_)).view(np.uint8)
    candidate = scratch("candidate", b.shape, place.dtype) if a_place is not None else place
    if b_place is None:
        np.multiply(wins, place.dtype.type(first), out=candidate)
    else:
        np.add(b_place, place.dtype.type(first), out=candidate)
        np.multiply(candidate, wins, out=candidate)
    if a_place is not None:
        np.maximum(a_place, candidate, out=place)
    np.maximum(a, b, out=y)


# ---- squares of 2 x 2 pixels side by side ------------------------------------------------------------------


def _are_squares(x: NDArray, y: NDArray, windows: Windows) -> bool:
    """Return whether windows are such squares, of pixels so short that NumPy would start a loop every few numbers."""
    inside = all(2 * o <= n for n, o in zip(x.shape[1:-1], y.shape[1:-1], strict=True))
    return windows == SQUARES and inside and x.shape[-1] < SHORT_PIXEL and x.flags.c_contiguous


def _max_of_squares(x: NDArray, y: NDArray, place: NDArray) -> None:
    """Write the maximum of every square and its place: every pixel is compared with the one to its right, in one loop
    over all, and every second column is picked in the end, its pixels moved whole."""
    channels, (_, rows, columns, _) = x.shape[-1], y.shape
    larger, second = scratch(WORK, x.shape, x.dtype), scratch("second", x.shape, place.dtype)
    left, right = x.reshape(-1)[:-channels], x.reshape(-1)[channels:]
    np.maximum(left, right, out=larger.reshape(-1)[:-channels])
    np.greater(right, left, out=second.reshape(-1)[:-channels].view(np.bool_))
    larger[-1:, -1:, -1:], second[-1:, -1:, -1:] = 0, 0  # nothing is to the right of the last pixel

    upper, lower = slice(0, 2 * rows, 2), slice(1, 2 * rows, 2)
    largest = scratch("largest", (len(x), rows, *x.shape[2:]), x.dtype)
    places = scratch("places", largest.shape, place.dtype)
    _keep_larger(larger[:, upper], second[:, upper], larger[:, lower], second[:, lower], 2, largest, places)
    for found, target in ((largest, y), (places, place)):
        _whole_pixels(target)[...] = _whole_pixels(found)[:, :, : 2 * columns : 2]


def _whole_pixels(images: NDArray) -> NDArray:
    """Return contiguous images (..., C) as (...), each pixel one element."""
    return images.view(np.dtype((np.void, images.itemsize * images.shape[-1])))[..., 0]


# ---- all axes together -------------------------------------------------------------------------------------


def _chosen(values: NDArray, places: NDArray, number: int, out: NDArray | None = None) -> NDArray:
    """Return values where their place is ``number`` and 0 elsewhere, without branches (see
    `reduce.select`)."""
    mask = np.equal(places, number, out=scratch("wins", places.shape, np.bool_))
    if out is None:
        out = scratch("chosen", values.shape, values.dtype)
    bits = AS_INTEGER.get(values.dtype) or values.dtype
    np.multiply(values.view(bits), mask, out=out.view(bits))
    return out


def _place_first_nan(images: NDArray, place: NDArray, kernel: Ints, axis_taps: tuple[tuple[Tap, ...], ...]) -> None:
    """Write the place of the first NaN of every window that has one (comparisons have passed over it)."""
    for number, windows, pixels in reversed(window_places(kernel, axis_taps)):
        np.copyto(place[windows], place.dtype.type(number), where=np.isnan(images[pixels]))
