"""Resizing images. Every mode is a sparse matrix along each axis; the adjoint is the transposed matrices."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import interpolate as kernel
from tensorgrad.ops._arguments import as_int, operand
from tensorgrad.ops.adaptive_pool import _adaptive_avg_pool
from tensorgrad.ops.conv import per_dimension

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area")
_RANK = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


@primitive(
    lambda g, y, x, *, matrices: _resample(g, matrices=tuple([m.transposed for m in matrices])), name="interpolate"
)
def _resample(x: Any, *, matrices: tuple[kernel.Resampling, ...]) -> Any:
    return kernel.resample(x, matrices)


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """``input`` (N, C, spatial) resized to ``size``, or by ``scale_factor``: a number, or one per spatial dimension.

    ``mode`` is "nearest", "nearest-exact", "area" (adaptive means), "linear" (N, C, L), "bilinear" or "bicubic"
    (N, C, H, W), or "trilinear" (N, C, D, H, W). With ``align_corners`` the corner pixels keep their places, else
    the borders do. A ``scale_factor`` also sets the distance of the samples unless ``recompute_scale_factor``;
    ``antialias`` widens the filter where it shrinks. Raises ValueError for arguments that do not go together. Source:
    ``torch.nn.functional.interpolate``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[[0.0, 1.0]]])
    >>> tg.nn.functional.interpolate(x, scale_factor=2)
    tensor([[[0., 0., 1., 1.]]])
    >>> tg.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True)
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    op = "interpolate"
    x = operand(input, op)
    rank = x.ndim - 2
    if mode not in _MODES:
        raise op_error(ValueError, op, f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
    if rank not in (1, 2, 3) or rank != _RANK.get(mode, rank):
        wanted = f"{_RANK[mode]} spatial dimensions" if mode in _RANK else "1 to 3 spatial dimensions"
        raise op_error(ValueError, op, f"mode {mode!r} expects (N, C, ...) with {wanted}, got {describe(x)}")
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {x.dtype}")
    if 0 in x.shape[1:]:
        raise op_error(ValueError, op, f"expected channels and spatial sizes above 0, got {describe(x)}")
    if align_corners is not None and mode not in _RANK:
        raise op_error(ValueError, op, f"align_corners means nothing to mode {mode!r}; leave it out")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise op_error(ValueError, op, f"antialias needs mode 'bilinear' or 'bicubic', got {mode!r}")
    sizes, scales = _sizes(x, size, scale_factor, recompute_scale_factor, op)
    if mode == "area":
        return _adaptive_avg_pool(x, output_size=sizes)
    if mode == "nearest" and rank > 1:  # PyTorch's shortcut: the same size or the double is exact, whatever the factor
        scales = tuple(None if m in (n, 2 * n) else s for n, m, s in zip(x.shape[2:], sizes, scales, strict=True))
    kind = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    matrices = [
        kernel.matrix(kind, n, m, scale, bool(align_corners), bool(antialias))
        for n, m, scale in zip(x.shape[2:], sizes, scales, strict=True)
    ]
    return _resample(x, matrices=tuple(matrices))


def _sizes(
    x: Any, size: Any, scale_factor: Any, recompute: bool | None, op: str
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The output size, and for each axis the scale that places the samples (None: from the sizes)."""
    rank = x.ndim - 2
    if (size is None) == (scale_factor is None):
        raise op_error(ValueError, op, f"give either size or scale_factor, got {size=} and {scale_factor=}")
    if size is not None:
        if recompute:
            raise op_error(ValueError, op, "recompute_scale_factor has no meaning with size; give scale_factor")
        many = isinstance(size, (tuple, list))
        if many and len(size) != rank:
            raise op_error(ValueError, op, f"size must be one integer or {rank}, got {size!r}")
        return per_dimension(size if many else as_int(size, op, "size"), rank, op, "size", minimum=1), (None,) * rank
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * rank
    if len(factors) != rank or any(isinstance(f, bool) or not isinstance(f, (int, float)) for f in factors):
        raise op_error(ValueError, op, f"scale_factor must be one number or {rank}, got {scale_factor!r}")
    sizes = tuple(math.floor(n * float(f)) for n, f in zip(x.shape[2:], factors, strict=True))
    if min(sizes) < 1:
        raise op_error(ValueError, op, f"scale_factor {scale_factor!r} leaves nothing of input {tuple(x.shape)}")
    return sizes, (None,) * rank if recompute else tuple(float(f) for f in factors)


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """The former name of :func:`interpolate`. Source: ``torch.nn.functional.upsample``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.upsample(tg.ones(1, 1, 2, 2), scale_factor=2).shape
    (1, 1, 4, 4)
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


__all__ = ["interpolate", "upsample"]
