"""Maximum pooling, its adjoint and its gather: one visit to each window, the inner loops over contiguous channels.

An image of any number of dimensions is a list of pixels here, arrays are (N, pixels, C), and a table says which pixels
each window holds. Windows of four pixels, the usual 2x2, have loops of their own that keep everything in registers. A
selection between two numbers never branches: which of them is larger is random.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import pool as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.windows import Ints, Windows, tile

OUTSIDE = -1  # stands for a pixel in the padding
VECTOR = 16  # channels that fill a vector register; below, numbers are moved one by one


class Table(NamedTuple):
    """The pixels of every window, (windows, places)."""

    pixels: NDArray[np.int32]
    four: bool  # each window has four places, all of them inside
    tiled: bool  # each pixel is in exactly one window


@lru_cache(maxsize=64)
def table(windows: Windows, size: Ints, out: Ints) -> Table:
    """Return the table of ``out`` windows on an image of ``size`` pixels."""
    number = np.zeros((1, 1), np.int32)
    inside = np.ones((1, 1), np.bool_)
    for n, o, k, s, p, d in zip(size, out, *windows, strict=True):
        along = (np.arange(o) * s - p)[:, None] + np.arange(k) * d
        number = number[:, None, :, None] * n + along[None, :, None, :]
        inside = inside[:, None, :, None] & ((along >= 0) & (along < n))[None, :, None, :]
        shape = (number.shape[0] * o, number.shape[2] * k)
        number, inside = number.reshape(shape), inside.reshape(shape)
    pixels = np.where(inside, number, OUTSIDE).astype(np.int32)
    return Table(pixels, pixels.shape[1] == 4 and bool(inside.all()), tile(windows.taps(size, out), size))


def _by_pixel(x: NDArray) -> NDArray:
    """Return x (N, *spatial, C) as (N, pixels, C)."""
    shape = x.shape
    if not x.flags.c_contiguous:
        x = np.ascontiguousarray(x)
    return x.reshape((shape[0], -1, shape[-1]) if x.size else (0, 0, shape[-1]))


@twin_of(kernel.max_of_images)
def max_of_images(x: NDArray, y: NDArray, place: NDArray, windows: Windows) -> None:
    """See `kernels.pool.max_of_images`."""
    found = table(windows, x.shape[2:], y.shape[1:-1])
    arrays = _by_pixel(channels_last(x)), _by_pixel(y), _by_pixel(place), found.pixels
    tasks = pieces_of(y.size // max(1, y.shape[-1]), x.size)
    if found.four:
        _max_of_four(tasks, *arrays)
    else:
        lowest = np.array([-np.inf if y.dtype.kind == "f" else np.iinfo(y.dtype).min], y.dtype)
        _max(tasks, *arrays, lowest)


@twin_of(kernel.scatter_to_images)
def scatter_to_images(g: NDArray, place: NDArray, gx: NDArray, windows: Windows) -> None:
    """See `kernels.pool.scatter_to_images`."""
    if not g.size:
        gx[...] = 0
        return
    found = table(windows, gx.shape[1:-1], g.shape[2:])
    arrays = _by_pixel(channels_last(g)), _by_pixel(channels_last(place)), _by_pixel(gx), found.pixels
    if found.four and found.tiled and g.shape[1] >= VECTOR:
        _select_to_four(pieces_of(g.size // g.shape[1], gx.size), *arrays)
    else:
        _add_at_places(pieces_of(len(gx), gx.size), *arrays)


@twin_of(kernel.gather_from_images)
def gather_from_images(x: NDArray, place: NDArray, y: NDArray, windows: Windows) -> None:
    """See `kernels.pool.gather_from_images`."""
    pixels = table(windows, x.shape[2:], y.shape[1:-1]).pixels
    _gather(
        pieces_of(y.size // max(1, y.shape[-1]), x.size),
        _by_pixel(channels_last(x)),
        _by_pixel(channels_last(place)),
        _by_pixel(y),
        pixels,
    )


# ---- a piece of all windows ----------------------------------------------------------------------------------


@jit
def _wins(b: float, a: float) -> bool:
    """Whether a later number takes the place of an earlier one: it is larger, or the first NaN."""
    return (a == a) & (not (b <= a))


@shared
@jit
def _max(at: Any, x: NDArray, y: NDArray, place: NDArray, pixels: NDArray, lowest: NDArray) -> None:
    windows = y.shape[1]
    start, stop = piece(at, len(y) * windows)
    for n in range(start // windows, -(-stop // windows)):
        for o in range(max(start - n * windows, 0), min(stop - n * windows, windows)):
            best, where = y[n, o], place[n, o]
            none = True
            for k in range(pixels.shape[1]):
                if pixels[o, k] == OUTSIDE:
                    continue
                pixel = x[n, pixels[o, k]]
                if none:
                    none = False
                    for c in range(best.size):
                        best[c], where[c] = pixel[c], k
                else:
                    for c in range(best.size):
                        wins = _wins(pixel[c], best[c])
                        best[c] = pixel[c] if wins else best[c]
                        where[c] = k if wins else where[c]
            if none:
                for c in range(best.size):
                    best[c], where[c] = lowest[0], 0


@shared
@jit
def _max_of_four(at: Any, x: NDArray, y: NDArray, place: NDArray, pixels: NDArray) -> None:
    zero, one, two, three = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)
    windows = y.shape[1]
    start, stop = piece(at, len(y) * windows)
    for n in range(start // windows, -(-stop // windows)):
        for o in range(max(start - n * windows, 0), min(stop - n * windows, windows)):
            best, where = y[n, o], place[n, o]
            x0, x1, x2, x3 = x[n, pixels[o, 0]], x[n, pixels[o, 1]], x[n, pixels[o, 2]], x[n, pixels[o, 3]]
            for c in range(best.size):
                right, below, diagonal = x1[c], x2[c], x3[c]
                first = _wins(right, x0[c])
                upper = right if first else x0[c]
                second = _wins(diagonal, below)
                lower = diagonal if second else below
                third = _wins(lower, upper)
                best[c] = lower if third else upper
                upper_place = one if first else zero
                lower_place = three if second else two
                where[c] = lower_place if third else upper_place


@shared
@jit
def _select_to_four(at: Any, g: NDArray, place: NDArray, gx: NDArray, pixels: NDArray) -> None:
    """For windows of four pixels that tile the image: each pixel is written once."""
    zero = gx.dtype.type(0)
    windows = g.shape[1]
    start, stop = piece(at, len(g) * windows)
    for n in range(start // windows, -(-stop // windows)):
        for o in range(max(start - n * windows, 0), min(stop - n * windows, windows)):
            gradient, where = g[n, o], place[n, o]
            for k in range(4):  # a constant, so that comparisons with it run in vector registers
                pixel = gx[n, pixels[o, k]]
                for c in range(gradient.size):
                    pixel[c] = gradient[c] if where[c] == k else zero


@shared
@jit
def _add_at_places(at: Any, g: NDArray, place: NDArray, gx: NDArray, pixels: NDArray) -> None:
    for n in range(*piece(at, len(g))):
        gx[n] = 0
        for o in range(g.shape[1]):
            gradient, where = g[n, o], place[n, o]
            for c in range(gradient.size):
                pixel = pixels[o, where[c]]
                if pixel != OUTSIDE:  # it is only for a window that lies in padding altogether
                    gx[n, pixel, c] += gradient[c]


@shared
@jit
def _gather(at: Any, x: NDArray, place: NDArray, y: NDArray, pixels: NDArray) -> None:
    windows = y.shape[1]
    start, stop = piece(at, len(y) * windows)
    for n in range(start // windows, -(-stop // windows)):
        for o in range(max(start - n * windows, 0), min(stop - n * windows, windows)):
            value, where = y[n, o], place[n, o]
            for c in range(value.size):
                pixel = pixels[o, where[c]]
                value[c] = 0 if pixel == OUTSIDE else x[n, pixel, c]
