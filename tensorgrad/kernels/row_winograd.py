"""Winograd's convolution along the first axis, and the plain sum along the second: NumPy's way for 3 and 5 rows.

A tile is m = 4 rows of the result. With the matrices of `toom_cook`, for m + r - 1 points, and row by row:

    conv              y  = A' [ (G w) * (B' x) ]
    conv_weight_grad  gw = G' [ (B' x) * (A g) ]         its adjoint in w

where * is the plain correlation along a row, summed over channels (or over tiles). Compared with the sum itself, 2 (3
rows) or 2.5 (5 rows) times fewer multiplications remain, and both transforms are small matrices times whole rows of
memory, which BLAS does as they lie: for a few channels the transforms of `winograd` would cost more than they save.

Nor are columns written. The rows of all tiles lie end to end, and a window is kw C numbers of them that follow each
other; every kw-th window begins where the last one has ended, so these are the rows of a matrix in place:

    products[j::kw] = rows[j C:].reshape(-1, kw C) @ (G w)         for j = 0 .. kw - 1

The last kw - 1 windows of a row reach into the next one; their products are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import banded, winograd
from tensorgrad.kernels.im2col import Block, Geometry, Ints, blocks, padded, pixels, receptive_field, strided
from tensorgrad.kernels.matmul import matmul
from tensorgrad.kernels.scratch import WORK, prepare, scratch, views
from tensorgrad.kernels.toom_cook import Matrices, matrices
from tensorgrad.kernels.winograd import POINTS_BY_ROWS

# What it costs to transform a number, in multiply-adds of a GEMM; and how many filters a GEMM seems to have on top of
# its own, for it runs at full speed only if it is wide. Fitted to measurements, as the costs in `banded`.
TRANSFORM, NARROW = 80, 8
SMALL = 2_000_000  # of the same: nothing to be gained, so results stay those of the plain sum


def form(r: int) -> Matrices:
    """Return the matrices for kernels of r rows, in float32."""
    return matrices(POINTS_BY_ROWS[r], r, np.float32)


def points(r: int) -> int:
    """Return the number of points for kernels of r rows."""
    return len(POINTS_BY_ROWS[r]) + 1


def pays(
    dtypes: tuple[np.dtype, ...],
    samples: int,
    out: Ints,
    channels: int,
    filters: int,
    geometry: Geometry,
    groups: int,
) -> bool:
    """Return whether this beats the plain GEMM for ``samples`` results of ``out`` pixels."""
    if not applies(dtypes, geometry, groups):
        return False
    many = banded.results_at_once(samples, out, channels, filters, geometry)
    plain = math.prod(out) * banded.cost(many, out, channels, filters, geometry)
    return cost(out, channels, filters, geometry) < plain and samples * plain > SMALL


def applies(dtypes: tuple[np.dtype, ...], geometry: Geometry, groups: int) -> bool:
    """Return whether a convolution has this form, and may be computed in it."""
    return groups == 1 and winograd.applies(dtypes, geometry)


def cost(out: Ints, channels: int, filters: int, geometry: Geometry) -> float:
    """Return what a result of ``out`` pixels costs."""
    kernel = geometry.kernel
    places = tile_rows(out, geometry) * (out[1] + kernel[1] - 1) * points(kernel[0])
    return places * (kernel[1] * channels * (filters + NARROW) + TRANSFORM * (channels + filters))


# ---- tiles -----------------------------------------------------------------------------------------------------------


def tile_height(geometry: Geometry) -> int:
    """Return m, the rows of the result that make up a tile."""
    return points(geometry.kernel[0]) + 1 - geometry.kernel[0]


def tile_rows(out: Ints, geometry: Geometry) -> int:
    """Return how many tiles lie below each other on results of ``out`` pixels."""
    return -(-out[0] // tile_height(geometry))


def parts(samples: int, out: Ints, channels: int, filters: int, geometry: Geometry) -> list[Block]:
    """Cut the results into blocks of some images, or of some rows of tiles, by the shapes only.

    The last of them may reach below the image, by less than a tile.
    """
    m, width = tile_height(geometry), out[1] + geometry.kernel[1] - 1
    per_row = width * (m * channels + points(geometry.kernel[0]) * (channels + filters))
    cut = blocks((samples, tile_rows(out, geometry)), per_row, fewest=1)
    return [(images, (m * first, m * last), (0, out[1])) for images, (first, last) in cut]


def inside(part: Block, out: Ints) -> Block:
    """Return the pixels of a part that lie on the image."""
    images, (first, last), columns = part
    return images, (first, min(last, out[0])), columns


# ---- transforms ------------------------------------------------------------------------------------------------------


def transform_weight(w: NDArray) -> NDArray:
    """Return G w of w (F, C, r, kw) as matrices (points, kw C, F)."""
    filters, channels, r, width = w.shape
    rows = np.ascontiguousarray(w.transpose(2, 3, 1, 0), np.float32).reshape(r, width * channels * filters)
    return matmul(form(r).kernel, rows).reshape(points(r), width * channels, filters)


def weight_from_points(u: NDArray, shape: Ints) -> NDArray:
    """Return G' u of the sums u (points, kw C, F) as a weight gradient of the shape (F, C, r, kw)."""
    filters, channels, r, width = shape
    rows = matmul(form(r).kernel.T, u.reshape(len(u), u[0].size))
    return np.ascontiguousarray(rows.reshape(r, width, channels, filters).transpose(3, 2, 0, 1))


def transform_input(x: NDArray, part: Block, geometry: Geometry) -> tuple[NDArray, ...]:
    """Return the `windows` of B' x of x (N, C, H, W): the rows of all tiles of a part at all points, in scratch.

    They lie end to end, a whole number of windows a point and what the windows of the last pixels meet beyond them:
    zeros.
    """
    field, zeros = receptive_field(x, part, geometry)
    image = padded(field, zeros, True, x.dtype)
    n, height, width, channels = image.shape
    m, row, count = tile_height(geometry), width * channels, points(geometry.kernel[0])
    tiles = (height + m - count) // m
    of_image, of_row = image.strides[:2]
    rows = strided(image, (n, tiles, count, row), (of_image, m * of_row, of_row, image.itemsize))
    v, rest, found = views(_points_of_input, count, n, tiles, row, channels, geometry.kernel[1])
    rest[...] = 0
    np.matmul(form(geometry.kernel[0]).input, rows, out=v)
    return found


def _points_of_input(
    count: int, n: int, tiles: int, row: int, channels: int, kw: int
) -> tuple[NDArray, NDArray, tuple[NDArray, ...]]:
    """Return the scratch for `transform_input`: for the rows, for what lies behind them, and as windows."""
    size = kw * channels
    v = scratch(WORK, (count, -(-n * tiles * row // size) * size + (kw - 1) * channels), np.float32)
    return *_end_to_end(v, n, tiles, row), tuple([windows(v, j, kw, channels) for j in range(kw)])


def windows(v: NDArray, j: int, kw: int, channels: int) -> NDArray:
    """Return every kw-th window of v from pixel j on, as rows (points, rows, kw C)."""
    start = j * channels
    return v[:, start : v.shape[1] - (kw - 1 - j) * channels].reshape(len(v), -1, kw * channels)


def transform_output(products: NDArray, y: NDArray, r: int, width: int) -> None:
    """Write A' p of the products (points, ...), rows of ``width`` windows end to end, into y (n, H, W, F)."""
    n, height, used, filters = y.shape
    a = form(r).tile.T
    m = len(a)
    rows, _ = _end_to_end(products, n, -(-height // m), width * filters)
    for which, lines in _tiles(y, m):
        np.matmul(a[: lines.shape[2]], rows[:, which, :, : used * filters], out=lines)


def transform_gradient(g: NDArray, r: int, kw: int) -> NDArray:
    """Return A g of g (n, H, W, F) in scratch, a multiple of kw pixels a point: 0 where windows are left out."""
    n, height, used, filters = g.shape
    a = form(r).tile
    m = a.shape[1]
    z = views(_points_of_gradient, len(a), n, -(-height // m), used, kw, filters)
    prepare("points", z, z.left_out)
    for which, lines in _tiles(g, m):
        np.matmul(a[:, : lines.shape[2]], lines, out=z.rows[:, which])
    return z.every


class _Gradient(NamedTuple):
    """Scratch for the points of gradients."""

    every: NDArray  # (points, ...), end to end
    rows: NDArray  # of them (n, tiles, points, row), without what is left out
    left_out: tuple[NDArray, NDArray]


def _points_of_gradient(count: int, n: int, tiles: int, used: int, kw: int, filters: int) -> _Gradient:
    """Return the scratch for `transform_gradient`, for rows of windows of which ``used`` are results."""
    width, size = used + kw - 1, kw * filters
    z = scratch("points", (count, -(-n * tiles * width * filters // size) * size), np.float32)
    rows, rest = _end_to_end(z, n, tiles, width * filters)
    return _Gradient(z, rows[..., : used * filters], (rows[..., used * filters :], rest))


def _end_to_end(numbers: NDArray, n: int, tiles: int, row: int) -> tuple[NDArray, NDArray]:
    """Return the view (n, tiles, points, row) of numbers (points, ...), and of what lies behind the last row."""
    flat, end = numbers.reshape(len(numbers), -1), n * tiles * row
    return flat[:, :end].reshape(len(flat), n, tiles, row).transpose(1, 2, 0, 3), flat[:, end:]


def _tiles(images: NDArray, m: int) -> Iterator[tuple[slice, NDArray]]:
    """Yield the tiles of images (n, H, W, C) as (which, (n, tiles, lines, W C)): whole ones, then what is left."""
    whole, left = divmod(images.shape[1], m)
    for first, count, lines in ((0, whole, m), (whole, 1, left)):
        if count * lines:
            rows = images[:, first * m : first * m + count * lines]
            yield slice(first, first + count), rows.reshape(len(images), count, lines, -1)


# ---- the work of one part --------------------------------------------------------------------------------------------


def block(x: NDArray, u: NDArray, b: NDArray | None, y: NDArray, part: Block, geometry: Geometry) -> bool:
    """Write the convolution of x (N, C, H, W) with the transformed weights u into a part of y (N, H, W, F).

    Returns False where a number is not finite: then the rows of its tile may be wrong.
    """
    (r, kw), filters = geometry.kernel, y.shape[-1]
    every = transform_input(x, part, geometry)
    products = scratch("points", (points(r), every[0].shape[1], kw, filters), y.dtype)
    for j, some in enumerate(every):
        np.matmul(some, u, out=products[:, :, j])
    target = pixels(y, inside(part, y.shape[1:3]))
    transform_output(products, target, r, target.shape[2] + kw - 1)
    if b is not None:
        target += b
    flat = target.reshape(-1)
    return bool(np.isfinite(np.dot(flat, flat)))


def add_weight_grad(g: NDArray, x: NDArray, total: NDArray, part: Block, geometry: Geometry) -> None:
    """Add the share of a part in the weight gradient at the points, (points, kw C, F), from g (N, H, W, F) and x."""
    (r, kw), filters = geometry.kernel, g.shape[-1]
    every = transform_input(x, part, geometry)
    z = transform_gradient(pixels(g, inside(part, g.shape[1:3])), r, kw)
    z = z.reshape(len(z), -1, kw, filters)
    share = scratch("share", total.shape, total.dtype)
    for j, some in enumerate(every):
        total += np.matmul(some.swapaxes(1, 2), z[:, :, j], out=share)
