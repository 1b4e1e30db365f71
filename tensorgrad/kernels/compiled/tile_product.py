"""The innermost step of a matrix product: a tile of the result stays in registers while its sum runs.

    c[i, j] += sum_k a[i, k] b[k, j]        for the rows i and the columns j of a tile

Each step of the sum loads a few vectors of b and repeats a number of a for each row; every multiply-add is a register
instruction. The wider a tile is, the less is read for each; operands need no packing as long as they stay in the cache.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tensorgrad.kernels.compiled.jit import inlined
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.tile import add_outer, load_row
from tensorgrad.kernels.im2col import Ints

REGISTERS = 24 if LANES == 16 else 12  # for sums, of the 32 that AVX-512 has or the 16 of AVX2
MOST_ROWS = 8  # of a tile, whose places must be at hand, of the 16 registers that a processor has for such
#: How fast a tile is whose rows are so many vectors, of the fastest: the wider it is, the less it reads for a product.
SPEED = {1: 0.75, 2: 0.85, 3: 0.95, 4: 1.0} if LANES == 16 else {1: 0.8, 2: 1.0}
WIDEST = max(SPEED) * LANES


@lru_cache(1024)
def tile_form(columns: int, itemsize: int) -> tuple[Ints, Ints]:
    """Return the rows and the columns (of vectors) of the tile that soonest makes so many columns of a result."""
    widest = max(SPEED) * 4 // itemsize
    vectors = min((v for v in SPEED if v <= widest), key=lambda v: (-(-columns // (v * LANES)) * v / SPEED[v], -v))
    rows = min(MOST_ROWS, REGISTERS * 4 // (vectors * itemsize))
    return tuple(range(rows)), tuple(range(0, vectors * LANES, LANES))


@inlined
def add_product(
    sums: Any, a: Any, there: Any, at: Any, step: Any, b: Any, start: Any, row: Any, count: Any, depth: Any, lanes: Any
) -> Any:
    """Add ``depth`` products of a column of the tile's rows with a row of its columns.

    The rows of ``a`` begin at the places ``there``, shifted by ``at``, and have a number every ``step``; those of ``b``
    begin at ``start`` and lie ``row`` apart; ``count`` columns are read (None: all).
    """
    for k in range(depth):
        sums = add_outer(sums, a, there, at + k * step, load_row(b, start + k * row, count, lanes))
    return sums
