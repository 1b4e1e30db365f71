"""Winograd's convolution: 3x3 kernels with a quarter of the multiplications, 5x5 kernels with a third.

An output tile of m x m pixels and a kernel of r x r meet an input tile of 6 x 6 pixels, m + r = 7. All three are
polynomials in two variables; values at 6 x 6 points determine the product, and there it is pointwise:

    conv              y  = A' [ (G w G') * (B' x B) ] A
    conv_weight_grad  gw = G' [ (B' x B) * (A g A') ] G         its adjoint in w

summed over channels (or tiles), which makes each of the 36 points one GEMM. The points are 0, 1, -1, 2, -2 and
infinity. Errors in float32 stay below 2e-5 of the largest result, some ten times those of the sum in its own order;
``set_float32_conv_precision("highest")`` forbids it. One NaN would spread over a tile, so a result that is not
finite is computed again in the plain way (see conv.py).

Source: S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for
Convolutional Neural Networks, arXiv:1509.09308.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tensorgrad.kernels.im2col import Block, Geometry, Ints
from tensorgrad.kernels.matmul import matmul
from tensorgrad.kernels.partial_sums import sum_over
from tensorgrad.kernels.scratch import WORK, scratch
from tensorgrad.kernels.threads import parallel, shared_out, split
from tensorgrad.kernels.toom_cook import EIGHT, SIX, matrices
from tensorgrad.kernels.twin import compiled_kernels, has_twin

POINTS = 6
POINTS_BY_ROWS = {3: SIX, 5: EIGHT}  # of the form along the rows alone (row_winograd.py), beside infinity
KERNELS = tuple(POINTS_BY_ROWS)
BLOCK_FLOATS = 200_000  # of the transformed input and output together: what fits a core's cache beside the weights
FLOATS_A_WEIGHT = 48  # of a part of a weight gradient, whose sums, 36 a weight, are read and written for each part
CHANNELS = 16  # their number must be a multiple: whole vector registers


@lru_cache
def both_axes(matrix: str, size: int = POINTS) -> NDArray:
    """Return the matrix that applies B', G, A or A' along both axes of a flattened tile, in float32.

    The ``size`` is that of a kernel for G, and of a tile for A.
    """
    found = matrices(SIX, size if matrix == "G" else POINTS + 1 - size)
    one = {"B'": found.input, "G": found.kernel, "A": found.tile, "A'": found.tile.T}[matrix]
    return np.kron(one, one).astype(np.float32)


# ---- when ------------------------------------------------------------------------------------------------------------

PRECISIONS = ("highest", "high")
_precision = "high"


def set_float32_conv_precision(precision: str) -> None:
    """Allow ("high", the default) or forbid ("highest") Winograd's form of convolutions with 3 or 5 rows in float32.

    With "high" the error of a result is below 2e-5 of the largest one, with "highest" below 1e-6; float64 is never
    concerned. ValueError for any other word. Named after ``torch.set_float32_matmul_precision``.

    >>> import tensorgrad as tg
    >>> tg.set_float32_conv_precision("highest")
    >>> tg.get_float32_conv_precision()
    'highest'
    >>> tg.set_float32_conv_precision("high")
    """
    global _precision
    if precision not in PRECISIONS:
        raise ValueError(f"set_float32_conv_precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    _precision = precision


def get_float32_conv_precision() -> str:
    """Return what :func:`set_float32_conv_precision` set: "high" or "highest"."""
    return _precision


# What it costs to transform one number of an input or output tile, with the compiled loops and as NumPy's matrix
# products, and to copy a number into a column, in multiply-adds of a GEMM; measured, the rough size matters.
COMPILED, MATRIX_PRODUCT, COPY = 8, 140, 20


def pays(
    dtypes: tuple[np.dtype, ...],
    samples: int,
    out: Ints,
    channels: int,
    filters: int,
    geometry: Geometry,
    groups: int,
) -> bool:
    """Return whether this beats its rival for ``samples`` results of ``out`` pixels: compiled the plain GEMM, and in
    NumPy's version Winograd's form by rows alone (row_winograd.py)."""
    kernel = geometry.kernel
    whole = channels % CHANNELS == filters % CHANNELS == 0
    if not (groups == 1 and whole and applies(dtypes, geometry) and kernel[0] == kernel[1]):
        return False
    m = POINTS + 1 - kernel[0]
    tiles = math.prod(-(-n // m) for n in out)
    compiled = compiled_kernels()
    transforms = (COMPILED if compiled else MATRIX_PRODUCT) * (channels + filters)
    here = POINTS**2 * (samples * tiles * (channels * filters + transforms) + kernel[0] ** 2 * channels * filters)
    by_rows = len(POINTS_BY_ROWS[kernel[0]]) + 1
    rival = kernel[0] * (kernel[0] * (filters + COPY) if compiled else by_rows / (by_rows + 1 - kernel[0]) * filters)
    return here < samples * math.prod(out) * channels * rival


def applies(dtypes: tuple[np.dtype, ...], geometry: Geometry) -> bool:
    """Return whether there is such a form at least along the rows, and the user allows it."""
    kernel, stride, _, dilation = geometry
    return (
        _precision == "high"
        and len(kernel) == 2
        and kernel[0] in KERNELS
        and stride == dilation == (1, 1)
        and all(dtype == np.float32 for dtype in dtypes)
    )


# ---- tiles -----------------------------------------------------------------------------------------------------------


class Tiling(NamedTuple):
    """How tiles of m x m pixels lie on the results: ``rows`` x ``columns`` of them on an image."""

    m: int
    rows: int
    columns: int
    padding: Ints  # zeros above and to the left of an image

    @property
    def pixels(self) -> int:
        """Return the number of pixels in a tile."""
        return self.m**2


Part = tuple[int, int, int, int]
"""Images and tile rows of a block: (first image, last + 1, first row, last + 1)."""


def tiling(out: Ints, geometry: Geometry) -> Tiling:
    """Return how results of ``out`` pixels are cut into tiles."""
    m = POINTS + 1 - geometry.kernel[0]
    return Tiling(m, -(-out[0] // m), -(-out[1] // m), tuple(before for before, _ in geometry.padding))


@lru_cache(maxsize=128)
def parts(samples: int, tiles: Tiling, per_tile: int, floats: int = 0) -> tuple[Part, ...]:
    """Cut a batch into parts of about BLOCK_FLOATS numbers: some images, or some rows of tiles of one image.

    ``per_tile`` numbers belong to one tile at one point; ``floats`` asks for larger parts. The cut depends on shapes
    only, never on threads.
    """
    per_row = tiles.columns * per_tile * POINTS**2
    rows = max(1, round(max(BLOCK_FLOATS, floats) / per_row))
    if rows < tiles.rows:
        pieces = split(tiles.rows, -(-tiles.rows // rows))
        return tuple((n, n + 1, *piece) for n in range(samples) for piece in pieces)
    together = max(1, min(rows // tiles.rows, -(-samples // 4)))
    blocks = -(-samples // together)
    return tuple((*images, 0, tiles.rows) for images in split(samples, blocks + blocks % 2))  # as many for each of two


def pixel_block(part: Part, tiles: Tiling, out: Ints) -> Block:
    """Return the pixels that the tiles of a part cover, as a block of im2col.py."""
    n, stop, row, last = part
    return (n, stop), (row * tiles.m, min(last * tiles.m, out[0])), (0, out[1])


def count(part: Part, tiles: Tiling) -> int:
    """Return the number of tiles in a part."""
    n, stop, row, last = part
    return (stop - n) * (last - row) * tiles.columns


# ---- the three transforms --------------------------------------------------------------------------------------------


def transform_input(x: NDArray, part: Part, tiles: Tiling) -> NDArray:
    """Return B' x B of each input tile of x (N, H, W, C), as (36, tiles, C) in scratch; outside the image x is 0."""
    n, stop, row, last = part
    m, shape = tiles.m, (stop - n, last - row, tiles.columns)
    field = scratch("field", (shape[0], shape[1] * m + POINTS - m, shape[2] * m + POINTS - m, x.shape[-1]), x.dtype)
    field[...] = 0
    inside, seen = [slice(None)], [slice(n, stop)]
    for start, length, size in zip((row * m, 0), field.shape[1:3], x.shape[1:3], strict=True):
        low = start - tiles.padding[len(seen) - 1]  # the pixel at which the field begins
        first, end = min(max(low, 0), size), max(min(low + length, size), 0)
        seen.append(slice(first, max(first, end)))
        inside.append(slice(first - low, max(first, end) - low))
    field[tuple(inside)] = x[tuple(seen)]
    s = field.strides
    windows = as_strided(field, (POINTS, POINTS, *shape, x.shape[-1]), (s[1], s[2], s[0], m * s[1], m * s[2], s[3]))
    patches = scratch("patches", windows.shape, x.dtype)
    np.copyto(patches, windows)
    v = scratch(WORK, (POINTS**2, count(part, tiles), x.shape[-1]), x.dtype)
    np.matmul(both_axes("B'"), patches.reshape(POINTS**2, -1), out=v.reshape(POINTS**2, -1))
    return v


def transform_output(products: NDArray, b: NDArray | None, y: NDArray, part: Part, tiles: Tiling) -> bool:
    """Write A' p A + b of the products (36, tiles, F) into y (N, H, W, F); return whether all are finite."""
    n, stop, row, last = part
    m, shape = tiles.m, (stop - n, last - row, tiles.columns)
    flat = scratch("outputs", (tiles.pixels, products[0].size), y.dtype)
    np.matmul(both_axes("A'", m), products.reshape(POINTS**2, -1), out=flat)
    found = flat.reshape(m, m, *shape, y.shape[-1])
    if b is not None:
        found += b
    for i in range(m):
        for j in range(m):
            target = y[n:stop, row * m + i : last * m : m, j::m]
            target[...] = found[i, j, :, : target.shape[1], : target.shape[2]]
    return bool(np.isfinite(np.dot(flat.ravel(), flat.ravel())))


def transform_gradient(g: NDArray, part: Part, tiles: Tiling) -> NDArray:
    """Return A g A' of each tile of g (N, H, W, F), as (36, tiles, F) in scratch; outside the image g is 0."""
    n, stop, row, last = part
    m, shape = tiles.m, (stop - n, last - row, tiles.columns)
    patches = scratch("patches", (m, m, *shape, g.shape[-1]), g.dtype)
    patches[...] = 0
    for i in range(m):
        for j in range(m):
            source = g[n:stop, row * m + i : last * m : m, j::m]
            patches[i, j, :, : source.shape[1], : source.shape[2]] = source
    z = scratch("points", (POINTS**2, count(part, tiles), g.shape[-1]), g.dtype)
    np.matmul(both_axes("A", m), patches.reshape(tiles.pixels, -1), out=z.reshape(POINTS**2, -1))
    return z


def transform_weight(w: NDArray) -> NDArray:
    """Return G w G' of w (F, C, r, r) as matrices (36, C, F)."""
    filters, channels, r, _ = w.shape
    flat = np.ascontiguousarray(w.transpose(2, 3, 1, 0), np.float32).reshape(r * r, channels * filters)
    return matmul(both_axes("G", r), flat).reshape(POINTS**2, channels, filters)


def weight_from_points(u: NDArray, r: int) -> NDArray:
    """Return G' u G of the sums u (36, C, F) as a weight gradient (F, C, r, r): the adjoint of the line above."""
    _, channels, filters = u.shape
    flat = matmul(both_axes("G", r).T, u.reshape(POINTS**2, channels * filters))
    return np.ascontiguousarray(flat.reshape(r, r, channels, filters).transpose(3, 2, 0, 1))


# ---- the work of all parts -------------------------------------------------------------------------------------------


@has_twin
def correlate(
    x: NDArray, u: NDArray, b: NDArray | None, y: NDArray, parts: Sequence[Part], tiles: Tiling
) -> list[Part]:
    """Write the convolution of x (N, H, W, C) with the transformed weights u into y (N, H, W, F).

    Returns the parts where a number is not finite: then the values next to it may be wrong.
    """

    def write(some: Sequence[Part]) -> list[Part]:
        wrong = []
        for part in some:
            v = transform_input(x, part, tiles)
            products = scratch("points", (*v.shape[:2], y.shape[-1]), y.dtype)
            if not transform_output(np.matmul(v, u, out=products), b, y, part, tiles):
                wrong.append(part)
        return wrong

    return list(itertools.chain(*parallel(write, shared_out(parts))))


@has_twin
def weight_grad_at_points(g: NDArray, x: NDArray, parts: Sequence[Part], tiles: Tiling) -> NDArray:
    """Return the weight gradient at the points (36, C, F) from g (N, H, W, F) and x (N, H, W, C)."""

    def add(some: Sequence[Part], total: NDArray) -> None:
        for part in some:
            v, z = transform_input(x, part, tiles), transform_gradient(g, part, tiles)
            total += np.matmul(v.swapaxes(1, 2), z, out=scratch("share", total.shape, total.dtype))

    shape = (POINTS**2, x.shape[-1], g.shape[-1])
    return sum_over(parts, add, shape, g.dtype, len(g) * tiles.rows * tiles.columns * math.prod(shape))
