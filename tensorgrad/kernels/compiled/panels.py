"""Packed panels: the numbers of a matrix that one tile of columns needs, row after row in a small piece of memory.

    panel[k, lane] = b[k0 + k, j + lane]        for WIDTH lanes

Rows of a whole matrix that lie 256 or 512 bytes apart share a few places of the cache; rows of a panel follow each
other. To pack costs little where many rows meet the panel, also from a transpose (see `transpose`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.simd import LANES, load_part, store
from tensorgrad.kernels.compiled.transpose import copy_transposed

NO_BIAS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}
COLUMNS = (0, LANES)  # of a tile
WIDTH = 2 * LANES


def tile_rows(itemsize: int) -> tuple[int, ...]:
    """Return the rows of a tile of numbers of this size: 12 registers hold sums, or half of AVX-512's."""
    return tuple(range((8 if LANES == 16 else 6) * 4 // itemsize))


@jit
def pack(b: Any, at: Any, row: Any, columns: Any, depth: Any, panel: Any) -> None:
    """Pack ``depth`` rows of which the first starts at b[at], and the next ``row`` numbers further on."""
    for k in range(depth):
        for lane in range(0, WIDTH, LANES):
            store(panel, k * WIDTH + lane, load_part(b, at + k * row + lane, columns - lane))


@jit
def pack_transposed(b: Any, at: Any, row: Any, columns: Any, depth: Any, panel: Any) -> None:
    """Pack ``depth`` rows of b': its columns are rows of b, the first starts at b[at], the next ``row`` further on.

    Lanes beyond the last column hold anything.
    """
    whole = depth // LANES * LANES
    for lane in range(0, min(WIDTH, columns), LANES):
        last, first = columns - 1 - lane, at + lane * row
        for k in range(0, whole, LANES):
            copy_transposed(b, first + k, row, last, panel, k * WIDTH + lane, WIDTH)
        for k in range(whole, depth):
            for i in range(min(LANES, last + 1)):
                panel[k * WIDTH + lane + i] = b[first + i * row + k]
