"""Winograd's convolution as loops over vectors of channels; see kernels/winograd.py for the formulas.

One task computes one part of the result: its points, their products and the way back stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.jit import inlined, jit
from tensorgrad.kernels.compiled.offsets import TASK
from tensorgrad.kernels.compiled.pieces import add_up, piece
from tensorgrad.kernels.compiled.simd import LANES, load, splat, store
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_tile, load_row, spaced, store_tile, tile
from tensorgrad.kernels.compiled.tile_product import WIDEST, add_product, tile_form
from tensorgrad.kernels.im2col import Ints
from tensorgrad.kernels.partial_sums import MOST_TASKS, PARTIAL_FLOATS
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads
from tensorgrad.kernels.winograd import POINTS, Part, Tiling, count

NOTHING = np.empty(0, np.float32)
MANY_FILTERS = 128  # from here on, rows that are not packed fall into few places of the cache


def correlate(
    x: NDArray, u: NDArray, b: NDArray | None, y: NDArray, parts: Sequence[Part], tiles: Tiling
) -> list[Part]:
    """Write the convolution of x (N, H, W, C) with the transformed weights u into y (N, H, W, F).

    Returns the parts where a number is not finite: then the values next to it may be wrong.
    """
    v, products = _at_points("points", x, parts, tiles), _at_points("products", y, parts, tiles)
    bias = NOTHING if b is None else b
    finite = np.empty(len(parts), np.bool_)
    height, lanes = tile_form(u.shape[-1], 4)
    weights, where = _panels(u, len(lanes) * LANES), (_array(parts), *_laid(tiles))
    _correlate(
        len(parts), x, *weights, bias, y, *where, _row_of_tiles(x, tiles), v, products, finite, height, lanes,
        worth=_worth(parts, tiles, u.size),
    )  # fmt: skip
    return [] if finite.all() else [part for part, right in zip(parts, finite, strict=True) if not right]


def weight_grad_at_points(g: NDArray, x: NDArray, parts: Sequence[Part], tiles: Tiling) -> NDArray:
    """Return the weight gradient at the points (36, C, F) from g (N, H, W, F) and x (N, H, W, C)."""
    v, z = _at_points("points", x, parts, tiles), _at_points("products", g, parts, tiles)
    shape = (POINTS**2, x.shape[-1], g.shape[-1])
    size = math.prod(shape)
    count = min(len(parts), max(2, min(MOST_TASKS, PARTIAL_FLOATS // size)))
    sums = scratch("shares", (count, size), np.float32)
    _weight_grad(
        count, g, x, sums, _array(parts), *_laid(tiles), _row_of_tiles(x, tiles), v, z, *tile_form(shape[2], 4),
        worth=_worth(parts, tiles, size),
    )  # fmt: skip
    return add_up(sums).reshape(shape)


def _panels(u: NDArray, width: int) -> tuple[NDArray, int, int]:
    """Return the weights (36, C, F) as the products take them: with the length of a row, and what lies between columns.

    The panels of many filters are packed one after the other: their rows would lie so far apart that they fall into the
    same few places of the first cache. So are those of filters that do not fill the last panel, with zeros at the end.
    """
    points, channels, filters = u.shape
    rest = -filters % width
    if filters < MANY_FILTERS and not rest:
        return u, filters, 1
    whole = np.pad(u, ((0, 0), (0, 0), (0, rest))) if rest else u
    return np.ascontiguousarray(whole.reshape(points, channels, -1, width).swapaxes(1, 2)), width, channels


def _laid(tiles: Tiling) -> tuple[int, int, Ints]:
    return tiles.m, tiles.columns, tiles.padding


@lru_cache(maxsize=128)
def _array(parts: Sequence[Part]) -> NDArray:
    return np.array(parts)


def _at_points(name: str, image: NDArray, parts: Sequence[Part], tiles: Tiling) -> NDArray:
    """Return scratch (threads, 36, tiles * C) for the largest part, and as much as a tile may read beyond it.

    So some cache lines lie between the points: at a distance that is a multiple of 4096 bytes, their addresses would
    fall into the same few places of the cache.
    """
    numbers = _largest(parts, tiles) * image.shape[-1]
    return scratch(name, (get_num_threads(), POINTS**2, numbers + WIDEST - LANES), np.float32)


def _worth(parts: Sequence[Part], tiles: Tiling, weights: int) -> int:
    """Return as how many tasks of usual length the parts count: a sum has two or three, of milliseconds each."""
    return max(len(parts), len(parts) * _largest(parts, tiles) * weights // TASK)


@lru_cache(maxsize=128)
def _largest(parts: Sequence[Part], tiles: Tiling) -> int:
    return max(count(part, tiles) for part in parts)


def _row_of_tiles(x: NDArray, tiles: Tiling) -> NDArray:
    """Return scratch, for each thread, for six rows of points that belong to one row of tiles."""
    row = POINTS * (tiles.columns * tiles.m + POINTS - tiles.m) * x.shape[-1]
    return scratch("rows", (get_num_threads(), row), np.float32)


@shared
@jit
def _correlate(
    at: Any, x: Any, u: Any, row: Any, apart: Any, bias: Any, y: Any,
    parts: Any, m: Any, columns: Any, padding: Any, rows: Any, v: Any, products: Any, finite: Any,
    height: Any, lanes: Any,
) -> None:  # fmt: skip
    task, _, thread = at
    v, products = v[thread], products[thread]
    channels, filters, width = x.shape[3], y.shape[3], LANES * len(lanes)
    part = (parts[task, 0], parts[task, 1], parts[task, 2], parts[task, 3])
    tiles = _input(x, v, part, m, columns, padding, rows[thread])
    for p in range(POINTS * POINTS):
        a, b, c = p * v.shape[1], p * channels * -(-filters // width) * width, p * products.shape[1]
        for t in range(0, tiles, len(height)):
            there, here = spaced(channels, t, tiles - 1, height), spaced(filters, t, tiles - 1, height)
            for f in range(0, filters, width):
                start = b + f * apart
                _multiply(v, there, a, 1, u, start, row, products, here, c + f, filters - f, channels, lanes, False)
    finite[task] = _output(products, bias, y, part, m, columns)


@shared
@jit
def _weight_grad(
    at: Any, g: Any, x: Any, sums: Any,
    parts: Any, m: Any, columns: Any, padding: Any, rows: Any, v: Any, z: Any, height: Any, lanes: Any,
) -> None:  # fmt: skip
    total, v, z = sums[at[0]], v[at[2]], z[at[2]]
    total[:] = 0
    channels, filters, width = x.shape[3], g.shape[3], LANES * len(lanes)
    for i in range(*piece(at, len(parts))):
        part = (parts[i, 0], parts[i, 1], parts[i, 2], parts[i, 3])
        tiles = _input(x, v, part, m, columns, padding, rows[at[2]])
        _gradient(g, z, part, m, columns)
        for p in range(POINTS * POINTS):
            a, b, t = p * v.shape[1], p * z.shape[1], p * channels * filters
            for c in range(0, channels, len(height)):
                there, here = spaced(1, c, channels - 1, height), spaced(filters, c, channels - 1, height)
                for f in range(0, filters, width):
                    _multiply(
                        v, there, a, channels, z, b + f, filters, total, here, t + f, filters - f, tiles, lanes, True
                    )


@inlined
def _multiply(
    a: Any, there: Any, at: Any, step: Any, b: Any, start: Any, row: Any, c: Any, here: Any, to: Any, count: Any,
    depth: Any, lanes: Any, more: bool,
) -> None:  # fmt: skip
    """Write ``count`` columns of a tile of a b to c, or add them to it (``more``); b may have anything beyond them."""
    sums = add_product(tile(load_row(b, 0, 0, lanes), there), a, there, at, step, b, start, row, None, depth, lanes)
    if more:
        sums = add_tile(sums, c, here, to, count)
    store_tile(sums, c, here, to, count)


@jit
def _points(x0: Any, x1: Any, x2: Any, x3: Any, x4: Any, x5: Any) -> Any:
    """B' x."""
    two, four, five = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(5))
    even1, odd1 = x4 - four * x2, x3 - four * x1
    even2, odd2 = x4 - x2, two * (x3 - x1)
    return (
        four * x0 - five * x2 + x4,
        even1 + odd1,
        even1 - odd1,
        even2 + odd2,
        even2 - odd2,
        four * x1 - five * x3 + x5,
    )


@jit
def _tile4(p0: Any, p1: Any, p2: Any, p3: Any, p4: Any, p5: Any) -> Any:
    """A' p for tiles of 4."""
    two, four, eight = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(8))
    even1, odd1, even2, odd2 = p1 + p2, p1 - p2, p3 + p4, p3 - p4
    return p0 + even1 + even2, odd1 + two * odd2, even1 + four * even2, odd1 + eight * odd2 + p5


@jit
def _tile2(p0: Any, p1: Any, p2: Any, p3: Any, p4: Any, p5: Any) -> Any:
    """A' p for tiles of 2."""
    return p0 + (p1 + p2) + (p3 + p4), (p1 - p2) + splat(np.float32(2)) * (p3 - p4) + p5


@jit
def _points_of_tile4(g0: Any, g1: Any, g2: Any, g3: Any) -> Any:
    """A g for tiles of 4."""
    two, four = splat(np.float32(2)), splat(np.float32(4))
    even1, odd1 = g0 + g2, g1 + g3
    even2, odd2 = g0 + four * g2, two * (g1 + four * g3)
    return g0, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, g3


@jit
def _points_of_tile2(g0: Any, g1: Any) -> Any:
    """A g for tiles of 2."""
    twice = splat(np.float32(2)) * g1
    return g0, g0 + g1, g0 - g1, g0 + twice, g0 - twice, g1


@jit
def _pixel(image: Any, at: int, inside: bool) -> Any:
    """One vector of an image that is 0 outside."""
    return load(image, at) if inside else splat(np.float32(0))


@jit
def _row(p: Any, at: int, step: int) -> Any:
    """Six vectors that lie ``step`` apart."""
    return (
        load(p, at),
        load(p, at + step),
        load(p, at + 2 * step),
        load(p, at + 3 * step),
        load(p, at + 4 * step),
        load(p, at + 5 * step),
    )


@jit
def _store_row(z: Any, to: int, step: int, p: Any) -> None:
    """Store six vectors ``step`` apart."""
    store(z, to, p[0])
    store(z, to + step, p[1])
    store(z, to + 2 * step, p[2])
    store(z, to + 3 * step, p[3])
    store(z, to + 4 * step, p[4])
    store(z, to + 5 * step, p[5])


@jit
def _input(x: Any, v: Any, part: Any, m: int, columns: int, padding: Any, rows: Any) -> int:
    """Write B' x B of each input tile into v (36, tiles * C); outside the image x is 0. Return how many there are."""
    _, height, width, channels = x.shape
    first, stop, row, last = part
    flat = x.reshape(-1)
    wide = columns * m + POINTS - m  # pixels in one row of all input tiles
    across, line = wide * channels, width * channels
    step = v.shape[1]
    left = -padding[1]  # the pixel at which a row of tiles begins
    begin = max(left, 0)
    end = max(min(left + wide, width), begin)
    for k in range(POINTS):  # zeros left and right of the image
        rows[k * across : k * across + (begin - left) * channels] = np.float32(0)
        rows[k * across + (end - left) * channels : (k + 1) * across] = np.float32(0)
    length = (end - begin) * channels
    t = 0
    for n in range(first, stop):
        for i in range(row, last):
            # down: six rows of pixels become six rows of points
            top = i * m - padding[0]
            source, target = ((n * height + top) * width + begin) * channels, (begin - left) * channels
            inside = top >= 0 and top + POINTS <= height
            for c in range(0, length, LANES):
                at = source + c
                if inside:
                    p = _points(*_row(flat, at, line))
                else:
                    p = _points(
                        _pixel(flat, at, 0 <= top < height),
                        _pixel(flat, at + line, 0 <= top + 1 < height),
                        _pixel(flat, at + 2 * line, 0 <= top + 2 < height),
                        _pixel(flat, at + 3 * line, 0 <= top + 3 < height),
                        _pixel(flat, at + 4 * line, 0 <= top + 4 < height),
                        _pixel(flat, at + 5 * line, 0 <= top + 5 < height),
                    )
                _store_row(rows, target + c, across, p)
            # across: in each of them, six columns of every tile
            for j in range(columns):
                for k in range(POINTS):
                    source, target = k * across + j * m * channels, k * POINTS * step + t * channels
                    for c in range(0, channels, LANES):
                        _store_row(v, target + c, step, _points(*_row(rows, source + c, channels)))
                t += 1
    return t


@jit
def _output(products: Any, bias: Any, y: Any, part: Any, m: int, columns: int) -> bool:
    """Write A' p A + b of the products (36, tiles * F) into y; return whether all results are finite."""
    _, height, width, filters = y.shape
    first, stop, row, last = part
    flat = y.reshape(-1)
    step = products.shape[1]
    down = POINTS * step
    wrong = splat(np.float32(0))  # stays 0 as long as every result is finite
    shift = splat(np.float32(0))
    t = 0
    for n in range(first, stop):
        for i in range(row, last):
            for j in range(columns):
                high, wide = min(m, height - i * m), min(m, width - j * m)
                corner = ((n * height + i * m) * width + j * m) * filters
                for c in range(0, filters, LANES):
                    if bias.size:
                        shift = load(bias, c)
                    at, to = t * filters + c, corner + c
                    if m == 4:
                        a = _tile4(*_row(products, at, step))
                        b = _tile4(*_row(products, at + down, step))
                        d = _tile4(*_row(products, at + 2 * down, step))
                        e = _tile4(*_row(products, at + 3 * down, step))
                        f = _tile4(*_row(products, at + 4 * down, step))
                        h = _tile4(*_row(products, at + 5 * down, step))
                        for q, o in enumerate(
                            (
                                _tile4(a[0], b[0], d[0], e[0], f[0], h[0]),
                                _tile4(a[1], b[1], d[1], e[1], f[1], h[1]),
                                _tile4(a[2], b[2], d[2], e[2], f[2], h[2]),
                                _tile4(a[3], b[3], d[3], e[3], f[3], h[3]),
                            )
                        ):
                            if q < wide:
                                for r, value in enumerate(o):
                                    if r < high:
                                        result = value + shift
                                        wrong = wrong + (result - result)
                                        store(flat, to + (r * width + q) * filters, result)
                    else:
                        a2 = _tile2(*_row(products, at, step))
                        b2 = _tile2(*_row(products, at + down, step))
                        d2 = _tile2(*_row(products, at + 2 * down, step))
                        e2 = _tile2(*_row(products, at + 3 * down, step))
                        f2 = _tile2(*_row(products, at + 4 * down, step))
                        h2 = _tile2(*_row(products, at + 5 * down, step))
                        for q, o2 in enumerate(
                            (
                                _tile2(a2[0], b2[0], d2[0], e2[0], f2[0], h2[0]),
                                _tile2(a2[1], b2[1], d2[1], e2[1], f2[1], h2[1]),
                            )
                        ):
                            if q < wide:
                                for r, value in enumerate(o2):
                                    if r < high:
                                        result = value + shift
                                        wrong = wrong + (result - result)
                                        store(flat, to + (r * width + q) * filters, result)
                t += 1
    test = np.empty(LANES, np.float32)
    store(test, 0, wrong)
    return test.sum() == 0


@jit
def _gradient(g: Any, z: Any, part: Any, m: int, columns: int) -> None:
    """Write A g A' of each tile of g into z (36, tiles * F); outside the image g is 0."""
    _, height, width, filters = g.shape
    first, stop, row, last = part
    flat = g.reshape(-1)
    step = z.shape[1]
    down, line = POINTS * step, width * filters
    t = 0
    for n in range(first, stop):
        for i in range(row, last):
            for j in range(columns):
                high, wide = min(m, height - i * m), min(m, width - j * m)
                corner = ((n * height + i * m) * width + j * m) * filters
                for c in range(0, filters, LANES):
                    at = corner + c
                    to = t * filters + c
                    if m == 4:
                        a = _column4(flat, at, line, high, True)
                        b = _column4(flat, at + filters, line, high, wide > 1)
                        d = _column4(flat, at + 2 * filters, line, high, wide > 2)
                        e = _column4(flat, at + 3 * filters, line, high, wide > 3)
                        _store_row(z, to, step, _points_of_tile4(a[0], b[0], d[0], e[0]))
                        _store_row(z, to + down, step, _points_of_tile4(a[1], b[1], d[1], e[1]))
                        _store_row(z, to + 2 * down, step, _points_of_tile4(a[2], b[2], d[2], e[2]))
                        _store_row(z, to + 3 * down, step, _points_of_tile4(a[3], b[3], d[3], e[3]))
                        _store_row(z, to + 4 * down, step, _points_of_tile4(a[4], b[4], d[4], e[4]))
                        _store_row(z, to + 5 * down, step, _points_of_tile4(a[5], b[5], d[5], e[5]))
                    else:
                        a = _column2(flat, at, line, high, True)
                        b = _column2(flat, at + filters, line, high, wide > 1)
                        _store_row(z, to, step, _points_of_tile2(a[0], b[0]))
                        _store_row(z, to + down, step, _points_of_tile2(a[1], b[1]))
                        _store_row(z, to + 2 * down, step, _points_of_tile2(a[2], b[2]))
                        _store_row(z, to + 3 * down, step, _points_of_tile2(a[3], b[3]))
                        _store_row(z, to + 4 * down, step, _points_of_tile2(a[4], b[4]))
                        _store_row(z, to + 5 * down, step, _points_of_tile2(a[5], b[5]))
                t += 1


@jit
def _column4(g: Any, at: int, line: int, high: int, inside: bool) -> Any:
    return _points_of_tile4(
        _pixel(g, at, inside),
        _pixel(g, at + line, inside and high > 1),
        _pixel(g, at + 2 * line, inside and high > 2),
        _pixel(g, at + 3 * line, inside and high > 3),
    )


@jit
def _column2(g: Any, at: int, line: int, high: int, inside: bool) -> Any:
    return _points_of_tile2(_pixel(g, at, inside), _pixel(g, at + line, inside and high > 1))
