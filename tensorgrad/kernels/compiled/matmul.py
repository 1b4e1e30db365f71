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
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import (
    add_inner,
    add_outer,
    add_tile,
    inner_form,
    load_each,
    load_row,
    spaced,
    store_tile,
    store_totals,
    tile,
)
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

_FLOAT32 = np.dtype(np.float32)
LARGEST_TRANSPOSE = 1 << 18  # numbers of ``a``, whose columns are read one cache line at a time
DEPTH = 288  # numbers added one after the other: short sums are more accurate, and a panel fits the first cache
FEWEST_ROWS = 8  # for tiles; fewer are mostly memory traffic, and BLAS does as well
ROWS_PACKED = 64  # from so many on, panels of ``b`` are worth their packing
ROWS_PACKED_TRANSPOSED = 40 if LANES == 16 else 16  # or of a transpose, where vectors may run along the sum instead
SHORT_SUM = 3  # numbers a row; of shorter sums more is spent at their ends
MOST_ROWS, ROWS_OF_TASK = 512, 64  # what stays in the second cache; what repays packing once more
TASK = 400_000  # multiply-adds, 5 to 10 us
LINE = 16  # numbers of a cache line: two threads that write into one wait for each other
HEIGHT = tile_rows(4)  # of a tile
INNER = inner_form(4, 4)  # rows and columns of one whose vectors run along the sum
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
    if by_rows and not b.flags.c_contiguous:
        few = rows < min(ROWS_PACKED_TRANSPOSED, depth // SHORT_SUM)
        if few or rows < FEWEST_ROWS or columns <= LANES:
            return _sums_of_vectors
    return _tiles if rows >= FEWEST_ROWS else None


def _sums_of_vectors(a: NDArray, b: NDArray, bias: NDArray, c: NDArray) -> None:
    (rows, depth), columns = a.shape, c.shape[1]
    tasks = max(1, min(-(-columns // LINE), c.size * depth // TASK))
    numbers = a.reshape(-1), b.T.reshape(-1), bias, c.reshape(-1)
    _rows_with_rows(tasks, *numbers, rows, columns, depth, *INNER)


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
def _rows_with_rows(
    at: Any, a: Any, b: Any, bias: Any, c: Any, rows: Any, columns: Any, depth: Any, height: Any, width: Any
) -> None:
    """c = a b' + bias, where a and b have rows of ``depth`` numbers: vectors run along the sum."""
    whole = depth // LANES * LANES
    panel = max(1, PANEL // max(depth, 1) // len(width)) * len(width)
    begin, end = piece(at, -(-columns // LINE))
    stop = min(end * LINE, columns)
    for start in range(begin * LINE, stop, panel):
        last = min(start + panel, stop) - 1
        for i in range(0, rows, len(height)):
            of_a, to = spaced(depth, i, rows - 1, height), spaced(columns, i, rows - 1, height)
            for j in range(start, last + 1, len(width)):
                of_b, beside = spaced(depth, j, last, width), spaced(1, j, last, width)
                sums = tile(load_each(bias, beside, 0, min(1, len(bias))), height)
                for k in range(0, whole, LANES):
                    sums = add_inner(sums, a, of_a, k, load_each(b, of_b, k, None), None)
                if whole < depth:
                    rest = depth - whole
                    sums = add_inner(sums, a, of_a, whole, load_each(b, of_b, whole, rest), rest)
                store_totals(sums, c, to, 0, beside)
