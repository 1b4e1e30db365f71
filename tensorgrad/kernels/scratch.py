"""Memory that a thread uses again and again: a fresh large array costs more to touch than to compute."""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import DTypeLike, NDArray

_KEEP = 1 << 26  # bytes; larger blocks are rare and go back to the system


class _Blocks(threading.local):
    def __init__(self) -> None:
        self.by_name: dict[str, NDArray[np.uint8]] = {}


_blocks = _Blocks()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Return an uninitialised C-contiguous array that is valid until this thread asks for ``name`` again."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size > _KEEP:
        return np.empty(shape, dtype)
    block = _blocks.by_name.get(name)
    if block is None or block.size < size:
        block = np.empty(size + 64, np.uint8)
        block = block[-block.ctypes.data % 64 :]  # on a cache line, as vector loads like it
        _blocks.by_name[name] = block
    return block[:size].view(dtype).reshape(shape)
