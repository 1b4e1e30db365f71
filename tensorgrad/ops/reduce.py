"""Reductions: many values to one. The gradient goes back along the dimensions that were reduced."""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.autograd.structural import broadcast_to, cast
from tensorgrad.errors import op_error
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.ops._arguments import as_int, kept_shape, many_dims, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.elementwise import abs as _abs
from tensorgrad.ops.elementwise import equal, exp, isnan, maximum, minimum, pow, sign, where
from tensorgrad.ops.index import gather
from tensorgrad.ops.shape import _permute, _reshape, flip


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


def _deviation(x: Any, dim: tuple[int, ...]) -> Any:
    return x - _mean(x, dim=dim, keepdim=True)


def _divisor(x: Any, dim: tuple[int, ...], correction: float) -> Any:
    # a NumPy scalar: dividing by zero gives infinity or NaN, not an exception
    return x.dtype.type(builtins.max(_reduced(x.shape, dim) - correction, 0))


@primitive(
    lambda g, y, x, *, dim, correction, keepdim: (
        spread(g, x.shape, dim) * (_deviation(x, dim) * 2 / _divisor(x, dim, correction))
    ),
    name="var",
)
def _var(x: Any, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    deviation = x - accurate_sum(x, dim, keepdims=True) / x.dtype.type(_reduced(x.shape, dim))
    return accurate_sum(deviation * deviation, dim, keepdims=keepdim) / _divisor(x, dim, correction)


# constant input has deviation 0 and y = 0: the gradient there is 0, not 0 / 0
@primitive(
    lambda g, y, x, *, dim, correction, keepdim: (
        spread(where(equal(y, 0), 0.0, g / where(equal(y, 0), 1.0, y)), x.shape, dim)
        * (_deviation(x, dim) / _divisor(x, dim, correction))
    ),
    name="std",
)
def _std(x: Any, *, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    deviation = x - accurate_sum(x, dim, keepdims=True) / x.dtype.type(_reduced(x.shape, dim))
    return np.sqrt(accurate_sum(deviation * deviation, dim, keepdims=keepdim) / _divisor(x, dim, correction))


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
    return np.prod(x, axis=dim, keepdims=keepdim)


def _extreme_rule(g: Any, y: Any, x: Any, *, dim: tuple[int, ...], keepdim: bool, share_nan: bool) -> Any:
    """Every place that equals the extreme value gets an equal share."""
    extreme = kept(y, x.shape, dim)
    hit = equal(x, extreme)
    if share_nan:
        hit = hit | (isnan(x) & isnan(extreme))
    hits = accurate_sum(raw(hit).astype(x.dtype), dim, keepdims=True)
    return where(hit, kept(g, x.shape, dim) / hits, 0.0) if share_nan else kept(g, x.shape, dim) * (raw(hit) / hits)


@primitive(_extreme_rule, name="amax")
def _amax(x: Any, *, dim: tuple[int, ...], keepdim: bool, share_nan: bool) -> Any:
    return np.max(x, axis=dim, keepdims=keepdim)


@primitive(_extreme_rule, name="amin")
def _amin(x: Any, *, dim: tuple[int, ...], keepdim: bool, share_nan: bool) -> Any:
    return np.min(x, axis=dim, keepdims=keepdim)


@primitive(
    lambda g, y, x, *, dim, keepdim: kept(g, x.shape, dim) * exp(x - kept(y, x.shape, dim)),
    name="logsumexp",
    promote=promote_to_float,
)
def _logsumexp(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    top = np.max(x, axis=dim, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    y = np.log(accurate_sum(np.exp(x - top), dim, keepdims=True)) + top
    return y if keepdim else y.reshape([n for i, n in enumerate(x.shape) if i not in dim])


@primitive(lambda g, y, x, *, dim: flip(_cumsum(flip(g, (dim,)), dim=dim), (dim,)), name="cumsum")
def _cumsum(x: Any, *, dim: int) -> Any:
    return np.cumsum(x, axis=dim)


def _norm_rule(g: Any, y: Any, x: Any, *, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    """``x |x|^(p-2) / y^(p-1)``; 0 where the norm is 0 (a subgradient)."""
    size, direction = kept(y, x.shape, dim), sign(x)
    if p == 1:
        return kept(g, x.shape, dim) * direction
    if p == 0:
        return np.zeros(x.shape, x.dtype)
    if math.isinf(p):
        hit = equal(_abs(x), size)
        hits = accurate_sum(raw(hit).astype(x.dtype), dim, keepdims=True)
        return kept(g, x.shape, dim) * (direction * (raw(hit) / hits))
    safe = where(equal(size, 0), 1.0, size)
    if p == 2:
        return where(equal(size, 0), 0.0, kept(g, x.shape, dim) * (x / safe))
    ratio = pow(where(equal(x, 0), 1.0, _abs(x)) / safe, p - 1)
    return where(equal(x, 0), 0.0, kept(g, x.shape, dim) * (direction * ratio))


@primitive(_norm_rule, name="norm", promote=promote_to_float)
def _norm(x: Any, *, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    size = np.abs(x)
    if math.isinf(p):
        pick = np.max if p > 0 else np.min
        return pick(size, axis=dim, keepdims=keepdim)
    if p == 0:
        return accurate_sum((size != 0).astype(x.dtype), dim, keepdims=keepdim)
    if p == 1:
        return accurate_sum(size, dim, keepdims=keepdim)
    if p == 2:
        return np.sqrt(accurate_sum(size * size, dim, keepdims=keepdim))
    return accurate_sum(size**p, dim, keepdims=keepdim) ** (1 / p)


argmax_along = primitive(name="argmax")(lambda x, *, dim, keepdim: np.argmax(x, axis=dim, keepdims=keepdim))
argmin_along = primitive(name="argmin")(lambda x, *, dim, keepdim: np.argmin(x, axis=dim, keepdims=keepdim))
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
    x = _as_dtype(operand(input, "sum"), dtype)
    if dtype is None and x.dtype.kind in "biu":
        x = x.astype(np.int64) if isinstance(x, np.ndarray) else x.to(np.int64)
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
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over ``dim``; exact gradients with zeros among the factors. Source: ``torch.prod``.

    >>> import tensorgrad as tg
    >>> tg.prod(tg.tensor([2.0, 3.0])).item()
    6.0
    """
    x = _as_dtype(operand(input, "prod"), dtype)
    return _prod(x, dim=many_dims(dim, x.ndim, "prod"), keepdim=keepdim)


class values_and_indices(NamedTuple):
    """What :func:`max` and :func:`min` over one dimension return."""

    values: Any
    indices: Any


@numpy_spelling
def amax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest values over ``dim``; ties share the gradient evenly. Source: ``torch.amax``.

    >>> import tensorgrad as tg
    >>> tg.amax(tg.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([5., 7.])
    """
    x = operand(input, "amax")
    return _amax(x, dim=_not_empty(x, many_dims(dim, x.ndim, "amax"), "amax"), keepdim=keepdim, share_nan=False)


@numpy_spelling
def amin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest values over ``dim``; ties share the gradient evenly. Source: ``torch.amin``.

    >>> import tensorgrad as tg
    >>> tg.amin(tg.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    x = operand(input, "amin")
    return _amin(x, dim=_not_empty(x, many_dims(dim, x.ndim, "amin"), "amin"), keepdim=keepdim, share_nan=False)


@numpy_spelling
def max(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest value of all; with ``dim`` (values, indices); with a tensor the elementwise maximum.

    Over one dimension the first of equals is taken, and it alone gets the gradient. Source: ``torch.max``.

    >>> import tensorgrad as tg
    >>> tg.max(tg.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1).indices
    tensor([1, 0])
    """
    return _extreme(input, dim, keepdim, "max", _amax, argmax_along)


@numpy_spelling
def min(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest value of all; with ``dim`` (values, indices); with a tensor the elementwise minimum.

    Source: ``torch.min``.

    >>> import tensorgrad as tg
    >>> tg.min(tg.tensor([3.0, 1.0, 2.0])).item()
    1.0
    """
    return _extreme(input, dim, keepdim, "min", _amin, argmin_along)


def _extreme(input: Any, dim: Any, keepdim: bool, op: str, whole: Any, position: Any) -> Any:
    x = operand(input, op)
    if isinstance(raw(dim), np.ndarray) and raw(dim).ndim:
        return (maximum if op == "max" else minimum)(x, dim)
    if dim is None:
        return whole(x, dim=_not_empty(x, many_dims(None, x.ndim, op), op), keepdim=keepdim, share_nan=True)
    along = one_dim(dim, x.ndim, op)
    if x.ndim == 0:
        return values_and_indices(whole(x, dim=(), keepdim=False, share_nan=True), position(x, dim=None, keepdim=False))
    _not_empty(x, (along,), op)
    indices = position(x, dim=along, keepdim=True)
    values = gather(x, along, indices)
    if not keepdim:
        shape = tuple(n for i, n in enumerate(indices.shape) if i != along)
        values, indices = _reshape(values, shape=shape), _reshape(indices, shape=shape)
    return values_and_indices(values, indices)


@numpy_spelling
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest value (the first of equals, the first NaN). Source: ``torch.argmax``.

    >>> import tensorgrad as tg
    >>> tg.argmax(tg.tensor([1.0, 5.0, 5.0])).item()
    1
    """
    return _position(input, dim, keepdim, "argmax", argmax_along)


@numpy_spelling
def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the smallest value. Source: ``torch.argmin``.

    >>> import tensorgrad as tg
    >>> tg.argmin(tg.tensor([[4.0, 5.0], [2.0, 1.0]]), dim=1)
    tensor([0, 1])
    """
    return _position(input, dim, keepdim, "argmin", argmin_along)


def _position(input: Any, dim: int | None, keepdim: bool, op: str, along: Any) -> Any:
    x = operand(input, op)
    dims = many_dims(None if dim is None else as_int(dim, op, "dim"), x.ndim, op)
    _not_empty(x, dims, op)
    return along(x, dim=None if dim is None or x.ndim == 0 else dims[0], keepdim=keepdim)


@numpy_spelling
def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where every value along ``dim`` is nonzero. Source: ``torch.all``."""
    x = operand(input, "all")
    return all_along(x, dim=many_dims(dim, x.ndim, "all"), keepdim=keepdim)


@numpy_spelling
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where some value along ``dim`` is nonzero. Source: ``torch.any``."""
    x = operand(input, "any")
    return any_along(x, dim=many_dims(dim, x.ndim, "any"), keepdim=keepdim)


@numpy_spelling
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """``log sum exp(x)`` over ``dim``, computed without overflow. Source: ``torch.logsumexp``.

    >>> import tensorgrad as tg
    >>> tg.logsumexp(tg.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6931)
    """
    x = operand(input, "logsumexp")
    return _logsumexp(x, dim=many_dims(dim, x.ndim, "logsumexp"), keepdim=keepdim)


@numpy_spelling
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running sum along ``dim``. Source: ``torch.cumsum``.

    >>> import tensorgrad as tg
    >>> tg.cumsum(tg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    x = _as_dtype(operand(input, "cumsum"), dtype)
    along = one_dim(dim, x.ndim, "cumsum")
    return x if x.ndim == 0 else _cumsum(x, dim=along)


@numpy_spelling
def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    """The vector norm ``(sum |x|^p)^(1/p)`` over ``dim``; ``p`` a number, ``inf`` or ``"fro"``.

    Its gradient at the zero vector is 0. Source: ``torch.norm``.

    >>> import tensorgrad as tg
    >>> tg.norm(tg.tensor([3.0, 4.0])).item()
    5.0
    """
    x = _float(operand(input, "norm"), "norm")
    if p == "fro" or p is None:
        p = 2
    if isinstance(p, str):
        raise op_error(ValueError, "norm", f"p must be a number, inf or 'fro', got {p!r}")
    dims = many_dims(dim, x.ndim, "norm")
    if math.isinf(p):
        _not_empty(x, dims, "norm")
    return _norm(x, p=float(p), dim=dims, keepdim=keepdim)


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


def _not_empty(x: Any, dims: tuple[int, ...], op: str) -> tuple[int, ...]:
    if _reduced(x.shape, dims) == 0:
        raise op_error(
            IndexError if len(dims) < x.ndim else ValueError,
            op,
            f"cannot reduce over no elements: shape {tuple(x.shape)}, dim {dims}",
        )
    return dims


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "cumsum", "logsumexp", "max", "mean", "min", "norm", "prod",
    "std", "sum", "var",
]  # fmt: skip
