"""Memory that a thread uses again and again: a fresh large array costs more to touch than to compute."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: The name of what is as large as a block of a kernel's work, and of which it needs one: columns, points, deviations.
#: No kernel runs inside another one, so all of them share this memory. Floating-point numbers only, see `_Block`.
WORK = "work"

_KEEP = 1 << 26  # bytes; larger blocks are rare and go back to the system
_SHAPES = 64  # of one block, that are remembered
_VIEWS = 256  # of all blocks

Views = TypeVar("Views")


class _Block:
    """Some memory, and the arrays in it that were asked for: to make one takes longer than to find it."""

    __slots__ = ("arrays", "memory", "prepared_by")

    def __init__(self, size: int) -> None:
        # zeros, since loops compute with numbers too many whose results nobody reads, and what was in fresh memory most
        # often makes denormal numbers: a product of those takes a hundred times as long
        memory = np.zeros(size + 64, np.uint8)
        self.memory = memory[-memory.ctypes.data % 64 :][:size]  # on a cache line, as vector loads like it
        self.arrays: dict[tuple[tuple[int, ...], Any], NDArray] = {}
        self.prepared_by: object = None


class _Blocks(threading.local):
    def __init__(self) -> None:
        self.by_name: dict[str, _Block] = {}
        self.views: dict[Any, Any] = {}
        self.loose = False  # an array was made that no block holds


_blocks = _Blocks()


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Return a C-contiguous array, holding anything, that is valid until this thread asks for ``name`` again."""
    block = _blocks.by_name.get(name)
    if block is not None:
        block.prepared_by = None
        found = block.arrays.get((shape, dtype))
        if found is not None:
            return found
    return _made(name, shape, dtype)


def _made(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Return an array that is asked for the first time, in a larger block if need be."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > _KEEP:
        _blocks.loose = True
        return np.empty(shape, dtype)
    block = _blocks.by_name.get(name)
    if block is None or block.memory.size < size:
        _blocks.views.clear()  # some may be of the memory that is exchanged
        block = _blocks.by_name[name] = _Block(size)
    if len(block.arrays) >= _SHAPES:
        block.arrays.clear()
    array = block.arrays[shape, dtype] = block.memory[:size].view(dtype).reshape(shape)
    return array


def views(make: Callable[..., Views], *arguments: Hashable) -> Views:
    """Return ``make(*arguments)``, views of scratch, or what it returned to this thread before.

    To make a dozen of them takes Python 50 us and the GIL, on which other threads fall asleep between two NumPy calls.
    """
    key = (make, *arguments)
    found: Views | None = _blocks.views.get(key)
    if found is None:
        _blocks.loose = False
        found = make(*arguments)
        if len(_blocks.views) >= _VIEWS:
            _blocks.views.clear()
        if not _blocks.loose:
            _blocks.views[key] = found
    return found


def prepare(name: str, of: object, parts: Iterable[NDArray]) -> None:
    """Write zeros to ``parts`` of the block ``name``, unless they are there since the last call with the same ``of``.

    They are when nobody has asked `scratch` for the block since. Who holds `views` of it calls this before each use,
    and leaves the parts alone.
    """
    block = _blocks.by_name.get(name) or _Block(0)  # of memory too large to keep, nothing is known the next time
    if block.prepared_by is not of:
        block.prepared_by = None  # an interrupt may come before all are written
        for part in parts:
            part[...] = 0
        block.prepared_by = of
