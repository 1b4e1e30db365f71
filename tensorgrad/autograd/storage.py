"""The memory behind arrays."""

from __future__ import annotations

import numpy as np


def storage(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory behind a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
