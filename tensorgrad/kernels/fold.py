"""Windows of an image as columns, and columns added back into an image: each other's adjoint.

    unfold  y[n, (c, k), o] = x[n, c, o s + k d - p]            windows side by side, padding reads as 0
    fold    x[n, c, i]      = sum_{k, o : o s + k d - p = i} y[n, (c, k), o]

One slice of the image holds one place of all windows, so no loop visits pixels. Arrays are (N, C, *spatial).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.windows import Ints, Tap, over_samples, pool_output_size, taps, window_places


def unfold(x: NDArray, *, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> NDArray:
    """Return the windows of x (N, C, *in) as columns (N, C prod(kernel), windows)."""
    size = x.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, dilation, False)
    y = np.zeros((*x.shape[:2], math.prod(kernel), *out), x.dtype)
    axis_taps = _all_taps(size, out, kernel, stride, padding, dilation)

    def work(batch: slice) -> None:
        for number, windows, pixels in window_places(kernel, axis_taps, leading=2):
            y[batch, :, number][windows] = x[batch][pixels]

    over_samples(work, len(x), y.size)
    return y.reshape(len(x), x.shape[1] * math.prod(kernel), math.prod(out))


def fold(x: NDArray, *, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> NDArray:
    """Return the columns x (N, C prod(kernel), windows) added up to images (N, C, *size)."""
    out = pool_output_size(size, kernel, stride, padding, dilation, False)
    places = math.prod(kernel)
    columns = x.reshape(len(x), x.shape[1] // places, places, *out)
    y = np.zeros((len(x), columns.shape[1], *size), x.dtype)
    axis_taps = _all_taps(size, out, kernel, stride, padding, dilation)

    def work(batch: slice) -> None:
        for number, windows, pixels in window_places(kernel, axis_taps, leading=2):
            y[batch][pixels] += columns[batch, :, number][windows]

    over_samples(work, len(x), x.size)
    return y


def _all_taps(
    size: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> tuple[tuple[Tap, ...], ...]:
    return tuple(taps(*one) for one in zip(size, out, kernel, stride, padding, dilation, strict=True))
