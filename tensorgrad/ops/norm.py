"""Normalisation: subtract the mean, divide by the deviation, scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values, writes_arguments
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import batch_norm as batch_kernel
from tensorgrad.kernels import norm as kernel
from tensorgrad.kernels.standardization import Standardization
from tensorgrad.ops._arguments import as_int, is_tensor, operand, raw
from tensorgrad.ops.elementwise import clamp, rsqrt
from tensorgrad.ops.pad import _pad
from tensorgrad.ops.pool import avg_pool2d
from tensorgrad.ops.reduce import _float, _mean, _sum, _var
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


def _batch_norm_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, eps: float, moments: Any
) -> Any:
    """:func:`_normalize_rule` over all dimensions but the channels', with ``w`` and ``b`` of shape (C)."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return batch_kernel.batch_norm_grad(wanted, g, x, w, eps=eps, moments=moments)
    dims = _all_but_channels(x)
    dx, dw, db = _normalize_rule(wanted, g, None, x, _column(w, x), _column(b, x), dim=dims, eps=eps, moments=None)
    dw, db = (None if d is None else _sum(d, dim=dims, keepdim=False) for d in (dw, db))
    return dx, dw, db


@primitive(joint=_batch_norm_rule, name="batch_norm", saves=True, plans_results=True)
def _batch_norm(x: Any, w: Any, b: Any, *, eps: float) -> Any:
    """:func:`_normalize` by the moments of each channel, which is dimension 1."""
    vectors, moments = batch_kernel.batch_norm_vectors(x, w, b, eps=eps)
    return Standardization(x, *vectors), {"moments": moments}


@primitive(
    lambda g, y, x, mean, scale, shift: standardize(g, None, scale, None),
    lambda g, y, x, mean, scale, shift: (
        -_sum(standardize(g, None, scale, None), dim=_all_but_channels(g), keepdim=False)
    ),
    lambda g, y, x, mean, scale, shift: _sum(
        standardize(x, mean, None, None) * g, dim=_all_but_channels(g), keepdim=False
    ),
    lambda g, y, x, mean, scale, shift: _sum(g, dim=_all_but_channels(g), keepdim=False),
    promote=promote_operands,
    plans_results=True,
)
def standardize(x: Any, mean: Any, scale: Any, shift: Any) -> Any:
    """``(x - mean) * scale + shift`` for ``x`` (N, C, ...) and constants of each channel (C); None leaves one out."""
    return Standardization(x, *(None if v is None else v.copy() for v in (mean, scale, shift)))


def _all_but_channels(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _column(vector: Any, x: Any) -> Any:
    """One number for each channel, in a shape that broadcasts against ``x``."""
    return None if vector is None else _reshape(vector, shape=(1, -1, *[1] * (x.ndim - 2)))


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
    x = _by_channel(input, running_mean, running_var, weight, bias, 2, op)
    if not training:
        return _by_buffers(x, running_mean, running_var, weight, bias, eps, op)
    count = x.shape[0] * math.prod(x.shape[2:])
    if count == 1:
        raise op_error(
            ValueError,
            op,
            f"Expected more than 1 value per channel when training, got input {tuple(x.shape)}; use larger batches "
            "(drop_last=True leaves out a last one of 1), or model.eval()",
        )
    if count == 0:
        return standardize(x, None, weight, bias)  # nothing to normalise, and the buffers stay
    y = _batch_norm(x, weight, bias, eps=float(eps))
    if running_mean is not None or running_var is not None:
        moments = _saved_moments(y) or of_values(batch_kernel.batch_moments, x)
        _update(running_mean, running_var, moments, momentum, count)
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
    x = _by_channel(input, running_mean, running_var, weight, bias, 3, op)
    if not use_input_stats:
        return _by_buffers(x, running_mean, running_var, weight, bias, eps, op)
    dims = tuple(range(2, x.ndim))
    count = math.prod(x.shape[2:])
    if count == 1:
        raise op_error(
            ValueError, op, f"Expected more than 1 spatial element when training, got input {tuple(x.shape)}"
        )
    if 0 in x.shape:
        return standardize(x, None, weight, bias)
    y = _normalize(x, _column(weight, x), _column(bias, x), dim=dims, eps=float(eps))
    if running_mean is not None or running_var is not None:
        mean, var = _saved_moments(y) or kernel.batch_moments(raw(x), dims)
        _update(running_mean, running_var, (mean.mean(axis=0).ravel(), var.mean(axis=0).ravel()), momentum, count)
    return y


def _by_channel(input: Any, mean: Any, var: Any, weight: Any, bias: Any, least: int, op: str) -> Any:
    """The checked input; ValueError unless all others have one value for each of its channels."""
    x = _float(operand(input, op), op)
    if x.ndim < least:
        raise op_error(ValueError, op, f"expected (N, C, ...) of at least {least} dimensions, got {describe(x)}")
    _check_shapes(op, (x.shape[1],), running_mean=mean, running_var=var, weight=weight, bias=bias)
    return x


def _check_shapes(op: str, shape: tuple[int, ...], **tensors: Any) -> None:
    for name, value in tensors.items():
        if value is not None and tuple(value.shape) != shape:
            raise op_error(ValueError, op, f"{name} must have shape {shape}, got {describe(value)}")


def _by_buffers(x: Any, mean: Any, var: Any, w: Any, b: Any, eps: float, op: str) -> Any:
    if mean is None or var is None:
        raise op_error(ValueError, op, "running_mean and running_var must be given unless the input's moments are used")
    scale = rsqrt(var + eps)
    return standardize(x, mean, scale if w is None else scale * w, b)


def _saved_moments(y: Any) -> Any:
    """The (mean, var) that a recorded normalisation has saved; None where nothing was recorded."""
    return y.node.static["moments"] if is_tensor(y) and y.node is not None else None


@writes_arguments
def _update(running_mean: Any, running_var: Any, moments: Any, momentum: float, count: int) -> None:
    """Move the buffers, in their own memory and dtype, towards the moments of ``count`` values a channel."""
    mean, var = moments
    with np.errstate(all="ignore"):
        for buffer, towards in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
            if buffer is not None:
                values = raw(buffer)
                values *= 1 - momentum
                values += (momentum * towards).astype(values.dtype, copy=False)


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
    x = _by_channel(input, None, None, weight, bias, 2, op)
    shape = tuple(x.shape)
    if groups < 1 or shape[1] % groups:
        raise op_error(ValueError, op, f"num_groups={groups} must divide the channels ({shape[1]})")
    if math.prod(shape) == groups:
        raise op_error(ValueError, op, f"Expected more than 1 value per channel when training, got input {shape}")
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
