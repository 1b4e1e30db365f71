"""Winograd's depthwise convolution by rows: the products of `row_winograd` are those of numbers, not of matrices.

    products = sum_j rows[j C:] * (G w)[j]          channel by channel, j = 0 .. kw - 1

Half the multiplications and additions of the sum itself, and each of them over all rows of a block end to end,
where a loop over the rows of an image would start again and again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import row_winograd, winograd
from tensorgrad.kernels.im2col import Block, Geometry, Ints, pixels
from tensorgrad.kernels.row_winograd import (
    POINTS,
    finish,
    inside,
    tile_height,
    transform_gradient,
    transform_input,
)
from tensorgrad.kernels.scratch import scratch

ROW = 1 << 13  # numbers, NumPy's buffer: a vector times shorter rows takes twice the time
TRANSFORMS = 2.5  # what both transforms of a number cost, in passes over it
SHORT_ROWS = 1.5  # how many times more a pass over the rows of an image costs
SMALL = 100_000  # results: fewer are not worth it


def pays(
    dtypes: tuple[np.dtype, ...],
    samples: int,
    out: Ints,
    channels: int,
    filters: int,
    geometry: Geometry,
    groups: int,
) -> bool:
    """Return whether this beats the plain sum for ``samples`` results of ``out`` pixels."""
    if not (channels == 1 < groups == filters and winograd.applies(dtypes, geometry)):
        return False
    passes = row_winograd.tile_rows(out, geometry) * (out[1] + geometry.kernel[1] - 1) * POINTS
    here = passes * (2 * geometry.kernel[1] - 1 + TRANSFORMS)
    plain = math.prod(out) * (2 * math.prod(geometry.kernel) - 1) * SHORT_ROWS
    return here < plain and samples * math.prod(out) * filters > SMALL


def transform_weight(w: NDArray) -> NDArray:
    """Return G w of w (C, 1, r, kw) as (6, kw, row), repeated along a long row of pixels."""
    return np.tile(row_winograd.transform_weight(w), _row(len(w)) // len(w))


def block(x: NDArray, u: NDArray, b: NDArray | None, y: NDArray, part: Block, geometry: Geometry) -> bool:
    """Write the convolution of x (N, C, H, W) with the transformed weights u into a part of y (N, H, W, C).

    Returns False where a number is not finite: then the rows of its tile may be wrong.
    """
    first, *others = transform_input(x, part, geometry, u.shape[-1])
    products, term = (scratch(name, first.shape, y.dtype) for name in ("products", "term"))
    np.multiply(first, u[:, :1], out=products)
    for j, numbers in enumerate(others, 1):
        np.multiply(numbers, u[:, j : j + 1], out=term)
        np.add(products, term, out=products)
    return finish(products, b, y, part, geometry)


def add_weight_grad(g: NDArray, x: NDArray, total: NDArray, part: Block, geometry: Geometry) -> None:
    """Add the share of a part in the weight gradient at the points (6, kw, C), from g (N, H, W, C) and x."""
    kw, channels = geometry.kernel[1], x.shape[1]
    row = _row(channels)
    every = transform_input(x, part, geometry, row)
    z = transform_gradient(pixels(g, inside(part, g.shape[1:3])), tile_height(geometry), kw, row)
    z = z.reshape(POINTS, -1, row)
    for j, numbers in enumerate(every):
        down = np.einsum("pij,pij->pj", numbers, z)
        total[:, j] += down.reshape(POINTS, -1, channels).sum(axis=1)


def _row(channels: int) -> int:
    """Return the numbers of a long row: whole pixels."""
    return channels * -(-ROW // channels)
