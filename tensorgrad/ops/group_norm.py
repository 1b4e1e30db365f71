"""Normalisation of groups of channels, each sample by its own moments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.kernels import group_norm as kernel
from tensorgrad.ops._arguments import as_int
from tensorgrad.ops.batch_norm import by_buffers, by_channel, saved_moments, standardize, update_moments
from tensorgrad.ops.norm import recorded_grad
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _reshape


def _group_norm_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, w: Any, b: Any, *, groups: int, eps: float, moments: Any
) -> Any:
    """:func:`recorded_grad` over the channels of a group and all pixels, by the saved moments where nothing is
    recorded."""
    if isinstance(x, np.ndarray) and isinstance(g, np.ndarray):
        return kernel.group_norm_grad(wanted, g, x, w, eps=eps, moments=moments)
    shape = (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    of_channel = (1, *shape[1:3], *[1] * (x.ndim - 2))
    w, b = (None if v is None else _reshape(v, shape=of_channel) for v in (w, b))
    g, inside = (_reshape(v, shape=shape) for v in (g, x))
    dx, dw, db = recorded_grad(g, inside, w, b, dim=tuple(range(2, len(shape))), eps=eps)
    pixels = (0, *range(3, len(shape)))
    dw, db = (
        None if d is None else _reshape(_sum(d, dim=pixels, keepdim=False), shape=(x.shape[1],)) for d in (dw, db)
    )
    return _reshape(dx, shape=x.shape), dw, db


@primitive(joint=_group_norm_rule, name="group_norm", saves=True)
def _group_norm(x: Any, w: Any, b: Any, *, groups: int, eps: float) -> Any:
    """``(x - mean) / sqrt(var + eps) * w + b``, the moments over a group of channels and all pixels of a sample."""
    y, moments = kernel.group_norm(x, w, b, groups=groups, eps=eps)
    return y, {"moments": moments}


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
    x = by_channel(input, None, None, weight, bias, 2, op)
    shape = tuple(x.shape)
    if groups < 1 or shape[1] % groups:
        raise op_error(ValueError, op, f"num_groups={groups} must divide the channels ({shape[1]})")
    if math.prod(shape) == groups:
        raise op_error(ValueError, op, f"Expected more than 1 value per channel when training, got input {shape}")
    return _group_norm(x, weight, bias, groups=groups, eps=float(eps))


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
    x = by_channel(input, running_mean, running_var, weight, bias, 3, op)
    if not use_input_stats:
        return by_buffers(x, running_mean, running_var, weight, bias, eps, op)
    count = math.prod(x.shape[2:])
    if count == 1:
        raise op_error(
            ValueError, op, f"Expected more than 1 spatial element when training, got input {tuple(x.shape)}"
        )
    if 0 in x.shape:
        return standardize(x, None, weight, bias)
    channels = x.shape[1]
    y = _group_norm(x, weight, bias, groups=channels, eps=float(eps))
    if running_mean is not None or running_var is not None:
        moments = saved_moments(y) or of_values(kernel.sample_moments, x, channels)
        update_moments(running_mean, running_var, moments, momentum, count)
    return y


__all__ = ["group_norm", "instance_norm"]
