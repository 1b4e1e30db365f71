"""Rounding, what rounding leaves over, signs, and comparison up to rounding errors.

A step function has the derivative zero; what is left over after a step has the derivative one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float, result_type
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import raw
from tensorgrad.ops.elementwise import div as _div
from tensorgrad.ops.elementwise import equal as _equal
from tensorgrad.ops.elementwise import floor_divide, isfinite, sign, where

_mixed = functools.partial(primitive, promote=promote_operands)
_floating = functools.partial(primitive, promote=promote_to_float)


def _zero(g: Any, y: Any, *_: Any, **__: Any) -> Any:
    """The derivative of a step function: zero, also where ``g`` is infinite."""
    return np.zeros(g.shape, g.dtype)


def _integers_stay(function: Any) -> Any:
    """``function`` for floats; integers are whole already."""
    return lambda x, **static: x.copy() if x.dtype.kind in "iu" else function(x, **static)


trunc = primitive(_zero, name="trunc", formula="sign(x) floor(|x|)")(_integers_stay(np.trunc))
frac = primitive(lambda g, y, x: g, name="frac", formula="x - trunc(x)")(lambda x: x - np.trunc(x))
_round = primitive(_zero, name="round")(_integers_stay(np.round))
_trunc_divide = _mixed(_zero, _zero, name="trunc_divide")(
    lambda a, b: _whole_quotient(a, b) if result_type([a, b]).kind in "iub" else np.trunc(np.true_divide(a, b))
)
fmod = _mixed(lambda g, y, a, b: g, lambda g, y, a, b: -g * _trunc_divide(a, b), formula="a - b trunc(a / b)")(np.fmod)
copysign = _floating(
    lambda g, y, a, b: where(_equal(a, 0), 0.0, g * (y / a)),
    _zero,
    formula="|a| sign(b)",
)(np.copysign)


def _whole_quotient(a: Any, b: Any) -> Any:
    """The quotient of integers, towards zero and without passing through floats."""
    quotient = np.floor_divide(a, b)
    return quotient + ((quotient < 0) & (quotient * b != a))


def round(input: Any, *, decimals: int = 0) -> Any:
    """The nearest number with ``decimals`` decimals, halves to the even one; negative ``decimals`` round to tens.

    Source: ``torch.round``.

    >>> import tensorgrad as tg
    >>> tg.round(tg.tensor([0.5, 1.5, -2.6]))
    tensor([ 0.,  2., -3.])
    """
    return _round(input, decimals=decimals)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``input / other``; ``rounding_mode`` "trunc" rounds towards zero, "floor" down, with the derivative 0.

    Integers give floats, and integers when rounded. Raises ValueError for another mode. Source: ``torch.div``.

    >>> import tensorgrad as tg
    >>> tg.div(tg.tensor([7, -7]), 2, rounding_mode="trunc"), tg.div(tg.tensor([7, -7]), 2, rounding_mode="floor")
    (tensor([ 3, -3]), tensor([ 3, -4]))
    """
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    raise op_error(ValueError, "div", f"rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")


@primitive(lambda g, y, x, **_: where(isfinite(x), g, 0.0), name="nan_to_num")
def _nan_to_num(x: Any, *, nan: float, posinf: float | None, neginf: float | None) -> Any:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Numbers for NaN and infinities, by default 0 and the dtype's largest and smallest; they get the gradient 0.

    Source: ``torch.nan_to_num``.

    >>> import tensorgrad as tg
    >>> tg.nan_to_num(tg.tensor([tg.nan, tg.inf, 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    return _nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


# --- comparison up to rounding errors --------------------------------------------------------------------------------

_isclose = primitive(name="isclose")(
    lambda a, b, *, rtol, atol, equal_nan: np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
)


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """``|input - other| <= atol + rtol * |other|``, elementwise; infinities are close to themselves.

    Source: ``torch.isclose``.

    >>> import tensorgrad as tg
    >>> tg.isclose(tg.tensor([1.0, 2.0]), tg.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    return _isclose(input, other, rtol=raw(rtol), atol=raw(atol), equal_nan=equal_nan)


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """True when :func:`isclose` holds everywhere. Source: ``torch.allclose``.

    >>> import tensorgrad as tg
    >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.000001, 2.0]))
    True
    """
    return bool(np.all(raw(isclose(input, other, rtol, atol, equal_nan))))


def equal(input: Any, other: Any) -> bool:
    """True when both have the same shape and the same elements; :func:`eq` compares them one by one.

    Source: ``torch.equal``.

    >>> import tensorgrad as tg
    >>> tg.equal(tg.tensor([1, 2]), tg.tensor([1, 2])), tg.equal(tg.tensor([1, 2]), tg.tensor([1]))
    (True, False)
    """
    return bool(np.array_equal(raw(input), raw(other)))


fix = trunc
sgn = sign

__all__ = [
    "allclose", "copysign", "div", "equal", "fix", "fmod", "frac", "isclose", "nan_to_num", "round", "sgn", "trunc",
]  # fmt: skip
