"""Spatial transformers: images read at places that a network may compute, and grids of such places.

The pixels around a place, weighed by how near they are, give the value there. Which pixels these are is a constant
of the graph, their weights are not. So there are two steps with derivatives, each closed under differentiation:

    weights = tap_weights(t)         polynomials of the distance t to the first pixel; the derivative is one of them
    y = sum over k of weights_k x[index_k]

and ``<g, y>`` is linear in ``g``, ``x`` and ``weights``: as with convolution, each of the three operators is the
derivative of another.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import grid_sample as kernel
from tensorgrad.ops._arguments import loose, operand
from tensorgrad.ops.elementwise import sub
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.linalg import matmul, swap_last
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _reshape

_PADDINGS = ("zeros", "border", "reflection")
#: Of each mode: how a place is rounded to its first pixel, the taps from there, their weights at the distance t as
#: coefficients of 1, t, t^2, t^3. The last are Keys' cubics with a = -3/4.
_MODES = {
    "nearest": (np.rint, (0,), ((1.0,),)),
    "bilinear": (np.floor, (0, 1), ((1.0, -1.0), (0.0, 1.0))),
    "bicubic": (
        np.floor,
        (-1, 0, 1, 2),
        ((0.0, -0.75, 1.5, -0.75), (1.0, 0.0, -2.25, 1.25), (0.0, 0.75, 1.5, -1.25), (0.0, 0.0, -0.75, 0.75)),
    ),
}


@primitive(
    lambda g, y, x, w, *, index: _input_grad(g, w, index=index, size=x.shape[2:]),
    lambda g, y, x, w, *, index: _weight_grad(g, x, index=index),
    name="grid_sample",
)
def _sample(x: Any, w: Any, *, index: np.ndarray) -> Any:
    return kernel.sample(x, w, index)


@primitive(
    lambda h, y, g, w, *, index, size: _sample(h, w, index=index),
    lambda h, y, g, w, *, index, size: _weight_grad(g, h, index=index),
    name="grid_sample_input_grad",
)
def _input_grad(g: Any, w: Any, *, index: np.ndarray, size: tuple[int, ...]) -> Any:
    return kernel.input_grad(g, w, index, size)


@primitive(
    lambda h, y, g, x, *, index: _sample(x, h, index=index),
    lambda h, y, g, x, *, index: _input_grad(g, h, index=index, size=x.shape[2:]),
    name="grid_sample_weight_grad",
)
def _weight_grad(g: Any, x: Any, *, index: np.ndarray) -> Any:
    return kernel.weight_grad(g, x, index)


@primitive(
    lambda g, y, t, *, polynomials: _sum(
        g * _tap_weights(t, polynomials=_derivative(polynomials)), dim=(1,), keepdim=False
    ),
    name="tap_weights",
)
def _tap_weights(t: Any, *, polynomials: kernel.Polynomials) -> Any:
    return kernel.tap_weights(t, polynomials)


def _derivative(polynomials: kernel.Polynomials) -> kernel.Polynomials:
    return tuple(tuple(m * c for m, c in enumerate(p))[1:] or (0.0,) for p in polynomials)


# piecewise linear: the slope of each piece is a constant
@primitive(lambda g, y, x, *, slope, size, padding, align_corners: g * slope, name="grid_position", saves=True)
def _position(x: Any, *, size: int, padding: str, align_corners: bool) -> Any:
    at, slope = kernel.position(x, size, padding, align_corners)
    return at, {"slope": slope}


def _outer(a: Any, b: Any) -> Any:
    """The weights of all pairs of taps, from those along two axes: (N, A, ...) and (N, B, ...) give (N, A B, ...)."""
    n, k, *out = a.shape
    pairs = _reshape(a, shape=(n, k, 1, *out)) * _reshape(b, shape=(n, 1, b.shape[1], *out))
    return _reshape(pairs, shape=(n, k * b.shape[1], *out))


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """``input`` (N, C, H, W) read at the places ``grid`` (N, H', W', 2) of (x, y): (N, C, H', W').

    Volumes (N, C, D, H, W) take places (N, D', H', W', 3) of (x, y, z). -1 and 1 are the outer borders of the image,
    with ``align_corners`` the centres of its outer pixels. ``mode`` is "bilinear" (in a volume: trilinear), "nearest",
    or "bicubic" (images only). Outside the image "zeros" reads 0, "border" the nearest pixel, "reflection" the image
    mirrored; there a NaN reads the first pixel. The gradient with respect to ``grid`` is that of the piece a place
    lies in, and 0 for "nearest". Raises ValueError for shapes and modes that do not go together, TypeError unless
    both have the same floating-point dtype. Source: ``torch.nn.functional.grid_sample``; Jaderberg et al. 2015.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> tg.nn.functional.grid_sample(x, tg.tensor([[[[0.0, 0.0], [0.5, -0.5]]]]), align_corners=False)
    tensor([[[[2.5000, 2.0000]]]])
    """
    op = "grid_sample"
    x, grid = operand(input, op), operand(grid, op)
    _check(x, grid, mode, padding_mode, op)
    align_corners = bool(align_corners)
    rounded, offsets, polynomials = _MODES[mode]
    inside, each = ("zeros", padding_mode) if mode == "bicubic" else (padding_mode, "zeros")  # place, or every tap
    size = tuple(x.shape[2:])
    weights: list[Any] = []
    firsts: list[np.ndarray] = []
    for axis, pixels in enumerate(size):
        coordinate = _getitem(grid, index=(..., -1 - axis))  # x, the first one, goes along the last axis
        at = _position(coordinate, size=pixels, padding=inside, align_corners=align_corners)
        firsts.append(of_values(rounded, at))
        weights.append(_tap_weights(sub(at, firsts[-1]), polynomials=polynomials))
    index = of_values(_pixels, offsets, size, each, align_corners, *firsts)
    return _sample(x, reduce(_outer, weights), index=index)


def _pixels(offsets: Any, size: Any, padding: str, align_corners: bool, *firsts: np.ndarray) -> np.ndarray:
    return kernel.pixel_index([*firsts], offsets, size, padding, align_corners)


def _check(x: Any, grid: Any, mode: str, padding_mode: str, op: str) -> None:
    """The operands and the settings go together."""
    if mode not in _MODES:
        raise op_error(ValueError, op, f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
    if padding_mode not in _PADDINGS:
        raise op_error(ValueError, op, f"padding_mode must be one of {', '.join(_PADDINGS)}, got {padding_mode!r}")
    if x.ndim not in (4, 5) or grid.ndim != x.ndim or grid.shape[-1] != x.ndim - 2:
        expected = "input (N, C, H, W) with grid (N, H', W', 2), or (N, C, D, H, W) with (N, D', H', W', 3)"
        raise op_error(ValueError, op, f"expected {expected}, got {describe(x)} and {describe(grid)}")
    if mode == "bicubic" and x.ndim == 5:
        raise op_error(ValueError, op, f"mode 'bicubic' is for images (N, C, H, W), got {describe(x)}; use 'bilinear'")
    if x.shape[0] != grid.shape[0]:
        shapes = f"{describe(x)} and {describe(grid)}"
        raise op_error(ValueError, op, f"input and grid must have the same batch size, got {shapes}; expand one")
    if 0 in x.shape[2:]:
        raise op_error(ValueError, op, f"the input has no pixels to read: {describe(x)}")
    if x.dtype.kind != "f" or grid.dtype != x.dtype:
        dtypes = f"{x.dtype} and {grid.dtype}"
        raise op_error(TypeError, op, f"input and grid must have one floating-point dtype, got {dtypes}; use .to()")


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The places that :func:`grid_sample` reads for affine maps ``theta``: (N, 2, 3) for images, (N, 3, 4) for volumes.

    ``size`` is that of the output, (N, C, H, W) or (N, C, D, H, W); the grid is (N, H, W, 2) or (N, D, H, W, 3) and
    holds ``theta (x, y, 1)'`` for the pixels at (x, y). The outer ones lie at -1 and 1 with ``align_corners``, else
    half a pixel further in. Raises ValueError for shapes that do not fit, TypeError for integers. Source:
    ``torch.nn.functional.affine_grid``; Jaderberg et al. 2015.

    >>> import tensorgrad as tg
    >>> shift = tg.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]])
    >>> tg.nn.functional.affine_grid(shift, (1, 1, 1, 2), align_corners=True)
    tensor([[[[-0.5000,  0.0000],
              [ 1.5000,  0.0000]]]])
    """
    op = "affine_grid"
    theta = operand(theta, op)
    n, _, *spatial = size = loose((size,), op)
    rank = len(spatial)
    if rank not in (2, 3) or min(size) < 1:
        raise op_error(ValueError, op, f"size must be (N, C, H, W) or (N, C, D, H, W), none of them 0, got {size}")
    if tuple(theta.shape) != (n, rank, rank + 1):
        raise op_error(ValueError, op, f"size {size} expects theta ({n}, {rank}, {rank + 1}), got {describe(theta)}")
    if theta.dtype.kind != "f":
        raise op_error(TypeError, op, f"theta must be floating-point, got {theta.dtype}; use .float()")
    flat = of_values(_places, tuple(spatial), bool(align_corners), theta.dtype)
    return _reshape(matmul(flat, swap_last(theta)), shape=(n, *spatial, rank))


def _places(spatial: tuple[int, ...], align_corners: bool, dtype: np.dtype[Any]) -> np.ndarray:
    """The places (x, y, 1) of all pixels, one a row."""
    axes = [_centres(pixels, align_corners) for pixels in spatial]
    places = np.stack([*reversed(np.meshgrid(*axes, indexing="ij")), np.ones(spatial)], axis=-1)
    return places.reshape(math.prod(spatial), len(spatial) + 1).astype(dtype)


def _centres(pixels: int, align_corners: bool) -> np.ndarray:
    """The coordinates of the pixels along an axis; a single one lies at 0."""
    reach = 0 if pixels == 1 else 1 if align_corners else (pixels - 1) / pixels
    return np.linspace(-reach, reach, pixels)


__all__ = ["affine_grid", "grid_sample"]
