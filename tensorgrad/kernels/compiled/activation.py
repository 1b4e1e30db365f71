"""The rectifier and its gradient: one selection for each number, without a branch."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tensorgrad.kernels import activation as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces
from tensorgrad.kernels.compiled.threads import shared


@twin_of(kernel.rectify)
def rectify(x: NDArray, y: NDArray) -> None:
    """See `kernels.activation.rectify`."""
    _rectify(pieces(y), x, y)


@twin_of(kernel.keep_where_nonzero)
def keep_where_nonzero(g: NDArray, y: NDArray, kept: NDArray) -> None:
    """See `kernels.activation.keep_where_nonzero`."""
    _keep_where_nonzero(pieces(y), g, y, kept)


@shared
@jit
def _rectify(at: Any, x: Any, y: Any) -> None:
    zero = x.dtype.type(0)
    start, stop = piece(at, y.size)
    x, y = x[start:stop], y[start:stop]
    for i in range(y.size):
        y[i] = zero if x[i] < zero else x[i]  # a NaN stays


@shared
@jit
def _keep_where_nonzero(at: Any, g: Any, y: Any, kept: Any) -> None:
    zero = g.dtype.type(0)
    start, stop = piece(at, y.size)
    g, y, kept = g[start:stop], y[start:stop], kept[start:stop]
    for i in range(y.size):
        kept[i] = g[i] if y[i] != 0 else zero
