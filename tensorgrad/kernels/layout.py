"""The two orders of an image's axes, as views: users see (N, C, *spatial), loops run over (N, *spatial, C).

Written out because ``np.moveaxis`` takes ten times as long, more than a kernel on a small image.
"""

from __future__ import annotations

import math

from numpy.typing import NDArray

_LAST = [(0, *range(2, ndim), 1) for ndim in range(65)]  # by the number of dimensions, 64 at most
_FIRST = [(0, ndim - 1, *range(1, ndim - 1)) for ndim in range(65)]


def channels_last(x: NDArray) -> NDArray:
    """Return x (N, C, *spatial) as (N, *spatial, C)."""
    return x.transpose(_LAST[x.ndim])


def channels_first(x: NDArray) -> NDArray:
    """Return x (N, *spatial, C) as (N, C, *spatial)."""
    return x.transpose(_FIRST[x.ndim])


def pixels_together(pixels: int, channels: int, width: int) -> int:
    """Return how many pixels are laid end to end, up to ``width`` numbers, so that all of them find a place."""
    fit = max(1, width // max(1, channels))
    return math.gcd(pixels, 1 << fit.bit_length() - 1)
