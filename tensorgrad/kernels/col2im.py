"""Convolution by col2im: one matrix product of the pixels as they lie, whose rows are then added to the results.

Where im2col collects what a result sees, col2im hands out what a pixel gives; with stride 1 both are the same sum:

    shares (pixels, k F) = x (pixels, C) @ w (C, k F)
    y[n, f, o]           = b[f] + sum_k shares[n, o + k d - p, (k, f)]

There are k F numbers to move for a pixel instead of k C for a result: it is the way of many channels to few, as on the
way back from a convolution of few to many. T neighbours of a row give to one span of results at once, as in `banded`:
the product is T times wider, the additions are fewer and longer, and what they add are shares of several pixels.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import banded, row_winograd
from tensorgrad.kernels.im2col import Block, Geometry, Ints, blocks
from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.scratch import WORK, scratch

# What it costs to add a number to a result, to begin a run of them, and to write a result, in multiply-adds of a GEMM;
# and how many rows and columns a GEMM seems to have on top. Fitted to measurements, as the costs in `banded`.
ADD, RUN, WRITE, NARROW = 40, 385, 60, 8
SMALL = 4_000_000  # of the same, 0.1 ms: nothing to be gained
CLEARLY = 1.25  # times as much the other ways have to cost, for all costs are estimates


def pays(
    dtypes: tuple[np.dtype, ...], size: Ints, out: Ints, weight: Ints, samples: int, geometry: Geometry, groups: int
) -> bool:
    """Return whether this clearly beats the other ways, from images of ``size`` to ``out`` pixels with w (F, C, *k)."""
    if groups > 1 or not _applies(dtypes, size, out, geometry):
        return False
    here, there = _costs(size, out, weight, geometry, row_winograd.applies(dtypes, geometry, groups))
    return here * CLEARLY < there and samples * there > SMALL


def _applies(dtypes: tuple[np.dtype, ...], size: Ints, out: Ints, geometry: Geometry) -> bool:
    """Return whether results lie where shares of pixels can fall: stride 1, and no more padding than windows reach."""
    if len(set(dtypes)) > 1 or dtypes[0].kind != "f" or any(s != 1 for s in geometry.stride):
        return False
    if not any(_reach(geometry)):
        return False  # a pixel gives to one result
    reached = zip(size, out, _reach(geometry), geometry.padding, strict=True)
    return all(0 <= p <= reach and n + p >= o for n, o, reach, (p, _) in reached)


@functools.lru_cache(maxsize=256)
def _costs(size: Ints, out: Ints, weight: Ints, geometry: Geometry, by_rows: bool) -> tuple[float, float]:
    """Return what an image costs here, and the least that it costs otherwise."""
    filters, channels = weight[:2]
    many = banded.results_at_once(1 << 30, out, channels, filters, geometry)
    there = math.prod(out) * banded.cost(many, out, channels, filters, geometry)
    if by_rows:
        there = min(there, row_winograd.cost(out, channels, filters, geometry))
    return _cost(_pixels_at_once(size, weight, geometry), size, weight, geometry), there


@functools.lru_cache(maxsize=256)
def _pixels_at_once(size: Ints, weight: Ints, geometry: Geometry) -> int:
    """Return T, a divisor of a row."""
    divisors = [many for many in range(1, size[-1] + 1) if size[-1] % many == 0]
    return min(divisors, key=lambda many: _cost(many, size, weight, geometry))


def _cost(many: int, size: Ints, weight: Ints, geometry: Geometry) -> float:
    """Return what an image costs with so many pixels at once."""
    filters, channels, *kernel = weight
    run = (many + _reach(geometry)[-1]) * filters
    numbers, rows = math.prod(kernel[:-1]) * run, math.prod(size) / many
    product = (numbers + NARROW) * (many * channels + NARROW)
    written = math.prod(n + more for n, more in zip(size, _reach(geometry), strict=True)) * filters
    return rows * (product + numbers * (ADD + RUN / run)) + WRITE * written


def _reach(geometry: Geometry) -> Ints:
    """Return how many pixels lie between the first and the last of a window, along every axis."""
    return tuple((k - 1) * d for k, d in zip(geometry.kernel, geometry.dilation, strict=True))


# ---- the work ----------------------------------------------------------------------------------------------


def parts(size: Ints, weight: Ints, samples: int, geometry: Geometry) -> list[Block]:
    """Cut the batch, by the shapes only."""
    many = _pixels_at_once(size, weight, geometry)
    shares = math.prod(size) // many * (many + _reach(geometry)[-1]) * weight[0] * math.prod(weight[2:-1])
    return blocks((samples, 1), shares + math.prod(size) * weight[1], fewest=1)


def wide_weight(w: NDArray, size: Ints, geometry: Geometry) -> NDArray:
    """Return w (F, C, *k) as the matrix (T C, k[:-1] span F) of what T neighbours give to the results of a span.

    A result meets a pixel that lies before it with a later tap: the taps are in falling order.
    """
    many = _pixels_at_once(size, w.shape, geometry)
    filters, channels, *kernel = w.shape
    reach, step = _reach(geometry)[-1], geometry.dilation[-1]
    flipped = np.flip(w, axis=tuple(range(2, w.ndim)))
    taps = np.moveaxis(flipped, 0, -1)  # (C, *k, F)
    wide = np.zeros((many, channels, *kernel[:-1], many + reach, filters), w.dtype)
    for t in range(many):
        wide[t, ..., t : t + reach + 1 : step, :] = taps
    return wide.reshape(many * channels, -1)


def block(x: NDArray, wide: NDArray, b: NDArray | None, y: NDArray, part: Block, geometry: Geometry) -> bool:
    """Write the convolution of some images of x (N, C, *in) into y (N, *out, F), with `wide_weight`.

    Returns False where a number is not finite: shares hold products with zeros.
    """
    images = channels_last(x[slice(*part[0])])
    target = y[slice(*part[0])]
    n, size, filters = len(images), images.shape[1:-1], target.shape[-1]
    many = len(wide) // images.shape[-1]
    shares = scratch(WORK, (n * math.prod(size) // many, wide.shape[1]), y.dtype)
    np.matmul(np.ascontiguousarray(images).reshape(len(shares), len(wide)), wide, out=shares)

    reach = _reach(geometry)
    full = tuple(pixels + more for pixels, more in zip(size, reach, strict=True))
    result = target if target.shape[1:-1] == full else scratch("full", (n, *full, filters), y.dtype)
    result[...] = 0 if b is None else b
    _add(shares.reshape(n, *size[:-1], size[-1] // many, *geometry.kernel[:-1], -1), result, many, geometry)
    if result is not target:
        before = [r - p for r, (p, _) in zip(reach, geometry.padding, strict=True)]
        seen = tuple(slice(first, first + count) for first, count in zip(before, target.shape[1:-1], strict=True))
        target[...] = result[(slice(None), *seen)]
    flat = target.reshape(-1)
    return bool(np.isfinite(np.dot(flat, flat)))


def _add(shares: NDArray, result: NDArray, many: int, geometry: Geometry) -> None:
    """Add the shares (n, *rows, W / T, *k[:-1], span F) to the results (n, *full, F) of all windows."""
    rows = len(geometry.kernel) - 1
    *steps, pixel, number = result.strides
    apart = -(-shares.shape[-1] // (many * result.shape[-1]))  # spans of so many groups overlap
    for taps in np.ndindex(*geometry.kernel[:-1]):
        above = sum(i * d * step for i, d, step in zip(taps, geometry.dilation, steps[1:], strict=False))
        for first in range(min(apart, shares.shape[rows + 1])):
            some = shares[(slice(None),) * (rows + 1) + (slice(first, None, apart), *taps)]
            start, strides = above + first * many * pixel, (*steps, apart * many * pixel, number)
            spans = np.ndarray(some.shape, result.dtype, result, start, strides)  # as_strided takes ten times as long
            spans += some
