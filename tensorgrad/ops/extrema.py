"""Largest and smallest values, and where they are.

Whole extrema share the gradient among equals; over one dimension a position is chosen and the value is gathered
there, so that the derivative is the one of ``gather``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import primitive
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.ops._arguments import as_int, is_tensor, many_dims, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.elementwise import equal, isnan, maximum, minimum, where
from tensorgrad.ops.index import _gather
from tensorgrad.ops.reduce import _not_empty, kept
from tensorgrad.ops.shape import _reshape

# --- primitives -------------------------------------------------------------------------------------------------------


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


argmax_along = primitive(name="argmax")(lambda x, *, dim, keepdim: np.argmax(x, axis=dim, keepdims=keepdim))
argmin_along = primitive(name="argmin")(lambda x, *, dim, keepdim: np.argmin(x, axis=dim, keepdims=keepdim))

# --- public names -----------------------------------------------------------------------------------------------------


class values_and_indices(NamedTuple):
    """What operators return that choose among the values along one dimension."""

    values: Any
    indices: Any


class min_and_max(NamedTuple):
    """What :func:`aminmax` returns."""

    min: Any
    max: Any


@reads_shapes
def choose(x: Any, dim: int, op: str, positions: Any, keepdim: bool = True, **static: Any) -> values_and_indices:
    """The values at ``positions(x, dim=dim, **static)``, gathered; unless ``keepdim`` the one position is squeezed.

    A 0-d tensor is treated as a vector of one value.
    """
    along = one_dim(dim, x.ndim, op)
    vector = x if x.ndim else _reshape(x, shape=(1,))
    indices = positions(vector, dim=along, **static)
    values = _gather(vector, dim=along, index=raw(indices))
    if not x.ndim or not keepdim:
        shape = tuple(n for i, n in enumerate(indices.shape) if i != along)
        values, indices = _reshape(values, shape=shape), _reshape(indices, shape=shape)
    return values_and_indices(values, indices)


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
    # an array of one integer may be a dimension
    if is_tensor(dim) or (isinstance(dim, np.ndarray) and dim.ndim):
        return (maximum if op == "max" else minimum)(x, dim)
    if dim is None:
        return whole(x, dim=_not_empty(x, many_dims(None, x.ndim, op), op), keepdim=keepdim, share_nan=True)
    _not_empty(x, many_dims(dim, x.ndim, op), op)
    return choose(x, dim, op, partial(position, keepdim=True), keepdim)


@numpy_spelling
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> min_and_max:
    """The smallest and the largest value, of all or along ``dim``, as ``(min, max)``. Source: ``torch.aminmax``.

    >>> import tensorgrad as tg
    >>> tg.aminmax(tg.tensor([3.0, 1.0, 2.0])).max.item()
    3.0
    """
    x = operand(input, "aminmax")
    along = None if dim is None else as_int(dim, "aminmax", "dim")
    dims = _not_empty(x, many_dims(along, x.ndim, "aminmax"), "aminmax")
    return min_and_max(*[pick(x, dim=dims, keepdim=keepdim, share_nan=False) for pick in (_amin, _amax)])


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


__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]
