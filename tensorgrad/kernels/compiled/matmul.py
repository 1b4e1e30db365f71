"""Products of float32 matrices: tiles in registers, on all threads, and no BLAS whose threads must be held.

    c[i, j] = bias[j] + sum_k a[i, k] b[k, j]

Where several rows of ``a`` meet ``b``, tiles of rows and columns read it through packed panels. For a few rows that
would take longer than it saves: ``b`` is read as it lies, by tiles with few rows and long stretches of columns; if it
lies transposed, vectors run along the sum, and each result is added up at its end. Sums of a few products only write a
matrix, and have such long tiles, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import matmul as numpy_version
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.panels import COLUMNS, NO_BIAS, WIDTH, pack, pack_transposed, tile_rows
from tensorgrad.kernels.compiled.pieces import MOST, piece
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
ALONE = np.zeros(1, np.int64)  # where a matrix begins that is the only one
LARGEST_TRANSPOSE = 1 << 18  # numbers of ``a``, whose columns are read one cache line at a time
DEPTH = 288  # numbers added one after the other: short sums are more accurate, and a panel fits the first cache
FEWEST_ROWS = 8  # for tiles that are as high; fewer rows have slim ones
SHORTEST_SUM = 8  # products; shorter sums have slim tiles
ROWS_PACKED = 64  # from so many on, panels of ``b`` are worth their packing
ROWS_PACKED_TRANSPOSED = 40 if LANES == 16 else 16  # or of a transpose, where vectors may run along the sum instead
SHORT_SUM = 3  # numbers a row; of shorter sums more is spent at their ends
MOST_ROWS, ROWS_OF_TASK = 512, 64  # what stays in the second cache; what repays packing once more
TASK = 400_000  # multiply-adds, 5 to 10 us
NUMBERS = 1 << 16  # read and written, which is all that a product of few rows has to do
LINE = 16  # numbers of a cache line: two threads that write into one wait for each other
HEIGHT = tile_rows(4)  # of a tile
SLIM = tuple(range(4 if LANES == 16 else 2)), (0, LANES, 2 * LANES, 3 * LANES)  # rows and columns
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
    return _tiles if rows >= FEWEST_ROWS or b.flags.c_contiguous else None


def _tasks(count: int, rows: int, depth: int, columns: int) -> int:
    """Return how many tasks there are in so many products."""
    numbers = rows * depth + depth * columns + rows * columns
    return max(1, count * rows * depth * columns // TASK, count * numbers // NUMBERS)


def _sums_of_vectors(a: NDArray, b: NDArray, bias: NDArray, c: NDArray) -> None:
    (rows, depth), columns = a.shape, c.shape[1]
    tasks = min(-(-columns // LINE), _tasks(1, rows, depth, columns))
    numbers = a.reshape(-1), b.T.reshape(-1), bias, c.reshape(-1)
    _rows_with_rows(tasks, *numbers, rows, columns, depth, *INNER)


def _tiles(a: NDArray, b: NDArray, bias: NDArray, c: NDArray) -> None:
    _products(a, b, ALONE, ALONE, bias, c)


def batched_product(a: NDArray, b: NDArray, batch: tuple[int, ...]) -> NDArray:
    """As NumPy's version, up to rounding; the matrices may be transposed, or parts of larger ones."""
    rows, depth = a.shape[-2:]
    float32 = a.dtype == b.dtype == np.float32
    near = a.strides[-1] == 4 or rows * depth <= LARGEST_TRANSPOSE
    if not (float32 and near and rows >= FEWEST_ROWS and a.size and b.size and _fits(a) and _fits(b)):
        return numpy_version.batched_product.numpy(a, b, batch)  # type: ignore[attr-defined]
    c = np.empty((*batch, rows, b.shape[-1]), np.float32)
    a_starts, b_starts = (_starts(batch, x.shape[:-2], x.strides[:-2]) for x in (a, b))
    _products(a, b, a_starts, b_starts, NO_BIAS[_FLOAT32], c)
    return c


def _fits(x: NDArray) -> bool:
    """Return whether loops read x (..., M, N): rows or columns are contiguous, and it is no other kind of array."""
    return 4 in x.strides[-2:] and x.flags.writeable and all(n % 4 == 0 for n in x.strides)


@lru_cache(256)
def _starts(batch: tuple[int, ...], shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray:
    """Return where each matrix of a batch begins, in numbers; shapes broadcast to that of the batch."""
    starts = np.zeros(batch, np.int64)
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True), len(batch) - len(shape)):
        if n > 1:
            starts += (np.arange(n) * (stride // 4)).reshape(-1, *[1] * (len(batch) - axis - 1))
    return starts.reshape(-1)


def _products(a: NDArray, b: NDArray, a_starts: NDArray, b_starts: NDArray, bias: NDArray, c: NDArray) -> None:
    """c = a b + bias for every pair of matrices."""
    (rows, depth), columns, count = a.shape[-2:], b.shape[-1], len(a_starts)
    first = (0,) * (a.ndim - 1)
    if a.strides[-1] == 4:
        numbers, row, step = a[first], a.strides[-2] // 4, 1
    else:
        numbers, row, step = a.mT[first], 1, a.strides[-1] // 4
    first = (0,) * (b.ndim - 1)
    transposed = b.strides[-1] != 4
    rows_of_b = b.mT if transposed else b
    slim = not transposed and (rows < FEWEST_ROWS or depth < SHORTEST_SUM)
    packed = transposed or (rows >= ROWS_PACKED and not slim)
    height, lanes = SLIM if slim else (HEIGHT, COLUMNS)
    wanted = _tasks(count, rows, depth, columns)
    each = wanted // count
    across = max(1, min(-(-columns // (LANES * len(lanes))), each))
    down = max(-(-rows // MOST_ROWS), min(each // across, rows // ROWS_OF_TASK))
    groups = min(count, wanted)
    if slim and rows >= FEWEST_ROWS:
        across, down = 1, max(1, min(-(-rows // len(height)), MOST // groups))  # memory is written as it lies
    panels = scratch("panel", (get_num_threads(), DEPTH * WIDTH), _FLOAT32)
    _multiply(
        groups * across * down, across, down, numbers, a_starts, row, step, rows_of_b[first], b_starts,
        rows_of_b.strides[-2] // 4, transposed, packed, bias, panels, c.reshape(-1), rows, columns, depth,
        height, lanes, worth=wanted,
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
    at: Any, across: Any, down: Any, a: Any, a_starts: Any, row: Any, step: Any, b: Any, b_starts: Any, b_row: Any,
    transposed: Any, packed: Any, bias: Any, panels: Any, c: Any, rows: Any, columns: Any, depth: Any,
    height: Any, lanes: Any,
) -> None:  # fmt: skip
    """c = a b + bias for every pair of matrices; the tasks are ``across`` in each of ``down`` rows of some pairs.

    Number a[i, k] of a matrix lies ``i row + k step`` behind its start, row k of b (or b') ``k b_row`` behind its own.
    """
    group, part = at[0] // (across * down), at[0] % (across * down)
    width = LANES * len(lanes)
    tiles, count = -(-rows // len(height)), -(-columns // width)
    y, x = part // across, part % across
    top, bottom = len(height) * (tiles * y // down), min(rows, len(height) * (tiles * (y + 1) // down))
    left, right = width * (count * x // across), width * (count * (x + 1) // across)
    panel, pairs, groups = panels[at[2]], len(a_starts), at[1] // (across * down)
    for pair in range(pairs * group // groups, pairs * (group + 1) // groups):
        of_c = pair * rows * columns
        for k0 in range(0, depth, DEPTH):
            stretch, of_a = min(DEPTH, depth - k0), a_starts[pair] + k0 * step
            for j in range(left, right, width):
                rest, of_b = columns - j, b_starts[pair] + k0 * b_row + j
                if transposed:
                    pack_transposed(b, b_starts[pair] + j * b_row + k0, b_row, rest, stretch, panel)
                elif packed:
                    pack(b, of_b, b_row, rest, stretch, panel)
                for i in range(top, bottom, len(height)):
                    there, here = spaced(row, i, bottom - 1, height), spaced(columns, i, bottom - 1, height)
                    sums = tile(load_row(bias, j, 0 if k0 else len(bias) - j, lanes), height)
                    if packed:
                        sums = _add_products(sums, a, there, of_a, step, panel, 0, WIDTH, WIDTH, stretch, lanes)
                    else:
                        sums = _add_products(sums, a, there, of_a, step, b, of_b, b_row, rest, stretch, lanes)
                    if k0:
                        sums = add_tile(sums, c, here, of_c + j, rest)
                    store_tile(sums, c, here, of_c + j, rest)


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
