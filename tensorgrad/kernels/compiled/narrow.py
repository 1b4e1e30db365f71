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
    aligned,
    bring,
    contiguous,
    image_space,
    in_numbers,
    memory,
    result_memory,
    tables,
    tasks,
    unpacked,
)
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_inner, inner_form, load_each, places, spaced, store_totals, tile
from tensorgrad.kernels.im2col import Geometry
from tensorgrad.kernels.layout import channels_last

PIXELS = 256  # pixels whose windows stay in the cache while the filters pass over them
FILTERS = LANES // 2  # from here on, idle lanes cost less than the sums over lanes


def pays(filters: int, channels: int, groups: int) -> bool:
    """Return whether vectors along the channels are better filled."""
    return groups == 1 and filters <= FILTERS and channels % LANES == 0


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> None:
    """Write conv(x, w, b) into y (N, *out, F)."""
    filters, channels = w.shape[:2]
    numbers, _ = memory(x)
    result, steps = result_memory(y), in_numbers(y.strides, y.itemsize)
    table = tables(x.shape[1:], True, channels, y.shape[1:-1], steps, geometry)
    weights = aligned((filters, len(table.tap)), y.dtype)
    weights.reshape(filters, *geometry.kernel, channels)[...] = channels_last(w)
    flat = weights.reshape(-1)
    bias = np.zeros(filters, y.dtype) if b is None else contiguous(b)

    cut = tasks(len(y), len(table.window), y.size * len(table.tap))
    images = image_space(numbers, table)
    _correlate(len(cut), numbers, images, table.packed, flat, bias, result, cut, *inner_form(filters, y.itemsize))


@shared
@jit
def _correlate(
    at: Any, x: Any, images: Any, packed: Any, w: Any, b: Any, y: Any, cut: Any, rows: Any, columns: Any
) -> None:
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image = images[at[2] if table.size else 0]
    depth = len(table.tap)
    for n in range(n0, n1):
        base, to = 0 if table.size else n * table.x_sample, n * table.y_sample
        row = 0
        for o0 in range(start, stop, PIXELS):
            last = min(o0 + PIXELS, stop) - 1
            row = bring(row, o0, last, n, x, image, table)
            for o in range(o0, last + 1, len(rows)):
                windows, pixels = places(table.window, o, last, rows), places(table.place, o, last, rows)
                for f in range(0, len(b), len(columns)):
                    kernels, beside = spaced(depth, f, len(b) - 1, columns), spaced(1, f, len(b) - 1, columns)
                    sums = tile(load_each(b, beside, 0, 1), rows)
                    for k in range(0, depth, LANES):
                        factors = load_each(w, kernels, k, None)
                        sums = add_inner(sums, image, windows, base + table.tap[k], factors, None)
                    store_totals(sums, y, pixels, to, beside)
