"""Running sums, products and extrema: each result is made of the values up to its own place.

The gradient runs the other way: what place i contributed to is everything from i on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.kernels.scan import running_sum
from tensorgrad.ops._arguments import numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.elementwise import equal, exp, isinf, where
from tensorgrad.ops.extrema import choose, values_and_indices
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.pad import _pad
from tensorgrad.ops.reduce import _float, _sum, counting
from tensorgrad.ops.shape import _flip, _reshape


def _part(x: Any, dim: int, start: int | None, stop: int | None) -> Any:
    return _getitem(x, index=(slice(None),) * dim + (slice(start, stop),))


def _padded(x: Any, dim: int, before: int, after: int) -> Any:
    """Zeros added (or with negative amounts values cropped) at the ends of ``dim``."""
    widths = tuple((before, after) if d == dim else (0, 0) for d in range(x.ndim))
    return _pad(x, widths=widths, value=0.0)


# --- primitives -------------------------------------------------------------------------------------------------------


@primitive(lambda g, y, x, *, dim, backwards=False: _cumsum(g, dim=dim, backwards=not backwards), name="cumsum")
def _cumsum(x: Any, *, dim: int, backwards: bool = False) -> Any:
    return running_sum(x, dim, backwards)


def _cumprod_rule(g: Any, y: Any, x: Any, *, dim: int) -> Any:
    """The products without x_i: y / x, unless a factor is 0; then each is multiplied out with 1 in its place."""
    if not (raw(x) == 0).any():
        return _cumsum(g * y, dim=dim, backwards=True) / x
    n = x.shape[dim]
    places = np.arange(n).reshape((n,) + (1,) * (x.ndim - 1 - dim))  # along dim; the factor left out lies before it
    left_out = np.arange(n).reshape((n,) + (1,) * (x.ndim - dim))
    before, after = x.shape[:dim], x.shape[dim:]
    table = where(places == left_out, 1.0, _reshape(x, shape=(*before, 1, *after)))
    products = where(places >= left_out, _cumprod(table, dim=dim + 1), 0.0)
    return _sum(_reshape(g, shape=(*before, 1, *after)) * products, dim=(dim + 1,), keepdim=False)


@primitive(_cumprod_rule, name="cumprod")
def _cumprod(x: Any, *, dim: int) -> Any:
    return np.cumprod(x, axis=dim, dtype=x.dtype)


def _recurrence_back(g: Any, a: Any, dim: int) -> Any:
    """The same recurrence from the end, each factor one place earlier: what ``b`` gets."""
    earlier = _padded(_part(a, dim, 1, None), dim, 0, 1)
    return _flip(_recurrence(_flip(g, dims=(dim,)), _flip(earlier, dims=(dim,)), dim=dim), dims=(dim,))


@primitive(
    lambda g, y, b, a, *, dim: _recurrence_back(g, a, dim),
    lambda g, y, b, a, *, dim: _recurrence_back(g, a, dim) * _padded(y, dim, 1, -1),
    name="recurrence",
)
def _recurrence(b: Any, a: Any, *, dim: int) -> Any:
    """``y_i = b_i + a_i y_(i-1)`` along ``dim``; the first ``a`` is not read."""
    y = np.array(b)
    steps, factors = np.moveaxis(y, dim, 0), np.moveaxis(a, dim, 0)
    for i in range(1, len(steps)):
        steps[i] += factors[i] * steps[i - 1]
    return y


def _logcumsumexp_rule(g: Any, y: Any, x: Any, *, dim: int) -> Any:
    """``sum_(k>=i) g_k exp(x_i - y_k)``, from the end with factors of at most 1: nothing overflows."""
    here, next = _part(y, dim, None, -1), _part(y, dim, 1, None)
    step = where(equal(here, next) & isinf(here), 0.0, here - next)
    decay = _padded(_flip(exp(step), dims=(dim,)), dim, 1, 0)
    return _flip(_recurrence(_flip(g, dims=(dim,)), decay, dim=dim), dims=(dim,)) * exp(x - y)


@primitive(_logcumsumexp_rule, name="logcumsumexp", promote=promote_to_float)
def _logcumsumexp(x: Any, *, dim: int) -> Any:
    return np.logaddexp.accumulate(x, axis=dim)


def _latest(x: Any, dim: int, best: Any) -> Any:
    """For each place the position of the extreme value so far: the last of equals, the last NaN."""
    places = np.arange(x.shape[dim]).reshape((-1,) + (1,) * (x.ndim - 1 - dim))
    hit = (x == best) | ((x != x) & (best != best))
    return np.maximum.accumulate(np.where(hit, places, 0), axis=dim)


_cummax_at = primitive(name="cummax")(lambda x, *, dim: _latest(x, dim, np.maximum.accumulate(x, axis=dim)))
_cummin_at = primitive(name="cummin")(lambda x, *, dim: _latest(x, dim, np.minimum.accumulate(x, axis=dim)))

# --- public names -----------------------------------------------------------------------------------------------------


def _along(scan: Any, x: Any, dim: Any, op: str) -> Any:
    """``scan`` along ``dim``; a 0-d tensor is a vector of one value."""
    along = one_dim(dim, x.ndim, op)
    return scan(x, dim=along) if x.ndim else _reshape(scan(_reshape(x, shape=(1,)), dim=0), shape=())


@numpy_spelling
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running sum along ``dim``. Integers and booleans sum to int64. Source: ``torch.cumsum``.

    >>> import tensorgrad as tg
    >>> tg.cumsum(tg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    return _along(_cumsum, counting(operand(input, "cumsum"), dtype), dim, "cumsum")


@numpy_spelling
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The running product along ``dim``; exact gradients with zeros among the factors. Source: ``torch.cumprod``.

    >>> import tensorgrad as tg
    >>> tg.cumprod(tg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return _along(_cumprod, counting(operand(input, "cumprod"), dtype), dim, "cumprod")


@numpy_spelling
def logcumsumexp(input: Any, dim: int) -> Any:
    """The running ``log sum exp(x)`` along ``dim``, without overflow. Source: ``torch.logcumsumexp``.

    Raises TypeError for integers.

    >>> import tensorgrad as tg
    >>> tg.logcumsumexp(tg.tensor([1000.0, 1000.0]), 0)
    tensor([1000.0000, 1000.6932])
    """
    return _along(_logcumsumexp, _float(operand(input, "logcumsumexp"), "logcumsumexp"), dim, "logcumsumexp")


@numpy_spelling
def cummax(input: Any, dim: int) -> values_and_indices:
    """The largest value so far along ``dim`` and its position (the last of equals). Source: ``torch.cummax``.

    >>> import tensorgrad as tg
    >>> tg.cummax(tg.tensor([1.0, 3.0, 2.0]), 0)
    values_and_indices(values=tensor([1., 3., 3.]), indices=tensor([0, 1, 1]))
    """
    return choose(operand(input, "cummax"), dim, "cummax", _cummax_at)


@numpy_spelling
def cummin(input: Any, dim: int) -> values_and_indices:
    """The smallest value so far along ``dim`` and its position (the last of equals). Source: ``torch.cummin``.

    >>> import tensorgrad as tg
    >>> tg.cummin(tg.tensor([2.0, 3.0, 1.0]), 0).indices
    tensor([0, 0, 2])
    """
    return choose(operand(input, "cummin"), dim, "cummin", _cummin_at)


__all__ = ["cummax", "cummin", "cumprod", "cumsum", "logcumsumexp"]
