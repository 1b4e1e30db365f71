"""The matrices of Winograd's convolution along one axis, from the points at which its polynomials are evaluated.

A kernel of r numbers and m results are polynomials of degree r - 1 and m - 1; their product has degree m + r - 2 and is
determined by its values at m + r - 1 points, the last of which is infinity (the leading coefficient):

    y = A' [ (G w) * (B' x) ]            A (points, m), G (points, r), B' (points, points)

With M(t) = product over the finite points of (t - p): row p of A and of G holds the powers of p, that of G divided by
M'(p); row p of B' holds the coefficients of M(t) / (t - p), and the last one those of M(t).

Source: A. L. Toom, 1963; S. A. Cook, 1966; S. Winograd, Arithmetic Complexity of Computations, 1980.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = tuple[float, ...]
SIX: Points = (0, 1, -1, 2, -2)
"""With infinity; small whole numbers, so that B' holds such numbers, too."""
EIGHT: Points = (0, 1, -1, 2, -2, 0.5, -0.5)


class Matrices(NamedTuple):
    """What transforms inputs, kernels and tiles of results."""

    input: NDArray  # B' (points, points)
    kernel: NDArray  # G (points, r)
    tile: NDArray  # A (points, m)


@lru_cache
def matrices(points: Points, r: int, dtype: type = np.float64) -> Matrices:
    """Return the matrices for kernels of r numbers; there are ``len(points) + 1`` points.

    >>> m = matrices(SIX, 3)
    >>> x, w = np.arange(6.0) ** 2, np.array([1.0, 0.0, -1.0])
    >>> m.tile.T @ ((m.kernel @ w) * (m.input @ x))
    array([ -4.,  -8., -12., -16.])
    """
    p = np.array(points, np.float64)
    others = [[other for other in points if other != point] for point in points]
    slopes = [np.prod(np.subtract(point, rest)) for point, rest in zip(points, others, strict=True)]
    quotients = [[*np.poly(rest)[::-1], 0] for rest in others]  # the lowest power first
    found = (
        np.array([*quotients, np.poly(p)[::-1]]),
        np.vstack([_powers(p, r) / np.array(slopes)[:, None], np.eye(r)[-1]]),
        np.vstack([_powers(p, len(p) + 2 - r), np.eye(len(p) + 2 - r)[-1]]),
    )
    return Matrices(*(matrix.astype(dtype) for matrix in found))


def _powers(points: NDArray, count: int) -> NDArray:
    return points[:, None] ** np.arange(count)
