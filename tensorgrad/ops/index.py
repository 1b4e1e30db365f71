"""Reading by position: every operator stands beside its adjoint.

{getitem, scatter_into} and {gather, scatter_along}: reading at an index and adding at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive, wrap
from tensorgrad.autograd.structural import broadcast_to
from tensorgrad.errors import op_error
from tensorgrad.kernels.gather import exist, read, take_along
from tensorgrad.kernels.gather import take as take_slices
from tensorgrad.kernels.scatter import add_along, add_at
from tensorgrad.ops._arguments import (
    as_int,
    is_tensor,
    numpy_spelling,
    one_dim,
    operand,
    positions_given,
    raw,
    static_array,
)
from tensorgrad.ops.shape import _reshape


@primitive(lambda g, y, x, *, index: scatter_into(g, index=index, shape=x.shape), name="getitem", views=True)
def _getitem(x: Any, *, index: Any) -> Any:
    y = read(x, index)
    if isinstance(y, np.ndarray):
        return y
    # a single element: `...` makes NumPy return a 0-d view where x[i] is a copy
    return x[(*index, ...) if isinstance(index, tuple) else (index, ...)]


@primitive(lambda g, y, x, *, index, shape: _getitem(g, index=index), name="scatter_into")
def scatter_into(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index``: what is read twice gets both gradients."""
    return add_at(x, index, shape)


@primitive(lambda g, y, x, *, dim, index: scatter_along(g, dim=dim, index=index, shape=x.shape), name="gather")
def _gather(x: Any, *, dim: int, index: np.ndarray) -> Any:
    return take_along(x, index, dim)


@primitive(lambda g, y, x, *, dim, index, shape: _gather(g, dim=dim, index=index), name="scatter_along")
def scatter_along(x: Any, *, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index`` along ``dim``: the adjoint of :func:`gather`."""
    return add_along(x, dim, index, shape)


@primitive(
    lambda g, y, x, *, dim, index: scatter_into(g, index=(slice(None),) * dim + (index,), shape=x.shape),
    name="index_select",
)
def _index_select(x: Any, *, dim: int, index: np.ndarray) -> Any:
    """``x[:, ..., index]``, but laid out in C order where plain indexing leaves ``dim`` outermost in memory."""
    return take_slices(x, index, dim)


def getitem(input: Any, index: Any) -> Any:
    """``input[index]`` by NumPy's rules: integers, slices (negative steps too), None, ``...``, masks, integer arrays.

    Duplicates in an integer index accumulate their gradients. Raises IndexError as NumPy does.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[[0, 0, 2]].sum().backward(); x.grad
    tensor([2., 0., 1.])
    """
    return _getitem(input, index=plain_index(index))


def plain_index(index: Any) -> Any:
    """An index without Tensors: their arrays instead, lists as arrays."""
    if isinstance(index, tuple):
        return tuple([_plain_entry(entry) for entry in index])
    return _plain_entry(index)


def _plain_entry(entry: Any) -> Any:
    kind = type(entry)
    if kind is slice:
        bounds = (entry.start, entry.stop, entry.step)
        for b in bounds:
            if b is not None and type(b) is not int:
                return slice(*[b if b is None else as_int(b, "getitem", "slice bound") for b in bounds])
        return entry
    if kind is int or entry is None or entry is Ellipsis or isinstance(entry, (int, np.integer)):
        return entry
    if is_tensor(entry) and entry.dtype != np.bool_:  # the number of True decides over the shape
        return _of_integers(of_values(np.asarray, entry))
    array = static_array(entry)
    if array.size == 0 and not isinstance(entry, np.ndarray) and not is_tensor(entry):
        array = array.astype(np.int64)  # x[[]]
    return _of_integers(array)


def _of_integers(array: np.ndarray) -> np.ndarray:
    """An index array; IndexError for floats."""
    if array.dtype.kind not in "iub":
        raise op_error(
            IndexError,
            "getitem",
            f"indices must be integers, slices, masks, None or ..., got {array.dtype} values",
        )
    return array


def _index_argument(index: Any, x: Any, dim: int, op: str) -> np.ndarray:
    """An integer index array, checked against ``x`` along ``dim`` (negative positions are refused, as in PyTorch)."""
    found: np.ndarray = of_values(checked_positions, positions_given(index), x.shape[dim] if x.ndim else 1, dim, op)
    return found


def checked_positions(array: np.ndarray, size: int, dim: int, op: str) -> np.ndarray:
    """The positions, as integers if there are none; they are refused unless each is at least 0 and below ``size``."""
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise op_error(TypeError, op, f"index must hold integers, got {array.dtype}")
    if not exist(array, size):
        bad = array.min() if array.min() < 0 else array.max()
        raise op_error(IndexError, op, f"index {bad} is out of bounds for dimension {dim} with size {size}")
    return array


@numpy_spelling
def gather(input: Any, dim: int, index: Any) -> Any:
    """Values picked along ``dim``: ``out[i][j] = input[index[i][j]][j]`` for ``dim=0``.

    ``index`` has as many dimensions as ``input`` and may be smaller in the others. Raises IndexError when out of
    bounds. Source: ``torch.gather``.

    >>> import tensorgrad as tg
    >>> tg.gather(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, tg.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    x = operand(input, "gather")
    along = one_dim(dim, x.ndim, "gather")
    positions = _index_argument(index, x, along, "gather")
    _check_corner(positions.shape, x.shape, along, "gather", "input")
    if x.ndim == 0:
        return _getitem(x, index=())
    return _gather(x, dim=along, index=positions)


def _check_corner(small: tuple[int, ...], large: tuple[int, ...], dim: int, op: str, name: str) -> None:
    if len(small) != len(large) or any(s > n for d, (s, n) in enumerate(zip(small, large, strict=True)) if d != dim):
        raise op_error(
            ValueError,
            op,
            f"index of shape {small} does not fit {name} of shape {tuple(large)} outside dimension {dim}",
        )


@numpy_spelling
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The entries ``index`` (1-d) along ``dim``. Source: ``torch.index_select``.

    >>> import tensorgrad as tg
    >>> tg.index_select(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, tg.tensor([1, 1]))
    tensor([[2., 2.],
            [4., 4.]])
    """
    x = operand(input, "index_select")
    along = one_dim(dim, x.ndim, "index_select")
    positions = _index_argument(index, x, along, "index_select")
    if positions.ndim > 1:
        raise op_error(ValueError, "index_select", f"index must be 1-d, got shape {positions.shape}")
    return _index_select(x, dim=along, index=np.atleast_1d(positions)) if x.ndim else _getitem(x, index=())


@numpy_spelling
def select(input: Any, dim: int, index: int) -> Any:
    """The slice at ``index`` along ``dim``, without that dimension. Source: ``torch.select``.

    Raises IndexError out of bounds and for 0-d tensors.

    >>> import tensorgrad as tg
    >>> tg.select(tg.tensor([[1, 2], [3, 4]]), 1, -1)
    tensor([2, 4])
    """
    x = operand(input, "select")
    along, at = one_dim(dim, x.ndim, "select"), as_int(index, "select", "index")
    if x.ndim == 0 or not -x.shape[along] <= at < x.shape[along]:
        raise op_error(IndexError, "select", f"index {at} is out of range for dim {dim} of shape {tuple(x.shape)}")
    return _getitem(x, index=(slice(None),) * along + (at,))


def take(input: Any, index: Any) -> Any:
    """The elements of the flattened tensor at ``index``, in its shape. Source: ``torch.take``.

    >>> import tensorgrad as tg
    >>> tg.take(tg.tensor([[1, 2], [3, 4]]), tg.tensor([0, -1]))
    tensor([1, 4])
    """
    x = _reshape(operand(input, "take"), shape=(-1,))
    return _getitem(x, index=of_values(_places_to_take, positions_given(index)))


def _places_to_take(array: np.ndarray) -> np.ndarray:
    """The positions as int64; TypeError for other numbers than integers."""
    if array.dtype.kind not in "iu" and array.size:
        raise op_error(TypeError, "take", f"index must hold integers, got {array.dtype}")
    return array.astype(np.int64)


@numpy_spelling
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """:func:`gather` with the other dimensions broadcast; without ``dim`` of the flattened tensor.

    Negative indices count from the end. Source: ``torch.take_along_dim``.

    >>> import tensorgrad as tg
    >>> tg.take_along_dim(tg.tensor([[3, 1], [2, 4]]), tg.tensor([[1], [0]]), 1)
    tensor([[1],
            [2]])
    """
    x, positions = operand(input, "take_along_dim"), of_values(np.asarray, positions_given(indices))
    if dim is None:
        x, positions, dim = _reshape(x, shape=(-1,)), of_values(np.ravel, positions), 0
    along = one_dim(dim, x.ndim, "take_along_dim")
    if positions.ndim != x.ndim:
        raise op_error(
            ValueError,
            "take_along_dim",
            f"indices need the {x.ndim} dimensions of the input, got shape {positions.shape}",
        )
    try:
        shape = np.broadcast_shapes(*[(*v.shape[:along], *v.shape[along + 1 :]) for v in (x, positions)])
    except ValueError as error:
        raise op_error(ValueError, "take_along_dim", str(error)) from None
    if not x.ndim:
        return gather(x, 0, positions)
    wide = broadcast_to(x, shape=(*shape[:along], x.shape[along], *shape[along:]))
    own = (*shape[:along], positions.shape[along], *shape[along:])
    return _gather(wide, dim=along, index=of_values(_broadcast_positions, positions, own, x.shape[along], along))


def _broadcast_positions(positions: np.ndarray, shape: tuple[int, ...], size: int, dim: int) -> np.ndarray:
    """Positions of this shape, of which negative ones count from the end, checked."""
    found = checked_positions(from_the_end(positions, size), size, dim, "take_along_dim")
    return np.broadcast_to(found, shape)


def from_the_end(positions: np.ndarray, size: int) -> np.ndarray:
    """Positions of which negative ones count from the end."""
    return np.where((positions < 0) & (positions >= -size), positions + size, positions)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` holds, as a vector; the two broadcast. Source: ``torch.masked_select``.

    Raises TypeError unless ``mask`` is boolean.

    >>> import tensorgrad as tg
    >>> tg.masked_select(tg.tensor([1, 2, 3]), tg.tensor([True, False, True]))
    tensor([1, 3])
    """
    x, where = as_masked(input, static_array(mask), "masked_select")  # the number of True decides over the shape
    return _getitem(x, index=where)


def as_masked(input: Any, mask: Any, op: str) -> tuple[Any, np.ndarray]:
    """The tensor and its boolean mask, both expanded to their common shape."""
    x, chosen = operand(input, op), of_values(np.asarray, positions_given(mask))
    if chosen.dtype != np.bool_:
        raise op_error(TypeError, op, f"mask must be boolean, got {chosen.dtype}; write mask != 0")
    try:
        shape = np.broadcast_shapes(tuple(x.shape), chosen.shape)
    except ValueError:
        raise op_error(
            ValueError, op, f"mask of shape {chosen.shape} does not broadcast with shape {tuple(x.shape)}"
        ) from None
    return x if tuple(x.shape) == shape else broadcast_to(x, shape=shape), of_values(np.broadcast_to, chosen, shape)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The positions of what is not zero, one a row; ``as_tuple`` gives one vector for each dimension instead.

    Source: ``torch.nonzero``.

    >>> import tensorgrad as tg
    >>> tg.nonzero(tg.tensor([[0, 1], [2, 0]])).tolist()
    [[0, 1], [1, 0]]
    """
    x = operand(input, "nonzero")
    values = raw(x)
    places = np.nonzero(np.atleast_1d(values))
    if not as_tuple:
        places = (np.stack(places[: values.ndim], axis=1) if values.ndim else np.zeros((len(places[0]), 0), np.int64),)
    found = tuple(wrap(v) if is_tensor(x) else v for v in places)
    return found if as_tuple else found[0]


__all__ = ["gather", "getitem", "index_select", "masked_select", "nonzero", "select", "take", "take_along_dim"]
