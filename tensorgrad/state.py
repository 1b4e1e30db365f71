"""What the engine knows about the running thread."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import numpy as np


class State:
    """Is this thread recording, and inside which module does it run."""

    __slots__ = ("module", "module_path", "recording", "run_quietly")

    def __init__(self) -> None:
        self.recording = True
        self.module: Any = None
        self.module_path: str | None = None
        # Infinities and NaNs are values here, not warnings. A context of our own in which NumPy's warnings are
        # off costs 20 ns a call where `np.errstate` costs 900, and the user's own setting is never touched.
        context = contextvars.Context()
        context.run(np.seterr, all="ignore")
        self.run_quietly: Callable[..., Any] = context.run


class _PerThread(threading.local):
    state: State

    def __init__(self) -> None:
        self.state = State()


#: ``per_thread.state`` is the running thread's own :class:`State`.
per_thread = _PerThread()
