"""What the engine knows about the running thread."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

#: True in code that :attr:`State.run_quietly` runs.
_quiet: contextvars.ContextVar[bool] = contextvars.ContextVar("quiet", default=False)


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


class State:
    """Is this thread recording, and inside which module does it run."""

    __slots__ = ("cut_line", "module", "module_path", "recording", "run_quietly", "tape", "watchers")

    def __init__(self) -> None:
        self.recording = True
        self.module: Any = None
        self.module_path: str | None = None
        self.cut_line: str | None = None  # where recording was switched off
        self.watchers: tuple[Any, ...] = ()  # see tensorgrad.autograd.watch
        self.tape: Any = None  # see tensorgrad.replay
        # Infinities and NaNs are values here, not warnings. A context of our own in which NumPy's warnings are
        # off costs 20 ns a call where `np.errstate` costs 900, and the user's own setting is never touched.
        context = contextvars.Context()
        context.run(np.seterr, all="ignore")
        context.run(_quiet.set, True)
        self.run_quietly: Callable[..., Any] = context.run

    def entered_before(self) -> bool:
        """True when :attr:`run_quietly` has failed because the running code is inside it already.

        A context cannot be entered twice: this is the case of an operator called from another one's forward.
        """
        return self.run_quietly is not _call and _quiet.get()

    def call_inside(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """Call ``function`` from code that runs quietly already: nothing needs to be entered."""
        before = self.run_quietly
        self.run_quietly = _call
        try:
            return function(*args, **kwargs)
        finally:
            self.run_quietly = before


class _PerThread(threading.local):
    state: State

    def __init__(self) -> None:
        self.state = State()


#: ``per_thread.state`` is the running thread's own :class:`State`.
per_thread = _PerThread()
