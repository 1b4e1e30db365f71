"""Reductions: many values to one. The gradient goes back along the dimensions that were reduced."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.autograd.structural import broadcast_to, cast
from tensorgrad.errors import op_error
from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.kernels.softmax import logsumexp as logsumexp_along
from tensorgrad.ops._arguments import kept_shape, many_dims, numpy_spelling, operand, raw
from tensorgrad.ops.elementwise import equal, exp, isnan, logical_not, not_equal, where
from tensorgrad.ops.shape import _permute, _reshape


def spread(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced value repeated back over ``shape``: the adjoint of the sum over ``dims``."""
    return broadcast_to(_reshape(g, shape=kept_shape(shape, dims)), shape=shape)


def kept(y: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """A reduced value with size 1 at the reduced dimensions, ready to broadcast against ``shape``."""
    return _reshape(y, shape=kept_shape(shape, dims))


def _reduced(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    """How many values each result is made of."""
    return math.prod(shape[d] for d in dims)


# --- primitives -------------------------------------------------------------------------------------------------------


@primitive(lambda g, y, x, *, dim, keepdim: spread(g, x.shape, dim), name="sum")
def _sum(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    return accurate_sum(x, dim, keepdims=keepdim)


@primitive(
    lambda g, y, x, *, dim, keepdim: spread(g / builtins.max(_reduced(x.shape, dim), 1), x.shape, dim), name="mean"
)
def _mean(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    return accurate_sum(x, dim, keepdims=keepdim) / np.asarray(_reduced(x.shape, dim), x.dtype)


@primitive(lambda g, y, x, *, dim, keepdim: spread(g, x.shape, dim) * logical_not(isnan(x)), name="nansum")
def _nansum(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    return accurate_sum(np.where(np.isnan(x), x.dtype.type(0), x), dim, keepdims=keepdim)


def _deviation(x: Any, dim: tuple[int, ...]) -> Any:
    return x - _mean(x, dim=dim, keepdim=True)


def _variance(x: Any, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    """The variance of an array, in two passes."""
    return accurate_sum(_deviation(x, dim), dim, keepdim, squares=True) / _divisor(x, dim, correction)


def _divisor(x: Any, dim: tuple[int, ...], correction: float) -> Any:
    # a NumPy scalar: dividing by zero gives infinity or NaN, not an exception
    return x.dtype.type(builtins.max(_reduced(x.shape, dim) - correction, 0))


@primitive(
    lambda g, y, x, *, dim, correction, keepdim: (
        kept(g * (2 / _divisor(x, dim, correction)), x.shape, dim) * _deviation(x, dim)
    ),
    name="var",
)
def _var(x: Any, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    return _variance(x, dim, correction, keepdim)


# constant input has deviation 0 and y = 0: the gradient there is 0, not 0 / 0
@primitive(
    lambda g, y, x, *, dim, correction, keepdim: (
        kept(where(equal(y, 0), 0.0, g / where(equal(y, 0), 1.0, y)) / _divisor(x, dim, correction), x.shape, dim)
        * _deviation(x, dim)
    ),
    name="std",
)
def _std(x: Any, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    return np.sqrt(_variance(x, dim, correction, keepdim))


def _prod_rule(g: Any, y: Any, x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    """The product of the others: y / x, unless a factor is 0; then the others are multiplied out."""
    if not (raw(x) == 0).any():
        return spread(g * y, x.shape, dim) / x
    rest = [d for d in range(x.ndim) if d not in dim]
    rows = _flat_rows(x, rest, dim)
    n = rows.shape[-1]
    others = _prod(
        where(np.eye(n, dtype=bool), 1.0, _reshape(rows, shape=(rows.shape[0], 1, n))),
        dim=(2,),
        keepdim=False,
    )
    return spread(g, x.shape, dim) * _unflat_rows(others, x, rest, dim)


def _flat_rows(x: Any, rest: list[int], dim: tuple[int, ...]) -> Any:
    n = _reduced(x.shape, dim)
    return _reshape(_permute(x, dims=(*rest, *dim)), shape=(math.prod(x.shape[d] for d in rest), n))


def _unflat_rows(rows: Any, x: Any, rest: list[int], dim: tuple[int, ...]) -> Any:
    order = (*rest, *dim)
    return _permute(_reshape(rows, shape=tuple(x.shape[d] for d in order)), dims=tuple(np.argsort(order).tolist()))


@primitive(_prod_rule, name="prod")
def _prod(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    return np.prod(x, axis=dim, keepdims=keepdim, dtype=x.dtype)


_shares = one_pass(lambda g, x, y: g * exp(x - y))


@primitive(
    lambda g, y, x, *, dim, keepdim: _shares(kept(g, x.shape, dim), x, kept(y, x.shape, dim)),
    name="logsumexp",
    promote=promote_to_float,
)
def _logsumexp(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    y = logsumexp_along(x, dim)
    return y if keepdim else y.reshape([n for i, n in enumerate(x.shape) if i not in dim])


all_along = primitive(name="all")(lambda x, *, dim, keepdim: np.all(x, axis=dim, keepdims=keepdim))
any_along = primitive(name="any")(lambda x, *, dim, keepdim: np.any(x, axis=dim, keepdims=keepdim))

# --- public names -----------------------------------------------------------------------------------------------------


@numpy_spelling
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over ``dim`` (an int, several, or all). Integers and booleans sum to int64. Source: ``torch.sum``.

    >>> import tensorgrad as tg
    >>> tg.sum(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    x = operand(input, "sum")
    if dtype is not None or x.dtype.kind in "biu":
        x = counting(x, dtype)
    return _sum(x, dim=many_dims(dim, x.ndim, "sum"), keepdim=keepdim)


@numpy_spelling
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The arithmetic mean over ``dim``; NaN of nothing. Raises TypeError for integers. Source: ``torch.mean``.

    >>> import tensorgrad as tg
    >>> tg.mean(tg.tensor([1.0, 2.0, 6.0])).item()
    3.0
    """
    x = _float(_as_dtype(operand(input, "mean"), dtype), "mean")
    return _mean(x, dim=many_dims(dim, x.ndim, "mean"), keepdim=keepdim)


@numpy_spelling
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over ``dim`` of what is not NaN; a NaN gets the gradient 0. Source: ``torch.nansum``.

    >>> import tensorgrad as tg
    >>> tg.nansum(tg.tensor([1.0, float("nan"), 2.0])).item()
    3.0
    """
    x = _as_dtype(operand(input, "nansum"), dtype)
    dims = many_dims(dim, x.ndim, "nansum")
    return _nansum(x, dim=dims, keepdim=keepdim) if x.dtype.kind == "f" else sum(x, dims, keepdim, dtype=dtype)


@numpy_spelling
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over ``dim`` of what is not NaN; NaN when nothing else is there. Source: ``torch.nanmean``.

    >>> import tensorgrad as tg
    >>> tg.nanmean(tg.tensor([1.0, float("nan"), 2.0])).item()
    1.5
    """
    x = _float(_as_dtype(operand(input, "nanmean"), dtype), "nanmean")
    dims = many_dims(dim, x.ndim, "nanmean")
    numbers = raw(logical_not(isnan(x)))
    count = accurate_sum(numbers.astype(x.dtype), dims, keepdims=keepdim)
    return _nansum(x, dim=dims, keepdim=keepdim) / np.asarray(count)


@numpy_spelling
def count_nonzero(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """How many values along ``dim`` are not zero (NaN is not). Source: ``torch.count_nonzero``.

    >>> import tensorgrad as tg
    >>> tg.count_nonzero(tg.tensor([[1, 0], [2, 3]]), dim=1)
    tensor([1, 2])
    """
    x = operand(input, "count_nonzero")
    dims = many_dims(dim, x.ndim, "count_nonzero")
    return sum(not_equal(x, 0), dims, keepdim)


@numpy_spelling
def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """The variance, ``sum (x - mean)^2 / (n - correction)``; ``correction`` is 1 unless said otherwise.

    Two passes, so that a large mean costs no accuracy. Source: ``torch.var``.

    >>> import tensorgrad as tg
    >>> tg.var(tg.tensor([1.0, 2.0, 3.0])).item()
    1.0
    """
    x, dims, correction = _moment_arguments(input, dim, unbiased, correction, "var")
    return _var(x, dim=dims, correction=correction, keepdim=keepdim)


@numpy_spelling
def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """The standard deviation, the root of :func:`var`; a constant has gradient 0. Source: ``torch.std``.

    >>> import tensorgrad as tg
    >>> tg.std(tg.tensor([1.0, 2.0, 3.0])).item()
    1.0
    """
    x, dims, correction = _moment_arguments(input, dim, unbiased, correction, "std")
    return _std(x, dim=dims, correction=correction, keepdim=keepdim)


def _moment_arguments(
    input: Any, dim: Any, unbiased: Any, correction: Any, op: str
) -> tuple[Any, tuple[int, ...], float]:
    x = _float(operand(input, op), op)
    if isinstance(dim, bool):  # PyTorch's short form: var(x, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise op_error(TypeError, op, "got both unbiased= and correction=; give one")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return x, many_dims(dim, x.ndim, op), correction


@numpy_spelling
def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Any, Any]:
    """``(var(input), mean(input))`` with the arguments of :func:`var`. Source: ``torch.var_mean``.

    >>> import tensorgrad as tg
    >>> tg.var_mean(tg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    x, dims, correction = _moment_arguments(input, dim, unbiased, correction, "var_mean")
    return _var(x, dim=dims, correction=correction, keepdim=keepdim), _mean(x, dim=dims, keepdim=keepdim)


@numpy_spelling
def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Any, Any]:
    """``(std(input), mean(input))`` with the arguments of :func:`std`. Source: ``torch.std_mean``.

    >>> import tensorgrad as tg
    >>> tg.std_mean(tg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    x, dims, correction = _moment_arguments(input, dim, unbiased, correction, "std_mean")
    return _std(x, dim=dims, correction=correction, keepdim=keepdim), _mean(x, dim=dims, keepdim=keepdim)


@numpy_spelling
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over ``dim``; exact gradients with zeros among the factors. Integers and booleans give int64.

    Source: ``torch.prod``.

    >>> import tensorgrad as tg
    >>> tg.prod(tg.tensor([2.0, 3.0])).item()
    6.0
    """
    x = counting(operand(input, "prod"), dtype)
    return _prod(x, dim=many_dims(dim, x.ndim, "prod"), keepdim=keepdim)


@numpy_spelling
def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where every value along ``dim`` is nonzero; along no dimension, ``()``, each by itself.

    Source: ``torch.all``.
    """
    x = operand(input, "all")
    return all_along(x, dim=() if dim == () else many_dims(dim, x.ndim, "all"), keepdim=keepdim)


@numpy_spelling
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where some value along ``dim`` is nonzero; along no dimension, ``()``, each by itself.

    Source: ``torch.any``.
    """
    x = operand(input, "any")
    return any_along(x, dim=() if dim == () else many_dims(dim, x.ndim, "any"), keepdim=keepdim)


@numpy_spelling
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """``log sum exp(x)`` over ``dim``, computed without overflow; integers give float32. Source: ``torch.logsumexp``.

    >>> import tensorgrad as tg
    >>> tg.logsumexp(tg.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6932)
    """
    x = operand(input, "logsumexp")
    x = x if x.dtype.kind == "f" else _as_dtype(x, np.float32)
    return _logsumexp(x, dim=many_dims(dim, x.ndim, "logsumexp"), keepdim=keepdim)


def _float(x: Any, op: str) -> Any:
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {x.dtype}; convert with .float()")
    return x


def _as_dtype(x: Any, dtype: Any) -> Any:
    if dtype is None or np.dtype(dtype) == x.dtype:
        return x
    if np.dtype(dtype).kind == "f" and x.dtype.kind == "f":
        return cast(x, dtype=np.dtype(dtype))
    return x.astype(dtype) if isinstance(x, np.ndarray) else x.to(dtype)


def counting(x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``, by default int64 for integers and booleans: their sums and products need the room."""
    return _as_dtype(x, np.int64 if dtype is None and x.dtype.kind in "biu" else dtype)


def _not_empty(x: Any, dims: tuple[int, ...], op: str) -> tuple[int, ...]:
    if _reduced(x.shape, dims) == 0:
        raise op_error(
            IndexError if len(dims) < x.ndim else ValueError,
            op,
            f"cannot reduce over no elements: shape {tuple(x.shape)}, dim {dims}",
        )
    return dims


__all__ = [
    "all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "std", "std_mean", "sum", "var",
    "var_mean",
]  # fmt: skip
