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
    bring,
    contiguous,
    image_space,
    in_pieces,
    memory,
    result_memory,
    shared_out,
    tables,
)
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.tile import add_inner, load_row, places, store_totals, tile
from tensorgrad.kernels.im2col import Geometry
from tensorgrad.kernels.layout import channels_last

PIXELS = 256  # pixels whose windows stay in the cache while the filters pass over them
ROWS, COLUMNS = tuple(range(8)), (0,)  # of a tile: 8 pixels, one vector each
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
    weights.reshape(filters, *geometry.kernel, channels)[...] = channels_last(w)
    flat = weights.reshape(-1)
    bias = np.zeros(filters, y.dtype) if b is None else contiguous(b)

    def job(piece: Piece) -> None:
        _correlate(numbers, image_space(numbers, table), table, flat, bias, result, piece, ROWS, COLUMNS)

    return in_pieces(job, shared_out(len(y), len(table.window), y.size * len(table.tap)))


@jit
def _correlate(x: Any, image: Any, table: Any, w: Any, b: Any, y: Any, piece: Any, rows: Any, columns: Any) -> None:
    n0, n1, start, stop = piece
    depth = len(table.tap)
    for n in range(n0, n1):
        base, to = 0 if table.size else n * table.x_sample, n * table.y_sample
        row = 0
        for o0 in range(start, stop, PIXELS):
            last = min(o0 + PIXELS, stop) - 1
            row = bring(row, o0, last, n, x, image, table)
            for o in range(o0, last + 1, len(rows)):
                windows, pixels = places(table.window, o, last, rows), places(table.place, o, last, rows)
                for f in range(len(b)):
                    sums = tile(load_row(w, 0, 0, columns), rows)
                    for k in range(0, depth, LANES):
                        factors = load_row(w, f * depth + k, LANES, columns)
                        sums = add_inner(sums, image, windows, base + table.tap[k], factors, None)
                    store_totals(sums, y, pixels, to + f, b[f])
