"""Sorting and what follows from it: ranks, medians, modes.

An order is a permutation of positions, found without derivatives; the values are gathered there, so that every
derivative is the one of ``gather``. NaN counts as larger than every number, as in PyTorch.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, many_dims, numpy_spelling, one_dim, operand
from tensorgrad.ops.extrema import _extreme_rule, choose, values_and_indices
from tensorgrad.ops.reduce import _not_empty

# --- positions --------------------------------------------------------------------------------------------------------


@primitive(name="argsort")
def _order(x: Any, *, dim: int, descending: bool = False, first: int | None = None) -> Any:
    """Positions in sorted order (the ``first`` of them), equal values in their own order."""
    if descending:
        backwards = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
        order = x.shape[dim] - 1 - np.flip(backwards, dim)
    else:
        order = np.argsort(x, axis=dim, kind="stable")
    return order if first is None else order[(slice(None),) * dim + (slice(first),)]


@primitive(name="kthvalue")
def _rank(x: Any, *, dim: int, k: int) -> Any:
    """The position of the value with ``k`` smaller ones before it."""
    order = np.argsort(x, axis=dim, kind="stable")
    return np.take(order, [k], axis=dim)


@primitive(name="median_dim")
def _middle(x: Any, *, dim: int, skip_nan: bool) -> Any:
    """The position of the lower middle value, or of the first NaN where NaN is not skipped."""
    order = np.argsort(x, axis=dim, kind="stable")  # NaN last
    missing = np.isnan(x).sum(axis=dim, keepdims=True)
    numbers = x.shape[dim] - missing
    middle = np.maximum(numbers - 1, 0) // 2
    return np.take_along_axis(order, middle if skip_nan else np.where(missing > 0, numbers, middle), axis=dim)


@primitive(name="mode")
def _most_frequent(x: Any, *, dim: int) -> Any:
    """The last position of the value that occurs most often, of several such the smallest."""
    order = np.argsort(x, axis=dim, kind="stable")
    ordered = np.moveaxis(np.take_along_axis(x, order, axis=dim), dim, -1)
    places = np.arange(x.shape[dim])
    new = np.ones(ordered.shape, bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    run = places - np.maximum.accumulate(np.where(new, places, 0), axis=-1)  # how many equal values came before
    longest = np.moveaxis(np.argmax(run, axis=-1, keepdims=True), -1, dim)
    return np.take_along_axis(order, longest, axis=dim)


@primitive(lambda g, y, x, *, skip_nan, **where: _extreme_rule(g, y, x, **where), name="median")
def _whole_median(x: Any, *, dim: tuple[int, ...], keepdim: bool, share_nan: bool, skip_nan: bool) -> Any:
    """The lower middle of all values; equals share the gradient."""
    flat = x.ravel()
    missing = np.isnan(flat)
    if skip_nan:
        flat = flat[~missing]
    if not flat.size or (missing.any() and not skip_nan):
        return np.asarray(np.nan, x.dtype)
    middle = (flat.size - 1) // 2
    return np.partition(flat, middle)[middle]


# --- public names -----------------------------------------------------------------------------------------------------


@numpy_spelling
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> values_and_indices:
    """The values in order along ``dim``, and where each stood. Always stable. Source: ``torch.sort``.

    >>> import tensorgrad as tg
    >>> tg.sort(tg.tensor([3.0, 1.0, 2.0]))
    values_and_indices(values=tensor([1., 2., 3.]), indices=tensor([1, 2, 0]))
    """
    return choose(operand(input, "sort"), dim, "sort", partial(_order, descending=bool(descending)))


@numpy_spelling
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The positions that sort along ``dim``, always stable. Source: ``torch.argsort``.

    >>> import tensorgrad as tg
    >>> tg.argsort(tg.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    return choose(operand(input, "argsort"), dim, "argsort", partial(_order, descending=bool(descending))).indices


def msort(input: Any) -> Any:
    """The values in order along the first dimension. Source: ``torch.msort``.

    >>> import tensorgrad as tg
    >>> tg.msort(tg.tensor([[3, 1], [2, 5]]))
    tensor([[2, 1],
            [3, 5]])
    """
    return choose(operand(input, "msort"), 0, "msort", _order).values


@numpy_spelling
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> values_and_indices:
    """The ``k`` largest (or smallest) values along ``dim`` and their positions, always in order.

    Raises ValueError when there are fewer. Source: ``torch.topk``.

    >>> import tensorgrad as tg
    >>> tg.topk(tg.tensor([1.0, 4.0, 2.0]), 2).values
    tensor([4., 2.])
    """
    x = operand(input, "topk")
    count, size = as_int(k, "topk", "k"), _size(x, dim, "topk")
    if not 0 <= count <= size:
        raise op_error(ValueError, "topk", f"k must be from 0 to {size}, the size of dim {dim}, got {count}")
    if not x.ndim and not count:
        raise op_error(ValueError, "topk", "a 0-d tensor has one value, got k 0")
    return choose(x, dim, "topk", partial(_order, descending=bool(largest), first=count))


def _size(x: Any, dim: Any, op: str) -> int:
    along = one_dim(dim, x.ndim, op)
    return int(x.shape[along]) if x.ndim else 1


@numpy_spelling
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> values_and_indices:
    """The ``k``-th smallest value along ``dim`` (from 1 on) and its position. Source: ``torch.kthvalue``.

    Raises ValueError when there are fewer than ``k``.

    >>> import tensorgrad as tg
    >>> tg.kthvalue(tg.tensor([3.0, 1.0, 2.0]), 2).values.item()
    2.0
    """
    x = operand(input, "kthvalue")
    rank, size = as_int(k, "kthvalue", "k"), _size(x, dim, "kthvalue")
    if not 1 <= rank <= size:
        raise op_error(ValueError, "kthvalue", f"k must be from 1 to {size}, the size of dim {dim}, got {rank}")
    return choose(x, dim, "kthvalue", partial(_rank, k=rank - 1), keepdim)


@numpy_spelling
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle value, of an even number the lower one; with ``dim`` (values, indices). NaN if one is there.

    Without ``dim`` equal values share the gradient. Source: ``torch.median`` (``numpy.median`` averages).

    >>> import tensorgrad as tg
    >>> tg.median(tg.tensor([4.0, 1.0, 3.0, 2.0])).item()
    2.0
    """
    return _median(input, dim, keepdim, "median", skip_nan=False)


@numpy_spelling
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """:func:`median` of what is not NaN. Source: ``torch.nanmedian``.

    >>> import tensorgrad as tg
    >>> tg.nanmedian(tg.tensor([float("nan"), 1.0, 3.0])).item()
    1.0
    """
    return _median(input, dim, keepdim, "nanmedian", skip_nan=True)


def _median(input: Any, dim: Any, keepdim: bool, op: str, skip_nan: bool) -> Any:
    x = operand(input, op)
    if x.dtype.kind == "b":
        raise op_error(TypeError, op, "booleans have no middle; convert with .int()")
    if dim is None:
        return _whole_median(x, dim=tuple(range(x.ndim)), keepdim=False, share_nan=True, skip_nan=skip_nan)
    _not_empty(x, many_dims(dim, x.ndim, op), op)
    return choose(x, dim, op, partial(_middle, skip_nan=skip_nan), keepdim)


@numpy_spelling
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> values_and_indices:
    """The most frequent value along ``dim``, of several the smallest, and its last position. Source: ``torch.mode``.

    >>> import tensorgrad as tg
    >>> tg.mode(tg.tensor([2, 1, 1, 3]))
    values_and_indices(values=tensor(1), indices=tensor(2))
    """
    x = operand(input, "mode")
    _not_empty(x, many_dims(dim, x.ndim, "mode"), "mode")
    return choose(x, dim, "mode", _most_frequent, keepdim)


__all__ = ["argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "sort", "topk"]
