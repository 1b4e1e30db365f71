"""Differences, integrals and derivatives of sampled functions: combinations of neighbours along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, is_tensor, many_dims, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.elementwise import logical_xor
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.join import cat
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.scan import cumsum
from tensorgrad.ops.shape import _reshape


def _part(x: Any, dim: int, start: int | None, stop: int | None) -> Any:
    return _getitem(x, index=(slice(None),) * dim + (slice(start, stop),))


@numpy_spelling
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along ``dim``, taken ``n`` times; of booleans whether they differ.

    ``prepend`` and ``append`` are joined to the ends first, unless ``n`` is 0. Raises ValueError for 0-d tensors and
    negative ``n``. Source: ``torch.diff``.

    >>> import tensorgrad as tg
    >>> tg.diff(tg.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """
    x, times = operand(input, "diff"), as_int(n, "diff", "n")
    if x.ndim == 0:
        raise op_error(ValueError, "diff", "expected at least one dimension, got a 0-d tensor")
    if times < 0:
        raise op_error(ValueError, "diff", f"n must not be negative, got {times}")
    along = one_dim(dim, x.ndim, "diff")
    ends = [end if end is None else operand(end, "diff") for end in (prepend, append)]
    parts = [part for part in (ends[0], x, ends[1]) if part is not None]
    if times and len(parts) > 1:
        x = cat(parts, along)
    for _ in range(min(times, x.shape[along])):
        after, before = _part(x, along, 1, None), _part(x, along, None, -1)
        x = logical_xor(after, before) if x.dtype.kind == "b" else after - before
    return x


@numpy_spelling
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral by the trapezoidal rule, ``sum dx (y_i + y_(i+1)) / 2``, over points ``x`` or steps ``dx``.

    Source: ``torch.trapezoid``.

    >>> import tensorgrad as tg
    >>> tg.trapezoid(tg.tensor([1.0, 2.0, 4.0])).item()
    4.5
    """
    areas, along = _areas(y, x, dx, dim, "trapezoid")
    return sum(areas, along)


@numpy_spelling
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The running integral by the trapezoidal rule, one entry less than ``y``. Source: ``torch.cumulative_trapezoid``.

    >>> import tensorgrad as tg
    >>> tg.cumulative_trapezoid(tg.tensor([1.0, 2.0, 4.0]))
    tensor([1.5000, 4.5000])
    """
    areas, along = _areas(y, x, dx, dim, "cumulative_trapezoid")
    return cumsum(areas, along)


def _areas(y: Any, x: Any, dx: Any, dim: int, op: str) -> tuple[Any, int]:
    """The area of each trapezoid along a dimension, and that dimension."""
    values = operand(y, op)
    if values.ndim == 0:
        raise op_error(ValueError, op, "expected at least one dimension, got a 0-d tensor")
    if x is not None and dx is not None:
        raise op_error(TypeError, op, "got both x and dx=; give one")
    along = one_dim(dim, values.ndim, op)
    both = _part(values, along, 1, None) + _part(values, along, None, -1)
    if x is None:
        return both * ((1 if dx is None else dx) / 2), along
    points = operand(x, op)
    if points.ndim == 1:
        points = _reshape(points, shape=(-1,) + (1,) * (values.ndim - 1 - along))
        at = 0
    else:
        at = points.ndim - (values.ndim - along)
    if points.shape[at] != values.shape[along]:
        raise op_error(
            ValueError, op, f"expected {values.shape[along]} points along dim {along}, got {points.shape[at]}"
        )
    return both * (_part(points, at, 1, None) - _part(points, at, None, -1)) / 2, along


trapz = trapezoid


@numpy_spelling
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The derivative along each of ``dim`` of a function sampled at ``input``, to second order inside.

    ``spacing``: the distance of the samples (None: 1), one number for each dimension, or vectors of coordinates. At
    the ends one-sided differences of order ``edge_order`` (1 or 2). Raises ValueError where a dimension has less than
    ``edge_order + 1`` samples. Source: ``torch.gradient``.

    >>> import tensorgrad as tg
    >>> tg.gradient(tg.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    """
    x = operand(input, "gradient")
    dims = _dims_in_order(dim, x.ndim)
    if edge_order not in (1, 2):
        raise op_error(ValueError, "gradient", f"edge_order must be 1 or 2, got {edge_order!r}")
    distance = 1 if spacing is None else spacing
    steps = list(distance) if isinstance(distance, (list, tuple)) else [distance] * len(dims)
    if len(steps) != len(dims):
        raise op_error(ValueError, "gradient", f"expected one spacing for each of dims {dims}, got {len(steps)}")
    for d in dims:
        if x.shape[d] < edge_order + 1:
            raise op_error(ValueError, "gradient", f"dimension {d} needs {edge_order + 1} samples, has {x.shape[d]}")
    return tuple([_slope(x, d, step, edge_order) for d, step in zip(dims, steps, strict=True)])


def _dims_in_order(dim: Any, ndim: int) -> tuple[int, ...]:
    many_dims(dim, ndim, "gradient")  # refuses a dimension named twice
    return (
        tuple(one_dim(d, ndim, "gradient") for d in dim)
        if isinstance(dim, (list, tuple)) and dim
        else many_dims(dim, ndim, "gradient")
    )


def _slope(x: Any, dim: int, spacing: Any, edge_order: int) -> Any:
    """The derivative along one dimension: a second-order formula inside, one-sided formulas at the ends.

    Between equal steps the sample itself has weight 0, and is left out: it may be infinite.
    """
    n = x.shape[dim]
    dtype = x.dtype if x.dtype.kind == "f" else np.float32
    even = np.ndim(raw(spacing)) == 0
    if is_tensor(spacing) or isinstance(spacing, (np.ndarray, list, tuple)):
        points = np.asarray(spacing, dtype) if isinstance(spacing, (list, tuple)) else spacing
        if points.ndim and tuple(points.shape) != (n,):
            raise op_error(ValueError, "gradient", f"expected {n} coordinates along dim {dim}, got {points.shape}")
        steps = points[1:] - points[:-1] if points.ndim else points * np.ones(n - 1, dtype)
    else:
        steps = np.full(n - 1, raw(spacing), dtype)

    def value(start: int | None, stop: int | None) -> Any:
        return _part(x, dim, start, stop)

    def along(weights: Any) -> Any:
        return _reshape(weights, shape=(-1,) + (1,) * (x.ndim - 1 - dim))

    def at(i: int) -> Any:
        """The step i, from the end if negative."""
        return steps[i : i + 1] if i != -1 else steps[-1:]

    parts = [(value(1, 2) - value(0, 1)) / along(at(0))]
    if n > 2 and even:
        parts.append((value(2, n) - value(0, n - 2)) / along(2 * steps[1:]))
    elif n > 2:
        h, k = steps[:-1], steps[1:]  # the steps before and after each inner sample
        weights = (-k / (h * (h + k)), (k - h) / (h * k), h / (k * (h + k)))
        inner = [along(w) * value(i, n - 2 + i) for i, w in enumerate(weights)]
        parts.append(inner[0] + inner[1] + inner[2])
    parts.append((value(n - 1, n) - value(n - 2, n - 1)) / along(at(-1)))
    if edge_order == 2:
        h, k = at(0), at(1)
        weights = (-(2 * h + k) / (h * (h + k)), (h + k) / (h * k), -h / (k * (h + k)))
        first = [along(w) * value(i, i + 1) for i, w in enumerate(weights)]
        h, k = at(-2), at(-1)
        weights = (k / (h * (h + k)), -(h + k) / (h * k), (2 * k + h) / (k * (h + k)))
        last = [along(w) * value(n - 3 + i, n - 2 + i) for i, w in enumerate(weights)]
        parts[0], parts[-1] = first[0] + first[1] + first[2], last[0] + last[1] + last[2]
    return cat(parts, dim)


__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]
