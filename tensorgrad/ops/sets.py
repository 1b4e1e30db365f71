"""Which values there are, how often, and where one belongs: unique values, counts, histograms, searches.

Positions and counts are integers without derivatives. Unique values are gathered where each occurs first, weighted
counts are sums at positions: those carry gradients.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive, wrap
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, is_tensor, one_dim, operand, raw, static_array
from tensorgrad.ops.index import _getitem, scatter_into
from tensorgrad.ops.reduce import _float
from tensorgrad.ops.shape import _reshape


def _like(x: Any, *arrays: np.ndarray) -> list[Any]:
    """Arrays as tensors where ``x`` is one."""
    return [wrap(a) for a in arrays] if is_tensor(x) else list(arrays)


# --- distinct values --------------------------------------------------------------------------------------------------


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct values in order, or the distinct slices along ``dim``; every NaN is distinct.

    With ``return_inverse`` also where each value went, with ``return_counts`` how often it came. The gradient goes to
    the first occurrence. Source: ``torch.unique``.

    >>> import tensorgrad as tg
    >>> tg.unique(tg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = operand(input, "unique")
    along = None if dim is None else one_dim(dim, x.ndim, "unique")
    values = raw(x) if along is not None else raw(x).ravel()
    if along is not None and values.ndim == 0:
        values, along = values.reshape(1), 0
    _, first, inverse, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True, axis=along, equal_nan=False
    )
    inverse = inverse.reshape(x.shape) if dim is None else inverse.reshape(-1)
    return _distinct(x, along, first, inverse, counts, return_inverse, return_counts)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The values without those that equal the one before. Source: ``torch.unique_consecutive``.

    >>> import tensorgrad as tg
    >>> tg.unique_consecutive(tg.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = operand(input, "unique_consecutive")
    along = None if dim is None else one_dim(dim, x.ndim, "unique_consecutive")
    rows = raw(x).reshape(-1, 1) if along is None or not x.ndim else np.moveaxis(raw(x), along, 0)
    rows = rows.reshape(rows.shape[0], math.prod(rows.shape[1:]))
    new = np.ones(rows.shape[0], bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    inverse = np.cumsum(new) - 1
    counts = np.diff(first, append=len(new))
    inverse = inverse.reshape(x.shape) if along is None else inverse
    return _distinct(x, along, first, inverse, counts, return_inverse, return_counts)


def _distinct(
    x: Any, dim: int | None, first: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool
) -> Any:
    if dim is None or not x.ndim:
        values = _getitem(_reshape(x, shape=(-1,)), index=first)
    else:
        values = _getitem(x, index=(slice(None),) * dim + (first,))
    inverse, counts = _like(x, inverse, counts)
    found = [values] + [inverse] * bool(return_inverse) + [counts] * bool(return_counts)
    return tuple(found) if len(found) > 1 else values


@primitive(name="isin")
def _isin(elements: Any, test_elements: Any, *, invert: bool) -> Any:
    return np.isin(elements, test_elements, invert=invert)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """True where an element is one of ``test_elements`` (``invert``: is none). Source: ``torch.isin``.

    >>> import tensorgrad as tg
    >>> tg.isin(tg.tensor([1, 2, 3]), tg.tensor([2, 5]))
    tensor([False,  True, False])
    """
    return _isin(operand(elements, "isin"), operand(test_elements, "isin"), invert=bool(invert))


# --- searches ---------------------------------------------------------------------------------------------------------


@primitive(name="searchsorted")
def _search(sorted_sequence: Any, values: Any, *, side: Any, dtype: Any) -> Any:
    if sorted_sequence.ndim == 1:
        return np.searchsorted(sorted_sequence, values, side=side).astype(dtype)
    rows = sorted_sequence.reshape(math.prod(sorted_sequence.shape[:-1]), sorted_sequence.shape[-1])
    wanted = values.reshape(len(rows), values.shape[-1])
    found = [np.searchsorted(row, v, side=side) for row, v in zip(rows, wanted, strict=True)]
    return np.array(found, dtype).reshape(values.shape)


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where each value would be inserted to keep the last dimension of ``sorted_sequence`` sorted.

    Before equal values, with ``right=True`` or ``side="right"`` behind them. Raises ValueError when the shapes differ
    outside the last dimension. Source: ``torch.searchsorted``.

    >>> import tensorgrad as tg
    >>> tg.searchsorted(tg.tensor([1, 3, 5]), tg.tensor([3, 6]))
    tensor([1, 3])
    """
    row, values = operand(sorted_sequence, "searchsorted"), operand(input, "searchsorted")
    if side not in (None, "left", "right") or (side == "left" and right):
        raise op_error(ValueError, "searchsorted", f"side must be 'left' or 'right', got {side!r} with right={right}")
    if row.ndim == 0 or (row.ndim > 1 and tuple(row.shape[:-1]) != tuple(values.shape[:-1])):
        raise op_error(
            ValueError,
            "searchsorted",
            f"expected a vector or rows for values of shape {tuple(values.shape)}, got shape {tuple(row.shape)}",
        )
    if sorter is not None:
        order = np.asarray(raw(sorter))
        if order.shape != tuple(row.shape):
            raise op_error(ValueError, "searchsorted", f"sorter must have the shape of the sequence, got {order.shape}")
        row = np.take_along_axis(raw(row), order, axis=-1)
    dtype = np.int32 if out_int32 else np.int64
    found = _search(row, values, side="right" if right or side == "right" else "left", dtype=dtype)
    return wrap(found) if isinstance(found, np.ndarray) and is_tensor(sorted_sequence) else found


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The bucket of each value between sorted ``boundaries``; a boundary belongs below, with ``right`` above.

    Source: ``torch.bucketize``.

    >>> import tensorgrad as tg
    >>> tg.bucketize(tg.tensor([1, 4]), tg.tensor([1, 3, 5]))
    tensor([0, 2])
    """
    edges = operand(boundaries, "bucketize")
    if edges.ndim != 1:
        raise op_error(ValueError, "bucketize", f"boundaries must be a vector, got shape {tuple(edges.shape)}")
    return searchsorted(edges, input, out_int32=out_int32, right=right)


# --- counts -----------------------------------------------------------------------------------------------------------


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number 0, 1, ... occurs, or the sum of its ``weights``. Source: ``torch.bincount``.

    Raises ValueError for negative numbers, TypeError for floats. Weights have gradients here.

    >>> import tensorgrad as tg
    >>> tg.bincount(tg.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    x = operand(input, "bincount")
    numbers = static_array(x)
    if numbers.dtype.kind not in "iu":
        raise op_error(TypeError, "bincount", f"expected integers, got {numbers.dtype}")
    if numbers.ndim != 1 or numbers.min(initial=0) < 0:
        raise op_error(ValueError, "bincount", f"expected a vector without negative numbers, got {numbers.tolist()}")
    length = max(as_int(minlength, "bincount", "minlength"), int(numbers.max()) + 1 if numbers.size else 0)
    if weights is None:
        return _like(x, np.bincount(numbers, minlength=length).astype(np.int64))[0]
    w = operand(weights, "bincount")
    if tuple(w.shape) != numbers.shape:
        raise op_error(ValueError, "bincount", f"expected weights of shape {numbers.shape}, got {tuple(w.shape)}")
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    return scatter_into(w, index=(numbers,), shape=(length,))


@primitive(name="histc")
def _histogram(x: Any, *, bins: int, low: float, high: float) -> Any:
    return np.histogram(x[(x >= low) & (x <= high)], bins, (low, high))[0].astype(x.dtype)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """Counts in ``bins`` equal stretches from ``min`` to ``max`` (both 0: of the values); others are not counted.

    Source: ``torch.histc``.

    >>> import tensorgrad as tg
    >>> tg.histc(tg.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = _float(operand(input, "histc"), "histc")
    count, low, high = as_int(bins, "histc", "bins"), float(min), float(max)
    values = raw(x)
    if low == high and values.size:
        low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 1, high + 1
    if count <= 0 or not (np.isfinite([low, high]).all() and low < high):
        raise op_error(ValueError, "histc", f"expected bins > 0 and finite min < max, got {bins}, {low} and {high}")
    return _histogram(x, bins=count, low=low, high=high)


__all__ = ["bincount", "bucketize", "histc", "isin", "searchsorted", "unique", "unique_consecutive"]
