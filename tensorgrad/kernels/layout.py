"""The two orders of an image's axes, as views: users see (N, C, *spatial), loops run over (N, *spatial, C).

Written out because ``np.moveaxis`` takes ten times as long, more than a kernel on a small image.
"""

from __future__ import annotations

from numpy.typing import NDArray


def channels_last(x: NDArray) -> NDArray:
    """Return x (N, C, *spatial) as (N, *spatial, C)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def channels_first(x: NDArray) -> NDArray:
    """Return x (N, *spatial, C) as (N, C, *spatial)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))
