"""Activation functions made of straight pieces, "hard" ones among them: shrinks, thresholds, learned slopes."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels.choice import choose
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops.activation import leaky_relu
from tensorgrad.ops.elementwise import abs, greater, less, less_equal, mul, where
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.write import with_inplace
from tensorgrad.random import generator

_floating = functools.partial(primitive, promote=promote_to_float, elementwise=True)

# Where a comparison decides, PyTorch's choice at the kink and at NaN is copied: strictly inside, and not at NaN.


@_floating(
    lambda g, y, x, *, low, high: where(greater(x, low) & less(x, high), g, 0.0),
    name="hardtanh",
)
def _hardtanh(x: Any, *, low: float, high: float) -> Any:
    return np.clip(x, low, high)


@with_inplace
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """``x`` between ``min_val`` and ``max_val``, the nearer of them outside; gradient 0 at the bounds themselves.

    Raises ValueError when ``min_val`` exceeds ``max_val``. Source: ``torch.nn.functional.hardtanh``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.hardtanh(tg.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise op_error(ValueError, "hardtanh", f"min_val must not exceed max_val, got {min_val} and {max_val}")
    return _hardtanh(input, low=float(min_val), high=float(max_val))


@with_inplace
def relu6(input: Any, inplace: bool = False) -> Any:
    """``min(max(x, 0), 6)``. Source: ``torch.nn.functional.relu6``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.relu6(tg.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """
    return _hardtanh(input, low=0.0, high=6.0)


_hardsigmoid = _floating(
    lambda g, y, x: where(greater(x, -3) & less(x, 3), g / 6, 0.0),
    name="hardsigmoid",
)(lambda x: np.clip(x + 3, 0, 6) / 6)


@with_inplace
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """``min(max(x + 3, 0), 6) / 6``. Source: ``torch.nn.functional.hardsigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.hardsigmoid(tg.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _hardsigmoid(input)


_hardswish = _floating(
    lambda g, y, x: where(less_equal(x, -3), 0.0, where(less(x, 3), g * (x / 3 + 0.5), g)),
    name="hardswish",
)(lambda x: x * np.clip(x + 3, 0, 6) / 6)


@with_inplace
def hardswish(input: Any, inplace: bool = False) -> Any:
    """``x * hardsigmoid(x)``. Source: ``torch.nn.functional.hardswish``; Howard et al. 2019.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.hardswish(tg.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000,  0.6667,  4.0000])
    """
    return _hardswish(input)


_hardshrink = _floating(
    lambda g, y, x, *, lambd: where(greater(abs(x), lambd), g, 0.0),
    name="hardshrink",
)(lambda x, *, lambd: choose(np.abs(x) <= lambd, 0, x))


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """``x`` where ``|x| > lambd``, 0 elsewhere. Source: ``torch.nn.functional.hardshrink``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.hardshrink(tg.tensor([-1.0, 0.5]))
    tensor([-1.,  0.])
    """
    return _hardshrink(input, lambd=float(lambd))


_softshrink = _floating(
    lambda g, y, x, *, lambd: where(greater(abs(x), lambd), g, 0.0),
    name="softshrink",
)(lambda x, *, lambd: choose(np.abs(x) <= lambd, x * 0, x - np.copysign(lambd, x)))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """``x`` moved towards 0 by ``lambd``, not beyond 0. Source: ``torch.nn.functional.softshrink``.

    Raises ValueError for a negative ``lambd``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.softshrink(tg.tensor([-1.0, 0.25]))
    tensor([-0.5000,  0.0000])
    """
    if lambd < 0:
        raise op_error(ValueError, "softshrink", f"lambd must not be negative, got {lambd}")
    return _softshrink(input, lambd=float(lambd))


_threshold = _floating(
    lambda g, y, x, *, threshold, value: where(less_equal(x, threshold), 0.0, g),
    name="threshold",
)(lambda x, *, threshold, value: choose(x <= threshold, value, x))


@with_inplace
def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """``x`` where ``x > threshold``, ``value`` elsewhere. Source: ``torch.nn.functional.threshold``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.threshold(tg.tensor([0.5, 2.0]), 1.0, 9.0)
    tensor([9., 2.])
    """
    return _threshold(input, threshold=float(threshold), value=float(value))


# --- slopes below zero that are learned or drawn ---------------------------------------------------------------------

_prelu = primitive(
    lambda g, y, x, w: where(greater(x, 0), g, g * w),
    lambda g, y, x, w: where(greater(x, 0), 0.0, g * x),
    name="prelu",
    promote=promote_operands,
)(lambda x, w: choose(x > 0, x, x * w))


def prelu(input: Any, weight: Any) -> Any:
    """``x`` where positive, ``weight * x`` elsewhere; one weight, or one for each channel (dimension 1).

    Raises ValueError when the number of weights fits neither. Source: ``torch.nn.functional.prelu``; He et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.prelu(tg.tensor([-2.0, 2.0]), tg.tensor([0.25]))
    tensor([-0.5000,  2.0000])
    """
    x, w = operand(input, "prelu"), operand(weight, "prelu")
    count = math.prod(w.shape)
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or count not in (1, channels):
        raise op_error(ValueError, "prelu", f"expected 1 or {channels} weights for {describe(x)}, got {describe(w)}")
    shape = () if count == 1 and x.ndim < 2 else (count, *[1] * (x.ndim - 2))
    return _prelu(x, _reshape(w, shape=shape))


@with_inplace
def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    """:func:`leaky_relu` with slopes drawn from [lower, upper] in training, their mean otherwise.

    Raises ValueError when ``lower`` exceeds ``upper``. Source: ``torch.nn.functional.rrelu``; Xu et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.rrelu(tg.tensor([-2.0, 2.0]), 0.25, 0.75)
    tensor([-1.,  2.])
    """
    if not lower <= upper:
        raise op_error(ValueError, "rrelu", f"lower must not exceed upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    x = operand(input, "rrelu")
    drawn = generator().uniform(lower, upper, tuple(x.shape))
    return mul(x, choose(raw(x) <= 0, drawn, 1.0).astype(x.dtype))


__all__ = [
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "prelu", "relu6", "rrelu", "softshrink", "threshold",
]  # fmt: skip
