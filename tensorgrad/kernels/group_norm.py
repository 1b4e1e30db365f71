"""Normalisation of groups of channels of each sample, on raw arrays in either memory order.

    mean, var (N, groups): over the channels of a group and all pixels      z = (x - mean) / sqrt(var + eps)
    y = z w + b                                                             dw = sum g z,  db = sum g  for each channel

A sum over pixels gives one number for each channel of a sample; those are few, and give all that the second pass needs.
Images are (N, C, pixels), or (N, pixels, C) where they lie channels last, as convolutions leave them; then several
pixels are laid end to end, since starting a loop over 16 channels costs more than the loop.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first, channels_last, pixels_together
from tensorgrad.kernels.norm import Moments, added, inverse_deviation, over_blocks_of_rows, vector
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.kernels.twin import has_twin

WIDTH = 1024  # numbers of pixels laid end to end


def group_norm(x: NDArray, w: Any, b: Any, *, groups: int, eps: float) -> tuple[NDArray, Moments]:
    """Return ``(x - mean) / sqrt(var + eps) * w + b`` for x (N, C, ...), w and b (C); also (mean, var) (N, groups)."""
    last = _lies_last(x)
    samples = _samples(x, last)
    y = np.empty_like(samples)
    mean, var = np.empty((2, len(x), groups), x.dtype)
    normalize_samples(samples, last, x.shape[1], vector(w, x.dtype), vector(b, x.dtype), eps, y, mean, var)
    return _images(y, x, last), (mean, var)


def sample_moments(x: NDArray, groups: int) -> Moments:
    """Return mean and biased variance (N, groups) of x (N, C, ...)."""
    return group_norm(x, None, None, groups=groups, eps=1.0)[1]


def group_norm_grad(
    wanted: tuple[bool, ...], g: NDArray, x: NDArray, w: Any, *, eps: float, moments: Moments
) -> tuple[NDArray | None, ...]:
    """Gradients of :func:`group_norm` in x, w and b."""
    last = _lies_last(x)
    samples = _samples(x, last)
    dx = np.empty_like(samples)
    scale = np.ones(x.shape[1], x.dtype) if w is None else vector(w, x.dtype)
    mean, var = moments
    dw, db = normalize_grad_of_samples(_samples(g, last), samples, last, scale, mean, inverse_deviation(var, eps), dx)
    found = _images(dx, x, last), dw.astype(x.dtype, copy=False), db.astype(x.dtype, copy=False)
    return tuple([d if needed else None for d, needed in zip(found, wanted, strict=True)])


def _lies_last(x: NDArray) -> bool:
    """Return whether images lie channels last in memory."""
    return not x.flags.c_contiguous and channels_last(x).flags.c_contiguous


def _samples(x: NDArray, last: bool) -> NDArray:
    """Return images as (N, C, pixels), or as (N, rows, pixels of a row times C) where channels are last."""
    pixels = math.prod(x.shape[2:])
    if not last:
        return np.ascontiguousarray(x).reshape(len(x), x.shape[1], pixels)
    together = pixels_together(pixels, x.shape[1], WIDTH)
    rows = pixels // max(1, together)
    return np.ascontiguousarray(channels_last(x)).reshape(len(x), rows, together * x.shape[1])


def _images(samples: NDArray, x: NDArray, last: bool) -> NDArray:
    """Undo :func:`_samples`: an array in the shape of the images x."""
    if not last:
        return samples.reshape(x.shape)
    return channels_first(samples.reshape(len(x), *x.shape[2:], x.shape[1]))


# ---- samples (N, C, pixels) or (N, rows, pixels of a row times C); w and b (C), or (0) for none -----------------


@has_twin
def normalize_samples(
    x: NDArray,
    last: bool,
    channels: int,
    w: NDArray,
    b: NDArray,
    eps: float,
    y: NDArray,
    mean: NDArray,
    var: NDArray,
) -> None:
    """Write ``(x - mean) / sqrt(var + eps) * w + b`` into y, and the moments (N, groups) of every sample."""
    groups = mean.shape[1]
    each, count = channels // groups, x.dtype.type(x[:1].size // groups)

    def run(some: list[tuple[int, int]]) -> None:
        for at in some:
            cut = slice(*at)
            out = y[cut]
            found = _of_groups(_sums(x[cut], last, channels), groups) / count
            np.subtract(x[cut], _beside(found.repeat(each, axis=1), out, last), out=out)
            squares = _of_groups(_sums(out, last, channels, squares=True), groups) / count
            scale = inverse_deviation(squares, eps).repeat(each, axis=1)
            out *= _beside(scale * w if w.size else scale, out, last)
            if b.size:
                out += _beside(b[None], out, last)
            mean[cut], var[cut] = found, squares

    over_blocks_of_rows(run, x)


@has_twin
def normalize_grad_of_samples(
    g: NDArray, x: NDArray, last: bool, w: NDArray, mean: NDArray, inverse: NDArray, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """Write the gradient in x into dx; return those in w and b. ``inverse`` (N, groups) is ``1 / sqrt(var + eps)``."""
    (groups, channels), count = (mean.shape[1], w.size), x.dtype.type(x[:1].size // mean.shape[1])
    each = channels // groups

    def run(some: list[tuple[int, int]]) -> list[tuple[NDArray, NDArray]]:
        found = []
        for at in some:
            cut = slice(*at)
            out = dx[cut]
            scale = inverse[cut].repeat(each, axis=1)
            z = x[cut] - _beside(mean[cut].repeat(each, axis=1), out, last)
            z *= _beside(scale, out, last)
            sum_g, sum_gz = _sums(g[cut], last, channels), _sums(g[cut] * z, last, channels)
            found.append((accurate_sum(sum_gz, (0,)), accurate_sum(sum_g, (0,))))
            mean_g, mean_gz = (_of_groups(a * w, groups).repeat(each, axis=1) / count for a in (sum_g, sum_gz))
            np.multiply(g[cut], _beside(scale * w, out, last), out=out)
            z *= _beside(scale * mean_gz, out, last)
            out -= z
            out -= _beside(scale * mean_g, out, last)
        return found

    return added([pair for found in over_blocks_of_rows(run, x) for pair in found], w)


def _sums(x: NDArray, last: bool, channels: int, squares: bool = False) -> NDArray:
    """Return the sums over the pixels of every sample, (N, C), or those of squares."""
    if not last:
        return accurate_sum(x, (2,), squares=squares)
    return accurate_sum(accurate_sum(x, (1,), squares=squares).reshape(len(x), -1, channels), (1,))


def _of_groups(sums: NDArray, groups: int) -> NDArray:
    """Return the sums of the channels of each group: (N, C) to (N, groups)."""
    return accurate_sum(sums.reshape(len(sums), groups, -1), (2,))


def _beside(v: NDArray, x: NDArray, last: bool) -> NDArray:
    """Return a number for each channel (N, C) so that it broadcasts against samples x."""
    return np.tile(v, x.shape[2] // v.shape[1])[:, None] if last else v[:, :, None]
