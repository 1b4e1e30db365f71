"""Convolution with a kernel of one pixel: products of matrices whose rows are pixels, taken through packed panels.

    y[i, f]  = b[f] + sum_c x[i, c] w[c, f]        rows of a tile are pixels
    gw[c, f] = sum_i x[i, c] g[i, f]               rows of a tile are channels

The first serves the forward pass and the input gradient. A panel holds the columns of one tile, row after row, since
rows of a whole matrix that lie 256 or 512 bytes apart would share a few places of the cache. Pixels are many and
weights few: all panels are packed once and pass over a few pixels at a time. One panel over many rows, the order of
`matmul`, takes 1.1 to 1.8 times as long here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.ahead import fetch, fetch_to_write
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import aligned, contiguous, memory, shares, tasks
from tensorgrad.kernels.compiled.panels import NO_BIAS, pack_transposed
from tensorgrad.kernels.compiled.pieces import add_up
from tensorgrad.kernels.compiled.simd import LANES, load_part, store
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_tile, load_row, places, store_tile, tile
from tensorgrad.kernels.compiled.tile_product import WIDEST, add_product, tile_form
from tensorgrad.kernels.im2col import Geometry
from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

BLOCK = 24  # pixels whose numbers stay in the first cache while the panels pass over them
DEPTH = 144  # channels summed at a stretch: short sums are more accurate
CHAIN = 64  # pixels summed at a stretch in a weight gradient, for the same reason
AHEAD = 1024  # numbers: memory is asked for that long before it is written
FEWEST = 3 * LANES // 2  # filters; with so many or fewer, a forward pass of `wide` takes a tenth less time


def pays(filters: int, geometry: Geometry, groups: int) -> bool:
    """Return whether a layer is a product of matrices, of more columns than a few."""
    kernel, stride, padding, _ = geometry
    plain = groups == math.prod(kernel) == math.prod(stride) == 1 and all(pads == (0, 0) for pads in padding)
    return plain and filters > FEWEST


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> None:
    """Write conv(x, w, b) into y (N, *out, F)."""
    filters, channels = w.shape[:2]
    numbers, _ = memory(x)
    pixels = math.prod(y.shape[:-1])
    rows, columns = tile_form(filters, y.itemsize)
    width = len(columns) * LANES
    panels = aligned((-(-filters // width), (1 + channels) * width), y.dtype)
    bias = NO_BIAS[y.dtype] if b is None else contiguous(b)
    _pack(contiguous(w).reshape(-1), bias, panels, filters, channels, columns)
    block = np.arange(BLOCK)
    cut = tasks(-(-pixels // BLOCK), 1, y.size * channels)
    _correlate(
        len(cut), numbers, panels.reshape(-1), y.reshape(-1), pixels, filters,
        block * channels, block * filters, channels, cut, rows, columns,
    )  # fmt: skip


@jit
def _pack(w: Any, b: Any, panels: Any, filters: Any, channels: Any, columns: Any) -> None:
    """Write w (F, C) and b (F,) or empty to panels of 1 + C rows, the bias first."""
    width = len(columns) * LANES
    for number in range(len(panels)):
        first, panel = number * width, panels[number]
        for lane in range(0, width, LANES):
            store(panel, lane, load_part(b, first + lane, len(b) - first - lane))
        pack_transposed(w, first * channels, channels, filters - first, channels, panel[width:], columns)


@shared
@jit
def _correlate(
    at: Any, x: Any, w: Any, y: Any, pixels: Any, filters: Any,
    x_rows: Any, y_rows: Any, channels: Any, cut: Any, rows: Any, columns: Any,
) -> None:  # fmt: skip
    width = len(columns) * LANES
    for block in range(cut[at[0], 0], cut[at[0], 1]):
        first = block * BLOCK
        last = min(BLOCK, pixels - first) - 1
        base, to = first * channels, first * filters
        for f in range(0, filters, width):
            weights = f * (1 + channels)
            for k0 in range(0, channels, DEPTH):
                for o in range(0, last + 1, len(rows)):
                    there, here = places(x_rows, o, last, rows), places(y_rows, o, last, rows)
                    if k0 == 0:
                        fetch_to_write(y, to + BLOCK * f + o * width + AHEAD, len(rows) * width)
                    sums = tile(load_row(w, weights, 0 if k0 else width, columns), rows)
                    of_w, depth = weights + (1 + k0) * width, min(DEPTH, channels - k0)
                    sums = add_product(sums, x, there, base + k0, 1, w, of_w, width, width, depth, columns)
                    if k0:
                        sums = add_tile(sums, y, here, to + f, filters - f)
                    store_tile(sums, y, here, to + f, filters - f)


def weight_grad(g: NDArray, x: NDArray) -> NDArray:
    """Return the adjoint of conv in w (F, C, *ones), from g (N, F, *out) and x (N, C, *out)."""
    filters, channels = g.shape[1], x.shape[1]
    numbers, _ = memory(x)
    gradient, _ = memory(g)
    pixels = g.size // filters
    rows, columns = tile_form(filters, x.itemsize)
    width = len(columns) * LANES
    panels = -(-filters // width)
    cut = shares(-(-pixels // CHAIN), 1, g.size * channels)
    sums = scratch("shares", (len(cut), panels * channels * width), x.dtype)
    panel = scratch("panel", (get_num_threads(), CHAIN * WIDEST), x.dtype)
    channel = np.arange(channels)
    _weight_grad(
        len(cut), numbers, gradient, panel, sums, pixels, filters,
        channel, channel * width, cut, rows, columns,
    )  # fmt: skip
    total = add_up(sums).reshape(panels, channels, width)
    gw = total.swapaxes(1, 2).reshape(-1, channels)[:filters]
    return channels_first(gw.reshape(filters, *(1,) * (g.ndim - 2), channels)).copy()


@shared
@jit
def _weight_grad(
    at: Any, x: Any, g: Any, panels: Any, shares: Any, pixels: Any, filters: Any,
    channel: Any, place: Any, cut: Any, rows: Any, columns: Any,
) -> None:  # fmt: skip
    sums, panel, channels, width = shares[at[0]], panels[at[2]], len(channel), len(columns) * LANES
    sums[:] = 0
    for block in range(cut[at[0], 0], cut[at[0], 1]):
        first = block * CHAIN
        count, of_x = min(CHAIN, pixels - first), first * channels
        for f in range(0, filters, width):
            for i in range(count):
                for lane in columns:
                    numbers = load_part(g, (first + i) * filters + f + lane, filters - f - lane)
                    store(panel, i * width + lane, numbers)
            share = min(width, filters - f) * CHAIN  # of the next block, as much as this panel is of this one
            fetch(g, (first + CHAIN) * filters + f * CHAIN, share)
            fetch(x, (first + CHAIN) * channels + f * CHAIN * channels // filters, share * channels // filters)
            for c in range(0, channels, len(rows)):
                there, here = places(channel, c, channels - 1, rows), places(place, c, channels - 1, rows)
                total = tile(load_row(panel, 0, 0, columns), rows)
                total = add_product(total, x, there, of_x, channels, panel, 0, width, width, count, columns)
                total = add_tile(total, sums, here, f * channels, width)
                store_tile(total, sums, here, f * channels, width)
