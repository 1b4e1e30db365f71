"""Reading images between their pixels: every output is a weighted sum of a few pixels of its own choice.

``index`` (N, taps, *out) numbers the pixels of the whole batch, N first, then row by row; a negative number stands for
a place outside the image, where there is nothing to read and nothing to add to. ``weights`` has the same shape. The
three loops are one sum of products over samples, taps and channels, each with another of its factors left open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.windows import contiguous_channels, over_samples

Ints = tuple[int, ...]
Polynomials = tuple[tuple[float, ...], ...]


def sample(x: NDArray, weights: NDArray, index: NDArray) -> NDArray:
    """Return (N, C, *out): the pixels of x (N, C, *size) that ``index`` names, added up with their weights."""
    n, c, *size = x.shape
    y = np.empty((n, *weights.shape[2:], c), x.dtype)

    def work(batch: slice) -> None:
        pixels = _rows(x[batch])
        local = _local(index, batch, math.prod(size))
        total = y[batch]
        for k in range(index.shape[1]):
            rows = _read(pixels, local[:, k])
            rows *= weights[batch, k, ..., None]
            if k == 0:
                total[...] = rows
            else:
                total += rows

    over_samples(work, n, max(x.size, y.size))
    return channels_first(y)


def input_grad(g: NDArray, weights: NDArray, index: NDArray, size: Ints) -> NDArray:
    """Return (N, C, *size): each value of g (N, C, *out) added, with its weights, to the pixels that made it."""
    n, c = g.shape[:2]
    x = np.empty((n, *size, c), g.dtype)

    def work(batch: slice) -> None:
        found = x[batch]
        places = np.maximum(_local(index, batch, math.prod(size)), -1).ravel() + 1  # what lies outside goes to bin 0
        for channel in range(c):
            parts = weights[batch] * g[batch, None, channel]
            sums = np.bincount(places, parts.ravel(), 1 + found[..., channel].size)[1:]
            found[..., channel] = sums.reshape(found.shape[:-1])

    over_samples(work, n, max(x.size, g.size))
    return channels_first(x)


def weight_grad(g: NDArray, x: NDArray, index: NDArray) -> NDArray:
    """Return (N, taps, *out): over the channels, the product of g (N, C, *out) with the pixels of x that made it."""
    n, _, *size = x.shape
    weights = np.empty(index.shape, g.dtype)

    def work(batch: slice) -> None:
        pixels = _rows(x[batch])
        local = _local(index, batch, math.prod(size))
        slopes = contiguous_channels(g[batch], "slopes")
        for k in range(index.shape[1]):
            np.einsum("...c,...c->...", _read(pixels, local[:, k]), slopes, out=weights[batch, k])

    over_samples(work, n, max(x.size, g.size))
    return weights


def _rows(images: NDArray) -> NDArray:
    """Return images (n, C, *size) as the rows of a matrix, one pixel a row; valid until this thread asks again."""
    n, c, *size = images.shape
    return contiguous_channels(images, "images").reshape(n * math.prod(size), c)


def _local(index: NDArray, batch: slice, pixels: int) -> NDArray:
    """Return the index of some samples, counted from the first of them."""
    return index[batch] - batch.start * pixels if batch.start else index[batch]


def _read(pixels: NDArray, index: NDArray) -> NDArray:
    """Return rows of ``pixels`` (all pixels, C), zeros outside; valid until this thread reads again."""
    rows = scratch("taps", (*index.shape, pixels.shape[1]), pixels.dtype)
    np.take(pixels, index, axis=0, out=rows, mode="clip")
    outside = index < 0
    if outside.any():
        rows[outside] = 0
    return rows


# ---- places --------------------------------------------------------------------------------------------------------


def position(grid: NDArray, size: int, padding: str, align_corners: bool) -> tuple[NDArray, NDArray | float]:
    """Return where coordinates from -1 to 1 lie along an axis of ``size`` pixels, and the slope of that.

    -1 and 1 are the centres of the first and the last pixel with corners aligned, else the borders of the image.
    """
    scale = (size - 1) / 2 if align_corners else size / 2
    at = (grid + 1) * scale - (0 if align_corners else 0.5)
    at, slope = padded(at, size, padding, align_corners)
    return at, slope * scale


def padded(at: NDArray, size: int, padding: str, align_corners: bool) -> tuple[NDArray, NDArray | float]:
    """Return positions brought back into the image by a mode of padding, and the slope of that: 1, -1, or 0 outside."""
    if padding == "zeros":
        return at, 1.0
    sign: NDArray | float = 1.0
    if padding == "reflection":
        at, sign = _reflected(at, *((0, size - 1) if align_corners else (-0.5, size)))
    inside = (at > 0) & (at < size - 1)  # a NaN is not, and becomes 0
    return np.where(inside, at, np.where(at > 0, size - 1, 0)).astype(at.dtype), (inside * sign).astype(at.dtype)


def _reflected(at: NDArray, low: float, span: float) -> tuple[NDArray, NDArray]:
    """Return positions mirrored at ``low`` and ``low + span`` as often as it takes, and whether forwards (1) or not."""
    if span == 0:
        return np.zeros_like(at), np.zeros_like(at)
    distance = at - low
    way = np.fmod(np.abs(distance), 2 * span)
    back = way > span
    forwards = (distance < 0) == back
    return np.where(back, 2 * span - way, way) + low, np.where(forwards, 1, -1)


def pixel_index(firsts: Sequence[NDArray], offsets: Ints, size: Ints, padding: str, align_corners: bool) -> NDArray:
    """Return the index (N, taps, *out) of the pixels at ``offsets`` from ``firsts``: one array (N, *out) an axis.

    The taps of the last axis run fastest. Each is brought back into the image by ``padding`` by itself.
    """
    n, *out = firsts[0].shape
    steps = np.reshape(offsets, (-1, *[1] * len(out))).astype(firsts[0].dtype)
    stride = math.prod(size)
    total = n * stride
    index = np.arange(0, total, stride).reshape(n, 1, *[1] * len(out))
    for first, pixels in zip(firsts, size, strict=True):
        with np.errstate(invalid="ignore"):  # infinite positions
            at, _ = padded(first[:, None] + steps, pixels, padding, align_corners)
        at = np.fmin(np.fmax(at, -1), pixels)  # fits into an integer, a NaN too; -1 and `pixels` are outside
        along = at.astype(np.intp)
        outside = (at < 0) | (at == pixels)
        stride //= pixels
        along *= stride
        np.putmask(along, outside, -total)  # less than nothing, whatever the other axes add
        index = (index[:, :, None] + along[:, None]).reshape(n, index.shape[1] * len(offsets), *out)
    return index


def tap_weights(t: NDArray, polynomials: Polynomials) -> NDArray:
    """Return (N, taps, *out): the value at ``t`` (N, *out) of one polynomial a tap, coefficients of t^0 first."""
    weights = np.empty((t.shape[0], len(polynomials), *t.shape[1:]), t.dtype)
    for k, (*lower, highest) in enumerate(polynomials):
        value = weights[:, k]
        value[...] = highest
        for coefficient in reversed(lower):
            value *= t
            value += coefficient
    return weights
