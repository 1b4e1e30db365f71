"""The input gradient of a strided depthwise convolution in one pass over its result.

    gx[n, i, c] = sum_j image[window[i] + tap[j] + c] w[number[j], c]       rows of a tile are results

`remainders` has the lists j of each kind of result. Images have their channels last.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from tensorgrad.kernels.compiled.ahead import fetch_to_write
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import (
    aligned,
    bring,
    image_space,
    in_numbers,
    memory,
    result_memory,
    tasks,
    unpacked,
)
from tensorgrad.kernels.compiled.remainders import remainders
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_inner, load_row, places, store_tile, tile
from tensorgrad.kernels.im2col import Geometry

RESULTS, COLUMNS = tuple(range(8)), (0,)  # rows of a tile, one vector each
AHEAD = 4096  # numbers: memory is asked for that long before it is written


def input_grad(g: NDArray, w: NDArray, gx: NDArray, geometry: Geometry) -> None:
    """Write the adjoint of the convolution with w (C, 1, *k) from g (N, C, *out) into gx (N, *in, C)."""
    channels = len(w)
    numbers, _ = memory(g)
    result, steps = result_memory(gx), in_numbers(gx.strides, gx.itemsize)
    lists, table = remainders(g.shape[1:], gx.shape[1:-1], steps, geometry, len(RESULTS))
    weights = aligned((len(lists.number), -(-channels // LANES) * LANES), gx.dtype)
    weights[:, :channels] = w.reshape(channels, -1).T[lists.number]

    cut = tasks(len(gx), len(lists.first), gx.size * math.prod(geometry.kernel))
    images = image_space(numbers, table)
    _input_grad(len(cut), numbers, images, table.packed, lists, channels, weights, result, cut, RESULTS, COLUMNS)


@shared
@jit
def _input_grad(
    at: Any, g: Any, images: Any, packed: Any, lists: Any,
    channels: int, w: Any, gx: Any, cut: Any, rows: Any, columns: Any,
) -> None:  # fmt: skip
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image = images[at[2] if table.size else 0]
    tap, width = lists.tap, w.shape[1]
    share = table.y_sample // (len(lists.first) * (-(-channels // LANES)))  # numbers that a tile writes, on average
    for n in range(n0, n1):
        base, to = 0 if table.size else n * table.x_sample, n * table.y_sample
        bring(0, 0, len(table.window) - 1, n, g, image, table)
        for piece in range(start, stop):
            first, last, kind = lists.first[piece], lists.last[piece], lists.kind[piece]
            windows, results = places(lists.window, first, last, rows), places(lists.place, first, last, rows)
            k0, k1 = lists.begin[kind], lists.begin[kind + 1]
            for c in range(0, channels, LANES):
                fetch_to_write(gx, to + AHEAD + (piece * channels + c) // LANES * share, share)
                sums = tile(load_row(w, 0, 0, columns), rows)
                if c + LANES <= channels:
                    for k in range(k0, k1):
                        factors = load_row(w, k * width + c, LANES, columns)
                        sums = add_inner(sums, image, windows, base + tap[k] + c, factors, None)
                else:
                    for k in range(k0, k1):
                        factors = load_row(w, k * width + c, LANES, columns)
                        sums = add_inner(sums, image, windows, base + tap[k] + c, factors, channels - c)
                store_tile(sums, gx, results, to + c, channels - c)
