"""Trigonometry, hyperbolic functions, exponentials and logarithms beyond the first page (elementwise.py).

Each line reads: the derivative with respect to input i, then the function.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float
from tensorgrad.autograd.structural import cast
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import alike, operand
from tensorgrad.ops.elementwise import (
    add,
    clamp,
    div,
    equal,
    greater_equal,
    isnan,
    mul,
    pow,
    power,
    reciprocal,
    rsqrt,
    sigmoid,
    where,
)
from tensorgrad.ops.scaled import sub

_mixed = functools.partial(primitive, promote=promote_operands, elementwise=True)
_floating = functools.partial(primitive, promote=promote_to_float, elementwise=True)

_LN2, _LN10 = math.log(2), math.log(10)

# --- trigonometry ---------------------------------------------------------------------------------------------

tan = _floating(lambda g, y, x: g * (1 + y * y), formula="tan x")(np.tan)
asin = _floating(lambda g, y, x: g * rsqrt(1 - x * x), name="asin", formula="arcsin x")(np.arcsin)
acos = _floating(lambda g, y, x: -g * rsqrt(1 - x * x), name="acos", formula="arccos x")(np.arccos)
atan = _floating(lambda g, y, x: g / (1 + x * x), name="atan", formula="arctan x")(np.arctan)
atan2 = _floating(
    lambda g, y, a, b: g * (b * _inverse_square(a, b)),
    lambda g, y, a, b: -g * (a * _inverse_square(a, b)),
    name="atan2",
    formula="arg(b + i a)",
)(np.arctan2)


def _inverse_square(a: Any, b: Any) -> Any:
    """``1 / (a^2 + b^2)``, and 0 at the origin."""
    r = a * a + b * b
    origin = equal(r, 0)
    return where(origin, 0.0, reciprocal(where(origin, 1.0, r)))


hypot = _floating(
    lambda g, y, a, b: g * (a / y),
    lambda g, y, a, b: g * (b / y),
    formula="sqrt(a^2 + b^2)",
)(np.hypot)


# --- hyperbolic functions ---------------------------------------------------------------------------------------

sinh: Callable[..., Any] = _floating(lambda g, y, x: g * cosh(x), formula="sinh x")(np.sinh)
cosh: Callable[..., Any] = _floating(lambda g, y, x: g * sinh(x), formula="cosh x")(np.cosh)
asinh = _floating(lambda g, y, x: g * rsqrt(x * x + 1), name="asinh", formula="arsinh x")(np.arcsinh)
acosh = _floating(lambda g, y, x: g * rsqrt(x * x - 1), name="acosh", formula="arcosh x")(np.arccosh)
atanh = _floating(lambda g, y, x: g / (1 - x * x), name="atanh", formula="artanh x")(np.arctanh)

# --- exponentials and logarithms --------------------------------------------------------------------------------

exp2 = _floating(lambda g, y, x: g * y * _LN2, formula="2^x")(np.exp2)
log2 = _floating(lambda g, y, x: g / (x * _LN2), formula="log2 x")(np.log2)
log10 = _floating(lambda g, y, x: g / (x * _LN10), formula="log10 x")(np.log10)
logaddexp = _floating(
    lambda g, y, a, b: g * sigmoid(a - b),
    lambda g, y, a, b: g * sigmoid(b - a),
    formula="log(e^a + e^b)",
)(np.logaddexp)
logaddexp2 = _floating(
    lambda g, y, a, b: g * sigmoid((a - b) * _LN2),
    lambda g, y, a, b: g * sigmoid((b - a) * _LN2),
    formula="log2(2^a + 2^b)",
)(np.logaddexp2)

# --- the larger and the smaller of two, a number winning over NaN and the first over the second --------------------

fmax = _mixed(
    lambda g, y, a, b: where(greater_equal(a, b) | isnan(b), g, 0.0),
    lambda g, y, a, b: where(greater_equal(a, b) | isnan(b), 0.0, g),
    formula="max(a, b), or the one that is no NaN",
)(np.fmax)
fmin = _mixed(
    lambda g, y, a, b: where(greater_equal(b, a) | isnan(b), g, 0.0),
    lambda g, y, a, b: where(greater_equal(b, a) | isnan(b), 0.0, g),
    formula="min(a, b), or the one that is no NaN",
)(np.fmin)


# --- several arguments --------------------------------------------------------------------------------------------


@_floating(
    lambda g, y, a, b, w: g * (1 - w),
    lambda g, y, a, b, w: g * w,
    lambda g, y, a, b, w: g * (b - a),
    name="lerp",
)
def _lerp(a: Any, b: Any, w: Any) -> Any:
    """From the nearer end, so that weight 1 gives ``b`` exactly."""
    return np.where(np.less(w, 0.5), a + w * (b - a), b - (b - a) * (1 - w))


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """``input + weight * (end - input)``; ``weight`` is a number or a tensor. Source: ``torch.lerp``.

    >>> import tensorgrad as tg
    >>> tg.lerp(tg.tensor([0.0, 10.0]), tg.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """
    return _lerp(input, end, weight)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``input + value * tensor1 * tensor2``. Source: ``torch.addcmul``.

    >>> import tensorgrad as tg
    >>> tg.addcmul(tg.tensor([1.0]), tg.tensor([2.0]), tg.tensor([3.0]), value=10).item()
    61.0
    """
    x, a, b = alike("addcmul", input, tensor1, tensor2)
    return add(x, mul(a, b) if value == 1 else mul(value, mul(a, b)))


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``input + value * tensor1 / tensor2``. Source: ``torch.addcdiv``.

    >>> import tensorgrad as tg
    >>> tg.addcdiv(tg.tensor([1.0]), tg.tensor([6.0]), tg.tensor([3.0]), value=10).item()
    21.0
    """
    x, a, b = alike("addcdiv", input, tensor1, tensor2)
    return add(x, div(a, b) if value == 1 else mul(value, div(a, b)))


def rsub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """``other - alpha * input``. Source: ``torch.rsub``.

    >>> import tensorgrad as tg
    >>> tg.rsub(tg.tensor([2.0]), 5.0).item()
    3.0
    """
    return sub(other, input, alpha=alpha)


def clamp_min(input: Any, min: Any) -> Any:
    """``max(input, min)`` with the gradient of :func:`clamp`: 1 at the bound. Source: ``torch.clamp_min``.

    >>> import tensorgrad as tg
    >>> tg.clamp_min(tg.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Any:
    """``min(input, max)`` with the gradient of :func:`clamp`: 1 at the bound. Source: ``torch.clamp_max``.

    >>> import tensorgrad as tg
    >>> tg.clamp_max(tg.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return clamp(input, max=max)


def float_power(input: Any, exponent: Any) -> Any:
    """``input ** exponent`` in float64, whatever the dtypes. Source: ``torch.float_power``.

    >>> import tensorgrad as tg
    >>> tg.float_power(tg.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=float64)
    """
    if isinstance(exponent, (int, float, np.generic)):
        return pow(_double(input), float(exponent))
    return power(float(input) if isinstance(input, (int, float, np.generic)) else _double(input), _double(exponent))


def _double(x: Any) -> Any:
    x = operand(x, "float_power")
    return x if x.dtype == np.float64 else cast(x, dtype=np.dtype(np.float64))


def ldexp(input: Any, other: Any) -> Any:
    """``input * 2 ** other``. Source: ``torch.ldexp``.

    >>> import tensorgrad as tg
    >>> tg.ldexp(tg.tensor([1.0, 3.0]), tg.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    x, exponent = alike("ldexp", input, other)
    return mul(x, power(2.0, exponent))


def deg2rad(input: Any) -> Any:
    """Degrees to radians: ``input * pi / 180``. Source: ``torch.deg2rad``.

    >>> import tensorgrad as tg
    >>> tg.deg2rad(tg.tensor([180.0])).item() == tg.tensor(tg.pi).item()
    True
    """
    return mul(input, math.pi / 180)


def rad2deg(input: Any) -> Any:
    """Radians to degrees: ``input * 180 / pi``. Source: ``torch.rad2deg``.

    >>> import tensorgrad as tg
    >>> tg.rad2deg(tg.tensor([tg.pi])).item()
    180.0
    """
    return mul(input, 180 / math.pi)


def positive(input: Any) -> Any:
    """The input itself; TypeError for booleans. Source: ``torch.positive``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0])
    >>> tg.positive(x) is x
    True
    """
    x = operand(input, "positive")
    if x.dtype == np.bool_:
        raise op_error(TypeError, "positive", "booleans have no sign; convert them first, x.int()")
    return x


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh

__all__ = [
    "acos", "acosh", "addcdiv", "addcmul", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "asin", "asinh", "atan", "atan2", "atanh", "clamp_max", "clamp_min", "cosh", "deg2rad", "exp2", "float_power",
    "fmax", "fmin", "hypot", "ldexp", "lerp", "log2", "log10", "logaddexp", "logaddexp2", "positive", "rad2deg",
    "rsub", "sinh", "tan",
]  # fmt: skip
