"""Convolution with columns for all kernel dimensions but the first, which is summed after the GEMM.

    t[n, r, o, k, f]  = sum_{c, k'} x[n, c, r, o s + k' d - p] w[f, c, k, k']    one GEMM
    y[n, f, (r, o)]   = sum_k t[n, r + k d - p, o, k, f]                         whole rows, shifted and added

The columns are kh times smaller than those of im2col and the GEMM is kh times wider, which BLAS likes when
there are few filters; the price is kh additions of rows. It needs stride 1 along the first dimension.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import (
    BLOCK_FLOATS,
    Block,
    Geometry,
    Ints,
    channels_last_columns,
    padded,
    pixels,
    receptive_field,
)
from tensorgrad.kernels.scratch import scratch

# What copying and adding a number costs, in multiply-adds of a GEMM; and how many columns a GEMM seems to have on
# top of its own, for it runs at full speed only if it is wide. Fitted to measurements, the rough size matters.
COPY, ADD, NARROW = 20, 30, 16


def pays(x_size: Ints, out: Ints, channels: int, filters: int, geometry: Geometry) -> bool:
    """Return whether this beats im2col for images of size ``x_size`` that become ``out``."""
    kernel, stride, _, dilation = geometry
    if stride[0] != 1 or kernel[0] == 1:
        return False
    rest = math.prod(kernel[1:]) * channels
    row = math.prod(out[1:]) * per_pixel(channels, filters, kernel)
    if x_size[0] * row > BLOCK_FLOATS and 8 * (kernel[0] - 1) * dilation[0] * row > BLOCK_FLOATS:
        return False  # a block would be a few rows, and most of them would be computed again for the next block
    im2col = out[0] * rest * kernel[0] * (filters + NARROW + COPY)
    here = x_size[0] * (rest * (kernel[0] * filters + NARROW + COPY) + ADD * kernel[0] * filters)
    return here < im2col


def per_pixel(channels: int, filters: int, kernel: Ints) -> int:
    """Return how many numbers one pixel of a block keeps in the cache."""
    return math.prod(kernel[1:]) * channels + kernel[0] * filters


def matrix(w: NDArray, dtype: np.dtype) -> NDArray:
    """Return w (F, C, kh, *k) as a matrix (k * C, kh * F)."""
    filters, channels, first, *rest = w.shape
    m = np.moveaxis(w, (0, 1, 2), (-1, -3, -2))
    return np.ascontiguousarray(m, dtype).reshape(math.prod(rest) * channels, first * filters)


def block(x: NDArray, m: NDArray, b: NDArray | None, y: NDArray, block: Block, geometry: Geometry) -> None:
    """Write the convolution of x (N, C, *in) with the matrix m into a block of y (N, *out, F)."""
    kernel, stride, _, dilation = geometry
    target = pixels(y, block)
    field, zeros = receptive_field(x, block, geometry)
    rows = (field.shape[2], *target.shape[2:-1])
    along_rows = Geometry((1, *kernel[1:]), (1, *stride[1:]), geometry.padding, (1, *dilation[1:]))
    columns = channels_last_columns(padded(field, ((0, 0), *zeros[1:]), True, y.dtype), rows, along_rows)
    products = np.matmul(columns, m, out=scratch("products", (len(columns), m.shape[1]), y.dtype))
    terms = products.reshape(len(target), *rows, kernel[0], y.shape[-1])

    first = np.zeros((), y.dtype) if b is None else b[: target.shape[-2]]
    parts = []  # of the sum: rows start .. stop - 1 of the target and what is to be added there
    for k in range(kernel[0]):
        shift = k * dilation[0] - zeros[0][0]
        start, stop = max(0, -shift), min(target.shape[1], rows[0] - shift)
        if start < stop:
            parts.append((start, stop, terms[:, start + shift : stop + shift, ..., k, :]))
    whole = [i for i, (start, stop, _) in enumerate(parts) if stop - start == target.shape[1]]
    if whole:
        np.add(parts.pop(whole[0])[2], first, out=target)
    else:
        target[...] = first
    for start, stop, term in parts:
        target[:, start:stop] += term
