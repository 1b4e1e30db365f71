"""Sums and products of two large arrays by all threads: a residual connection, gradients that meet, a gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.slices import flat, lie_alike, over_ranges
from tensorgrad.kernels.standardization import Standardization
from tensorgrad.kernels.traced import step
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 16  # numbers; below, NumPy's one call costs less than to look for a second thread

_added = one_pass(np.add)


def add(a: Any, b: Any) -> Any:
    """Return ``a + b``."""
    if type(a) is Standardization:
        return a.plus(b)
    return b.plus(a) if type(b) is Standardization else _added(a, b)


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


def power(x: Any, exponent: float) -> Any:
    """Return ``x ** exponent``; that of the usual exponents by a product or a root, as PyTorch does."""
    usual = _POWERS.get(exponent)
    return np.power(x, exponent) if usual is None else usual(x)


_POWERS: dict[float, Callable[[Any], Any]] = {
    1: lambda x: x * 1,
    3: lambda x: x * x * x,
    -1: lambda x: 1 / x,
    -2: lambda x: 1 / (x * x),
    0.5: np.sqrt,
    -0.5: lambda x: 1 / np.sqrt(x),
}


@step("sign")
def sign(x: Any) -> Any:
    """Return -1, 0 or 1 in the dtype of x; 0 for NaN."""
    return np.subtract(x > 0, x < 0, dtype=x.dtype)
