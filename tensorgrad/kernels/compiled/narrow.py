"""Direct convolution to fewer filters than a vector has lanes: vectors run along the channels of the window instead.

    y[n, o, f] = b[f] + sum over lanes of sum_k image[window[o] + tap[k] + c : ... + LANES] w[f, k, c : c + LANES]

It is the input gradient of a layer that widens few channels. Images have their channels last.
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
    contiguous,
    image_space,
    image_start,
    in_pieces,
    memory,
    pieces,
    result_memory,
    tables,
)
from tensorgrad.kernels.compiled.simd import LANES, load, total, zeros
from tensorgrad.kernels.im2col import Geometry

FILTERS = LANES // 2  # from here on, idle lanes cost less than the sums over lanes


def pays(filters: int, channels: int, groups: int) -> bool:
    """Return whether vectors along the channels are better filled."""
    return groups == 1 and filters <= FILTERS and channels % LANES == 0


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry) -> list[Job]:
    """Return the jobs that together write conv(x, w, b) into y (N, *out, F)."""
    filters, channels = w.shape[:2]
    numbers, _ = memory(x)
    result, steps = result_memory(y)
    table = tables(x.shape[1:], True, channels, y.shape[1:-1], steps, geometry)
    weights = aligned((filters, len(table.tap)), y.dtype)
    weights.reshape(filters, *geometry.kernel, channels)[...] = np.moveaxis(w, 1, -1)
    bias = np.zeros(filters, y.dtype) if b is None else contiguous(b)

    def job(piece: Piece) -> None:
        _correlate(numbers, image_space(numbers, table), table, weights.reshape(-1), bias, result, piece)

    return in_pieces(job, pieces(len(y), len(table.window), y.size * len(table.tap)))


@jit
def _correlate(x: Any, image: Any, table: Any, w: Any, b: Any, y: Any, piece: Any) -> None:
    n0, n1, start, stop = piece
    window, tap, place = table.window, table.tap, table.place
    filters = len(b)
    for n in range(n0, n1):
        base = image_start(n, x, image, table)
        to = n * table.y_sample
        for o in range(start, stop, 8):
            last = stop - 1
            o1, o2, o3 = min(o + 1, last), min(o + 2, last), min(o + 3, last)
            o4, o5, o6, o7 = min(o + 4, last), min(o + 5, last), min(o + 6, last), min(o + 7, last)
            p0, p1, p2, p3 = base + window[o], base + window[o1], base + window[o2], base + window[o3]
            p4, p5, p6, p7 = base + window[o4], base + window[o5], base + window[o6], base + window[o7]
            for f in range(filters):
                s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zeros(y)
                for k in range(0, len(tap), LANES):
                    t = tap[k]
                    v = load(w, f * len(tap) + k)
                    s0 += load(image, p0 + t) * v
                    s1 += load(image, p1 + t) * v
                    s2 += load(image, p2 + t) * v
                    s3 += load(image, p3 + t) * v
                    s4 += load(image, p4 + t) * v
                    s5 += load(image, p5 + t) * v
                    s6 += load(image, p6 + t) * v
                    s7 += load(image, p7 + t) * v
                q = to + f
                y[q + place[o]], y[q + place[o1]] = b[f] + total(s0), b[f] + total(s1)
                y[q + place[o2]], y[q + place[o3]] = b[f] + total(s2), b[f] + total(s3)
                y[q + place[o4]], y[q + place[o5]] = b[f] + total(s4), b[f] + total(s5)
                y[q + place[o6]], y[q + place[o7]] = b[f] + total(s6), b[f] + total(s7)
