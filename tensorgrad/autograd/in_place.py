"""Writes into storage that a graph may have saved: noted here, found out by backward.

Each write takes a number from the clock that numbers the nodes. A node that is older than the last write anywhere
asks whether one of the arrays it saved was written since (`lent.check_saved`); all others pay a single comparison.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.node import clock
from tensorgrad.autograd.planned import carry_out
from tensorgrad.autograd.storage import storage

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Write:
    """The newest write into one storage."""

    __slots__ = ("line", "number", "storage")

    def __init__(self, storage: weakref.ref[np.ndarray]) -> None:
        self.storage = storage  # held so that it can say when the storage is gone
        self.number = 0
        self.line = ""


#: Number of the newest write.
last_write = 0

_writes: dict[int, Write] = {}
_lock = threading.Lock()


def refuses(array: np.ndarray) -> bool:
    """True where a write is impossible or would reach several elements at once: read-only or expanded memory."""
    flags = array.flags
    if flags.c_contiguous:  # each element has memory of its own
        return not flags.writeable
    expanded = any(step == 0 and n > 1 for step, n in zip(array.strides, array.shape, strict=True))
    return not flags.writeable or (expanded and array.size > 0)


def user_line() -> str:
    """``file:line`` of the innermost frame outside this package."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return "unknown" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def advance() -> int:
    """Take a number as a write does: every node and view that is older looks closer when it is next used."""
    global last_write
    with _lock:
        last_write = next(clock)
        return last_write


def write(*arrays: np.ndarray) -> int:
    """Note that the storage of ``arrays`` is written in place now; returns the write's number."""
    global last_write
    owners = [storage(array) for array in arrays]
    for owner in owners:
        carry_out(owner)
    line = user_line()
    with _lock:
        number = last_write = next(clock)
        for owner in owners:
            key = id(owner)
            known = _writes.get(key)
            if known is None:
                known = _writes[key] = Write(weakref.ref(owner, _forgetting(key)))
            known.number, known.line = number, line
    return number


def _forgetting(key: int) -> Callable[[Any], Any]:
    """What is called when the storage of that id is gone."""
    return lambda _: _writes.pop(key, None)


def written_since(array: Any, number: int) -> Write | None:
    """The write into the storage of ``array`` after creation number ``number``, if there was one."""
    if not isinstance(array, np.ndarray):
        return None
    known = _writes.get(id(storage(array)))
    return known if known is not None and known.number > number else None
