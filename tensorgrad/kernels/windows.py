"""Where pooling windows lie on an image, one axis at a time.

Maximum and sum over a window are separable: first along the last dimension, then along the one before. Along
one axis, one slice of the image for each *tap* (position in the window) holds that tap of all windows at
once, so no loop ever visits pixels. Padding is not stored: a window whose tap lies outside the image does not
have that tap."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_last
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import parallel, split

Ints = tuple[int, ...]

BLOCK_FLOATS = 300_000  # numbers of a batch pooled at a time: in cache, yet not too short for two threads (see im2col)
SHARED_FLOATS = 600_000  # smaller work is not worth handing to a second thread


class Windows(NamedTuple):
    """How windows lie on an image: one entry of each field for every spatial dimension."""

    kernel: Ints
    stride: Ints
    padding: Ints
    dilation: Ints

    def taps(self, size: Ints, out: Ints) -> tuple[tuple[Tap, ...], ...]:
        """Return the taps along every axis of an image of ``size`` pixels with ``out`` windows."""
        return tuple(taps(*one) for one in zip(size, out, *self, strict=True))


@lru_cache(maxsize=256)
def pool_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Ints:
    """Return the number of windows in every dimension, by PyTorch's rule.

    floor (or ceil) of (size + 2 padding - dilation (kernel - 1) - 1) / stride, plus 1; in ceil mode the last
    window must still start inside the image or its left padding.
    """
    result = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        out = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (out - 1) * s >= n + p:
            out -= 1
        result.append(out)
    return tuple(result)


class Tap(NamedTuple):
    """One position in the window along one axis; window start + i meets pixel first + i step there."""

    position: int
    start: int  # windows start .. stop - 1 have this tap
    stop: int
    first: int
    step: int

    def windows(self, axis: int, start: int | None = None, stop: int | None = None) -> tuple[slice, ...]:
        """Return the index of these windows (or of those from start to stop) along an axis."""
        start, stop = self._range(start, stop)
        return (slice(None),) * axis + (slice(start, stop),)

    def pixels(self, axis: int, start: int | None = None, stop: int | None = None) -> tuple[slice, ...]:
        """Return the index of the pixels that those windows meet."""
        start, stop = self._range(start, stop)
        low = self.first + (start - self.start) * self.step
        high = self.first + (stop - 1 - self.start) * self.step
        return (slice(None),) * axis + (slice(low, high + 1, self.step),)

    def _range(self, start: int | None, stop: int | None) -> tuple[int, int]:
        return self.start if start is None else start, self.stop if stop is None else stop


@lru_cache(maxsize=1024)
def taps(size: int, out: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[Tap, ...]:
    """Return the taps that any of ``out`` windows has inside an axis of ``size`` pixels."""
    result = []
    for j in range(kernel):
        offset = j * dilation - padding  # of the pixel from window * stride
        start = max(0, -(offset // stride))
        stop = min(out, (size - 1 - offset) // stride + 1)
        if start < stop:
            result.append(Tap(j, start, stop, start * stride + offset, stride))
    return tuple(result)


@lru_cache(maxsize=256)
def window_places(
    kernel: Ints, axis_taps: tuple[tuple[Tap, ...], ...], leading: int = 1
) -> list[tuple[int, tuple[slice, ...], tuple[slice, ...]]]:
    """Return (place, windows, pixels) for every place in the window, as indices behind ``leading`` dimensions."""
    result = []
    for combination in itertools.product(*axis_taps):
        number = 0
        windows = pixels = (slice(None),) * leading
        for k, tap in zip(kernel, combination, strict=True):
            number = number * k + tap.position
            windows += tap.windows(0)
            pixels += tap.pixels(0)
        result.append((number, windows, pixels))
    return result


def begins_with_pair(found: Sequence[Tap], out: int) -> bool:
    """Return whether every window has the taps 0 and 1, so that a reduction can start from both at once."""
    whole = [tap.position for tap in found[:2] if tap.start == 0 and tap.stop == out]
    return whole == [0, 1]


def tile(axis_taps: Sequence[tuple[Tap, ...]], size: Ints) -> bool:
    """Return whether windows neither overlap nor leave a pixel out along any axis, so that an adjoint may write
    without adding."""
    return all(meets_each_pixel_once(found, n) for found, n in zip(axis_taps, size, strict=True))


@lru_cache(maxsize=1024)
def meets_each_pixel_once(found: tuple[Tap, ...], size: int) -> bool:
    """Return whether windows neither overlap nor leave a pixel out, so that an adjoint may write without
    adding."""
    met = [i for tap in found for i in range(tap.first, tap.first + (tap.stop - tap.start) * tap.step, tap.step)]
    return len(met) == size == len(set(met))


def over_samples(work: Callable[[slice], None], samples: int, total: int) -> None:
    """Run ``work`` on slices of the batch that hold about BLOCK_FLOATS of the ``total`` numbers each."""
    if total >= SHARED_FLOATS:
        at_a_time = min(BLOCK_FLOATS, -(-total // 4))
        parallel(lambda at: work(slice(*at)), split(samples, -(-total // at_a_time)))
    else:
        for at in split(samples, -(-total // BLOCK_FLOATS)):
            work(slice(*at))


def contiguous_channels(x: NDArray, name: str) -> NDArray:
    """Return x (n, C, *spatial) as (n, *spatial, C) with contiguous channels, through scratch if need be."""
    x = channels_last(x)
    if x.strides[-1] == x.itemsize or x.shape[-1] == 1:
        return x
    copy = scratch(name, x.shape, x.dtype)
    copy[...] = x
    return copy
