"""Arithmetic and the functions of one variable: the formulary's first page.

Each line reads: the derivative with respect to input i, then the function. ``g`` is the gradient that arrives,
``y`` the output. Broadcasting never appears: the engine undoes it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float
from tensorgrad.autograd.structural import add
from tensorgrad.errors import op_error
from tensorgrad.kernels import elementwise as kernel
from tensorgrad.kernels.choice import choose
from tensorgrad.ops._arguments import is_tensor, raw
from tensorgrad.ops.index import nonzero


def _zero(g: Any, y: Any, x: Any, *_: Any) -> Any:
    """The derivative of a step function: zero, also where ``g`` is infinite."""
    return np.zeros(g.shape, g.dtype)


# --- comparisons and logic: booleans, nothing to differentiate ----------------------------------------------------

equal = primitive(name="eq", formula="a == b")(np.equal)
not_equal = primitive(name="ne", formula="a != b")(np.not_equal)
less = primitive(name="lt", formula="a < b")(np.less)
less_equal = primitive(name="le", formula="a <= b")(np.less_equal)
greater = primitive(name="gt", formula="a > b")(np.greater)
greater_equal = primitive(name="ge", formula="a >= b")(np.greater_equal)
logical_and = primitive(formula="a and b")(np.logical_and)
logical_or = primitive(formula="a or b")(np.logical_or)
logical_xor = primitive(formula="a xor b")(np.logical_xor)
logical_not = primitive(formula="not x")(np.logical_not)
bitwise_and = primitive(promote=promote_operands, formula="a & b")(np.bitwise_and)
bitwise_or = primitive(promote=promote_operands, formula="a | b")(np.bitwise_or)
bitwise_xor = primitive(promote=promote_operands, formula="a ^ b")(np.bitwise_xor)
bitwise_not = primitive(name="bitwise_not", formula="~x")(np.invert)
isnan = primitive(formula="x != x")(np.isnan)
isinf = primitive(formula="|x| = inf")(np.isinf)
isfinite = primitive(formula="|x| < inf")(np.isfinite)

# --- two operands ---------------------------------------------------------------------------------------------

#: on operands of mixed dtypes; on anything, with a floating-point result
_mixed = functools.partial(primitive, promote=promote_operands, elementwise=True)
_floating = functools.partial(primitive, promote=promote_to_float, elementwise=True)

sub = _mixed(lambda g, y, a, b: g, lambda g, y, a, b: -g, name="sub")(np.subtract)
mul = _mixed(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, name="mul", formula="a b")(np.multiply)
div = _floating(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, name="div", formula="a / b")(np.true_divide)

# y = a^b:  dy/da = b a^(b - 1), dy/db = y log a. The first where b = 0, the second where a = 0 <= b, may come out
# as 0 * inf; their limits are 0
power: Callable[..., Any] = _mixed(
    lambda g, y, a, b: where(equal(b, 0), 0.0, g * b * power(a, b - 1)),
    lambda g, y, a, b: where(equal(a, 0) & greater_equal(b, 0), 0.0, g * y * log(a)),
    name="pow",
)(np.power)

# a tie gives half the gradient to each; a NaN loses to nobody, so both sides get it
maximum = _mixed(
    lambda g, y, a, b: where(equal(a, b), g / 2, where(less(a, b), 0.0, g)),
    lambda g, y, a, b: where(equal(a, b), g / 2, where(less(b, a), 0.0, g)),
    name="maximum",
    formula="max(a, b)",
)(np.maximum)
minimum = _mixed(
    lambda g, y, a, b: where(equal(a, b), g / 2, where(less(b, a), 0.0, g)),
    lambda g, y, a, b: where(equal(a, b), g / 2, where(less(a, b), 0.0, g)),
    name="minimum",
    formula="min(a, b)",
)(np.minimum)

floor_divide = _mixed(_zero, _zero, name="floor_divide", formula="floor(a / b)")(np.floor_divide)
remainder = _mixed(
    lambda g, y, a, b: g,
    lambda g, y, a, b: -g * floor_divide(a, b),
    name="remainder",
    formula="a - b floor(a / b)",
)(np.remainder)

# --- one operand ------------------------------------------------------------------------------------------------

neg = primitive(lambda g, y, x: -g, name="neg", elementwise=True, formula="-x")(np.negative)
square = primitive(lambda g, y, x: 2 * g * x, elementwise=True, formula="x^2")(np.square)
exp = _floating(lambda g, y, x: g * y, formula="e^x")(np.exp)
expm1 = _floating(lambda g, y, x: g * (y + 1), formula="e^x - 1")(np.expm1)
log: Callable[..., Any] = _floating(lambda g, y, x: g / x, formula="log x")(np.log)
log1p = _floating(lambda g, y, x: g / (1 + x), formula="log(1 + x)")(np.log1p)
sqrt = _floating(lambda g, y, x: g / (2 * y), formula="sqrt(x)")(np.sqrt)
rsqrt = _floating(lambda g, y, x: -0.5 * g * y * y * y, name="rsqrt", formula="1 / sqrt(x)")(lambda x: 1 / np.sqrt(x))
reciprocal = _floating(lambda g, y, x: -g * y * y, name="reciprocal", formula="1 / x")(lambda x: 1 / x)
sin = _floating(lambda g, y, x: g * cos(x), formula="sin x")(np.sin)
cos: Callable[..., Any] = _floating(lambda g, y, x: -g * sin(x), formula="cos x")(np.cos)
tanh = _floating(lambda g, y, x: g * (1 - y * y), formula="tanh x")(np.tanh)
sigmoid = _floating(lambda g, y, x: g * y * (1 - y), name="sigmoid", formula="1 / (1 + e^-x)")(
    lambda x: 1 / (1 + np.exp(-x))
)

# sign(NaN) is 0, as in PyTorch
sign = primitive(_zero, name="sign", formula="(x > 0) - (x < 0)")(kernel.sign)
absolute = primitive(lambda g, y, x: g * sign(x), name="abs", elementwise=True, formula="|x|")(np.absolute)
floor = primitive(_zero, formula="max {n integer: n <= x}")(np.floor)
ceil = primitive(_zero, formula="min {n integer: n >= x}")(np.ceil)


# --- choices ------------------------------------------------------------------------------------------------------


@primitive(
    None,
    lambda g, y, condition, a, b: _where(condition, g, 0.0),
    lambda g, y, condition, a, b: _where(condition, 0.0, g),
    name="where",
    elementwise=True,
)
def _where(condition: Any, a: Any, b: Any) -> Any:
    if condition.dtype != np.bool_:
        raise TypeError(f"the condition must be boolean, got {condition.dtype}; write condition != 0")
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        _, a, b = promote_operands([None, a, b])
        return choose(condition, a, b)
    y = np.where(condition, a, b)
    return y.astype(np.float32) if y.dtype == np.float64 else y  # of two numbers, which have no dtype of their own


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, ``other`` elsewhere; the three shapes broadcast.

    ``where(condition)`` alone gives the positions where it holds, one vector for each dimension: see ``nonzero``.

    A derivative that is infinite in the branch not taken still gives NaN (0 * inf), as in PyTorch: make the
    argument safe first, ``where(x > 0, sqrt(where(x > 0, x, 1)), 0)``. Raises TypeError when ``condition`` is not
    boolean, or only one of the other two is given. Source: ``torch.where``.

    >>> import tensorgrad as tg
    >>> tg.where(tg.tensor([True, False]), tg.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    if input is None or other is None:
        if input is not None or other is not None:
            raise op_error(TypeError, "where", "expected a condition alone, or a condition, input and other")
        return nonzero(condition, as_tuple=True)
    if not (is_tensor(condition) or isinstance(condition, np.ndarray)):
        condition = np.asarray(condition)
    return _where(condition, input, other)


@primitive(
    lambda g, y, x, low, high: where(_inside(x, low, high), g, 0.0),
    lambda g, y, x, low, high: where(_below(x, low, high), g, 0.0),
    lambda g, y, x, low, high: where(_above(x, low, high), g, 0.0),
    name="clamp",
    promote=promote_operands,
    elementwise=True,
)
def _clamp(x: Any, low: Any, high: Any) -> Any:
    y = x if low is None else np.maximum(x, low)
    return y if high is None else np.minimum(y, high)


def _inside(x: Any, low: Any, high: Any) -> Any:
    """Where ``x`` passes: at the bounds too, not at NaN."""
    inside = equal(x, x)
    if low is not None:
        inside = inside & greater_equal(x, low)
    return inside if high is None else inside & less_equal(x, high)


def _below(x: Any, low: Any, high: Any) -> Any:
    """Where the lower bound is strictly active."""
    return less(x, low) if high is None else less(x, low) & less(low, high)


def _above(x: Any, low: Any, high: Any) -> Any:
    """Where the upper bound is strictly active, also when it lies below the lower one."""
    return greater(x, high) if low is None else greater(x, high) | less(high, low)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """``min(max(input, min), max)``, elementwise; bounds are numbers or tensors.

    The gradient passes at the bounds themselves, and is 0 outside and at NaN. Raises ValueError without any bound.
    Source: ``torch.clamp``.

    >>> import tensorgrad as tg
    >>> tg.clamp(tg.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise op_error(ValueError, "clamp", "at least one of min and max must be given")
    return _clamp(input, min, max)


@primitive(
    lambda g, y, x, *, exponent: g * (exponent * pow(x, exponent - 1)) if exponent else np.zeros(g.shape, g.dtype),
    name="pow_scalar",
    elementwise=True,
)
def _pow_scalar(x: Any, *, exponent: float) -> Any:
    return kernel.power(x, exponent)


@reads_shapes
def pow(input: Any, exponent: Any) -> Any:
    """``input ** exponent``, elementwise.

    A Python number as exponent is a constant: negative bases then have the real derivative, where an exponent
    tensor has the derivative ``y log(input)``, NaN for them. Raises ValueError for integers to a negative power.
    Source: ``torch.pow``.

    >>> import tensorgrad as tg
    >>> tg.pow(tg.tensor([1.0, -2.0]), 3)
    tensor([ 1., -8.])
    """
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if isinstance(exponent, (int, float)) and not isinstance(exponent, bool):
        array = raw(input)
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            whole = exponent in (-2, -1, 1, 3)  # a product, whose form the exponent decides over
            return square(input) if exponent == 2 else _pow_scalar(input, exponent=int(exponent) if whole else exponent)
    return power(input, exponent)


abs = absolute

__all__ = [
    "abs", "absolute", "add", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "cos",
    "div", "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "isfinite", "isinf",
    "isnan", "less", "less_equal", "log", "log1p", "logical_and", "logical_not", "logical_or", "logical_xor",
    "maximum", "minimum", "mul", "neg", "not_equal", "pow", "power", "reciprocal", "remainder", "rsqrt", "sigmoid",
    "sign", "sin", "sqrt", "square", "sub", "tanh", "where",
]  # fmt: skip
