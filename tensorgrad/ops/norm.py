"""Normalisation along the last dimensions: subtract the mean, divide by the deviation, scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import norm as kernel
from tensorgrad.ops._arguments import as_int, operand
from tensorgrad.ops.elementwise import clamp, rsqrt
from tensorgrad.ops.pad import _pad
from tensorgrad.ops.pool import avg_pool2d
from tensorgrad.ops.reduce import _float, _mean, _var
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.vector_norm import norm


def recorded_grad(g: Any, x: Any, w: Any, b: Any, *, dim: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """With z = (x - mean) / deviation: dw = g z, db = g, dx = w/deviation (g - mean(g) - z mean(g z)).

    The moments over ``dim`` are computed anew, since in a graph that is differentiated again they depend on ``x``;
    ``w`` and ``b`` broadcast against ``x``, and their gradients are still to be summed.
    """
    mean = _mean(x, dim=dim, keepdim=True)
    scale = rsqrt(_var(x, dim=dim, correction=0, keepdim=True) + eps)
    z = (x - mean) * scale
    gw = g if w is None else g * w
    dx = scale * (gw - _mean(gw, dim=dim, keepdim=True) - z * _mean(gw * z, dim=dim, keepdim=True))
    return dx, None if w is None else g * z, None if b is None else g


def _layer_norm_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, dims: int, eps: float, moments: Any
) -> Any:
    """:func:`recorded_grad`, by the saved moments where nothing is recorded."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return kernel.layer_norm_grad(wanted, g, x, w, dims=dims, eps=eps, moments=moments)
    return recorded_grad(g, x, w, b, dim=tuple(range(x.ndim - dims, x.ndim)), eps=eps)


@primitive(joint=_layer_norm_rule, name="layer_norm", saves=True)
def _layer_norm(x: Any, w: Any, b: Any, *, dims: int, eps: float) -> Any:
    """``(x - mean) / sqrt(var + eps) * w + b`` over the last ``dims`` dimensions, whose shape ``w`` and ``b`` have."""
    y, moments = kernel.layer_norm(x, w, b, dims=dims, eps=eps)
    return y, {"moments": moments}


def check_shapes(op: str, shape: tuple[int, ...], **tensors: Any) -> None:
    """Raise ValueError unless every tensor that is given has this shape."""
    for name, value in tensors.items():
        if value is not None and tuple(value.shape) != shape:
            raise op_error(ValueError, op, f"{name} must have shape {shape}, got {describe(value)}")


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last dimensions, which must be ``normalized_shape``.

    Source: ``torch.nn.functional.layer_norm``; Ba, Kiros and Hinton 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.layer_norm(tg.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    x, dims = _last_dimensions(input, normalized_shape, "layer_norm", weight=weight, bias=bias)
    return _layer_norm(x, weight, bias, dims=len(dims), eps=float(eps))


def _last_dimensions(input: Any, normalized_shape: Any, op: str, **affine: Any) -> tuple[Any, tuple[int, ...]]:
    """The checked input and its last dimensions, whose shape is ``normalized_shape``."""
    x = _float(operand(input, op), op)
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not shape or tuple(x.shape[x.ndim - len(shape) :]) != shape:
        raise op_error(ValueError, op, f"expected input whose last dimensions are {shape}, got {describe(x)}")
    check_shapes(op, shape, **affine)
    return x, tuple(range(x.ndim - len(shape), x.ndim))


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimensions, which must be ``normalized_shape``.

    ``eps`` is the machine epsilon of the dtype when not given. Source: ``torch.nn.functional.rms_norm``; Zhang and
    Sennrich 2019.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.rms_norm(tg.tensor([3.0, -3.0]), (2,))
    tensor([ 1., -1.])
    """
    x, dims = _last_dimensions(input, normalized_shape, "rms_norm", weight=weight)
    floor = float(np.finfo(x.dtype).eps if eps is None else eps)
    y = x * rsqrt(_mean(x * x, dim=dims, keepdim=True) + floor)
    return y if weight is None else y * weight


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """``x / (k + alpha mean(x^2 over size neighbouring channels))^beta``; channels beyond the ends count as 0.

    ``input`` is (N, C, ...) of at least 3 dimensions. Source: ``torch.nn.functional.local_response_norm``;
    Krizhevsky, Sutskever and Hinton 2012.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.local_response_norm(tg.ones(1, 2, 1), 2, alpha=1.0, beta=1.0).tolist()
    [[[0.6666666865348816], [0.5]]]
    """
    op = "local_response_norm"
    x = _float(operand(input, op), op)
    window = as_int(size, op, "size")
    if x.ndim < 3:
        raise op_error(ValueError, op, f"expected (N, C, ...) of at least 3 dimensions, got {describe(x)}")
    if window < 1:
        raise op_error(ValueError, op, f"size must be at least 1, got {window}")
    if 0 in x.shape:
        return x * 1
    shape = tuple(x.shape)
    squares = _reshape(x * x, shape=(shape[0], 1, shape[1], math.prod(shape[2:])))
    around = _pad(squares, widths=((0, 0), (0, 0), (window // 2, (window - 1) // 2), (0, 0)), value=0.0)
    means = _reshape(avg_pool2d(around, (window, 1), 1), shape=shape)
    return x / (means * alpha + k) ** beta


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """``x / max(norm(x, p), eps)`` along ``dim``: vectors of length 1. Source: ``torch.nn.functional.normalize``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.normalize(tg.tensor([3.0, 4.0]), dim=0)
    tensor([0.6000, 0.8000])
    """
    x = _float(operand(input, "normalize"), "normalize")
    return x / clamp(norm(x, p, dim, True), min=eps)


__all__ = ["layer_norm", "local_response_norm", "normalize", "rms_norm"]
