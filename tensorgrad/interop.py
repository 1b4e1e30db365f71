"""NumPy's own functions on tensors: ``np.sin(t)``, ``np.concatenate([t, a])``, ``array * t`` keep their gradients.

A function that is not in the tables raises TypeError: a tensor is never silently turned into an array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import interop_linalg
from tensorgrad.autograd.out import compute_into
from tensorgrad.errors import op_error
from tensorgrad.interop_arrays import ARRAY_FUNCTIONS
from tensorgrad.ops import (
    einsum,
    elementary,
    elementwise,
    extrema,
    join,
    linalg,
    products,
    reduce,
    rounding,
    shape,
    special,
)

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: elementwise.add,
    np.subtract: elementwise.sub,
    np.multiply: elementwise.mul,
    np.true_divide: elementwise.div,
    np.floor_divide: elementwise.floor_divide,
    np.remainder: elementwise.remainder,
    np.power: elementwise.pow,
    np.maximum: elementwise.maximum,
    np.minimum: elementwise.minimum,
    np.negative: elementwise.neg,
    np.absolute: elementwise.abs,
    np.sign: elementwise.sign,
    np.exp: elementwise.exp,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.sqrt: elementwise.sqrt,
    np.square: elementwise.square,
    np.reciprocal: elementwise.reciprocal,
    np.sin: elementwise.sin,
    np.cos: elementwise.cos,
    np.tanh: elementwise.tanh,
    np.floor: elementwise.floor,
    np.ceil: elementwise.ceil,
    np.arcsin: elementary.asin,
    np.arccos: elementary.acos,
    np.arctan: elementary.atan,
    np.arctan2: elementary.atan2,
    np.arcsinh: elementary.asinh,
    np.arccosh: elementary.acosh,
    np.arctanh: elementary.atanh,
    np.tan: elementary.tan,
    np.sinh: elementary.sinh,
    np.cosh: elementary.cosh,
    np.exp2: elementary.exp2,
    np.log2: elementary.log2,
    np.log10: elementary.log10,
    np.logaddexp: elementary.logaddexp,
    np.logaddexp2: elementary.logaddexp2,
    np.hypot: elementary.hypot,
    np.fmax: elementary.fmax,
    np.fmin: elementary.fmin,
    np.float_power: elementary.float_power,
    np.ldexp: elementary.ldexp,
    np.deg2rad: elementary.deg2rad,
    np.radians: elementary.deg2rad,
    np.rad2deg: elementary.rad2deg,
    np.degrees: elementary.rad2deg,
    np.positive: elementary.positive,
    np.fmod: rounding.fmod,
    np.copysign: rounding.copysign,
    np.trunc: rounding.trunc,
    np.rint: rounding.round,
    np.equal: elementwise.equal,
    np.not_equal: elementwise.not_equal,
    np.less: elementwise.less,
    np.less_equal: elementwise.less_equal,
    np.greater: elementwise.greater,
    np.greater_equal: elementwise.greater_equal,
    np.logical_and: elementwise.logical_and,
    np.logical_or: elementwise.logical_or,
    np.logical_xor: elementwise.logical_xor,
    np.logical_not: elementwise.logical_not,
    np.bitwise_and: elementwise.bitwise_and,
    np.bitwise_or: elementwise.bitwise_or,
    np.bitwise_xor: elementwise.bitwise_xor,
    np.invert: elementwise.bitwise_not,
    np.isnan: elementwise.isnan,
    np.isinf: elementwise.isinf,
    np.isfinite: elementwise.isfinite,
    np.matmul: linalg.matmul,
    np.vecdot: lambda a, b: products.vecdot(a, b),
}


def _variance(op: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's ``var`` and ``std`` divide by n unless ``ddof`` says otherwise; PyTorch's by n - 1."""

    def moment(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        return op(a, axis, keepdim=keepdims, correction=ddof)

    return moment


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return elementwise.clamp(a, a_min if min is None else min, a_max if max is None else max)


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    return rounding.nan_to_num(x, nan, posinf, neginf)


def _flip(m: Any, axis: Any = None) -> Any:
    return shape.flip(m, dim=axis)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: reduce.sum,
    np.mean: reduce.mean,
    np.prod: reduce.prod,
    np.max: extrema.amax,
    np.min: extrema.amin,
    np.argmax: extrema.argmax,
    np.argmin: extrema.argmin,
    np.all: reduce.all,
    np.any: reduce.any,
    np.var: _variance(reduce.var),
    np.std: _variance(reduce.std),
    np.reshape: shape.reshape,
    np.transpose: shape.transpose,
    np.squeeze: shape.squeeze,
    np.broadcast_to: shape.broadcast_to,
    np.flip: _flip,
    np.roll: lambda a, shift, axis=None: shape.roll(a, shift, axis),
    np.concatenate: join.cat,
    np.stack: join.stack,
    np.where: elementwise.where,
    np.round: lambda a, decimals=0: rounding.round(a, decimals=decimals),
    np.around: lambda a, decimals=0: rounding.round(a, decimals=decimals),
    np.sinc: special.sinc,
    np.nan_to_num: _nan_to_num,
    np.isclose: rounding.isclose,
    np.allclose: rounding.allclose,
    np.array_equal: rounding.equal,
    np.clip: _clip,
    **interop_linalg.FUNCTIONS,
    np.einsum: einsum.einsum,
    np.shape: lambda a: tuple(a.shape),
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.numel(),
}
FUNCTIONS |= ARRAY_FUNCTIONS


class NumpyProtocols:
    """Mixin through which NumPy hands its functions over to a tensor."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = UFUNCS.get(ufunc)
        out = kwargs.pop("out", None)
        if op is None or method != "__call__" or kwargs:
            extra = f" with {', '.join(kwargs)}=" if kwargs else ""
            raise op_error(
                TypeError,
                f"np.{ufunc.__name__}",
                f"{method}{extra} is not defined for tensors; use a tensorgrad operator, or t.detach().numpy()",
            )
        return op(*inputs) if out is None else compute_into(out[0], op, inputs, {}, f"np.{ufunc.__name__}")

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        op = FUNCTIONS.get(func)
        if op is None:
            raise op_error(
                TypeError,
                f"np.{func.__name__}",
                "is not defined for tensors; use a tensorgrad operator, or t.detach().numpy()",
            )
        out = kwargs.pop("out", None)
        if out is None:
            return op(*args, **kwargs)
        return compute_into(out, op, args, kwargs, f"np.{func.__name__}")
