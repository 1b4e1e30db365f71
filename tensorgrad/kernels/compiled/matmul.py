"""Products of float32 matrices: tiles in registers, on all threads, and no BLAS whose threads must be held.

    c[i, j] = bias[j] + sum_k a[i, k] b[k, j]

Where several rows of ``a`` meet ``b``, tiles of rows and columns read it through packed panels. For a few rows that
would take longer than it saves: then vectors run along the sum, and each result is added up at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import matmul as numpy_version
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.panels import COLUMNS, NO_BIAS, WIDTH, pack, pack_transposed, tile_rows
from tensorgrad.kernels.compiled.pieces import piece
from tensorgrad.kernels.compiled.simd import LANES, load, load_part, total, zeros
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import add_outer, add_tile, load_row, spaced, store_tile, tile
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

_FLOAT32 = np.dtype(np.float32)
LARGEST_TRANSPOSE = 1 << 18  # numbers of ``a``, whose columns are read one cache line at a time
DEPTH = 288  # numbers added one after the other: short sums are more accurate, and a panel fits the first cache
FEWEST_ROWS = 8  # for tiles; fewer are mostly memory traffic, and BLAS does as well
ROWS_PACKED, ROWS_PACKED_TRANSPOSED = 64, 12  # from so many on, panels of ``b`` are worth their packing
MOST_ROWS, ROWS_OF_TASK = 512, 64  # what stays in the second cache; what repays packing once more
TASK = 400_000  # multiply-adds, 5 to 10 us
LINE = 16  # numbers of a cache line: two threads that write into one wait for each other
HEIGHT = tile_rows(4)  # of a tile
PANEL = 8192  # numbers of b that stay in the first cache while the rows of a pass


def product(a: NDArray, b: NDArray, bias: NDArray | None = None) -> NDArray:
    """As NumPy's version, up to rounding: sums are taken in another order."""
    loops = _loops_for(a, b)
    if loops is None or not (bias is None or bias.dtype == np.float32):
        return numpy_version.product.numpy(a, b, bias)  # type: ignore[attr-defined]
    c = np.empty((len(a), b.shape[1]), np.float32)
    loops(a, b, NO_BIAS[_FLOAT32] if bias is None else bias, c)
    return c


def _loops_for(a: NDArray, b: NDArray) -> Callable[..., None] | None:
    """Return the loops that multiply these two, or None where BLAS does it faster or they are not for loops."""
    if not (a.ndim == b.ndim == 2 and a.dtype == b.dtype == np.float32 and a.flags.forc and b.flags.forc):
        return None
    (rows, depth), columns = a.shape, b.shape[1]
    by_rows = a.flags.c_contiguous
    if not (rows and depth and columns and (by_rows or a.size <= LARGEST_TRANSPOSE)):
        return None
    if by_rows and not b.flags.c_contiguous and (rows < ROWS_PACKED_TRANSPOSED or columns <= LANES):
        return _sums_of_vectors
    return _tiles if rows >= FEWEST_ROWS else None


def _sums_of_vectors(a: NDArray, b: NDArray, bias: NDArray, c: NDArray) -> None:
    (rows, depth), columns = a.shape, c.shape[1]
    tasks = max(1, min(-(-columns // LINE), c.size * depth // TASK))
    _rows_with_rows(tasks, a.reshape(-1), b.T.reshape(-1), bias, c.reshape(-1), rows, columns, depth)


def _tiles(a: NDArray, b: NDArray, bias: NDArray, c: NDArray) -> None:
    (rows, depth), columns = a.shape, c.shape[1]
    numbers, row, step = (a, depth, 1) if a.flags.c_contiguous else (a.T, 1, rows)
    transposed = not b.flags.c_contiguous
    packed = transposed or rows >= ROWS_PACKED
    rows_of_b = (b.T if transposed else b).reshape(-1)
    wanted = max(1, c.size * depth // TASK)
    across = min(-(-columns // WIDTH), wanted)
    down = max(-(-rows // MOST_ROWS), min(wanted // across, rows // ROWS_OF_TASK))
    panels = scratch("panel", (get_num_threads(), DEPTH * WIDTH), _FLOAT32)
    _multiply(
        across * down, across, numbers.reshape(-1), row, step, rows_of_b, transposed, packed,
        bias, panels, c.reshape(-1), rows, columns, depth, HEIGHT, COLUMNS, worth=wanted,
    )  # fmt: skip


@jit
def _add_products(
    sums: Any, a: Any, there: Any, at: Any, step: Any, b: Any, start: Any, row: Any, count: Any, depth: Any, lanes: Any
) -> Any:
    """Add so many products of a column of the tile's rows with a row of its columns."""
    for k in range(depth):
        sums = add_outer(sums, a, there, at + k * step, load_row(b, start + k * row, count, lanes))
    return sums


@shared
@jit
def _multiply(
    at: Any, across: Any, a: Any, row: Any, step: Any, b: Any, transposed: Any, packed: Any, bias: Any, panels: Any,
    c: Any, rows: Any, columns: Any, depth: Any, height: Any, lanes: Any,
) -> None:  # fmt: skip
    """c = a b + bias, where a[i, k] is number ``i row + k step`` of a; the tasks are ``across`` in each row of them."""
    down, tiles, count = at[1] // across, -(-rows // len(height)), -(-columns // WIDTH)
    y, x = at[0] // across, at[0] % across
    top, bottom = len(height) * (tiles * y // down), min(rows, len(height) * (tiles * (y + 1) // down))
    panel = panels[at[2]]
    for k0 in range(0, depth, DEPTH):
        stretch = min(DEPTH, depth - k0)
        for j in range(WIDTH * (count * x // across), WIDTH * (count * (x + 1) // across), WIDTH):
            rest, start = columns - j, k0 * columns + j
            if transposed:
                pack_transposed(b, j * depth + k0, depth, rest, stretch, panel)
            elif packed:
                pack(b, start, columns, rest, stretch, panel)
            for i in range(top, bottom, len(height)):
                there, here = spaced(row, i, bottom - 1, height), spaced(columns, i, bottom - 1, height)
                sums = tile(load_row(bias, j, 0 if k0 else len(bias) - j, lanes), height)
                if packed:
                    sums = _add_products(sums, a, there, k0 * step, step, panel, 0, WIDTH, WIDTH, stretch, lanes)
                else:
                    sums = _add_products(sums, a, there, k0 * step, step, b, start, columns, rest, stretch, lanes)
                if k0:
                    sums = add_tile(sums, c, here, j, rest)
                store_tile(sums, c, here, j, rest)


@shared
@jit
def _rows_with_rows(at: Any, a: Any, b: Any, bias: Any, c: Any, rows: Any, columns: Any, depth: Any) -> None:
    """c = a b' + bias, where a and b have rows of ``depth`` numbers: vectors run along the sum."""
    whole = depth // LANES * LANES
    panel = max(4, PANEL // max(depth, 1) // 4 * 4)
    begin, end = piece(at, -(-columns // LINE))
    stop = min(end * LINE, columns)
    for start in range(begin * LINE, stop, panel):
        last = min(start + panel, stop) - 1
        for i in range(0, rows, 2):
            i1 = min(i + 1, rows - 1)  # beyond the edge a tile repeats the last row
            p0, p1 = i * depth, i1 * depth
            for j in range(start, last + 1, 4):
                j1, j2, j3 = min(j + 1, last), min(j + 2, last), min(j + 3, last)
                q0, q1, q2, q3 = j * depth, j1 * depth, j2 * depth, j3 * depth
                s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = zeros(c)
                for k in range(0, whole, LANES):
                    u0, u1 = load(a, p0 + k), load(a, p1 + k)
                    v0, v1, v2, v3 = load(b, q0 + k), load(b, q1 + k), load(b, q2 + k), load(b, q3 + k)
                    s00, s01, s02, s03 = s00 + u0 * v0, s01 + u0 * v1, s02 + u0 * v2, s03 + u0 * v3
                    s10, s11, s12, s13 = s10 + u1 * v0, s11 + u1 * v1, s12 + u1 * v2, s13 + u1 * v3
                rest = depth - whole
                if rest:
                    u0, u1 = load_part(a, p0 + whole, rest), load_part(a, p1 + whole, rest)
                    v0, v1 = load_part(b, q0 + whole, rest), load_part(b, q1 + whole, rest)
                    v2, v3 = load_part(b, q2 + whole, rest), load_part(b, q3 + whole, rest)
                    s00, s01, s02, s03 = s00 + u0 * v0, s01 + u0 * v1, s02 + u0 * v2, s03 + u0 * v3
                    s10, s11, s12, s13 = s10 + u1 * v0, s11 + u1 * v1, s12 + u1 * v2, s13 + u1 * v3
                to, to1 = i * columns, i1 * columns
                c[to + j], c[to + j1], c[to + j2], c[to + j3] = total(s00), total(s01), total(s02), total(s03)
                c[to1 + j], c[to1 + j1], c[to1 + j2], c[to1 + j3] = total(s10), total(s11), total(s12), total(s13)
            if len(bias):
                for j in range(start, last + 1):
                    c[i * columns + j] += bias[j]
                    if i1 > i:
                        c[i1 * columns + j] += bias[j]
