"""Sums of two large arrays by all threads: a residual connection, and gradients that meet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import NDArray

from tensorgrad.kernels.slices import flat, lie_alike, over_ranges
from tensorgrad.kernels.standardization import Standardization
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 16  # numbers; below, NumPy's one call costs less than to look for a second thread


def add(a: Any, b: Any) -> Any:
    """Return ``a + b``."""
    if type(a) is ndarray and a.size >= LARGE and type(b) is ndarray and a.dtype == b.dtype:
        y = np.empty_like(a)
        if lie_alike(a, b, y):
            add_vectors(*flat(a, b, y))
            return y
    if type(a) is Standardization:
        return a.plus(b)
    return b.plus(a) if type(b) is Standardization else np.add(a, b)


def add_to(total: NDArray, other: NDArray) -> None:
    """Write ``total + other`` into ``total``."""
    if total.size >= LARGE and total.dtype == other.dtype and lie_alike(other, total):
        add_vectors(*flat(total, other, total))
    else:
        np.add(total, other, out=total)


@has_twin
def add_vectors(a: NDArray, b: NDArray, y: NDArray) -> None:
    """Write a + b into y."""
    over_ranges(np.add, a, b, y)
