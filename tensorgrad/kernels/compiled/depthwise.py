"""Depthwise convolution: each channel has its own kernel, so LANES neighbouring channels are one vector throughout.

    y[n, o, c]  = b[c] + sum_k image[window[o] + tap[k] + c] w[k, c]       rows of a tile are pixels
    gw[k, c]    = sum_{n, o} image[window[o] + tap[k] + c] g[n, o, c]      rows of a tile are taps

The first serves the forward pass and the input gradient. Images have their channels last.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.ahead import fetch, fetch_to_write
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import (
    aligned,
    bring,
    image_space,
    in_numbers,
    memory,
    result_memory,
    shares,
    steps_of,
    tables,
    tasks,
    unpacked,
)
from tensorgrad.kernels.compiled.pieces import add_up
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_inner, add_tile, load_row, places, store_tile, tile
from tensorgrad.kernels.im2col import Geometry
from tensorgrad.kernels.scratch import scratch

PIXELS, TAPS, COLUMNS = tuple(range(8)), tuple(range(9)), (0,)  # rows of a tile, one vector each
AHEAD = 1024  # numbers: memory is asked for that long before it is written
CHAIN = 64  # pixels that stay in the cache, and are summed at a stretch in a weight gradient: that is more accurate


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> None:
    """Write the convolution of x with w (C, 1, *k) into y (N, *out, C)."""
    channels = len(w)
    numbers, _ = memory(x)
    result, steps = result_memory(y), in_numbers(y.strides, y.itemsize)
    table = tables(x.shape[1:], True, 1, y.shape[1:-1], steps, geometry)
    weights = aligned((1 + len(table.tap), -(-channels // LANES) * LANES), y.dtype)  # the bias first
    weights[1:, :channels] = w.reshape(channels, -1).T
    if b is not None:
        weights[0, :channels] = b

    cut = tasks(len(y), len(table.window), y.size * len(table.tap))
    images = image_space(numbers, table)
    _correlate(len(cut), numbers, images, table.packed, channels, weights, result, cut, PIXELS, COLUMNS)


@shared
@jit
def _correlate(
    at: Any, x: Any, images: Any, packed: Any, channels: int, w: Any, y: Any, cut: Any, rows: Any, columns: Any
) -> None:
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image = images[at[2] if table.size else 0]
    tap, width = table.tap, w.shape[1]
    for n in range(n0, n1):
        base, to = 0 if table.size else n * table.x_sample, n * table.y_sample
        row = 0
        for o0 in range(start, stop, CHAIN):
            last = min(o0 + CHAIN, stop) - 1
            row = bring(row, o0, last, n, x, image, table)
            for o in range(o0, last + 1, len(rows)):
                windows, pixels = places(table.window, o, last, rows), places(table.place, o, last, rows)
                for c in range(0, channels, LANES):
                    fetch_to_write(y, to + table.place[o] + AHEAD + len(rows) * c, len(rows) * LANES)
                    sums = tile(load_row(w, c, LANES, columns), rows)
                    if c + LANES <= channels:
                        for k in range(len(tap)):
                            factors = load_row(w, (1 + k) * width + c, LANES, columns)
                            sums = add_inner(sums, image, windows, base + tap[k] + c, factors, None)
                    else:
                        for k in range(len(tap)):
                            factors = load_row(w, (1 + k) * width + c, LANES, columns)
                            sums = add_inner(sums, image, windows, base + tap[k] + c, factors, channels - c)
                    store_tile(sums, y, pixels, to + c, channels - c)


def weight_grad(g: NDArray, x: NDArray, geometry: Geometry) -> NDArray:
    """Return the weight gradient (C, 1, *k) from g (N, C, *out) and x (N, C, *in)."""
    channels = g.shape[1]
    numbers, _ = memory(x)
    gradient, _ = memory(g)
    table = tables(x.shape[1:], True, 1, g.shape[2:], steps_of(g.shape), geometry)
    taps, width = len(table.tap), -(-channels // LANES) * LANES
    place = np.arange(taps) * width

    shape = (taps, width)
    cut = shares(len(x), len(table.window), g.size * taps)
    sums = scratch("shares", (len(cut), math.prod(shape)), x.dtype)
    images = image_space(numbers, table)
    _weight_grad(len(cut), numbers, images, table.packed, channels, gradient, sums, place, cut, TAPS, COLUMNS)
    total = add_up(sums).reshape(shape)
    return total[:, :channels].T.copy().reshape(channels, 1, *geometry.kernel)


@shared
@jit
def _weight_grad(
    at: Any, x: Any, images: Any, packed: Any, channels: int,
    g: Any, shares: Any, place: Any, cut: Any, rows: Any, columns: Any,
) -> None:  # fmt: skip
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image, sums = images[at[2] if table.size else 0], shares[at[0]]
    sums[:] = 0
    last = len(table.tap) - 1
    for n in range(n0, n1):
        base, of = 0 if table.size else n * table.x_sample, n * table.y_sample
        row = 0
        for o0 in range(start, stop, CHAIN):
            o1 = min(o0 + CHAIN, stop)
            row = bring(row, o0, o1 - 1, n, x, image, table)
            for c in range(0, channels, LANES):
                count = channels - c
                fetch(g, of + table.place[o0] + (o1 - o0) * (channels + c), (o1 - o0) * LANES)  # of the next pixels
                for k in range(0, last + 1, len(rows)):
                    taps, kernels = places(table.tap, k, last, rows), places(place, k, last, rows)
                    share = tile(load_row(g, 0, 0, columns), rows)
                    if count >= LANES:
                        for o in range(o0, o1):
                            factors = load_row(g, of + table.place[o] + c, LANES, columns)
                            share = add_inner(share, image, taps, base + table.window[o] + c, factors, None)
                    else:
                        for o in range(o0, o1):
                            factors = load_row(g, of + table.place[o] + c, count, columns)
                            share = add_inner(share, image, taps, base + table.window[o] + c, factors, count)
                    share = add_tile(share, sums, kernels, c, LANES)
                    store_tile(share, sums, kernels, c, LANES)
