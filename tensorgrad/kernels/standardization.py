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

    The vectors are its own; what it ``reads``, x and the residual, must not be written before it is made.
    """

    __slots__ = ("dtype", "reads", "shape", "vectors")

    def __init__(
        self,
        x: NDArray,
        mean: Vector | None,
        scale: Vector | None,
        shift: Vector | None,
        residual: NDArray | None = None,
    ) -> None:
        self.reads = (x,) if residual is None else (x, residual)
        self.vectors = mean, scale, shift
        self.shape = x.shape
        self.dtype = np.result_type(*(a for a in (x, mean, scale, shift) if a is not None))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """Make it."""
        return self._made(rectify=False)

    def rectified(self) -> NDArray:
        """Return ``max(0, ...)`` of it, made in one pass."""
        return self._made(rectify=True)

    def plus(self, other: Any) -> Any:
        """Return its sum with ``other``: planned, if that is one more array to be read along."""
        alike = isinstance(other, np.ndarray) and other.shape == self.shape and other.dtype == self.dtype
        if alike and len(self.reads) == 1:
            return Standardization(*self.reads, *self.vectors, residual=other)
        return np.add(np.asarray(self), other)

    def _made(self, rectify: bool) -> NDArray:
        x, *residual = self.reads
        return standardize(x, *self.vectors, *residual, rectify=rectify)
