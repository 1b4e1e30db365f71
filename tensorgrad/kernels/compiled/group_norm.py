"""Normalisation of groups of channels: a sample stays in the cache for all passes over it, and is summed in float64.

Channels first, the numbers of a group lie together, and are a row of a matrix. Channels last, a sample is some long
rows of several pixels each (see `batch_norm`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import group_norm as kernel
from tensorgrad.kernels.compiled.batch_norm import sum_products, sum_squares
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.reduce import share_by_channel, sum_rows
from tensorgrad.kernels.compiled.rows import total, total_of_squares, totals_with_deviations
from tensorgrad.kernels.compiled.threads import shared

WORK = 3  # times that of reading a number


@twin_of(kernel.normalize_samples)
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
    """See `kernels.group_norm.normalize_samples`."""
    if last:
        _normalize_last(pieces_of(len(x), WORK * x.size), x, channels, w, b, eps, y, mean, var)
    else:
        tasks = pieces_of(mean.size, WORK * x.size)
        _normalize_first(tasks, _by_group(x, mean), w, b, eps, _by_group(y, mean), mean, var)


@twin_of(kernel.normalize_grad_of_samples)
def normalize_grad_of_samples(
    g: NDArray, x: NDArray, last: bool, w: NDArray, mean: NDArray, inverse: NDArray, dx: NDArray
) -> tuple[NDArray, NDArray]:
    """See `kernels.group_norm.normalize_grad_of_samples`."""
    tasks = pieces_of(len(x) if last else mean.size, 2 * WORK * x.size)
    dw, db = np.zeros((2, tasks, w.size))
    if not x.size:
        return dw[0], db[0]
    if last:
        _grad_last(tasks, g, x, w, mean, inverse, dx, dw, db)
    else:
        _grad_first(tasks, *(_by_group(a, mean) for a in (g, x)), w, mean, inverse, _by_group(dx, mean), dw, db)
    return dw.sum(axis=0), db.sum(axis=0)


def _by_group(x: NDArray, mean: NDArray) -> NDArray:
    """Return samples (N, C, pixels) as (N groups, channels of a group, pixels)."""
    return x.reshape(mean.size, x.shape[1] // mean.shape[1], x.shape[2])


# ---- channels first: x (N groups, channels of a group, pixels) ---------------------------------------------------


@shared
@jit
def _normalize_first(at: Any, x: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, var: Any) -> None:
    number, groups, channels = x.dtype.type, mean.shape[1], x.shape[1]
    rows, count = x.reshape(len(x), -1), channels * x.shape[2]
    for r in range(*piece(at, len(x))):
        n, group = r // groups, r % groups
        centre = number(total(rows, r) / count)
        mean[n, group], var[n, group] = centre, total_of_squares(rows, r, centre) / count
        inverse = number(1) / np.sqrt(var[n, group] + number(eps))
        for k in range(channels):
            c = group * channels + k
            scale = inverse * w[c] if w.size else inverse
            shift = b[c] if b.size else number(0)
            part, out = x[r, k], y[r, k]
            for i in range(out.size):
                out[i] = (part[i] - centre) * scale + shift


@shared
@jit
def _grad_first(at: Any, g: Any, x: Any, w: Any, mean: Any, inverse: Any, dx: Any, dw: Any, db: Any) -> None:
    number, groups, channels = x.dtype.type, mean.shape[1], x.shape[1]
    pixels = x.shape[2]
    count, gradients, parts = channels * pixels, g.reshape(-1, pixels), x.reshape(-1, pixels)
    for r in range(*piece(at, len(x))):
        n, group = r // groups, r % groups
        centre, scale = mean[n, group], inverse[n, group]
        all_g, all_gz = 0.0, 0.0
        for k in range(channels):
            c = group * channels + k
            sum_g, sum_gd = totals_with_deviations(gradients, parts, r * channels + k, centre)
            dw[at[0], c] += sum_gd * scale
            db[at[0], c] += sum_g
            all_g += w[c] * sum_g
            all_gz += w[c] * sum_gd * scale
        slope, mean_g = number(scale * scale * all_gz / count), number(scale * all_g / count)
        for k in range(channels):
            factor = scale * w[group * channels + k]
            gradient, part, out = g[r, k], x[r, k], dx[r, k]
            for i in range(out.size):
                out[i] = (gradient[i] * factor - mean_g) - (part[i] - centre) * slope


# ---- channels last: x (N, rows, pixels of a row times C) ---------------------------------------------------------


@shared
@jit
def _normalize_last(at: Any, x: Any, channels: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, var: Any) -> None:
    number, (rows, width) = x.dtype.type, x.shape[1:]
    count, of_group = rows * width // mean.shape[1], channels // mean.shape[1]
    sums = np.empty(width, np.float64)
    centre, scale, shift = np.empty(width, x.dtype), np.empty(width, x.dtype), np.zeros(width, x.dtype)
    for n in range(*piece(at, len(x))):
        sum_rows(x[n], 0, rows, sums)
        _average(sums, channels, of_group, count, mean[n])
        for i in range(width):
            centre[i] = mean[n, i % channels // of_group]
        sum_squares(x[n], 0, rows, centre, sums)
        _average(sums, channels, of_group, count, var[n])
        for i in range(width):
            c = i % channels
            inverse = number(1) / np.sqrt(var[n, c // of_group] + number(eps))
            scale[i] = inverse * w[c] if w.size else inverse
            if b.size:
                shift[i] = b[c]
        for r in range(rows):
            row, out = x[n, r], y[n, r]
            for i in range(out.size):
                out[i] = (row[i] - centre[i]) * scale[i] + shift[i]


@shared
@jit
def _grad_last(at: Any, g: Any, x: Any, w: Any, mean: Any, inverse: Any, dx: Any, dw: Any, db: Any) -> None:
    (rows, width), (groups, channels) = x.shape[1:], (mean.shape[1], w.size)
    count, of_group = rows * width // groups, channels // groups
    sum_g, sum_gd = np.empty((2, width), np.float64)
    centre, scale, slope, shift = np.empty((4, width), x.dtype)
    mean_g, mean_gz = np.empty((2, groups), np.float64)
    for n in range(*piece(at, len(x))):
        for i in range(width):
            centre[i] = mean[n, i % channels // of_group]
        sum_products(g[n], x[n], 0, rows, centre, sum_g, sum_gd)
        share_by_channel(sum_g, channels)
        share_by_channel(sum_gd, channels)
        mean_g[:] = 0
        mean_gz[:] = 0
        for c in range(channels):
            group = c // of_group
            dw[at[0], c] += sum_gd[c] * inverse[n, group]
            db[at[0], c] += sum_g[c]
            mean_g[group] += w[c] * sum_g[c] / count
            mean_gz[group] += w[c] * sum_gd[c] * inverse[n, group] / count
        for i in range(width):
            c = i % channels
            group = c // of_group
            own = inverse[n, group]
            scale[i], shift[i], slope[i] = own * w[c], own * mean_g[group], own * own * mean_gz[group]
        for r in range(rows):
            gradient, row, out = g[n, r], x[n, r], dx[n, r]
            for i in range(out.size):
                out[i] = (gradient[i] * scale[i] - shift[i]) - (row[i] - centre[i]) * slope[i]


@jit
def _average(sums: Any, channels: Any, of_group: Any, count: Any, found: Any) -> None:
    """Write the average of ``count`` numbers of every group; ``sums`` has a part of it for every place of a row."""
    for group in range(found.size):
        total = 0.0
        for first in range(0, sums.size, channels):
            for c in range(first + group * of_group, first + (group + 1) * of_group):
                total += sums[c]
        found[group] = total / count
