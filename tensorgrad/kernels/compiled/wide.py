"""Direct convolution: tiles of sums that stay in vector registers, read straight from the image.

    y[n, o, f]  = b[f] + sum_k image[window[o] + tap[k]] w[k, f]        8 pixels x LANES filters at a time
    gw[k, f]    = sum_{n, o} image[window[o] + tap[k]] g[n, o, f]       9 taps x LANES filters at a time

The first serves the forward pass and the input gradient. Groups are tiles that start at other channels.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import (
    Job,
    Offsets,
    Piece,
    aligned,
    contiguous,
    image_space,
    image_start,
    in_pieces,
    memory,
    pieces,
    result_memory,
    strides,
    sum_of_pieces,
    tables,
)
from tensorgrad.kernels.compiled.simd import (
    LANES,
    load,
    load_part,
    load_splat,
    store,
    store_part,
    zeros,
)
from tensorgrad.kernels.im2col import Geometry

DEPTH = 144  # taps summed at a stretch: their weights stay in the first cache, and short sums are more accurate
PIXELS = 256  # pixels whose windows stay in the second cache while the tiles of filters pass over them
TAPS = 9  # of a tile of the weight gradient
CHAIN = 64  # pixels summed at a stretch in a weight gradient, for the reasons of DEPTH


class Tiles(NamedTuple):
    """The filters in vectors of LANES, no vector across two groups."""

    shift: Offsets  # from the first channel of the image to the first of the tile's group
    first: Offsets  # the tile's first filter
    filters: Offsets  # how many it has, up to LANES


@functools.lru_cache(maxsize=128)
def _tiles(groups: int, step: int, filters: int) -> Tiles:
    """Return the tiles of ``groups`` times ``filters``; groups lie ``step`` apart in the image."""
    tiles = [
        (group * step, group * filters + f, min(LANES, filters - f))
        for group in range(groups)
        for f in range(0, filters, LANES)
    ]
    return Tiles(*np.array(tiles, np.intp).T.copy())


# ---- forward and input gradient ----------------------------------------------------------------------------


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> list[Job]:
    """Return the jobs that together write conv(x, w, b) into y (N, *out, F)."""
    filters, channels = w.shape[:2]
    numbers, channels_last = memory(x, any_order=True)
    result, steps = result_memory(y)
    table = tables(x.shape[1:], channels_last, channels, y.shape[1:-1], steps, geometry)
    tiles = _tiles(groups, channels * table.between, filters // groups)
    packed = aligned((len(tiles.first), 1 + len(table.tap), LANES), y.dtype)
    bias = np.empty(0, y.dtype) if b is None else contiguous(b)
    _pack(contiguous(w).reshape(filters, channels, -1), bias, groups, packed)
    weights = packed.reshape(-1)

    def job(piece: Piece) -> None:
        _correlate(numbers, image_space(numbers, table), table, tiles, weights, result, piece)

    return in_pieces(job, pieces(len(y), len(table.window), y.size * len(table.tap)))


@jit
def _pack(w: Any, b: Any, groups: Any, packed: Any) -> None:
    """Write w (F, C, k) and b (F,) or empty to zeros (tiles, 1 + k C, LANES): the bias first, taps as in the tables."""
    filters, channels, taps = w.shape
    of_group = filters // groups
    tiles = len(packed) // groups
    for f in range(filters):
        group, i = f // of_group, f % of_group
        tile, lane = group * tiles + i // LANES, i % LANES
        if len(b):
            packed[tile, 0, lane] = b[f]
        for c in range(channels):
            for k in range(taps):
                packed[tile, 1 + k * channels + c, lane] = w[f, c, k]


@jit
def _correlate(x: Any, image: Any, table: Any, tiles: Any, w: Any, y: Any, piece: Any) -> None:
    n0, n1, start, stop = piece
    window, tap, place = table.window, table.tap, table.place
    for n in range(n0, n1):
        base = image_start(n, x, image, table)
        for o0 in range(start, stop, PIXELS):
            last = min(o0 + PIXELS, stop) - 1
            for tile in range(len(tiles.first)):
                origin = base + tiles.shift[tile]
                to = n * table.y_sample + tiles.first[tile]
                count = tiles.filters[tile]
                for k0 in range(0, len(tap), DEPTH):
                    k1 = min(k0 + DEPTH, len(tap))
                    at = tile * (1 + len(tap)) * LANES
                    for o in range(o0, last + 1, 8):
                        # Beyond the last pixel a tile repeats it.
                        o1, o2, o3 = min(o + 1, last), min(o + 2, last), min(o + 3, last)
                        o4, o5, o6, o7 = min(o + 4, last), min(o + 5, last), min(o + 6, last), min(o + 7, last)
                        p0, p1, p2, p3 = window[o], window[o1], window[o2], window[o3]
                        p4, p5, p6, p7 = window[o4], window[o5], window[o6], window[o7]
                        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zeros(y) if k0 else load(w, at)
                        for k in range(k0, k1):
                            t = origin + tap[k]
                            v = load(w, at + (1 + k) * LANES)
                            s0 += load_splat(image, p0 + t) * v
                            s1 += load_splat(image, p1 + t) * v
                            s2 += load_splat(image, p2 + t) * v
                            s3 += load_splat(image, p3 + t) * v
                            s4 += load_splat(image, p4 + t) * v
                            s5 += load_splat(image, p5 + t) * v
                            s6 += load_splat(image, p6 + t) * v
                            s7 += load_splat(image, p7 + t) * v
                        q0, q1, q2, q3 = to + place[o], to + place[o1], to + place[o2], to + place[o3]
                        q4, q5, q6, q7 = to + place[o4], to + place[o5], to + place[o6], to + place[o7]
                        if k0:  # all loads come before the first store: a repeated pixel is added to once
                            s0, s1 = s0 + load_part(y, q0, count), s1 + load_part(y, q1, count)
                            s2, s3 = s2 + load_part(y, q2, count), s3 + load_part(y, q3, count)
                            s4, s5 = s4 + load_part(y, q4, count), s5 + load_part(y, q5, count)
                            s6, s7 = s6 + load_part(y, q6, count), s7 + load_part(y, q7, count)
                        store_part(y, q0, s0, count)
                        store_part(y, q1, s1, count)
                        store_part(y, q2, s2, count)
                        store_part(y, q3, s3, count)
                        store_part(y, q4, s4, count)
                        store_part(y, q5, s5, count)
                        store_part(y, q6, s6, count)
                        store_part(y, q7, s7, count)


# ---- weight gradient ---------------------------------------------------------------------------------------


def weight_grad(g: NDArray, x: NDArray, geometry: Geometry, groups: int) -> NDArray:
    """Return the adjoint of conv in w (F, C/groups, *k), from g (N, F, *out) and x (N, C, *in)."""
    filters, channels = g.shape[1], x.shape[1] // groups
    numbers, channels_last = memory(x, any_order=True)
    gradient, _ = memory(g)
    table = tables(x.shape[1:], channels_last, channels, g.shape[2:], strides(g), geometry)
    tiles = _tiles(groups, channels * table.between, filters // groups)
    taps = len(table.tap)

    def share(piece: Piece) -> NDArray:
        sums = aligned((len(tiles.first), -(-taps // TAPS) * TAPS, LANES), x.dtype)
        _weight_grad(numbers, image_space(numbers, table), table, tiles, gradient, sums.reshape(-1), piece)
        return sums

    sums = sum_of_pieces(share, pieces(len(x), len(table.window), g.size * taps))
    rows = sums[:, :taps].reshape(groups, -1, taps, LANES).swapaxes(2, 3).reshape(groups, -1, taps)
    rows = rows[:, : filters // groups].reshape(filters, *geometry.kernel, channels)
    return np.ascontiguousarray(np.moveaxis(rows, -1, 1))


@jit
def _weight_grad(x: Any, image: Any, table: Any, tiles: Any, g: Any, sums: Any, piece: Any) -> None:
    n0, n1, start, stop = piece
    window, tap, place = table.window, table.tap, table.place
    last = len(tap) - 1
    depth = (last + TAPS) // TAPS * TAPS
    for n in range(n0, n1):
        base = image_start(n, x, image, table)
        for o0 in range(start, stop, CHAIN):
            o1 = min(o0 + CHAIN, stop)
            for tile in range(len(tiles.first)):
                origin = base + tiles.shift[tile]
                of = n * table.y_sample + tiles.first[tile]
                count = tiles.filters[tile]
                for k in range(0, len(tap), TAPS):
                    # Beyond the last tap a tile repeats it; those sums are left out in the end.
                    t0, t1, t2 = tap[k], tap[min(k + 1, last)], tap[min(k + 2, last)]
                    t3, t4, t5 = tap[min(k + 3, last)], tap[min(k + 4, last)], tap[min(k + 5, last)]
                    t6, t7, t8 = tap[min(k + 6, last)], tap[min(k + 7, last)], tap[min(k + 8, last)]
                    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = zeros(g)
                    for o in range(o0, o1):
                        v = load_part(g, of + place[o], count)
                        p = origin + window[o]
                        s0 += load_splat(image, p + t0) * v
                        s1 += load_splat(image, p + t1) * v
                        s2 += load_splat(image, p + t2) * v
                        s3 += load_splat(image, p + t3) * v
                        s4 += load_splat(image, p + t4) * v
                        s5 += load_splat(image, p + t5) * v
                        s6 += load_splat(image, p + t6) * v
                        s7 += load_splat(image, p + t7) * v
                        s8 += load_splat(image, p + t8) * v
                    at = (tile * depth + k) * LANES
                    store(sums, at, load(sums, at) + s0)
                    store(sums, at + LANES, load(sums, at + LANES) + s1)
                    store(sums, at + 2 * LANES, load(sums, at + 2 * LANES) + s2)
                    store(sums, at + 3 * LANES, load(sums, at + 3 * LANES) + s3)
                    store(sums, at + 4 * LANES, load(sums, at + 4 * LANES) + s4)
                    store(sums, at + 5 * LANES, load(sums, at + 5 * LANES) + s5)
                    store(sums, at + 6 * LANES, load(sums, at + 6 * LANES) + s6)
                    store(sums, at + 7 * LANES, load(sums, at + 7 * LANES) + s7)
                    store(sums, at + 8 * LANES, load(sums, at + 8 * LANES) + s8)
