"""Memory that a thread uses again and again: a fresh large array costs more to touch than to compute."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_KEEP = 1 << 26  # bytes; larger blocks are rare and go back to the system
_SHAPES = 64  # of one block, that are remembered


class _Block:
    """Some memory, and the arrays in it that were asked for: to make one takes longer than to find it."""

    __slots__ = ("arrays", "memory")

    def __init__(self, size: int) -> None:
        memory = np.empty(size + 64, np.uint8)
        self.memory = memory[-memory.ctypes.data % 64 :][:size]  # on a cache line, as vector loads like it
        self.arrays: dict[tuple[tuple[int, ...], Any], NDArray] = {}


class _Blocks(threading.local):
    def __init__(self) -> None:
        self.by_name: dict[str, _Block] = {}


_blocks = _Blocks()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Return an uninitialised C-contiguous array that is valid until this thread asks for ``name`` again."""
    block = _blocks.by_name.get(name)
    if block is not None:
        found = block.arrays.get((shape, dtype))
        if found is not None:
            return found
    return _made(name, shape, dtype)


def _made(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Return an array that is asked for the first time, in a larger block if need be."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _KEEP:
        return np.empty(shape, dtype)
    block = _blocks.by_name.get(name)
    if block is None or block.memory.size < size:
        block = _blocks.by_name[name] = _Block(size)
    if len(block.arrays) >= _SHAPES:
        block.arrays.clear()
    array = block.arrays[shape, dtype] = block.memory[:size].view(dtype).reshape(shape)
    return array
