"""Average pooling: windows are boxes of pixels, a range along each axis; one visit to each box.

Images have three spatial dimensions here, the first of them 1 where there are fewer. Rows of a box are added in the
array's own precision, their sums in float64.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import avg_pool as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.layout import channels_first, channels_last
from tensorgrad.kernels.windows import Ints, pool_output_size

Range = tuple[int, int]  # pixels start .. stop - 1


class Boxes(NamedTuple):
    """The boxes on an image: first and last + 1 pixel of each along three axes, and what to divide its sum by."""

    start: NDArray[np.intp]  # (3, most boxes along an axis)
    stop: NDArray[np.intp]
    divisor: NDArray[np.float64]  # (boxes,)


@twin_of(kernel.avg_pool)
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
    """See `kernels.avg_pool.avg_pool`."""
    size = x.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, (1,) * len(size), ceil_mode)
    return _means(x, out, _fixed(size, out, kernel, stride, padding, count_include_pad, divisor_override))


@twin_of(kernel.avg_pool_input_grad)
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
    """See `kernels.avg_pool.avg_pool_input_grad`."""
    boxes = _fixed(size, g.shape[2:], kernel, stride, padding, count_include_pad, divisor_override)
    return _spread_out(g, size, boxes)


@twin_of(kernel.adaptive_avg_pool)
def adaptive_avg_pool(x: NDArray, *, output_size: Ints) -> NDArray:
    """See `kernels.avg_pool.adaptive_avg_pool`."""
    return _means(x, output_size, _adaptive(x.shape[2:], output_size))


@twin_of(kernel.adaptive_avg_pool_input_grad)
def adaptive_avg_pool_input_grad(g: NDArray, *, size: Ints) -> NDArray:
    """See `kernels.avg_pool.adaptive_avg_pool_input_grad`."""
    return _spread_out(g, size, _adaptive(size, g.shape[2:]))


# ---- where the boxes lie -------------------------------------------------------------------------------------


@lru_cache(maxsize=128)
def _fixed(
    size: Ints, out: Ints, window: Ints, stride: Ints, padding: Ints, count_include_pad: bool, divisor: int | None
) -> Boxes:
    ranges = [
        [(max(o * s - p, 0), max(min(o * s - p + k, n), 0)) for o in range(count)]
        for n, count, k, s, p in zip(size, out, window, stride, padding, strict=True)
    ]
    return _boxes(ranges, divisor or kernel.window_sizes(size, out, window, stride, padding, count_include_pad))


@lru_cache(maxsize=128)
def _adaptive(size: Ints, out: Ints) -> Boxes:
    ranges = [kernel.adaptive_windows(n, o) for n, o in zip(size, out, strict=True)]
    return _boxes(ranges, kernel.outer([np.array([stop - start for start, stop in along]) for along in ranges]))


def _boxes(ranges: list[list[Range]], divisor: NDArray | int) -> Boxes:
    ranges = [[(0, 1)]] * (3 - len(ranges)) + ranges
    edges = np.zeros((2, 3, max(map(len, ranges))), np.intp)
    for axis, along in enumerate(ranges):
        edges[:, axis, : len(along)] = np.array(along, np.intp).reshape(-1, 2).T
    each = np.empty((*map(len, ranges), 1))
    each[...] = divisor
    return Boxes(edges[0], edges[1], each.ravel())


# ---- the passes ----------------------------------------------------------------------------------------------


def _means(x: NDArray, out: Ints, boxes: Boxes) -> NDArray:
    dtype = np.float64 if x.dtype.kind in "biu" else x.dtype
    y = np.empty((len(x), *out, x.shape[1]), dtype)
    if y.size:
        _mean_of_boxes(pieces_of(len(x) * boxes.divisor.size, x.size), _in_3d(channels_last(x)), boxes, _in_3d(y))
    return channels_first(y)


def _spread_out(g: NDArray, size: Ints, boxes: Boxes) -> NDArray:
    gx = np.empty((len(g), *size, g.shape[1]), np.float64 if g.dtype.kind in "biu" else g.dtype)
    if gx.size:
        _add_to_boxes(pieces_of(len(g), gx.size), _in_3d(channels_last(g)), boxes, _in_3d(gx))
    return channels_first(gx)


def _in_3d(x: NDArray) -> NDArray:
    """Return x (N, *spatial, C) with three spatial dimensions."""
    return np.ascontiguousarray(x).reshape(len(x), *(1,) * (5 - x.ndim), *x.shape[1:])


@jit
def _place(box: Any, boxes: Any, shape: Any) -> Any:
    """Return the ranges of a box along the three axes, and its output pixel."""
    d, h, w = box // (shape[2] * shape[3]), box // shape[3] % shape[2], box % shape[3]
    a, b = boxes.start, boxes.stop
    return (a[0, d], b[0, d]), (a[1, h], b[1, h]), (a[2, w], b[2, w]), (d, h, w)


@shared
@jit
def _mean_of_boxes(at: Any, x: Any, boxes: Any, y: Any) -> None:
    count = boxes.divisor.size
    row, total = np.empty(y.shape[4], y.dtype), np.empty(y.shape[4], np.float64)
    for number in range(*piece(at, len(y) * count)):
        n, box = number // count, number % count
        depths, heights, widths, to = _place(box, boxes, y.shape)
        total[:] = 0
        for d in range(depths[0], depths[1]):
            for h in range(heights[0], heights[1]):
                row[:] = 0
                for w in range(widths[0], widths[1]):
                    pixel = x[n, d, h, w]
                    for c in range(row.size):
                        row[c] += pixel[c]
                for c in range(row.size):
                    total[c] += row[c]
        mean = y[n, to[0], to[1], to[2]]
        for c in range(mean.size):
            mean[c] = total[c] / boxes.divisor[box]


@shared
@jit
def _add_to_boxes(at: Any, g: Any, boxes: Any, gx: Any) -> None:
    part = np.empty(gx.shape[4], gx.dtype)
    for n in range(*piece(at, len(g))):
        gx[n] = 0
        for box in range(boxes.divisor.size):
            depths, heights, widths, of = _place(box, boxes, g.shape)
            gradient = g[n, of[0], of[1], of[2]]
            for c in range(part.size):
                part[c] = gradient[c] / boxes.divisor[box]
            for d in range(depths[0], depths[1]):
                for h in range(heights[0], heights[1]):
                    for w in range(widths[0], widths[1]):
                        pixel = gx[n, d, h, w]
                        for c in range(part.size):
                            pixel[c] += part[c]
