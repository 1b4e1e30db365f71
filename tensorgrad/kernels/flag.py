"""A flag that one thread raises while others look at it without the GIL: to sleep and be woken takes 50 us.

NumPy's reductions run without the GIL, and ``logical_or`` of a row of truth values ends at the first True. So a row
that holds one place of memory thousands of times waits for it; the next rows wait on.
"""

from __future__ import annotations

import numpy as np

LOOKS = 4_000  # in a row, 2 to 4 us
ROWS = 200  # the patience of who waits: 0.4 to 0.8 ms

_LOOK = np.logical_or.reduce


class Flag:
    """A truth value that threads wait for, without the GIL and without falling asleep."""

    __slots__ = ("_looks", "_places")

    def __init__(self) -> None:
        places = np.zeros(ROWS + 1, bool)
        self._places = places[:ROWS]  # the last one stays False
        self._looks = np.broadcast_to(places[:, None], (ROWS + 1, LOOKS))

    def put(self, up: bool) -> None:
        """Raise the flag, or take it down."""
        self._places[...] = up

    def wait(self) -> bool:
        """Return True soon after the flag is up, or False after looking at it for half a millisecond.

        "Soon" is the time of the last row: whoever raised the flag holds the GIL for some more microseconds, and to ask
        for it before it is free means to be put to sleep.
        """
        return bool(_LOOK(self._looks, axis=1)[-2])
