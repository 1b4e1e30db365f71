"""NumPy's functions on whole arrays for tensors, with NumPy's argument names and meanings.

Where the two libraries differ, the name decides: ``np.median`` averages the middle two, ``np.split`` takes a number
of pieces, ``np.cumsum`` without an axis flattens. A mode or argument that tensors do not have is a TypeError.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops import (
    calculus,
    diagonal,
    extrema,
    index,
    join,
    order,
    pad,
    quantile,
    rearrange,
    reduce,
    scan,
    sets,
    shape,
    split,
    vector_norm,
)
from tensorgrad.ops._arguments import is_tensor, kept_shape, many_dims, one_dim, operand, raw
from tensorgrad.ops.elementwise import isnan, where


def _flattening(op: Callable[..., Any]) -> Callable[..., Any]:
    """A running operator that flattens when no axis is given."""

    def running(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        return op(shape.ravel(a), 0, dtype=dtype) if axis is None else op(a, axis, dtype=dtype)

    return running


def _sorted(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return _order(a, axis, order).values


def _argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return _order(a, axis, order).indices


def _order(a: Any, axis: int | None, fields: Any) -> Any:
    if fields is not None:
        raise op_error(TypeError, "np.sort", "tensors have no fields to order by")
    return order.sort(shape.ravel(a), 0) if axis is None else order.sort(a, axis)


def _quantile(op: Callable[..., Any], a: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    """A quantile over one axis or several together."""
    x = operand(a, op.__name__)
    dims = many_dims(axis, x.ndim, op.__name__)
    rest = [d for d in range(x.ndim) if d not in dims]
    together = shape.flatten(shape.permute(x, (*rest, *dims)), len(rest)) if dims else x
    y = op(together, q, -1 if dims else None, interpolation=method)
    if not keepdims:
        return y
    return shape.reshape(y, (*y.shape[: np.ndim(raw(q))], *kept_shape(tuple(x.shape), dims)))


def _np_quantile(op: Callable[..., Any], whole: float) -> Callable[..., Any]:
    """``q`` counts from 0 to ``whole``: 1 for quantiles, 100 for percentiles."""

    def function(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
        return _quantile(op, a, (q if is_tensor(q) else np.asarray(q)) / whole, axis, method, keepdims)

    return function


def _np_median(op: Callable[..., Any]) -> Callable[..., Any]:
    """The mean of the middle two of an even number."""

    def function(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return _quantile(op, a, 0.5, axis, "midpoint", keepdims)

    return function


def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return extrema.amax(a, axis, keepdims) - extrema.amin(a, axis, keepdims)


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    """Weights have the shape of ``a``, or are a vector along one axis."""
    x = operand(a, "np.average")
    if weights is None:
        return reduce.mean(x, axis, keepdims)
    w = operand(weights, "np.average")
    if tuple(w.shape) != tuple(x.shape):
        if axis is None or w.ndim != 1:
            raise op_error(
                ValueError, "np.average", f"weights of shape {tuple(w.shape)} need one axis of {tuple(x.shape)}"
            )
        w = shape.reshape(w, (-1,) + (1,) * (x.ndim - 1 - one_dim(axis, x.ndim, "np.average")))
        w = shape.broadcast_to(w, tuple(x.shape))
    return reduce.sum(x * w, axis, keepdims) / reduce.sum(w, axis, keepdims)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """One array for one axis, else a tuple; spacings are positional."""
    spacing = varargs[0] if len(varargs) == 1 and np.ndim(raw(varargs[0])) == 0 else list(varargs) or 1
    found = calculus.gradient(f, spacing=spacing, dim=axis, edge_order=edge_order)
    return found[0] if len(found) == 1 else found


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return calculus.trapezoid(y, x, dim=axis) if x is not None else calculus.trapezoid(y, dx=dx, dim=axis)


# --- shape ------------------------------------------------------------------------------------------------------------


def _tile(A: Any, reps: Any) -> Any:
    return rearrange.tile(A, reps)


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return rearrange.repeat_interleave(a, repeats, axis)


def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return rearrange.rot90(m, k, axes)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return join.cat([shape.ravel(arr), shape.ravel(values)]) if axis is None else join.cat([arr, values], axis)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return split._cut(ary, indices_or_sections, axis, "np.split")


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return split.tensor_split(ary, indices_or_sections, axis)


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if sparse:
        raise op_error(TypeError, "np.meshgrid", "sparse=True is not defined for tensors; use reshape")
    return join.meshgrid(*xi, indexing=indexing)


def _expand_dims(a: Any, axis: Any) -> Any:
    """Several new axes are places in the result."""
    if not isinstance(axis, (list, tuple)):
        return shape.unsqueeze(a, axis)
    x = operand(a, "np.expand_dims")
    for place in sorted(one_dim(d, x.ndim + len(axis), "np.expand_dims") for d in axis):
        x = shape.unsqueeze(x, place)
    return x


_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """Widths for all axes, one pair, or a pair for each, the first axis first."""
    x = operand(array, "np.pad")
    widths = np.broadcast_to(pad_width, (x.ndim, 2)).astype(np.int64).tolist()
    if any(n < 0 for pair in widths for n in pair):
        raise op_error(ValueError, "np.pad", f"pad_width must not be negative, got {pad_width}")
    amounts = [n for pair in widths[::-1] for n in pair]
    if mode == "constant" and np.ndim(raw(constant_values)) == 0:
        return pad.pad(x, amounts, value=raw(constant_values))
    if mode not in _MODES:
        raise op_error(TypeError, "np.pad", f"mode {mode!r} is not defined for tensors; use constant or {list(_MODES)}")
    return pad.pad(x, amounts, mode=_MODES[mode])


def _triangle(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda m, k=0: op(m, k)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return reduce.sum(diagonal.diagonal(a, offset, axis1, axis2), -1)


# --- by position ------------------------------------------------------------------------------------------------------


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    x = operand(a, "np.take")
    if axis is None:
        return index.take(x, indices)
    along = one_dim(axis, x.ndim, "np.take")
    return index.getitem(x, (slice(None),) * along + (np.asarray(raw(indices)),))


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Negative positions count from the end, as everywhere in NumPy."""
    x, positions = operand(arr, "np.take_along_axis"), np.asarray(raw(indices))
    size = x.numel() if axis is None else x.shape[one_dim(axis, x.ndim, "np.take_along_axis")]
    return index.take_along_dim(x, np.where(positions < 0, positions + size, positions), axis)


def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return _take(a, np.flatnonzero(raw(condition)), axis)


def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return sets.searchsorted(a, v, side=side, sorter=sorter)


def _unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: int | None = None,
) -> Any:  # fmt: skip
    if return_index:
        raise op_error(TypeError, "np.unique", "return_index is not defined for tensors; use np.unique(t.numpy(), ...)")
    return sets.unique(ar, True, return_inverse, return_counts, axis)


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """NumPy's ``right`` says which side the interval is closed at, PyTorch's where a boundary is inserted."""
    return sets.bucketize(x, bins, right=not right)


def _nan_extreme(op: Callable[..., Any], missing: float) -> Callable[..., Any]:
    """Extrema of what is not NaN; NaN where there is nothing else."""

    def function(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        x = operand(a, op.__name__)
        lost = reduce.all(isnan(x), axis, keepdims)
        return where(lost, np.nan, op(where(isnan(x), missing, x), axis, keepdims))

    return function


ARRAY_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.cumsum: _flattening(scan.cumsum),
    np.cumprod: _flattening(scan.cumprod),
    np.nansum: reduce.nansum,
    np.nanmean: reduce.nanmean,
    np.nanmax: _nan_extreme(extrema.amax, -np.inf),
    np.nanmin: _nan_extreme(extrema.amin, np.inf),
    np.count_nonzero: lambda a, axis=None, *, keepdims=False: reduce.count_nonzero(a, axis, keepdims),
    np.ptp: _ptp,
    np.average: _average,
    np.median: _np_median(quantile.quantile),
    np.nanmedian: _np_median(quantile.nanquantile),
    np.quantile: _np_quantile(quantile.quantile, 1),
    np.nanquantile: _np_quantile(quantile.nanquantile, 1),
    np.percentile: _np_quantile(quantile.quantile, 100),
    np.nanpercentile: _np_quantile(quantile.nanquantile, 100),
    np.sort: _sorted,
    np.argsort: _argsort,
    np.diff: lambda a, n=1, axis=-1, prepend=None, append=None: calculus.diff(a, n, axis, prepend, append),
    np.gradient: _gradient,
    np.trapezoid: _trapezoid,
    np.linalg.vector_norm: lambda x, /, *, axis=None, keepdims=False, ord=2: vector_norm.norm(x, ord, axis, keepdims),
    np.moveaxis: shape.movedim,
    np.swapaxes: lambda a, axis1, axis2: shape.swapaxes(a, axis1, axis2),
    np.ravel: lambda a: shape.ravel(a),
    np.expand_dims: _expand_dims,
    np.atleast_1d: shape.atleast_1d,
    np.atleast_2d: shape.atleast_2d,
    np.atleast_3d: shape.atleast_3d,
    np.tile: _tile,
    np.repeat: _repeat,
    np.fliplr: rearrange.fliplr,
    np.flipud: rearrange.flipud,
    np.rot90: _rot90,
    np.hstack: lambda tup: join.hstack(tup),
    np.vstack: lambda tup: join.vstack(tup),
    np.dstack: join.dstack,
    np.column_stack: join.column_stack,
    np.append: _append,
    np.split: _split,
    np.array_split: _array_split,
    np.hsplit: split.hsplit,
    np.vsplit: split.vsplit,
    np.dsplit: split.dsplit,
    np.broadcast_arrays: join.broadcast_tensors,
    np.meshgrid: _meshgrid,
    np.pad: _pad,
    np.diag: lambda v, k=0: diagonal.diag(v, k),
    np.diagflat: lambda v, k=0: diagonal.diagflat(v, k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonal.diagonal(a, offset, axis1, axis2),
    np.trace: _trace,
    np.tril: _triangle(diagonal.tril),
    np.triu: _triangle(diagonal.triu),
    np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.compress: _compress,
    np.nonzero: functools.partial(index.nonzero, as_tuple=True),
    np.flatnonzero: lambda a: index.nonzero(shape.ravel(a), as_tuple=True)[0],
    np.argwhere: index.nonzero,
    np.unique: _unique,
    np.searchsorted: _searchsorted,
    np.digitize: _digitize,
    np.bincount: lambda x, /, weights=None, minlength=0: sets.bincount(x, weights, minlength),
    np.isin: lambda element, test_elements, *, invert=False: sets.isin(element, test_elements, invert=invert),
}
