"""Sums over blocks of work that several threads share, added in an order that does not depend on their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.threads import parallel, split

# How many tasks at most, the least work of each, and the most numbers they may keep together.
MOST_TASKS, TASK, PARTIAL_FLOATS = 16, 20_000_000, 1_000_000

Piece = TypeVar("Piece")


def sum_over(
    pieces: Sequence[Piece],
    add: Callable[[Sequence[Piece], NDArray], None],
    shape: tuple[int, ...],
    dtype: np.dtype,
    work: int,
) -> NDArray:
    """Return the sum of what ``add(some pieces, total)`` adds to its total, in a fixed order.

    There are ``work`` multiply-adds in all, which decides how many tasks are made of the pieces.
    """

    def partial_sum(some: tuple[int, int]) -> NDArray:
        total = np.zeros(shape, dtype)
        add(pieces[slice(*some)], total)
        return total

    # Each task keeps one partial result: many tasks balance the threads, few save memory and hand-overs. Of three, two
    # threads would do one together and the other would wait for the third: their number is even.
    tasks = max(2, min(MOST_TASKS, work // TASK, PARTIAL_FLOATS // math.prod(shape)))
    total, *others = parallel(partial_sum, split(len(pieces), tasks - tasks % 2))
    for partial in others:
        total += partial
    return total
