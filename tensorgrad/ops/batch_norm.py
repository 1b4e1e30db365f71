"""Normalisation of channels by the moments of a batch, or by running ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values, writes_arguments
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import batch_norm as kernel
from tensorgrad.kernels.standardization import Standardization
from tensorgrad.ops._arguments import is_tensor, operand, raw
from tensorgrad.ops.elementwise import rsqrt
from tensorgrad.ops.norm import check_shapes, recorded_grad
from tensorgrad.ops.reduce import _float, _sum
from tensorgrad.ops.shape import _reshape


def _batch_norm_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, eps: float, moments: Any
) -> Any:
    """:func:`recorded_grad` over all dimensions but the channels', by the saved moments where nothing is recorded."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return kernel.batch_norm_grad(wanted, g, x, w, eps=eps, moments=moments)
    dims = _all_but_channels(x)
    dx, dw, db = recorded_grad(g, x, _column(w, x), _column(b, x), dim=dims, eps=eps)
    dw, db = (None if d is None else _sum(d, dim=dims, keepdim=False) for d in (dw, db))
    return dx, dw, db


@primitive(joint=_batch_norm_rule, name="batch_norm", saves=True, plans_results=True)
def _batch_norm(x: Any, w: Any, b: Any, *, eps: float) -> Any:
    """``(x - mean) / sqrt(var + eps) * w + b`` by the moments of each channel, which is dimension 1."""
    vectors, moments = kernel.batch_norm_vectors(x, w, b, eps=eps)
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
    x = by_channel(input, running_mean, running_var, weight, bias, 2, op)
    if not training:
        return by_buffers(x, running_mean, running_var, weight, bias, eps, op)
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
        moments = saved_moments(y) or of_values(kernel.batch_moments, x)
        update_moments(running_mean, running_var, moments, momentum, count)
    return y


def by_channel(input: Any, mean: Any, var: Any, weight: Any, bias: Any, least: int, op: str) -> Any:
    """The checked input; ValueError unless all others have one value for each of its channels."""
    x = _float(operand(input, op), op)
    if x.ndim < least:
        raise op_error(ValueError, op, f"expected (N, C, ...) of at least {least} dimensions, got {describe(x)}")
    check_shapes(op, (x.shape[1],), running_mean=mean, running_var=var, weight=weight, bias=bias)
    return x


def by_buffers(x: Any, mean: Any, var: Any, w: Any, b: Any, eps: float, op: str) -> Any:
    """``(x - mean) / sqrt(var + eps) * w + b`` by running moments."""
    if mean is None or var is None:
        raise op_error(ValueError, op, "running_mean and running_var must be given unless the input's moments are used")
    scale = rsqrt(var + eps)
    return standardize(x, mean, scale if w is None else scale * w, b)


def saved_moments(y: Any) -> Any:
    """The (mean, var) that a recorded normalisation has saved; None where nothing was recorded."""
    return y.node.static["moments"] if is_tensor(y) and y.node is not None else None


@writes_arguments
def update_moments(running_mean: Any, running_var: Any, moments: Any, momentum: float, count: int) -> None:
    """Move the buffers, in their own memory and dtype, towards the moments of ``count`` values a channel.

    Of the moments of each sample, (N, C), the batch's averages count.
    """
    mean, var = (m if m.ndim == 1 else m.mean(axis=0) for m in moments)
    with np.errstate(all="ignore"):
        for buffer, towards in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
            if buffer is not None:
                values = raw(buffer)
                values *= 1 - momentum
                values += (momentum * towards).astype(values.dtype, copy=False)


__all__ = ["batch_norm"]
