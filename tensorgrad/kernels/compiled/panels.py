"""Packed panels: the numbers of a matrix that one tile of columns needs, row after row in a small piece of memory.

    panel[k, lane] = b[k0 + k, j + lane]        for every lane of the tile

Rows of a whole matrix that lie 256 or 512 bytes apart share a few places of the cache; rows of a panel follow each
other. To pack costs little where many rows meet the panel, also from a transpose (see `transpose`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.simd import LANES, load_part, store
from tensorgrad.kernels.compiled.tile import entry
from tensorgrad.kernels.compiled.transpose import copy_transposed

NO_BIAS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}


@jit
def pack(b: Any, at: Any, row: Any, columns: Any, depth: Any, panel: Any, lanes: Any) -> None:
    """Pack ``depth`` rows of which the first starts at b[at], and the next ``row`` numbers further on."""
    width = LANES * len(lanes)
    for k in range(depth):
        for lane in range(0, width, LANES):
            store(panel, k * width + lane, load_part(b, at + k * row + lane, columns - lane))


@jit
def pack_transposed(b: Any, at: Any, row: Any, columns: Any, depth: Any, panel: Any, lanes: Any) -> None:
    """Pack ``depth`` rows of b': its columns are rows of b, the first starts at b[at], the next ``row`` further on.

    Lanes beyond the last column hold anything.
    """
    whole, width = depth // LANES * LANES, LANES * len(lanes)
    for lane in range(0, min(width, columns), LANES):
        last, first = columns - 1 - lane, at + lane * row
        for k in range(0, whole, LANES):
            copy_transposed(b, first + k, row, last, panel, k * width + lane, width)
        for k in range(whole, depth):
            for i in range(min(LANES, last + 1)):
                panel[k * width + lane + i] = entry(b, first + i * row + k)
