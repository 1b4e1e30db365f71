"""Writes into storage that a graph may have saved: noted here, found out by backward.

Each write takes a number from the clock that numbers the nodes. A node that is older than the last write anywhere
asks whether one of the arrays it saved was written since; all others pay a single comparison.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tensorgrad.autograd.node import clock

if TYPE_CHECKING:
    from tensorgrad.autograd.node import Node

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Write(NamedTuple):
    """The newest write into one storage."""

    storage: weakref.ref[np.ndarray]
    number: int
    line: str


#: Number of the newest write.
last_write = 0

_writes: dict[int, Write] = {}
_lock = threading.Lock()


def storage(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory behind a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def user_line() -> str:
    """``file:line`` of the innermost frame outside this package."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return "unknown" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def write(array: np.ndarray) -> int:
    """Note that the storage of ``array`` is written in place now; returns the write's number."""
    global last_write
    owner = storage(array)
    key = id(owner)
    line = user_line()
    with _lock:
        known = _writes.get(key)
        reference = known.storage if known else weakref.ref(owner, lambda _: _writes.pop(key, None))
        number = last_write = next(clock)
        _writes[key] = Write(reference, number, line)
    return number


def written_since(array: Any, number: int) -> Write | None:
    """The write into the storage of ``array`` after creation number ``number``, if there was one."""
    if not isinstance(array, np.ndarray):
        return None
    known = _writes.get(id(storage(array)))
    return known if known is not None and known.number > number else None


def check_saved(node: Node, place: str) -> None:
    """Raise RuntimeError when a value that ``node`` saved for backward has been overwritten."""
    for i, array in enumerate([*node.saved, node.value]):
        change = written_since(array, node.number)
        if change is not None:
            what = f"input {i}" if i < len(node.saved) else "its output"
            source = getattr(node, "source", None)
            saved_at = f" at {source}" if source else ""
            raise RuntimeError(
                f"backward of {place}: {what} was saved for backward{saved_at} and has been modified in place at "
                f"{change.line}; call backward before the write (optimizer.step() is one), or write into a copy: "
                "x = x.clone()"
            )
