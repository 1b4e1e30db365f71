"""Dropout's mask and scale in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import dropout as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces
from tensorgrad.kernels.compiled.threads import shared


@twin_of(kernel.keep_scaled)
def keep_scaled(x: NDArray, mask: NDArray, scale: np.floating, y: NDArray) -> None:
    """See `kernels.dropout.keep_scaled`."""
    _keep_scaled(pieces(y), x, mask, scale, y)


@shared
@jit
def _keep_scaled(at: Any, x: Any, mask: Any, scale: Any, y: Any) -> None:
    """One selection for each number, without a branch."""
    zero = x.dtype.type(0)
    start, stop = piece(at, y.size)
    x, mask, y = x[start:stop], mask[start:stop], y[start:stop]
    for i in range(y.size):
        y[i] = x[i] * scale if mask[i] else zero
