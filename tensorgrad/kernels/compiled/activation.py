"""The rectifier's gradient in one pass."""

from __future__ import annotations

from numpy.typing import NDArray

from tensorgrad.kernels import activation as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of


@twin_of(kernel.keep_where_nonzero)
@jit
def keep_where_nonzero(g: NDArray, y: NDArray, kept: NDArray) -> None:
    """One selection for each number, without a branch."""
    zero = g.dtype.type(0)
    for i in range(g.size):
        kept[i] = g[i] if y[i] != 0 else zero
