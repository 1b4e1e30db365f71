"""Direct convolution: tiles of sums that stay in registers, read straight from the image.

    y[n, o, f]  = b[f] + sum_k image[window[o] + tap[k]] w[k, f]        rows of a tile are pixels
    gw[k, f]    = sum_{n, o} image[window[o] + tap[k]] g[n, o, f]       rows of a tile are taps

The first serves the forward pass and the input gradient. Groups are tiles that start at other channels.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.ahead import fetch
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.offsets import (
    Offsets,
    Tables,
    bring,
    contiguous,
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
from tensorgrad.kernels.compiled.panels import NO_BIAS
from tensorgrad.kernels.compiled.pieces import add_up
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import (
    add_outer_runs,
    add_products,
    add_tile,
    entry,
    in_runs,
    load_row,
    places,
    store_tile,
    tile,
)
from tensorgrad.kernels.compiled.tile_product import REGISTERS, tile_form
from tensorgrad.kernels.im2col import Geometry, Ints
from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.scratch import scratch

PIXELS = 256  # pixels whose windows stay in the second cache while the tiles of filters pass over them
DEPTH = 144  # taps summed at a stretch: their weights stay in the first cache, and short sums are more accurate
CHAIN = 64  # pixels summed at a stretch in a weight gradient, for both reasons
MOST_SUMS = REGISTERS + 4 if LANES == 16 else REGISTERS  # where each is a sum over pixels, which need no others
RUNS = (24, 12, 8, 6, 5, 3, 1)  # taps beside each other; for each number of them loops are compiled, so there are few
MOST_AT_ONCE = 8  # of them in a step of one sum
RUNS_OF_TILE = (3, 5)  # of a tile: as many as a kernel has rows, most often; more would need more registers
SINGLE_TAPS = 9  # of a tile whose taps are apart: sums enough that none waits for the one before


SHIFT, FIRST, FILTERS = 0, 1, 2  # of a tile: from the first channel of the image to its group's; its filters


def _tiles(groups: int, step: int, filters: int, width: int) -> Offsets:
    """Return the tiles (tiles, 3) of ``width`` for ``groups`` times ``filters``, none of them across two groups.

    The channels of a group lie ``step`` numbers after those of the group before.
    """
    tiles = [
        (group * step, group * filters + f, min(width, filters - f))
        for group in range(groups)
        for f in range(0, filters, width)
    ]
    return np.array(tiles, np.intp)


def _beside_each_other(tap: Offsets) -> int:
    """Return how many taps follow each other in memory, everywhere."""
    breaks = np.flatnonzero(np.diff(tap) != 1) + 1
    run = int(breaks[0]) if len(breaks) else len(tap)
    return run if len(tap) % run == 0 and np.array_equal(breaks, np.arange(run, len(tap), run)) else 1


def _run_of(tap: Offsets, most: int) -> int:
    """Return how many of the taps that follow each other are taken together: they go into these without a rest."""
    taps = _beside_each_other(tap)
    return next(run for run in RUNS if run <= max(1, most) and taps % run == 0)


class Layout(NamedTuple):
    """Where the numbers lie, and the tiles that meet them."""

    table: Tables
    tiles: Offsets
    columns: Ints
    panels: Ints  # (tiles, 1 + taps, the filters that a tile has room for): the bias first


def _layout(
    x: Ints, channels_last: bool, w: Ints, out: Ints, steps: Ints, columns: Ints, geometry: Geometry, groups: int
) -> Layout:
    """Return the layout for samples x (C, *in) and filters w (F, C/groups), in tiles with these columns.

    ``steps`` are the strides of the results (N, *out, F) but the last.
    """
    filters, channels = w[0] // groups, w[1]
    table = tables(x, channels_last, channels, out, steps, geometry)
    width = len(columns) * LANES
    tiles = _tiles(groups, channels * table.between, filters, width)
    return Layout(table, tiles, columns, (len(tiles), 1 + len(table.tap), width))


# ---- forward and input gradient ----------------------------------------------------------------------------


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> None:
    """Write conv(x, w, b) into y (N, *out, F)."""
    numbers, last = memory(x, any_order=True)
    shapes = x.shape[1:], last, w.shape[:2], y.shape
    (table, tiles, columns, shape), rows, run, cut = _forward(*shapes, y.strides, y.itemsize, geometry, groups)
    panels = scratch("panels", shape, y.dtype)
    _pack(contiguous(w).reshape(*w.shape[:2], -1), NO_BIAS[y.dtype] if b is None else contiguous(b), groups, panels)
    images, weights = image_space(numbers, table), panels.reshape(-1)
    _correlate(len(cut), numbers, images, table.packed, tiles, weights, result_memory(y), cut, rows, run, columns)


@functools.lru_cache(maxsize=128)
def _forward(
    x: Ints, last: bool, w: Ints, y: Ints, y_strides: Ints, itemsize: int, geometry: Geometry, groups: int
) -> tuple[Layout, Ints, Ints, NDArray[np.intp]]:
    """Return the layout of `correlate`, the rows of a tile, the taps of a step, and how the work is cut."""
    rows, columns = tile_form(w[0] // groups, itemsize)
    layout = _layout(x, last, w, y[1:-1], in_numbers(y_strides, itemsize), columns, geometry, groups)
    table = layout.table
    run = _run_of(table.tap, MOST_AT_ONCE)
    return layout, rows, tuple(range(run)), tasks(y[0], len(table.window), math.prod(y) * len(table.tap))


@jit
def _pack(w: Any, b: Any, groups: Any, packed: Any) -> None:
    """Write b (F,) or empty and w (F, C, k) as (tiles, 1 + k C, width), taps as in the tables; elsewhere 0."""
    packed[:] = 0
    filters, channels, taps = w.shape
    of_group, tiles, width = filters // groups, len(packed) // groups, packed.shape[2]
    for f in range(filters):
        group, i = f // of_group, f % of_group
        tile, lane = group * tiles + i // width, i % width
        if len(b):
            packed[tile, 0, lane] = b[f]
        for c in range(channels):
            for k in range(taps):
                packed[tile, 1 + k * channels + c, lane] = w[f, c, k]


@shared
@jit
def _correlate(
    at: Any, x: Any, images: Any, packed: Any, tiles: Any, w: Any, y: Any, cut: Any, rows: Any, run: Any, columns: Any
) -> None:
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image = images[at[2] if table.size else 0]
    tap, depth, width = table.tap, len(table.tap), len(columns) * LANES
    stretch = DEPTH // len(run) * len(run)
    apart = len(table.place) - 1  # from the first pixel of a result to the last; between strided rows lie others
    dense = len(tiles) == 1 and table.place[apart] - table.place[0] == apart * tiles[0, FILTERS]
    for n in range(n0, n1):
        base = 0 if table.size else n * table.x_sample
        row = 0
        for o0 in range(start, stop, PIXELS):
            last = min(o0 + PIXELS, stop) - 1
            row = bring(row, o0, last, n, x, image, table)
            for t in range(len(tiles)):
                origin, to, count = base + tiles[t, SHIFT], n * table.y_sample + tiles[t, FIRST], tiles[t, FILTERS]
                weights = t * (1 + depth) * width
                for k0 in range(0, depth, stretch):
                    for o in range(o0, last + 1, len(rows)):
                        windows, pixels = places(table.window, o, last, rows), places(table.place, o, last, rows)
                        sums = tile(load_row(w, weights, 0 if k0 else width, columns), rows)
                        for k in range(k0, min(k0 + stretch, depth), len(run)):
                            first = weights + (1 + k) * width
                            sums = add_products(sums, image, windows, origin + entry(tap, k), run, w, first, columns)
                        if k0:
                            sums = add_tile(sums, y, pixels, to, count)
                        # whole vectors are stored faster: some numbers too many, of pixels that are written later; two
                        # calls, since a width that is known when the loop is compiled keeps the sums in registers
                        if count == width or (dense and k0 == 0 and o + len(rows) + width // count <= last):
                            store_tile(sums, y, pixels, to, width)
                        else:
                            store_tile(sums, y, pixels, to, count)


# ---- weight gradient ---------------------------------------------------------------------------------------


def weight_grad(g: NDArray, x: NDArray, geometry: Geometry, groups: int) -> NDArray:
    """Return the adjoint of conv in w (F, C/groups, *k), from g (N, F, *out) and x (N, C, *in)."""
    filters, channels = g.shape[1], x.shape[1] // groups
    numbers, last = memory(x, any_order=True)
    gradient, _ = memory(g)
    shapes = x.shape[1:], last, (filters, channels), g.shape
    (table, tiles, columns, _), runs, rows, run, cut = _backward(*shapes, g.itemsize, geometry, groups)
    taps, width = len(table.tap), len(columns) * LANES
    shape = (len(tiles), taps, width)
    sums = scratch("shares", (len(cut), math.prod(shape)), x.dtype)
    images = image_space(numbers, table)
    _weight_grad(len(cut), numbers, images, table.packed, tiles, gradient, sums, runs, cut, rows, run, columns)
    total = add_up(sums).reshape(shape)
    every = total.reshape(groups, -1, taps, width).swapaxes(2, 3).reshape(groups, -1, taps)
    kernels = every[:, : filters // groups].reshape(filters, *geometry.kernel, channels)
    return channels_first(kernels).copy()


@functools.lru_cache(maxsize=128)
def _backward(
    x: Ints, last: bool, w: Ints, g: Ints, itemsize: int, geometry: Geometry, groups: int
) -> tuple[Layout, Offsets, Ints, Ints, NDArray[np.intp]]:
    """Return the layout of `weight_grad`, its runs of taps, those of a tile, the taps of a run, how the work is cut.

    The runs are (2, runs): where each starts in a window, and where its sums are.
    """
    _, columns = tile_form(w[0] // groups, itemsize)
    layout = _layout(x, last, w, g[2:], steps_of(g), columns, geometry, groups)
    tap, width = layout.table.tap, layout.panels[2]
    most = MOST_SUMS * 4 // (len(columns) * itemsize)  # rows of a tile
    run = _run_of(tap, most)
    few, many = RUNS_OF_TILE
    wanted = SINGLE_TAPS if run == 1 else few if len(tap) <= few * run else many
    rows = max(1, min(wanted, most // run))
    runs = np.stack([tap[::run], np.arange(0, len(tap), run) * width])
    cut = shares(g[0], len(layout.table.window), math.prod(g) * len(tap))
    return layout, runs, tuple(range(rows)), tuple(range(run)), cut


@shared
@jit
def _weight_grad(
    at: Any, x: Any, images: Any, packed: Any, tiles: Any, g: Any, shares: Any, runs: Any, cut: Any,
    rows: Any, run: Any, columns: Any,
) -> None:  # fmt: skip
    table = unpacked(packed)
    n0, n1, start, stop = cut[at[0], 0], cut[at[0], 1], cut[at[0], 2], cut[at[0], 3]
    image, sums = images[at[2] if table.size else 0], shares[at[0]]
    sums[:] = 0
    depth, width, last = len(table.tap), len(columns) * LANES, runs.shape[1] - 1
    # each tile asks for its part of what the next pixels need: a tile's own reads jump from pixel to pixel
    parts = len(table.place) * len(tiles) * (-(-(last + 1) // len(rows)))
    more_g, more_x = CHAIN * table.y_sample // parts, 0 if table.size else CHAIN * table.x_sample // parts
    for n in range(n0, n1):
        base = 0 if table.size else n * table.x_sample
        row = 0
        for o0 in range(start, stop, CHAIN):
            o1 = min(o0 + CHAIN, stop)
            row = bring(row, o0, o1 - 1, n, x, image, table)
            next_g, next_x = n * table.y_sample + table.place[o1 - 1], base + table.window[o1 - 1]
            for t in range(len(tiles)):
                origin, of, count = base + tiles[t, SHIFT], n * table.y_sample + tiles[t, FIRST], tiles[t, FILTERS]
                for r in range(0, last + 1, len(rows)):
                    taps = places(runs[0], r, last, rows)
                    kernels = in_runs(places(runs[1], r, last, rows), run, width)
                    fetch(g, next_g, more_g)
                    fetch(image, next_x, more_x)
                    next_g, next_x = next_g + more_g, next_x + more_x
                    share = tile(load_row(g, 0, 0, columns), kernels)
                    # numbers of the next pixel, too many, make sums that nobody reads, and come faster than through a
                    # mask; but not beyond the last one
                    if of + table.place[o1 - 1] + width <= len(g):
                        share = _add_pixels(share, image, taps, origin, run, g, of, None, columns, table, o0, o1)
                    else:
                        share = _add_pixels(share, image, taps, origin, run, g, of, count, columns, table, o0, o1)
                    share = add_tile(share, sums, kernels, t * depth * width, width)
                    store_tile(share, sums, kernels, t * depth * width, width)


@jit
def _add_pixels(
    share: Any, image: Any, taps: Any, origin: Any, run: Any, g: Any, of: Any, count: Any, columns: Any,
    table: Any, first: Any, stop: Any,
) -> Any:  # fmt: skip
    """Add the products of so many pixels' windows with their gradients to the sums of a tile."""
    for o in range(first, stop):
        factors = load_row(g, of + entry(table.place, o), count, columns)
        share = add_outer_runs(share, image, taps, origin + entry(table.window, o), run, factors)
    return share
