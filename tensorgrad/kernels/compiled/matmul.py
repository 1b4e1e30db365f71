"""Products of float32 matrices: tiles in registers, on all threads, and no BLAS whose threads must be held.

    c[i, j] = bias[j] + sum_k a[i, k] b[k, j]

Where several rows of ``a`` meet ``b``, tiles of rows and columns read it through packed panels. For a few rows that
would take longer than it saves: ``b`` is read as it lies, by tiles with few rows and long stretches of columns; if it
lies transposed, vectors run along the sum, and each result is added up at its end. Sums of a few products only write a
matrix, and have such long tiles, too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import matmul as numpy_version
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.panels import NO_BIAS, pack, pack_transposed
from tensorgrad.kernels.compiled.pieces import MOST, piece
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile import (
    add_inner,
    add_tile,
    inner_form,
    load_each,
    load_row,
    spaced,
    store_tile,
    store_totals,
    tile,
)
from tensorgrad.kernels.compiled.tile_product import WIDEST, add_product, tile_form
from tensorgrad.kernels.im2col import Ints
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

_FLOAT32 = np.dtype(np.float32)
ALONE = np.zeros(1, np.int64)  # where a matrix begins that is the only one
LARGEST_TRANSPOSE = 1 << 18  # numbers of ``a``, whose columns are read one cache line at a time
DEPTH = 288  # numbers added one after the other: short sums are more accurate, and a panel stays in the cache
FEWEST_ROWS = 8  # for tiles that are as high; fewer rows have slim ones
SHORTEST_SUM = 8  # products; shorter sums have slim tiles
ROWS_PACKED = 16 if LANES == 16 else 64  # from so many on, panels of ``b`` are worth their packing
ROWS_PACKED_TRANSPOSED = 24 if LANES == 16 else 16  # or of a transpose, where vectors may run along the sum instead
SHORT_SUM = 3  # numbers a row; of shorter sums more is spent at their ends
MOST_ROWS, ROWS_OF_TASK = 512, 128  # what stays in the second cache; what repays packing once more
ROWS_ALONE = 32  # where one tile has all columns, so that only other rows give a second thread something to do
TASK = 400_000  # multiply-adds, 5 to 10 us
NUMBERS = 1 << 16  # read and written, which is all that a product of few rows has to do
LINE = 16  # numbers of a cache line: two threads that write into one wait for each other
SLIM = tuple(range(4 if LANES == 16 else 2)), (0, LANES, 2 * LANES, 3 * LANES)  # rows and columns
INNER = inner_form(4, 4)  # rows and columns of one whose vectors run along the sum
PANEL = 8192  # numbers of b that stay in the first cache while the rows of a pass


def product(a: NDArray, b: NDArray, bias: NDArray | None = None) -> NDArray:
    """As NumPy's version, up to rounding: sums are taken in another order."""
    plan = _plan(a.shape, a.strides, b.shape, b.strides) if a.dtype == b.dtype == np.float32 else None
    if plan is None or not (bias is None or bias.dtype == np.float32):
        return numpy_version.product.numpy(a, b, bias)  # type: ignore[attr-defined]
    c = np.empty((len(a), b.shape[1]), np.float32)
    bias = NO_BIAS[_FLOAT32] if bias is None else bias
    if plan.along_sum:
        _rows_with_rows(plan.tasks, a, b.mT, bias, c, *plan.numbers)
    else:
        matrices = (a if plan.a_by_rows else a.mT)[0], ALONE, (b.mT if plan.transposed else b)[0], ALONE
        _multiply(plan.tasks, *matrices, bias, _panels(), c[0], *plan.numbers, worth=plan.worth)
    return c


def batched_product(a: NDArray, b: NDArray, batch: tuple[int, ...]) -> NDArray:
    """As NumPy's version, up to rounding; the matrices may be transposed, or parts of larger ones."""
    rows, depth = a.shape[-2:]
    float32 = a.dtype == b.dtype == np.float32
    near = a.strides[-1] == 4 or rows * depth <= LARGEST_TRANSPOSE
    if not (float32 and near and rows >= FEWEST_ROWS and a.size and b.size and _fits(a) and _fits(b)):
        return numpy_version.batched_product.numpy(a, b, batch)  # type: ignore[attr-defined]
    columns = b.shape[-1]
    c = np.empty((*batch, rows, columns), np.float32)
    a_starts, b_starts = (_starts(batch, x.shape[:-2], x.strides[:-2]) for x in (a, b))
    plan = _tiles(len(a_starts), rows, depth, columns, a.strides[-2:], b.strides[-2:])
    a, b = a if plan.a_by_rows else a.mT, b.mT if plan.transposed else b
    matrices = a[(0,) * (a.ndim - 1)], a_starts, b[(0,) * (b.ndim - 1)], b_starts  # a row, wherever the next ones lie
    bias = NO_BIAS[_FLOAT32]
    _multiply(plan.tasks, *matrices, bias, _panels(), c.reshape(-1), *plan.numbers, worth=plan.worth)
    return c


# ---- how a product is done -----------------------------------------------------------------------------------------


class Plan(NamedTuple):
    """How products of matrices of some shape are done: found once, since that takes longer than a small product."""

    along_sum: bool  # vectors run along the sum
    a_by_rows: bool  # in memory
    transposed: bool  # b
    tasks: int
    worth: int  # of the tasks, see `shared`
    numbers: tuple[Any, ...]  # that the loops are given


@lru_cache(4096)
def _plan(a_shape: Ints, a_strides: Ints, b_shape: Ints, b_strides: Ints) -> Plan | None:
    """Return how these two are multiplied, or None where BLAS does it faster or they are not for loops."""
    if len(a_shape) != 2 or len(b_shape) != 2 or 0 in a_shape or 0 in b_shape:
        return None
    (rows, depth), columns = a_shape, b_shape[1]
    a_by_rows, b_by_rows = _by_rows(a_shape, a_strides), _by_rows(b_shape, b_strides)
    a_by_columns = _by_rows(a_shape[::-1], a_strides[::-1]) and rows * depth <= LARGEST_TRANSPOSE
    if not (a_by_rows or a_by_columns) or not (b_by_rows or _by_rows(b_shape[::-1], b_strides[::-1])):
        return None
    if a_by_rows and not b_by_rows:
        few = rows < min(ROWS_PACKED_TRANSPOSED, depth // SHORT_SUM)
        if few or rows < FEWEST_ROWS or columns <= LANES:
            tasks = min(-(-columns // LINE), _tasks(1, rows, depth, columns))
            numbers = rows, columns, depth, *INNER
            return Plan(along_sum=True, a_by_rows=True, transposed=True, tasks=tasks, worth=tasks, numbers=numbers)
    if rows < FEWEST_ROWS and not b_by_rows:
        return None
    a_steps = (4 * depth, 4) if a_by_rows else (4, 4 * rows)
    return _tiles(1, rows, depth, columns, a_steps, (4 * columns, 4) if b_by_rows else (4, 4 * depth))


def _by_rows(shape: Ints, strides: Ints) -> bool:
    """Return whether a matrix of float32 lies row after row, without gaps."""
    (rows, columns), (row, column) = shape, strides
    return (columns == 1 or column == 4) and (rows == 1 or row == 4 * columns)


@lru_cache(4096)
def _tiles(count: int, rows: int, depth: int, columns: int, a_steps: Ints, b_steps: Ints) -> Plan:
    """Return how so many products are done by tiles; the steps are those from row to row and column to column."""
    a_by_rows, transposed = a_steps[1] == 4, b_steps[1] != 4
    slim = not transposed and (rows < FEWEST_ROWS or depth < SHORTEST_SUM)
    packed = transposed or (rows >= ROWS_PACKED and not slim)
    height, lanes = SLIM if slim else tile_form(columns, 4)
    wanted = _tasks(count, rows, depth, columns)
    each = wanted // count
    across = max(1, min(-(-columns // (LANES * len(lanes))), each))
    down = min(each // across, rows // ROWS_OF_TASK) if across > 1 else min(each // 2, rows // ROWS_ALONE)
    down = max(down, -(-rows // MOST_ROWS))
    groups = min(count, wanted)
    if slim and rows >= FEWEST_ROWS:
        across, down = 1, max(1, min(-(-rows // len(height)), MOST // groups))  # memory is written as it lies
    steps = a_steps[0] // 4, a_steps[1] // 4, b_steps[transposed] // 4
    numbers = across, down, *steps, transposed, packed, rows, columns, depth, height, lanes
    return Plan(False, a_by_rows, transposed, groups * across * down, wanted, numbers)


def _tasks(count: int, rows: int, depth: int, columns: int) -> int:
    """Return how many tasks there are in so many products."""
    numbers = rows * depth + depth * columns + rows * columns
    return max(1, count * rows * depth * columns // TASK, count * numbers // NUMBERS)


def _fits(x: NDArray) -> bool:
    """Return whether loops read x (..., M, N): rows or columns are contiguous, and it is no other kind of array."""
    return 4 in x.strides[-2:] and x.flags.writeable and all(n % 4 == 0 for n in x.strides)


@lru_cache(256)
def _starts(batch: Ints, shape: Ints, strides: Ints) -> NDArray:
    """Return where each matrix of a batch begins, in numbers; shapes broadcast to that of the batch."""
    starts = np.zeros(batch, np.int64)
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True), len(batch) - len(shape)):
        if n > 1:
            starts += (np.arange(n) * (stride // 4)).reshape(-1, *[1] * (len(batch) - axis - 1))
    return starts.reshape(-1)


def _panels() -> NDArray:
    return scratch("panel", (get_num_threads(), DEPTH * WIDEST), _FLOAT32)


# ---- loops ---------------------------------------------------------------------------------------------------------


@shared
@jit
def _multiply(
    at: Any, a: Any, a_starts: Any, b: Any, b_starts: Any, bias: Any, panels: Any, c: Any,
    across: Any, down: Any, row: Any, step: Any, b_row: Any, transposed: Any, packed: Any,
    rows: Any, columns: Any, depth: Any, height: Any, lanes: Any,
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
                    pack_transposed(b, b_starts[pair] + j * b_row + k0, b_row, rest, stretch, panel, lanes)
                elif packed:
                    pack(b, of_b, b_row, rest, stretch, panel, lanes)
                for i in range(top, bottom, len(height)):
                    there, here = spaced(row, i, bottom - 1, height), spaced(columns, i, bottom - 1, height)
                    sums = tile(load_row(bias, j, 0 if k0 else len(bias) - j, lanes), height)
                    if packed:
                        sums = add_product(sums, a, there, of_a, step, panel, 0, width, width, stretch, lanes)
                    else:
                        sums = add_product(sums, a, there, of_a, step, b, of_b, b_row, rest, stretch, lanes)
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
