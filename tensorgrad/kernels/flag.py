"""A flag that one thread raises while others look at it without the GIL: to sleep and be woken takes 50 us."""

from __future__ import annotations

import numpy as np

PATIENCE = 1_000_000  # looks of half a nanosecond or less
COURTESY = 5_000  # looks, about 2 us: until the thread that raised the flag has given the GIL away

_LOOK = np.logical_or.reduce  # ends at the first True, and runs without the GIL


class Flag:
    """A truth value that threads wait for, without the GIL and without falling asleep."""

    __slots__ = ("_looks", "_value")

    def __init__(self) -> None:
        self._value = np.zeros(1, bool)
        self._looks = np.broadcast_to(self._value, PATIENCE)  # one place of memory, many times

    def put(self, up: bool) -> None:
        """Raise the flag, or take it down."""
        self._value[0] = up

    def wait(self) -> bool:
        """Return True soon after the flag is up, or False after looking at it for half a millisecond.

        "Soon" since whoever raised it holds the GIL for some more microseconds, and to ask for it before it is free
        means to be put to sleep.
        """
        up = bool(_LOOK(self._looks))
        if up:
            _LOOK(_NEVER)
        return up


_NEVER = Flag()._looks[:COURTESY]
