"""Cutting work into pieces, one task each: what they read stays in cache, and the cut depends on shapes alone."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.threads import shared

FLOATS = 1 << 16  # numbers of a piece, some 20 us of work: a thread that comes late finds more of them
MOST = 256


def pieces(x: NDArray) -> int:
    """Return into how many pieces the first axis of an array should be cut."""
    return pieces_of(len(x), x.size)


def pieces_of(length: int, floats: int) -> int:
    """Return into how many pieces a length should be cut whose work is to read or write so many numbers."""
    return max(1, min(length, MOST, floats // FLOATS)) if floats >= 2 * FLOATS else 1


@jit
def piece(at: Any, length: Any) -> Any:
    """Return (start, stop) of the part of a length that belongs to one task; ``at`` is (task, tasks, thread).

    A loop over numbers should cut its arrays there and count from 0: only then is it known that no index is negative.
    """
    return length * at[0] // at[1], length * (at[0] + 1) // at[1]


@jit
def put_row(x: Any, out: Any) -> None:
    """Write x to ``out``, of the same length; ``out[:] = x`` takes Numba 2.5 s to compile, for its error messages."""
    for i in range(out.size):
        out[i] = x[i]


def add_up(sums: NDArray) -> NDArray:
    """Return the sum of all rows, added in their order; it stands in the first of them."""
    if len(sums) > 1:
        _add_up(pieces_of(sums.shape[1], sums.size), sums)
    return sums[0]


@shared
@jit
def _add_up(at: Any, sums: Any) -> None:
    start, stop = piece(at, sums.shape[1])
    total = sums[0, start:stop]
    for row in range(1, len(sums)):
        other = sums[row, start:stop]
        for i in range(total.size):
            total[i] += other[i]
