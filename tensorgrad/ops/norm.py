"""Normalisation: subtract the mean, divide by the deviation, scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import norm as kernel
from tensorgrad.ops._arguments import as_int, is_tensor, operand, raw
from tensorgrad.ops.elementwise import clamp, rsqrt
from tensorgrad.ops.pad import _pad
from tensorgrad.ops.pool import avg_pool2d
from tensorgrad.ops.reduce import _float, _mean, _var
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.vector_norm import norm


def _normalize_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, dim: Any, eps: float, moments: Any
) -> Any:
    """With z = (x - mean) / deviation: dw = sum g z, db = sum g, dx = w/deviation (g - mean(g) - z mean(g z))."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return kernel.normalize_grad(wanted, g, x, w, dim=dim, eps=eps, moments=moments)
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
    x, w, b = _by_channel(input, running_mean, running_var, weight, bias, 2, op)
    if not training:
        return _by_buffers(x, running_mean, running_var, w, b, eps, op)
    dims = (0, *range(2, x.ndim))
    count = math.prod(x.shape[d] for d in dims)
    if count == 1:
        raise op_error(
            ValueError, op, f"Expected more than 1 value per channel when training, got input {tuple(x.shape)}"
        )
    if count == 0:
        return x * 1 if w is None else x * w  # nothing to normalise, and the buffers stay
    y = _normalize(x, w, b, dim=dims, eps=float(eps))
    _update(running_mean, running_var, y, x, dims, momentum, count)
    return y


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with the moments of each channel of each sample.

    ``input`` is (N, C, ...). The running buffers, if given, move towards the batch's average of the moments; with
    ``use_input_stats=False`` they are used instead. Raises ValueError for one value per channel and sample. Source:
    ``torch.nn.functional.instance_norm``; Ulyanov, Vedaldi and Lempitsky 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.instance_norm(tg.tensor([[[1.0, 3.0], [5.0, 5.0]]]))
    tensor([[[-1.0000,  1.0000],
             [ 0.0000,  0.0000]]])
    """
    op = "instance_norm"
    x, w, b = _by_channel(input, running_mean, running_var, weight, bias, 3, op)
    if not use_input_stats:
        return _by_buffers(x, running_mean, running_var, w, b, eps, op)
    dims = tuple(range(2, x.ndim))
    count = math.prod(x.shape[2:])
    if count == 1:
        raise op_error(
            ValueError, op, f"Expected more than 1 spatial element when training, got input {tuple(x.shape)}"
        )
    if 0 in x.shape:
        return x * 1 if w is None else x * w
    y = _normalize(x, w, b, dim=dims, eps=float(eps))
    _update(running_mean, running_var, y, x, dims, momentum, count)
    return y


def _by_channel(input: Any, mean: Any, var: Any, weight: Any, bias: Any, least: int, op: str) -> tuple[Any, Any, Any]:
    """The checked input, and weight and bias as columns that broadcast against it."""
    x = _float(operand(input, op), op)
    if x.ndim < least:
        raise op_error(ValueError, op, f"expected (N, C, ...) of at least {least} dimensions, got {describe(x)}")
    channels = x.shape[1]
    _check_shapes(op, (channels,), running_mean=mean, running_var=var, weight=weight, bias=bias)
    column = (1, channels, *[1] * (x.ndim - 2))
    w = None if weight is None else _reshape(weight, shape=column)
    b = None if bias is None else _reshape(bias, shape=column)
    return x, w, b


def _check_shapes(op: str, shape: tuple[int, ...], **tensors: Any) -> None:
    for name, value in tensors.items():
        if value is not None and tuple(value.shape) != shape:
            raise op_error(ValueError, op, f"{name} must have shape {shape}, got {describe(value)}")


def _by_buffers(x: Any, mean: Any, var: Any, w: Any, b: Any, eps: float, op: str) -> Any:
    if mean is None or var is None:
        raise op_error(ValueError, op, "running_mean and running_var must be given unless the input's moments are used")
    column = (1, x.shape[1], *[1] * (x.ndim - 2))
    z = (x - _reshape(mean, shape=column)) * rsqrt(_reshape(var, shape=column) + eps)
    z = z if w is None else z * w
    return z if b is None else z + b


def _update(
    running_mean: Any, running_var: Any, y: Any, x: Any, dims: tuple[int, ...], momentum: float, count: int
) -> None:
    """Move the buffers towards the moments that the operator has saved, averaged over the batch."""
    if running_mean is None and running_var is None:
        return
    recorded = is_tensor(y) and y.node is not None
    mean, var = y.node.static["moments"] if recorded else kernel.batch_moments(raw(x), dims)
    if running_mean is not None:
        _move(raw(running_mean), mean, momentum)
    if running_var is not None:
        _move(raw(running_var), var * (count / (count - 1)), momentum)


def _move(buffer: np.ndarray, towards: np.ndarray, momentum: float) -> None:
    """The running average, in the buffer's own memory and dtype."""
    buffer *= 1 - momentum
    buffer += (momentum * towards.mean(axis=0).reshape(buffer.shape)).astype(buffer.dtype)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last dimensions, which must be ``normalized_shape``.

    Source: ``torch.nn.functional.layer_norm``; Ba, Kiros and Hinton 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.layer_norm(tg.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    x, dims = _last_dimensions(input, normalized_shape, "layer_norm", weight=weight, bias=bias)
    return _normalize(x, weight, bias, dim=dims, eps=float(eps))


def _last_dimensions(input: Any, normalized_shape: Any, op: str, **affine: Any) -> tuple[Any, tuple[int, ...]]:
    """The checked input and its last dimensions, whose shape is ``normalized_shape``."""
    x = _float(operand(input, op), op)
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not shape or tuple(x.shape[x.ndim - len(shape) :]) != shape:
        raise op_error(ValueError, op, f"expected input whose last dimensions are {shape}, got {describe(x)}")
    _check_shapes(op, shape, **affine)
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


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with the moments of each group of channels of each sample.

    ``input`` is (N, C, ...), ``weight`` and ``bias`` (C). Raises ValueError unless ``num_groups`` divides C. Source:
    ``torch.nn.functional.group_norm``; Wu and He 2018.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.group_norm(tg.tensor([[1.0, 3.0, 2.0, 6.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    op = "group_norm"
    groups = as_int(num_groups, op, "num_groups")
    x, _, _ = _by_channel(input, None, None, weight, bias, 2, op)
    shape = tuple(x.shape)
    if groups < 1 or shape[1] % groups:
        raise op_error(ValueError, op, f"num_groups={groups} must divide the channels ({shape[1]})")
    split = (groups, shape[1] // groups)
    column = (1, *split, *[1] * (len(shape) - 2))
    w, b = (None if p is None else _reshape(p, shape=column) for p in (weight, bias))
    dims = tuple(range(2, len(shape) + 1))
    y = _normalize(_reshape(x, shape=(shape[0], *split, *shape[2:])), w, b, dim=dims, eps=float(eps))
    return _reshape(y, shape=shape)


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


__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
]  # fmt: skip
