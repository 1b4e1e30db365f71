"""Convolution as one matrix product a block: the columns of im2col.py times the kernels.

    y  (pixels, F)  = columns (pixels, k C) @ kernels (k C, F) + b
    gw (k C, F)     = columns' (k C, pixels) @ g (pixels, F)           summed over the blocks

The way that any geometry, dtype and grouping can take, and the reference for the others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import (
    SHORT_RUN,
    Block,
    Geometry,
    Ints,
    channels_last_columns,
    kernel_major_columns,
    padded,
    pixels,
    receptive_field,
)
from tensorgrad.kernels.layout import channels_first, channels_last
from tensorgrad.kernels.scratch import scratch


def is_kernel_major(channels: int, kernel: Ints) -> bool:
    """Return whether columns are laid out kernel major: channels-last runs would be too short to copy well."""
    return channels * kernel[-1] < SHORT_RUN


def _columns(x: NDArray, block: Block, dtype: np.dtype, geometry: Geometry) -> NDArray:
    """Return the columns of one group of channels over a block of output pixels, as a matrix (pixels, K)."""
    out = tuple(stop - start for start, stop in block[1:])
    field, zeros = receptive_field(x, block, geometry)
    if is_kernel_major(x.shape[1], geometry.kernel):
        return kernel_major_columns(padded(field, zeros, False, dtype), out, geometry).T
    return channels_last_columns(padded(field, zeros, True, dtype), out, geometry)


def block(
    x: NDArray,
    matrices: NDArray,
    b: NDArray | None,
    y: NDArray,
    at: Block,
    geometry: Geometry,
) -> None:
    """Columns, one GEMM for each group straight into the result, bias while it is still in the cache."""
    target = pixels(y, at)
    groups, _, filters = matrices.shape
    channels = x.shape[1] // groups
    flat = _as_matrix(target)
    for i, matrix in enumerate(matrices):
        part = x[:, i * channels : (i + 1) * channels] if groups > 1 else x
        columns = _columns(part, at, y.dtype, geometry)
        np.matmul(columns, matrix, out=flat[:, i * filters : (i + 1) * filters])
    result = flat.reshape(target.shape)
    if b is not None:
        result += b if b.ndim == 1 else b[: target.shape[-2]]
    if not np.may_share_memory(flat, target):
        target[...] = result


def _as_matrix(target: NDArray) -> NDArray:
    """Return memory for a block (n, *out, F) as (pixels, F): its own if that is contiguous, else scratch."""
    shape = (math.prod(target.shape[:-1]), target.shape[-1])
    if target.flags.c_contiguous:
        return target.reshape(shape)
    return scratch("result", shape, target.dtype)


def weight_grad_block(
    g: NDArray,
    x: NDArray,
    result: NDArray,
    at: Block,
    geometry: Geometry,
) -> None:
    """Write one block's share of the weight gradient, as matrices (groups, K, F/groups)."""
    part = pixels(channels_last(g), at)
    g_flat = _as_matrix(part)
    if not np.may_share_memory(g_flat, part):
        g_flat.reshape(part.shape)[...] = part
    groups, _, filters = result.shape
    channels = x.shape[1] // groups
    for i in range(groups):
        one = x[:, i * channels : (i + 1) * channels]
        columns = _columns(one, at, result.dtype, geometry)
        np.matmul(columns.T, g_flat[:, i * filters : (i + 1) * filters], out=result[i])


def to_matrices(w: NDArray, groups: int, dtype: np.dtype) -> NDArray:
    """Return w (F, C/groups, *k) as matrices (groups, K, F/groups) with rows in the order of the columns."""
    filters, channels, *kernel = w.shape
    m = channels_last(w.reshape(groups, filters // groups, channels, *kernel))  # (groups, C, *k, F)
    if not is_kernel_major(channels, tuple(kernel)):
        m = m.transpose(0, *range(2, m.ndim - 1), 1, m.ndim - 1)  # (groups, *k, C, F)
    return np.ascontiguousarray(m, dtype).reshape(groups, channels * math.prod(kernel), filters // groups)


def from_matrices(m: NDArray, shape: Ints, groups: int) -> NDArray:
    """Undo `to_matrices`: return matrices (groups, K, F/groups) in the shape (F, C/groups, *k)."""
    filters, channels, *kernel = shape
    if is_kernel_major(channels, tuple(kernel)):
        m = m.reshape(groups, channels, *kernel, filters // groups)
    else:
        m = m.reshape(groups, *kernel, channels, filters // groups)
        m = m.transpose(0, m.ndim - 2, *range(1, m.ndim - 2), m.ndim - 1)
    return channels_first(m).reshape(shape)
