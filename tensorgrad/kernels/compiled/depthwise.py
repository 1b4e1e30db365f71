"""Depthwise convolution: each channel has its own kernel, so LANES neighbouring channels are one vector throughout.

    y[n, o, c]  = b[c] + sum_k image[window[o] + tap[k] + c] w[k, c]       4 pixels at a time
    gw[k, c]    = sum_{n, o} image[window[o] + tap[k] + c] g[n, o, c]      9 taps at a time

The first serves the forward pass and the input gradient. Images have their channels last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import (
    Job,
    Piece,
    aligned,
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
from tensorgrad.kernels.compiled.simd import LANES, load, load_part, store, store_part, zeros
from tensorgrad.kernels.im2col import Geometry

TAPS = 9
CHAIN = 64  # pixels summed at a stretch in a weight gradient: they stay in the cache, and short sums are more accurate


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry) -> list[Job]:
    """Return the jobs that together write the convolution of x with w (C, 1, *k) into y (N, *out, C)."""
    channels = len(w)
    numbers, _ = memory(x)
    result, steps = result_memory(y)
    table = tables(x.shape[1:], True, 1, y.shape[1:-1], steps, geometry)
    width = -(-channels // LANES) * LANES
    weights, bias = aligned((len(table.tap), width), y.dtype), aligned((width,), y.dtype)
    weights[:, :channels] = w.reshape(channels, -1).T
    if b is not None:
        bias[:channels] = b

    def job(piece: Piece) -> None:
        _correlate(numbers, image_space(numbers, table), table, weights, bias, channels, result, piece)

    return in_pieces(job, pieces(len(y), len(table.window), y.size * len(table.tap)))


@jit
def _correlate(x: Any, image: Any, table: Any, w: Any, b: Any, channels: Any, y: Any, piece: Any) -> None:
    n0, n1, start, stop = piece
    window, tap, place = table.window, table.tap, table.place
    flat = w.reshape(-1)
    last, width = stop - 1, len(b)
    for n in range(n0, n1):
        base = image_start(n, x, image, table)
        to = n * table.y_sample
        for o in range(start, stop, 4):
            o1, o2, o3 = min(o + 1, last), min(o + 2, last), min(o + 3, last)
            for c in range(0, channels, LANES):
                count = channels - c
                p0, p1, p2, p3 = window[o], window[o1], window[o2], window[o3]
                s0 = s1 = s2 = s3 = load(b, c)
                if count >= LANES:
                    for k in range(len(tap)):
                        t = base + tap[k] + c
                        v = load(flat, k * width + c)
                        s0 += load(image, p0 + t) * v
                        s1 += load(image, p1 + t) * v
                        s2 += load(image, p2 + t) * v
                        s3 += load(image, p3 + t) * v
                else:
                    for k in range(len(tap)):
                        t = base + tap[k] + c
                        v = load(flat, k * width + c)
                        s0 += load_part(image, p0 + t, count) * v
                        s1 += load_part(image, p1 + t, count) * v
                        s2 += load_part(image, p2 + t, count) * v
                        s3 += load_part(image, p3 + t, count) * v
                store_part(y, to + place[o] + c, s0, count)
                store_part(y, to + place[o1] + c, s1, count)
                store_part(y, to + place[o2] + c, s2, count)
                store_part(y, to + place[o3] + c, s3, count)


def weight_grad(g: NDArray, x: NDArray, geometry: Geometry) -> NDArray:
    """Return the weight gradient (C, 1, *k) from g (N, C, *out) and x (N, C, *in)."""
    channels = g.shape[1]
    numbers, _ = memory(x)
    gradient, _ = memory(g)
    table = tables(x.shape[1:], True, 1, g.shape[2:], strides(g), geometry)
    taps, width = len(table.tap), -(-channels // LANES) * LANES

    def share(piece: Piece) -> NDArray:
        sums = aligned((-(-taps // TAPS) * TAPS, width), x.dtype)
        _weight_grad(numbers, image_space(numbers, table), table, channels, gradient, sums, piece)
        return sums

    sums = sum_of_pieces(share, pieces(len(x), len(table.window), g.size * taps))
    return np.ascontiguousarray(sums[:taps, :channels].T).reshape(channels, 1, *geometry.kernel)


@jit
def _weight_grad(x: Any, image: Any, table: Any, channels: Any, g: Any, sums: Any, piece: Any) -> None:
    n0, n1, start, stop = piece
    window, tap, place = table.window, table.tap, table.place
    width = sums.shape[1]
    flat = sums.reshape(-1)
    last = len(tap) - 1
    for n in range(n0, n1):
        base = image_start(n, x, image, table)
        for o0 in range(start, stop, CHAIN):
            o1 = min(o0 + CHAIN, stop)
            for c in range(0, channels, LANES):
                of = n * table.y_sample + c
                count = channels - c
                for k in range(0, len(tap), TAPS):
                    t0, t1, t2 = tap[k], tap[min(k + 1, last)], tap[min(k + 2, last)]
                    t3, t4, t5 = tap[min(k + 3, last)], tap[min(k + 4, last)], tap[min(k + 5, last)]
                    t6, t7, t8 = tap[min(k + 6, last)], tap[min(k + 7, last)], tap[min(k + 8, last)]
                    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = zeros(g)
                    for o in range(o0, o1):
                        v = load_part(g, of + place[o], count)
                        p = base + c + window[o]
                        s0 += load_part(image, p + t0, count) * v
                        s1 += load_part(image, p + t1, count) * v
                        s2 += load_part(image, p + t2, count) * v
                        s3 += load_part(image, p + t3, count) * v
                        s4 += load_part(image, p + t4, count) * v
                        s5 += load_part(image, p + t5, count) * v
                        s6 += load_part(image, p + t6, count) * v
                        s7 += load_part(image, p + t7, count) * v
                        s8 += load_part(image, p + t8, count) * v
                    at = k * width + c
                    store(flat, at, load(flat, at) + s0)
                    store(flat, at + width, load(flat, at + width) + s1)
                    store(flat, at + 2 * width, load(flat, at + 2 * width) + s2)
                    store(flat, at + 3 * width, load(flat, at + 3 * width) + s3)
                    store(flat, at + 4 * width, load(flat, at + 4 * width) + s4)
                    store(flat, at + 5 * width, load(flat, at + 5 * width) + s5)
                    store(flat, at + 6 * width, load(flat, at + 6 * width) + s6)
                    store(flat, at + 7 * width, load(flat, at + 7 * width) + s7)
                    store(flat, at + 8 * width, load(flat, at + 8 * width) + s8)
