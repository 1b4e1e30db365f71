"""A batch norm whose last pass waits until its result is read; a rectifier that reads it shares that pass.

y = (x - mean) * scale + shift        planned, not written
z = max(0, y)                         one pass over x writes z, and y never takes memory
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.batch_norm import Vector, standardize


class Standardization:
    """What `standardize` would return: its shape and dtype are known, `np.asarray` makes it.

    The vectors are its own; x must not be written before it is made.
    """

    __slots__ = ("dtype", "shape", "vectors", "x")

    def __init__(self, x: NDArray, mean: Vector | None, scale: Vector | None, shift: Vector | None) -> None:
        self.x = x
        self.vectors = mean, scale, shift
        self.shape = x.shape
        self.dtype = np.result_type(*(a for a in (x, mean, scale, shift) if a is not None))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """Make it."""
        return standardize(self.x, *self.vectors)

    def rectified(self) -> NDArray:
        """Return ``max(0, ...)`` of it, made in one pass."""
        return standardize(self.x, *self.vectors, rectify=True)
