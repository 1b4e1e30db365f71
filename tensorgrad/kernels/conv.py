"""Convolution (cross-correlation) in one, two or three dimensions, and its two adjoints.

<g, conv(x, w)> is linear in each of its three arguments; `conv`, `conv_input_grad` and `conv_weight_grad` are
its derivatives in g, x and w, so the derivative of any of them is made of the others.

    conv              y[n, f, o]    = b[f] + sum_{c, k} x[n, c, o s + k d - p] w[f, c, k]
    conv_input_grad   gx[n, c, i]   = sum_{f, k, o : o s + k d - p = i} g[n, f, o] w[f, c, k]
    conv_weight_grad  gw[f, c, k]   = sum_{n, o} g[n, f, o] x[n, c, o s + k d - p]

with stride s, dilation d, zero padding p, all tuples over the spatial dimensions; o, k, i are multi-indices.
Padding comes as (before, after) pairs. Arrays are (N, C, *spatial) of any strides; results lie channels last.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import (
    banded,
    col2im,
    column_product,
    depthwise,
    direct,
    row_winograd,
    winograd,
)
from tensorgrad.kernels.im2col import (
    Block,
    Geometry,
    Ints,
    Pads,
    blocks,
    conv_output_size,
    pixels,
)
from tensorgrad.kernels.layout import channels_first, channels_last
from tensorgrad.kernels.partial_sums import sum_over
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import parallel

__all__ = ["conv", "conv_input_grad", "conv_output_size", "conv_weight_grad"]

Job = Callable[[], None]


def conv(
    x: NDArray,
    w: NDArray,
    b: NDArray | None,
    *,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> NDArray:
    """Slide the kernels w (F, C/groups, *k) over the images x (N, C, *in) and add the bias b (F,), if any.

    y[n, f, o] = b[f] + sum over c, k of x[n, c, o stride + k dilation - padding] w[f, c, k], (N, F, *out).
    """
    shape, geometry = _result(x.shape, w.shape, stride, padding, dilation)
    y = np.empty(shape, _common_dtype(x, w) if b is None else _common_dtype(x, w, b))
    _run(_correlate(x, w, b, y, geometry, groups))
    return channels_first(y)


@functools.lru_cache(maxsize=256)  # a network asks about the same few shapes again and again
def _result(x: Ints, w: Ints, stride: Ints, padding: Pads, dilation: Ints) -> tuple[Ints, Geometry]:
    """Return the shape (N, *out, F) of the result of `conv`, and how its windows lie."""
    out = conv_output_size(x[2:], w[2:], stride, padding, dilation)
    return (x[0], *out, w[0]), Geometry(w[2:], stride, padding, dilation)


def _common_dtype(*arrays: NDArray) -> np.dtype:
    """Return the dtype that all arrays have, as they do nearly always, or the one that they promote to."""
    dtype = arrays[0].dtype
    for a in arrays:
        if a.dtype != dtype:
            return np.result_type(*arrays)
    return dtype


def conv_input_grad(
    g: NDArray, w: NDArray, *, size: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> NDArray:
    """Return the adjoint of `conv` in x, the transposed convolution of g (N, F, *out): shape (N, C, *size).

    Input positions i with the same remainder of i + padding by the stride meet the same subset of the kernel.
    On them the adjoint is an ordinary stride-1 convolution of g with that subset, flipped, its input and
    output channels exchanged: one correlation for every remainder, so with stride 1 a single one in all.
    Positions that no window covers get exact zeros.
    """
    swapped = _exchange_channels(w, groups)
    gx = np.empty((g.shape[0], *size, swapped.shape[0]), _common_dtype(g, w))
    if direct.strided_input_grad(g, w, gx, Geometry(w.shape[2:], stride, padding, dilation), groups):
        return channels_first(gx)
    phases = [_phases(*one) for one in zip(size, g.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)]
    jobs: list[Job] = []
    for combination in itertools.product(*phases):
        where, taps, pads, steps = zip(*combination, strict=True)
        target = gx[(slice(None), *where)]
        kernel = swapped[(slice(None), slice(None), *taps)]
        if kernel.size == 0 or g.size == 0:
            target[...] = 0
            continue
        geometry = Geometry(kernel.shape[2:], (1,) * len(size), pads, steps)
        jobs += _correlate(g, kernel, None, target, geometry, groups)
    _run(jobs)
    return channels_first(gx)


def conv_weight_grad(
    g: NDArray, x: NDArray, *, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> NDArray:
    """Return the adjoint of `conv` in w from g (N, F, *out) and x (N, C, *in): shape (F, C/groups, *kernel).

    Columns are made again block by block (cheaper than having kept them) and multiplied with g; the partial
    products are added in a fixed order, so the result does not depend on the number of threads.
    """
    channels, filters = x.shape[1] // groups, g.shape[1]
    if g.size == 0:
        return np.zeros((filters, channels, *kernel), _common_dtype(g, x))
    geometry = Geometry(kernel, stride, padding, dilation)
    if winograd.pays((g.dtype, x.dtype), len(g), g.shape[2:], channels, filters, geometry, groups):
        gw = _winograd_weight_grad(g, x, geometry)
        if np.isfinite(gw).all():
            return gw
    found = direct.weight_grad(g, x, geometry, groups)
    if found is not None:
        return found
    if row_winograd.pays((g.dtype, x.dtype), len(g), g.shape[2:], channels, filters, geometry, groups):
        gw = _row_winograd_weight_grad(g, x, geometry)
        if np.isfinite(gw).all():
            return gw
    many = banded.results_at_once(len(g), g.shape[2:], channels, filters, geometry) if groups == 1 else 1
    if many == 1:
        return _plain_weight_grad(g, x, geometry, groups)
    rows = banded.in_rows(np.ascontiguousarray(channels_last(g)), many)
    wide = _plain_weight_grad(channels_first(rows), x, banded.widened(geometry, many), 1)
    return banded.weight_grad(wide, geometry, many)


# ---- the forward kernel ------------------------------------------------------------------------------------


def _run(jobs: list[Job]) -> None:
    if jobs:
        parallel(lambda job: job(), jobs)


def _correlate(
    x: NDArray,
    w: NDArray,
    b: NDArray | None,
    y: NDArray,
    geometry: Geometry,
    groups: int,
) -> list[Job]:
    """Return the jobs that together write conv(x, w, b) into y (N, *out, F), if it is not done at once.

    The padding may be negative (crop); its `after` part is implied by the shape of y.
    """
    filters, channels = w.shape[:2]
    out = y.shape[1:-1]
    if y.flags.c_contiguous and winograd.pays(
        (x.dtype, w.dtype, y.dtype), len(y), out, channels, filters, geometry, groups
    ):
        return _winograd(x, w, b, y, geometry)
    if direct.correlate(x, w, b, y, geometry, groups):
        return []
    dtypes = x.dtype, w.dtype, y.dtype
    if y.flags.c_contiguous and col2im.pays(dtypes, x.shape[2:], out, w.shape, len(y), geometry, groups):
        return _col2im(x, w, b, y, geometry)
    if b is not None:  # one bias for each number of a row, so that a row is one contiguous addition
        b = np.ascontiguousarray(np.broadcast_to(b, y.shape[-2:]))
    if y.flags.c_contiguous and row_winograd.pays(dtypes, len(y), out, channels, filters, geometry, groups):
        return _row_winograd(x, w, b, y, geometry)
    if channels == 1 and groups > 1:
        job = functools.partial(depthwise.block, x, depthwise.taps(w, groups, y, geometry), b, y)
        per_pixel = depthwise.per_pixel(filters)
        return [functools.partial(job, block, geometry) for block in blocks(y.shape[:-1], per_pixel)]
    many = 1
    if groups == 1 and y.flags.c_contiguous:
        many = banded.results_at_once(len(y), out, channels, filters, geometry)
    return _columns(x, w, b, y, geometry, groups) if many == 1 else _banded(x, w, b, y, geometry, many)


def _columns(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> list[Job]:
    """Return the jobs of `_correlate` that multiply columns with the kernels."""
    job = functools.partial(column_product.block, x, column_product.to_matrices(w, groups, y.dtype), b, y)
    per_pixel = x.shape[1] * math.prod(geometry.kernel) + len(w)
    return [functools.partial(job, block, geometry) for block in blocks(y.shape[:-1], per_pixel)]


def _banded(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, many: int) -> list[Job]:
    """Return the jobs of `_correlate` for many results of a row at once; one that meets inf or nan does it again."""
    wide = banded.widened(geometry, many)
    matrices = column_product.to_matrices(banded.wide_weight(w, geometry, many), 1, y.dtype)
    rows = banded.in_rows(y, many)
    bias = None if b is None else b.reshape(rows.shape[-2:])

    def job(block: Block) -> None:
        column_product.block(x, matrices, bias, rows, block, wide)
        flat = pixels(rows, block).reshape(-1)
        if not np.isfinite(np.dot(flat, flat)):
            plain = (*block[:-1], (block[-1][0] * many, block[-1][1] * many))
            column_product.block(x, column_product.to_matrices(w, 1, y.dtype), b, y, plain, geometry)

    return [functools.partial(job, block) for block in blocks(rows.shape[:-1], sum(matrices.shape[1:]))]


def _col2im(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry) -> list[Job]:
    """Return the jobs of `_correlate` that hand pixels out; one that meets inf or nan does it again with columns."""
    wide = col2im.wide_weight(w, x.shape[2:], geometry)

    def job(part: Block) -> None:
        if not col2im.block(x, wide, b, y, part, geometry):
            block = (part[0], *((0, n) for n in y.shape[1:-1]))
            column_product.block(x, column_product.to_matrices(w, 1, y.dtype), b, y, block, geometry)

    return [functools.partial(job, part) for part in col2im.parts(x.shape[2:], w.shape, len(y), geometry)]


def _winograd(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry) -> list[Job]:
    """Write conv(x, w, b) in Winograd's form; return the jobs that do it in the plain way where inf or nan was met."""
    tiles = winograd.tiling(y.shape[1:-1], geometry)
    images = np.ascontiguousarray(channels_last(x))
    parts = winograd.parts(len(y), tiles, sum(w.shape[:2]))
    wrong = winograd.correlate(images, winograd.transform_weight(w), b, y, parts, tiles)
    if not wrong:
        return []
    plain = functools.partial(column_product.block, x, column_product.to_matrices(w, 1, y.dtype), b, y)
    return [functools.partial(plain, winograd.pixel_block(part, tiles, y.shape[1:-1]), geometry) for part in wrong]


def _row_winograd(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry) -> list[Job]:
    """Return the jobs of `_correlate` in Winograd's form by rows; where one meets inf or nan, it is done again."""
    points = row_winograd.transform_weight(w)
    out = y.shape[1:-1]

    def job(part: Block) -> None:
        if not row_winograd.block(x, points, b, y, part, geometry):
            block = row_winograd.inside(part, out)
            column_product.block(x, column_product.to_matrices(w, 1, y.dtype), b, y, block, geometry)

    parts = row_winograd.parts(len(y), out, x.shape[1], w.shape[0], geometry)
    return [functools.partial(job, part) for part in parts]


# ---- the weight gradient -----------------------------------------------------------------------------------


def _winograd_weight_grad(g: NDArray, x: NDArray, geometry: Geometry) -> NDArray:
    """Return the weight gradient in Winograd's form; not to be used when it is not finite."""
    images, gradients = (np.ascontiguousarray(channels_last(a)) for a in (x, g))
    tiles = winograd.tiling(g.shape[2:], geometry)
    channels, filters = x.shape[1], g.shape[1]
    floats = winograd.FLOATS_A_WEIGHT * channels * filters
    parts = winograd.parts(len(g), tiles, channels + filters, floats)
    total = winograd.weight_grad_at_points(gradients, images, parts, tiles)
    return winograd.weight_from_points(total, geometry.kernel[0])


def _row_winograd_weight_grad(g: NDArray, x: NDArray, geometry: Geometry) -> NDArray:
    """Return the weight gradient in Winograd's form by rows; not to be used when it is not finite."""
    gradients = np.ascontiguousarray(channels_last(g))
    channels, filters = x.shape[1], g.shape[1]

    def add_shares(parts: Sequence[Block], total: NDArray) -> None:
        for part in parts:
            row_winograd.add_weight_grad(gradients, x, total, part, geometry)

    total = sum_over(
        row_winograd.parts(len(g), g.shape[2:], x.shape[1], filters, geometry),
        add_shares,
        (row_winograd.points(geometry.kernel[0]), geometry.kernel[1] * channels, filters),
        g.dtype,
        g.size * channels * math.prod(geometry.kernel),
    )
    return row_winograd.weight_from_points(total, (filters, channels, *geometry.kernel))


def _plain_weight_grad(g: NDArray, x: NDArray, geometry: Geometry, groups: int) -> NDArray:
    """Return the weight gradient as the sum of what each block's columns and gradients make."""
    channels, filters = x.shape[1] // groups, g.shape[1]
    taps = channels * math.prod(geometry.kernel)
    dtype = _common_dtype(g, x)
    per_pixel = groups * taps + filters
    work: Callable[..., None] = column_product.weight_grad_block
    if channels == 1 and groups > 1:
        work = depthwise.weight_grad_block
        per_pixel = depthwise.per_pixel(filters)
    matrices = (groups, taps, filters // groups)

    def add_shares(some: Sequence[Block], total: NDArray) -> None:
        for block in some:
            share = scratch("share", matrices, dtype)
            work(g, x, share, block, geometry)
            total += share

    pieces = blocks((g.shape[0], *g.shape[2:]), per_pixel)
    total = sum_over(pieces, add_shares, matrices, dtype, g.size * taps)
    return np.ascontiguousarray(column_product.from_matrices(total, (filters, channels, *geometry.kernel), groups))


# ---- the input gradient ------------------------------------------------------------------------------------


def _exchange_channels(w: NDArray, groups: int) -> NDArray:
    """Return w (F, C/groups, *k) as the kernels (C, F/groups, *k) of the way back."""
    filters, channels, *kernel = w.shape
    grouped = w.reshape(groups, filters // groups, channels, *kernel).swapaxes(1, 2)
    return grouped.reshape(groups * channels, filters // groups, *kernel)


def _phases(
    size: int, out: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> list[tuple[slice, slice, tuple[int, int], int]]:
    """Return (positions, taps, padding, dilation) of each stride-1 correlation that makes up the 1-d adjoint.

    Output o and tap k meet input i where i + before = o stride + k dilation. For i + before = u stride + r,
    only taps with k dilation = r modulo stride do: k = first + j step, step = stride / gcd(stride, dilation);
    then o = u + shift - j dilation / gcd: a correlation over u with the taps in falling order.
    """
    before = padding[0]
    common = math.gcd(stride, dilation)
    step, steps = stride // common, dilation // common
    result = []
    for r in range(stride):
        start = (r - before) % stride  # the first input position of this remainder
        count = len(range(start, size, stride))
        if count == 0:
            continue
        where = slice(start, None, stride)
        found = [k for k in range(kernel) if (k * dilation - r) % stride == 0]
        if not found:
            result.append((where, slice(0, 0), (0, 0), 1))
            continue
        first, last = found[0], found[-1]
        taps = slice(last, first - 1 if first else None, -step)
        shift = (r - first * dilation) // stride
        reach = (len(found) - 1) * steps
        u = (start + before - r) // stride
        pad = reach - u - shift
        result.append((where, taps, (pad, count + reach - pad - out), steps))
    return result
