"""Products of matrices of middle size: tiles in registers, nothing packed, and no BLAS whose threads must be held."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import matmul as numpy_version
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import piece
from tensorgrad.kernels.compiled.simd import LANES, load, load_part, total, zeros
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.tile_product import ROWS, tile_product

LARGEST = 24_000_000  # multiply-adds; in larger products BLAS is faster, though it packs both matrices first
DEEPEST = 1024  # numbers that may be added one after the other in float32
TASK = 300_000  # multiply-adds, some 5 us
LINE = 16  # numbers of a cache line: two threads that write into one wait for each other
PANEL = 8192  # numbers of b that stay in the L1 cache while the rows of a pass

_narrow = tile_product(1, accumulate=False)
_wide = tile_product(2, accumulate=False)


def product(a: NDArray, b: NDArray) -> NDArray:
    """As NumPy's version, up to rounding: sums are taken in another order."""
    if a.ndim == b.ndim == 2 and a.dtype == b.dtype == np.float32:
        (rows, depth), columns = a.shape, b.shape[1]
        if rows * depth * columns <= LARGEST:
            c = np.empty((rows, columns), np.float32)
            if a.flags.c_contiguous and b.flags.f_contiguous:
                tasks = _tasks(-(-columns // LINE), rows * depth * columns)
                _rows_with_rows(tasks, a.reshape(-1), b.T.reshape(-1), c.reshape(-1), rows, columns, depth)
                return c
            tiled = rows >= ROWS and columns >= LANES and depth <= DEEPEST
            if tiled and a.flags.forc and b.flags.c_contiguous:
                numbers, row, step = (a, depth, 1) if a.flags.c_contiguous else (a.T, 1, rows)
                width = 2 * LANES if columns >= 2 * LANES else LANES
                tasks = _tasks(-(-columns // width), rows * depth * columns)
                result = c.reshape(-1)
                _rows_with_columns(tasks, numbers.reshape(-1), row, step, b.reshape(-1), result, rows, columns, depth)
                return c
    return numpy_version.product.numpy(a, b)  # type: ignore[attr-defined]


def _tasks(parts: int, work: int) -> int:
    """Return how many tasks are made of the columns of so many multiply-adds."""
    return max(1, min(parts, work // TASK))


@shared
@jit
def _rows_with_columns(
    at: Any, a: Any, row: Any, step: Any, b: Any, c: Any, rows: Any, columns: Any, depth: Any
) -> None:
    """c = a b, where a[i, k] is number ``i row + k step`` of a, and b and c are in memory order."""
    wide = columns >= 2 * LANES
    width = 2 * LANES if wide else LANES
    first, last = piece(at, -(-columns // width))
    for start in range(first * width, last * width, width):
        j = min(start, columns - width)  # the last tiles overlap the ones before
        for top in range(0, rows, ROWS):
            i = min(top, rows - ROWS)
            if wide:
                _wide(a, i * row, row, step, b, j, columns, c, i * columns + j, columns, depth)
            else:
                _narrow(a, i * row, row, step, b, j, columns, c, i * columns + j, columns, depth)


@shared
@jit
def _rows_with_rows(at: Any, a: Any, b: Any, c: Any, rows: Any, columns: Any, depth: Any) -> None:
    """c = a b', where a and b have rows of ``depth`` numbers: vectors run along the sum, nothing is transposed."""
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
