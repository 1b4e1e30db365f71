"""Normalisation: subtract the mean, divide by the deviation, scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import norm as kernel
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops.elementwise import rsqrt
from tensorgrad.ops.reduce import _float, _mean, _var
from tensorgrad.ops.shape import _reshape


def _normalize_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, dim: Any, eps: float, moments: Any
) -> Any:
    """With z = (x - mean) / deviation: dw = sum g z, db = sum g, dx = w/deviation (g - mean(g) - z mean(g z))."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return kernel.normalize_grad(wanted, g, x, w, dim=dim, moments=moments)
    # the saved moments depend on x: in a graph that is to be differentiated again they are computed anew
    mean = _mean(x, dim=dim, keepdim=True)
    scale = rsqrt(_var(x, dim=dim, correction=0, keepdim=True) + eps)
    z = (x - mean) * scale
    gw = g if w is None else g * w
    dx = scale * (gw - _mean(gw, dim=dim, keepdim=True) - z * _mean(gw * z, dim=dim, keepdim=True))
    return dx, None if w is None else g * z, None if b is None else g


@primitive(joint=_normalize_rule, name="normalize", saves=True)
def _normalize(x: Any, w: Any, b: Any, *, dim: tuple[int, ...], eps: float) -> Any:
    """``(x - mean) / sqrt(var + eps) * w + b`` with moments over ``dim``; ``w`` and ``b`` broadcast against ``x``."""
    y, moments = kernel.normalize(x, w, b, dim=dim, eps=eps)
    return y, {"moments": moments}


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` per channel, with the batch's moments or the running ones.

    ``input`` is (N, C, ...). In training the moments are the batch's (biased variance), and the running buffers move
    by ``momentum`` towards them (unbiased variance); otherwise the buffers are used. Raises ValueError when training
    on one value per channel. Source: ``torch.nn.functional.batch_norm``; Ioffe and Szegedy 2015.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[1.0], [3.0]])
    >>> tg.nn.functional.batch_norm(x, None, None, training=True).tolist()
    [[-0.9999949932098389], [0.9999949932098389]]
    """
    op = "batch_norm"
    x = _float(operand(input, op), op)
    if x.ndim < 2:
        raise op_error(ValueError, op, f"expected (N, C, ...), got {describe(x)}")
    channels = x.shape[1]
    for name, value in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if value is not None and tuple(value.shape) != (channels,):
            raise op_error(ValueError, op, f"{name} must have shape ({channels},), got {describe(value)}")
    if not training and (running_mean is None or running_var is None):
        raise op_error(ValueError, op, "running_mean and running_var must be given unless training=True")
    column = (1, channels, *[1] * (x.ndim - 2))
    w = None if weight is None else _reshape(weight, shape=column)
    b = None if bias is None else _reshape(bias, shape=column)
    if not training:
        scale = rsqrt(_reshape(running_var, shape=column) + eps)
        z = (x - _reshape(running_mean, shape=column)) * scale
        z = z if w is None else z * w
        return z if b is None else z + b
    dims = (0, *range(2, x.ndim))
    count = math.prod(x.shape[d] for d in dims)
    if count == 1:
        raise op_error(
            ValueError,
            op,
            f"Expected more than 1 value per channel when training, got input {tuple(x.shape)}",
        )
    if count == 0:
        return x * 1 if w is None else x * w  # nothing to normalise, and the buffers stay
    y = _normalize(x, w, b, dim=dims, eps=float(eps))
    if running_mean is not None or running_var is not None:
        mean, var = kernel.batch_moments(raw(x), dims)
        if running_mean is not None:
            _move(raw(running_mean), mean, momentum)
        if running_var is not None:
            _move(raw(running_var), var * (count / (count - 1)), momentum)
    return y


def _move(buffer: np.ndarray, towards: np.ndarray, momentum: float) -> None:
    """The running average, in the buffer's own memory and dtype."""
    buffer *= 1 - momentum
    buffer += (momentum * towards.reshape(buffer.shape)).astype(buffer.dtype)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last dimensions, which must be ``normalized_shape``.

    Source: ``torch.nn.functional.layer_norm``; Ba, Kiros and Hinton 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.layer_norm(tg.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    op = "layer_norm"
    x = _float(operand(input, op), op)
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not shape or tuple(x.shape[x.ndim - len(shape) :]) != shape:
        raise op_error(ValueError, op, f"expected input whose last dimensions are {shape}, got {describe(x)}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != shape:
            raise op_error(ValueError, op, f"{name} must have shape {shape}, got {describe(value)}")
    return _normalize(x, weight, bias, dim=tuple(range(x.ndim - len(shape), x.ndim)), eps=float(eps))


__all__ = ["batch_norm", "layer_norm"]
