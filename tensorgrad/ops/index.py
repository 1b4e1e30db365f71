"""Reading and writing by position: every operator stands beside its adjoint.

{getitem, scatter_into} and {gather, scatter_along}: reading at an index and adding at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.structural import add
from tensorgrad.errors import op_error
from tensorgrad.kernels import scatter as kernel
from tensorgrad.ops._arguments import as_int, is_tensor, numpy_spelling, one_dim, operand, raw


@primitive(lambda g, y, x, *, index: scatter_into(g, index=index, shape=x.shape), name="getitem", views=True)
def _getitem(x: Any, *, index: Any) -> Any:
    return x[index]


@primitive(lambda g, y, x, *, index, shape: _getitem(g, index=index), name="scatter_into")
def scatter_into(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index``: what is read twice gets both gradients."""
    return kernel.add_at(x, index, shape)


@primitive(lambda g, y, x, *, dim, index: scatter_along(g, dim=dim, index=index, shape=x.shape), name="gather")
def _gather(x: Any, *, dim: int, index: np.ndarray) -> Any:
    corner = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    return np.take_along_axis(x[corner], index, axis=dim)


@primitive(lambda g, y, x, *, dim, index, shape: _gather(g, dim=dim, index=index), name="scatter_along")
def scatter_along(x: Any, *, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index`` along ``dim``: the adjoint of :func:`gather`."""
    return kernel.add_along(x, dim, index, shape)


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
    if entry is None or entry is Ellipsis or isinstance(entry, (int, np.integer)):
        return entry
    if isinstance(entry, slice):
        bounds = (entry.start, entry.stop, entry.step)
        return slice(*[b if b is None else as_int(b, "getitem", "slice bound") for b in bounds])
    array = np.asarray(raw(entry)) if is_tensor(entry) or not isinstance(entry, np.ndarray) else entry
    if array.size == 0 and not isinstance(entry, np.ndarray) and not is_tensor(entry):
        array = array.astype(np.int64)  # x[[]]
    if array.dtype.kind not in "iub":
        raise op_error(
            IndexError,
            "getitem",
            f"indices must be integers, slices, masks, None or ..., got {array.dtype} values",
        )
    return array


def _index_argument(index: Any, x: Any, dim: int, op: str) -> np.ndarray:
    """An integer index array, checked against ``x`` along ``dim`` (negative positions are refused, as in PyTorch)."""
    array = np.asarray(raw(index))
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise op_error(TypeError, op, f"index must hold integers, got {array.dtype}")
    size = x.shape[dim] if x.ndim else 1
    if array.size and not 0 <= array.min() <= array.max() < size:
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
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """``input`` with ``src`` added along ``dim``: ``out[index[i][j]][j] += src[i][j]`` for ``dim=0``.

    Source: ``torch.scatter_add``.

    >>> import tensorgrad as tg
    >>> tg.scatter_add(tg.zeros(3), 0, tg.tensor([0, 0, 2]), tg.ones(3))
    tensor([2., 0., 1.])
    """
    x = operand(input, "scatter_add")
    source = operand(src, "scatter_add")
    along = one_dim(dim, x.ndim, "scatter_add")
    positions = _index_argument(index, x, along, "scatter_add")
    _check_corner(positions.shape, x.shape, along, "scatter_add", "input")
    _check_corner(positions.shape, source.shape, -1, "scatter_add", "src")
    if tuple(source.shape) != positions.shape:
        source = _getitem(source, index=tuple(slice(n) for n in positions.shape))
    return add(x, scatter_along(source, dim=along, index=positions, shape=tuple(x.shape)))


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
    return _getitem(x, index=(slice(None),) * along + (np.atleast_1d(positions),) if x.ndim else ())


__all__ = ["gather", "getitem", "index_select", "scatter_add"]
