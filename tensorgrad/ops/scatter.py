"""Writing by position, out of place: a copy of the tensor with values put, added or reduced into it.

One primitive puts values at an index; what was there gets no gradient, and of values put at one place the last wins.
Adding is the adjoint of reading, which stands in :mod:`tensorgrad.ops.index`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.structural import add, broadcast_to, cast
from tensorgrad.errors import op_error
from tensorgrad.kernels import scatter as kernel
from tensorgrad.ops._arguments import (
    as_int,
    in_dtype,
    is_tensor,
    numpy_spelling,
    one_dim,
    operand,
    positions_given,
    raw,
    static_array,
)
from tensorgrad.ops.elementwise import where
from tensorgrad.ops.index import (
    _check_corner,
    _getitem,
    _index_argument,
    as_masked,
    checked_positions,
    from_the_end,
    plain_index,
    scatter_along,
    scatter_into,
)
from tensorgrad.ops.join import cat
from tensorgrad.ops.reduce import _prod
from tensorgrad.ops.shape import _reshape


def _put_rule(g: Any, y: Any, x: Any, v: Any, *, index: Any) -> Any:
    """The gradient where a value was put, 0 where another one came later to the same place."""
    kept = kernel.last_written(index, g.shape)
    return _getitem(g, index=index) if kept is None else where(kept, _getitem(g, index=index), 0.0)


@primitive(lambda g, y, x, v, *, index: _index_put(g, 0.0, index=index), _put_rule, name="index_put")
def _index_put(x: Any, v: Any, *, index: Any) -> Any:
    out = np.array(x)
    out[index] = v
    return out


def index_put_at(x: Any, values: Any, index: Any, op: str) -> Any:
    """``x`` with ``values`` at ``index``, checked: values that would lose digits or do not fit are refused."""
    return _index_put(x, _fitting(x, values, op), index=index)


def _fitting(x: Any, values: Any, op: str) -> Any:
    """Values of the dtype of ``x``: arrays must have it, numbers must be representable."""
    if isinstance(values, np.generic):
        values = values.item()
    if (is_tensor(values) or isinstance(values, np.ndarray)) and values.dtype != x.dtype and values.ndim:
        raise op_error(TypeError, op, f"expected values of dtype {x.dtype}, got {values.dtype}; convert with .to()")
    if x.dtype.kind == "f":
        return values
    number = raw(values)
    if np.ndim(number) == 0 and not isinstance(number, (bool, int)) and number != in_dtype(np.asarray(number), x.dtype):
        raise op_error(TypeError, op, f"the value {number} does not fit into a tensor of dtype {x.dtype}")
    return values


# --- an index for one dimension ---------------------------------------------------------------------------------------


def _open(index: np.ndarray, dim: int) -> tuple[np.ndarray, ...]:
    """The full index of the places ``index`` names along ``dim``: everywhere else its own position."""
    grid = np.ix_(*[np.arange(n) for n in index.shape])
    return tuple(index if d == dim else positions for d, positions in enumerate(grid))


def _along_arguments(input: Any, dim: Any, index: Any, src: Any, op: str) -> tuple[Any, int, np.ndarray, Any]:
    """The operands of the scatter family, checked: ``src`` is cut to the shape of ``index``."""
    x, source = operand(input, op), operand(src, op)
    along = one_dim(dim, x.ndim, op)
    positions = _index_argument(index, x, along, op)
    if x.ndim == 0:
        x, along = _reshape(x, shape=(1,)), 0
        positions, source = positions.reshape(-1), _reshape(source, shape=(-1,))
    _check_corner(positions.shape, x.shape, along, op, "input")
    _check_corner(positions.shape, source.shape, -1, op, "src")
    if tuple(source.shape) != positions.shape:
        source = _getitem(source, index=tuple(slice(n) for n in positions.shape))
    return x, along, positions, source


@numpy_spelling
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """A copy with ``src`` (a tensor or a number) put along ``dim``: ``out[index[i][j]][j] = src[i][j]`` for ``dim=0``.

    ``reduce="add"`` or ``"multiply"`` combines with what is there. Of several values put at one place the last one
    stays. Raises IndexError out of bounds, TypeError when the dtypes differ. Source: ``torch.scatter``.

    >>> import tensorgrad as tg
    >>> tg.scatter(tg.zeros(3), 0, tg.tensor([0, 2]), tg.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
    source = value if src is None else src
    x = operand(input, "scatter")
    if source is None:
        raise op_error(TypeError, "scatter", "expected src or value, got neither")
    if not np.ndim(source) and (x.ndim or not is_tensor(source)):
        source = of_values(np.full, np.shape(index), _fitting(x, raw(source), "scatter"), x.dtype)
    _fitting(x, source, "scatter")
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise op_error(ValueError, "scatter", f"reduce must be 'add' or 'multiply', got {reduce!r}")
        return scatter_reduce(x, dim, index, source, "sum" if reduce == "add" else "prod")
    vector, along, positions, source = _along_arguments(x, dim, index, source, "scatter")
    return _reshaped(index_put_at(vector, source, of_values(_open, positions, along), "scatter"), x)


def _reshaped(y: Any, x: Any) -> Any:
    """A 0-d tensor was a vector of one value in between."""
    return y if x.ndim else _reshape(y, shape=())


@numpy_spelling
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """``input`` with ``src`` added along ``dim``: ``out[index[i][j]][j] += src[i][j]`` for ``dim=0``.

    Source: ``torch.scatter_add``.

    >>> import tensorgrad as tg
    >>> tg.scatter_add(tg.zeros(3), 0, tg.tensor([0, 0, 2]), tg.ones(3))
    tensor([2., 0., 1.])
    """
    x, along, positions, source = _along_arguments(input, dim, index, src, "scatter_add")
    y = add(x, scatter_along(source, dim=along, index=positions, shape=tuple(x.shape)))
    return _reshaped(y, operand(input, "scatter_add"))


def _scatter_extreme_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, src: Any, *, dim: int, index: np.ndarray, largest: bool
) -> tuple[Any, Any]:
    """Everything that equals the extreme value of its place gets an equal share."""
    hit, hits = raw(x) == raw(y), raw(src) == np.take_along_axis(raw(y)[_corner(index, dim)], index, axis=dim)
    number = hit.astype(y.dtype) + kernel.add_along(hits.astype(y.dtype), dim, index, y.shape)
    share = g / number
    return where(hit, share, 0.0), where(hits, _getitem(share, index=_open(index, dim)), 0.0)


def _corner(index: np.ndarray, dim: int) -> tuple[slice, ...]:
    return tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))


@primitive(joint=_scatter_extreme_rule, name="scatter_extreme")
def _scatter_extreme(x: Any, src: Any, *, dim: int, index: np.ndarray, largest: bool) -> Any:
    out = np.array(x)
    (np.maximum if largest else np.minimum).at(out, _open(index, dim), src)
    return out


@numpy_spelling
def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """A copy with ``src`` reduced into the places ``index`` along ``dim`` by sum, prod, mean, amax or amin.

    ``include_self=False`` leaves out what was there. Ties of amax and amin share the gradient evenly; prod is exact
    with zeros. Raises IndexError out of bounds. Source: ``torch.scatter_reduce``.

    >>> import tensorgrad as tg
    >>> tg.scatter_reduce(tg.ones(2), 0, tg.tensor([0, 0]), tg.tensor([3.0, 5.0]), "mean")
    tensor([3., 1.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise op_error(ValueError, "scatter_reduce", f"reduce must be sum, prod, mean, amax or amin, got {reduce!r}")
    given = operand(input, "scatter_reduce")
    x, along, positions, source = _along_arguments(given, dim, index, src, "scatter_reduce")
    _fitting(x, source, "scatter_reduce")
    places = of_values(_open, positions, along)
    if not include_self:
        neutral = {"sum": 0, "mean": 0, "prod": 1, "amax": _lowest(x.dtype), "amin": _highest(x.dtype)}[reduce]
        x = _index_put(x, neutral, index=places)
    if reduce in ("amax", "amin"):
        y = _scatter_extreme(x, source, dim=along, index=positions, largest=reduce == "amax")
    elif reduce == "prod":
        y = _scatter_prod(x, source, along, positions)
    else:
        y = add(x, scatter_along(source, dim=along, index=positions, shape=tuple(x.shape)))
        if reduce == "mean":
            count = kernel.add_along(np.ones(positions.shape), along, positions, tuple(x.shape))
            count = np.maximum(count + include_self, 1).astype(x.dtype)
            y = y / count if x.dtype.kind == "f" else y // count
    return _reshaped(y, given)


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else int(np.iinfo(dtype).min)


def _highest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else True if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _scatter_prod(x: Any, source: Any, dim: int, index: np.ndarray) -> Any:
    """The factors of each place side by side, filled up with 1: the product is then the one along a dimension."""
    order = kernel.grouped(np.arange(int(np.prod(x.shape))).reshape(x.shape)[_open(index, dim)])
    size = int(np.prod(x.shape))
    table = np.full((size, 1 + order.most), size + index.size)
    table[:, 0] = np.arange(size)
    table[order.places, 1 + order.ranks] = size + order.order
    factors = cat([_reshape(x, shape=(-1,)), _reshape(source, shape=(-1,)), np.ones(1, x.dtype)])
    products = _prod(_getitem(factors, index=table), dim=(1,), keepdim=False)
    if products.dtype != x.dtype:  # the product of integers is int64
        products = cast(products, dtype=x.dtype)
    return _reshape(products, shape=tuple(x.shape))


# --- whole slices -----------------------------------------------------------------------------------------------------


def _slices(input: Any, dim: Any, index: Any, op: str, negative: bool = False) -> tuple[Any, int, np.ndarray]:
    """The tensor (at least a vector), the dimension, and a vector of positions along it."""
    x = operand(input, op)
    along = one_dim(dim, x.ndim, op)
    x = x if x.ndim else _reshape(x, shape=(1,))
    positions = of_values(_slice_positions, positions_given(index), x.shape[along], along, op, negative)
    return x, along, positions


def _slice_positions(index: np.ndarray, size: int, dim: int, op: str, negative: bool) -> np.ndarray:
    """A vector of positions along a dimension, checked."""
    if negative and index.dtype.kind == "i":
        index = from_the_end(index, size)
    positions = np.atleast_1d(checked_positions(index, size, dim, op))
    if positions.ndim > 1:
        raise op_error(ValueError, op, f"index must be 1-d, got shape {positions.shape}")
    return positions


def _source_slices(x: Any, source: Any, dim: int, index: np.ndarray, op: str) -> Any:
    """``source`` with as many slices as ``index`` names."""
    values = operand(source, op)
    expected = tuple(index.size if d == dim else n for d, n in enumerate(x.shape))
    if values.ndim == 0 and expected in ((1,), ()):
        values = _reshape(values, shape=(1,))
    if tuple(values.shape) != expected:
        raise op_error(ValueError, op, f"expected a source of shape {expected}, got {tuple(values.shape)}")
    return _fitting(x, values, op)


@numpy_spelling
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy with the slices of ``alpha * source`` added at ``index`` along ``dim``. Source: ``torch.index_add``.

    >>> import tensorgrad as tg
    >>> tg.index_add(tg.zeros(3), 0, tg.tensor([0, 0, 2]), tg.ones(3))
    tensor([2., 0., 1.])
    """
    x, along, positions = _slices(input, dim, index, "index_add")
    values = _source_slices(x, source, along, positions, "index_add")
    values = values if alpha == 1 else values * alpha
    added = scatter_into(values, index=(slice(None),) * along + (positions,), shape=tuple(x.shape))
    return _reshaped(add(x, added), operand(input, "index_add"))


@numpy_spelling
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy with the slices of ``source`` at ``index`` along ``dim``. Source: ``torch.index_copy``.

    >>> import tensorgrad as tg
    >>> tg.index_copy(tg.zeros(3), 0, tg.tensor([2, 0]), tg.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    x, along, positions = _slices(input, dim, index, "index_copy")
    values = _source_slices(x, source, along, positions, "index_copy")
    y = index_put_at(x, values, (slice(None),) * along + (positions,), "index_copy")
    return _reshaped(y, operand(input, "index_copy"))


@numpy_spelling
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy with one number (or 0-d tensor) in the slices ``index`` along ``dim``. Source: ``torch.index_fill``.

    >>> import tensorgrad as tg
    >>> tg.index_fill(tg.zeros(3), 0, tg.tensor([0, 2]), 5)
    tensor([5., 0., 5.])
    """
    x, along, positions = _slices(input, dim, index, "index_fill", negative=True)
    y = index_put_at(x, _number(value, "index_fill"), (slice(None),) * along + (positions,), "index_fill")
    return _reshaped(y, operand(input, "index_fill"))


def _number(value: Any, op: str) -> Any:
    if np.ndim(value):
        raise op_error(ValueError, op, f"value must be a number or a 0-d tensor, got shape {np.shape(value)}")
    return value


@numpy_spelling
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """A copy with ``src`` in the slice ``start:end:step`` along ``dim``. Source: ``torch.slice_scatter``.

    >>> import tensorgrad as tg
    >>> tg.slice_scatter(tg.zeros(4), tg.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    x = operand(input, "slice_scatter")
    along = one_dim(dim, x.ndim, "slice_scatter")
    if x.ndim == 0 or as_int(step, "slice_scatter", "step") <= 0:
        raise op_error(ValueError, "slice_scatter", f"expected a dimension and a positive step, got step {step}")
    return _write_part(x, src, (slice(None),) * along + (slice(start, end, step),), "slice_scatter")


@numpy_spelling
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy with ``src`` as the slice ``index`` along ``dim``. Source: ``torch.select_scatter``.

    >>> import tensorgrad as tg
    >>> tg.select_scatter(tg.zeros(2, 2), tg.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    x = operand(input, "select_scatter")
    along = one_dim(dim, x.ndim, "select_scatter")
    at = as_int(index, "select_scatter", "index")
    if x.ndim == 0 or not -x.shape[along] <= at < x.shape[along]:
        raise op_error(IndexError, "select_scatter", f"index {at} is out of range for shape {tuple(x.shape)}")
    return _write_part(x, src, (slice(None),) * along + (at,), "select_scatter")


def _write_part(x: Any, src: Any, index: Any, op: str) -> Any:
    values, expected = operand(src, op), raw(x)[index].shape
    if tuple(values.shape) != expected:
        raise op_error(ValueError, op, f"expected src of shape {expected}, got {tuple(values.shape)}")
    return index_put_at(x, values, index, op)


# --- any index, and masks ---------------------------------------------------------------------------------------------


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy with ``values`` at ``input[indices]``, a tuple of integer or boolean tensors; or added there.

    Source: ``torch.index_put``.

    >>> import tensorgrad as tg
    >>> tg.index_put(tg.zeros(2, 2), (tg.tensor([0, 1]), tg.tensor([1, 1])), tg.tensor([5.0, 6.0]))
    tensor([[0., 5.],
            [0., 6.]])
    """
    x, index = operand(input, "index_put"), plain_index(tuple(indices))
    if not accumulate:
        return index_put_at(x, values, index, "index_put")
    shape = raw(x)[index].shape
    source = broadcast_to(operand(_fitting(x, values, "index_put"), "index_put"), shape=shape)
    return add(x, scatter_into(source, index=index, shape=tuple(x.shape)))


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """``value`` (a number or a 0-d tensor) where ``mask`` holds, ``input`` elsewhere. Source: ``torch.masked_fill``.

    Raises TypeError unless ``mask`` is boolean.

    >>> import tensorgrad as tg
    >>> tg.masked_fill(tg.tensor([1.0, 2.0]), tg.tensor([True, False]), -1)
    tensor([-1.,  2.])
    """
    x, chosen = as_masked(input, mask, "masked_fill")
    fill = _fitting(x, _number(value, "masked_fill"), "masked_fill")
    if not is_tensor(fill) or fill.dtype != x.dtype:
        fill = fill.to(x.dtype) if is_tensor(fill) else of_values(_number_of, fill, x.dtype)
    return where(chosen, fill, x)


def _number_of(value: Any, dtype: np.dtype[Any]) -> np.ndarray:
    found: np.ndarray = in_dtype(np.asarray(value), dtype)
    return found


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """A copy whose elements under ``mask`` are, in order, those of ``source``. Source: ``torch.masked_scatter``.

    Raises ValueError when ``source`` has too few.

    >>> import tensorgrad as tg
    >>> tg.masked_scatter(tg.zeros(3), tg.tensor([True, False, True]), tg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 2.])
    """
    x, chosen = as_masked(input, static_array(mask), "masked_scatter")  # where values go depends on those before
    values = _reshape(operand(source, "masked_scatter"), shape=(-1,))
    count = int(np.count_nonzero(chosen))
    if values.shape[0] < count:
        raise op_error(ValueError, "masked_scatter", f"the mask holds {count} times, source has {values.shape[0]}")
    return index_put_at(x, _getitem(values, index=slice(count)), chosen, "masked_scatter")


__all__ = [
    "index_add", "index_copy", "index_fill", "index_put", "masked_fill", "masked_scatter", "scatter", "scatter_add",
    "scatter_reduce", "select_scatter", "slice_scatter",
]  # fmt: skip
