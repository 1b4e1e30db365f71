"""Sums of two vectors: a task for each piece."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tensorgrad.kernels import elementwise as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces
from tensorgrad.kernels.compiled.threads import shared


@twin_of(kernel.add_vectors)
def add_vectors(a: NDArray, b: NDArray, y: NDArray) -> None:
    """See `kernels.elementwise.add_vectors`."""
    _add(pieces(y), a, b, y)


@shared
@jit
def _add(at: Any, a: Any, b: Any, y: Any) -> None:
    start, stop = piece(at, y.size)
    a, b, y = a[start:stop], b[start:stop], y[start:stop]
    for i in range(y.size):
        y[i] = a[i] + b[i]
