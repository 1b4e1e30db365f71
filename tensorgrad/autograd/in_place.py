"""Writes into storage that a graph may have saved: noted here, found out by backward.

Each write takes a number from the clock that numbers the nodes. A node that is older than the last write anywhere
asks whether one of the arrays it saved was written since; all others pay a single comparison.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.autograd.node import clock

if TYPE_CHECKING:
    from tensorgrad.autograd.node import Node

#: Number of the newest write.
last_write = 0

_writes: dict[int, tuple[weakref.ref[np.ndarray], int]] = {}
_lock = threading.Lock()


def storage(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory behind a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def write(array: np.ndarray) -> None:
    """Note that the storage of ``array`` is written in place now."""
    global last_write
    owner = storage(array)
    key = id(owner)
    with _lock:
        entry = _writes.get(key)
        reference = entry[0] if entry else weakref.ref(owner, lambda _, key=key: _writes.pop(key, None))  # type: ignore[misc]
        last_write = next(clock)
        _writes[key] = (reference, last_write)


def written_since(array: Any, number: int) -> bool:
    """True when the storage of ``array`` was written after creation number ``number``."""
    if not isinstance(array, np.ndarray):
        return False
    entry = _writes.get(id(storage(array)))
    return entry is not None and entry[1] > number


def check_saved(node: Node, place: str) -> None:
    """Raise RuntimeError when a value that ``node`` saved for backward has been overwritten."""
    for i, array in enumerate([*node.saved, node.value]):
        if written_since(array, node.number):
            what = f"input {i}" if i < len(node.saved) else "its output"
            raise RuntimeError(
                f"backward of {place}: {what} was saved for backward and has been modified in place since; call "
                "backward before the write (optimizer.step() is one), or write into a copy: x = x.clone()"
            )
