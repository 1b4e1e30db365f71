"""Several results of a row at once: a convolution with few filters as one with more of them, moved less often.

T neighbours of a row, with stride s and dilation d along it, are T F results at one place of a kernel that spans all
their windows:

    y[n, f, (.., t + T i)] = conv(x, wide)[n, (t, f), (.., i)]        t = 0 .. T - 1
    wide[(t, f), c, (.., t s + k d)] = w[f, c, (.., k)]               zero elsewhere: a banded matrix

Its columns are up to kw times fewer, and copied in longer runs; its GEMM is T times wider, which BLAS likes when there
are few filters. The price are products with zeros: each result takes the whole span, (T - 1) s + (kw - 1) d + 1 for kw.

A zero times inf or nan is nan, so where a result is not finite it has to be made again with w itself.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import SHORT_RUN, Geometry, Ints

# What it costs to copy a number into a column, to begin a run of them, and to write a result, in multiply-adds of a
# GEMM; and how many columns a GEMM seems to have on top of its own, for it runs at full speed only if it is wide.
COPY, RUN, WRITE, NARROW = 12, 385, 30, 8
SMALL = 4_000_000  # of the same, 0.1 ms: less is not worth making the wide kernel


def results_at_once(samples: int, out: Ints, channels: int, filters: int, geometry: Geometry) -> int:
    """Return T, a divisor of a row of ``out``: 1 where w itself is best."""
    best, gain = _best(out, channels, filters, geometry)
    return best if samples * math.prod(out) * gain > SMALL else 1


@functools.lru_cache(maxsize=256)
def _best(out: Ints, channels: int, filters: int, geometry: Geometry) -> tuple[int, float]:
    """Return the best T, and what it saves for each result."""
    costs = {t: cost(t, out, channels, filters, geometry) for t in range(1, out[-1] + 1) if out[-1] % t == 0}
    best = min(costs, key=costs.__getitem__)
    return best, costs[1] - costs[best]


def cost(many: int, out: Ints, channels: int, filters: int, geometry: Geometry) -> float:
    """Return what a result of all filters costs, with so many of them at once."""
    kernel = widened(geometry, many).kernel
    run = kernel[-1] * channels
    if run < SHORT_RUN:
        if many > 1:
            return math.inf
        run = out[-1]  # columns are laid out kernel major
    numbers = math.prod(kernel) * channels / many
    return numbers * (many * filters + NARROW + COPY + RUN / run) + WRITE * filters


def widened(geometry: Geometry, many: int) -> Geometry:
    """Return how the wide kernel lies on the images; it has no holes along the row."""
    kernel, stride, padding, dilation = geometry
    if many == 1:
        return geometry
    span = (many - 1) * stride[-1] + (kernel[-1] - 1) * dilation[-1] + 1
    return Geometry((*kernel[:-1], span), (*stride[:-1], many * stride[-1]), padding, (*dilation[:-1], 1))


def in_rows(y: NDArray, many: int) -> NDArray:
    """Return the view (N, .., i, (t, f)) of results (N, *out, F) in memory order."""
    return y.reshape(*y.shape[:-2], y.shape[-2] // many, many * y.shape[-1])


def wide_weight(w: NDArray, geometry: Geometry, many: int) -> NDArray:
    """Return w (F, C, *k) as the wide kernel (T F, C, *k[:-1], span)."""
    filters, channels = w.shape[:2]
    wide = np.zeros((many, filters, channels, *widened(geometry, many).kernel), w.dtype)
    for t, taps in enumerate(_taps(geometry, many)):
        wide[t, ..., taps] = w
    return wide.reshape(many * filters, *wide.shape[2:])


def weight_grad(wide: NDArray, geometry: Geometry, many: int) -> NDArray:
    """Return the gradient of w from that of the wide kernel: the adjoint of `wide_weight`."""
    parts = wide.reshape(many, -1, *wide.shape[1:])
    return np.sum([parts[t, ..., taps] for t, taps in enumerate(_taps(geometry, many))], axis=0)


def _taps(geometry: Geometry, many: int) -> list[slice]:
    """Return where the kernel lies in the wide one, for every t."""
    width, stride, dilation = geometry.kernel[-1], geometry.stride[-1], geometry.dilation[-1]
    return [slice(t * stride, t * stride + (width - 1) * dilation + 1, dilation) for t in range(many)]
