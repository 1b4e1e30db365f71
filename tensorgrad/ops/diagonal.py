"""Diagonals and triangles of matrices: reading one, laying one down, keeping one side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive, wrap
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, one_dim, operand
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.scatter import index_put_at
from tensorgrad.ops.shape import _reshape


def _places(shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a diagonal."""
    length = max(0, min(shape[dim1] - max(-offset, 0), shape[dim2] - max(offset, 0)))
    steps = np.arange(length)
    return steps + max(-offset, 0), steps + max(offset, 0)


def _write_diagonal(x: np.ndarray, values: Any, offset: int, dim1: int, dim2: int) -> None:
    rows, columns = _places(x.shape, offset, dim1, dim2)
    view = np.moveaxis(x, (dim1, dim2), (-2, -1))
    view[..., rows, columns] = values


# --- primitives: {diagonal, diag_embed} are each other's adjoint, a triangle is its own -------------------------------


@primitive(
    lambda g, y, x, *, offset, dim1, dim2: _diag_embed(g, shape=x.shape, offset=offset, dim1=dim1, dim2=dim2),
    name="diagonal",
    views=True,
)
def _diagonal(x: Any, *, offset: int, dim1: int, dim2: int) -> Any:
    y = np.diagonal(x, offset, dim1, dim2)
    y.flags.writeable = x.flags.writeable  # NumPy's diagonal is read-only, a tensor's can be written through
    return y


@primitive(
    lambda g, y, x, *, shape, offset, dim1, dim2: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
    name="diag_embed",
)
def _diag_embed(x: Any, *, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Any:
    out = np.zeros(shape, x.dtype)
    _write_diagonal(out, x, offset, dim1, dim2)
    return out


_tril: Callable[..., Any] = primitive(lambda g, y, x, *, k: _tril(g, k=k), name="tril")(lambda x, *, k: np.tril(x, k))
_triu: Callable[..., Any] = primitive(lambda g, y, x, *, k: _triu(g, k=k), name="triu")(lambda x, *, k: np.triu(x, k))

# --- public names -----------------------------------------------------------------------------------------------------


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of two dimensions, as a new last one; ``offset`` above (or below) the main one.

    Source: ``torch.diagonal``.

    >>> import tensorgrad as tg
    >>> tg.diagonal(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    x = operand(input, "diagonal")
    first, second = _two(dim1, dim2, x.ndim, "diagonal")
    return _diagonal(x, offset=as_int(offset, "diagonal", "offset"), dim1=first, dim2=second)


def _two(dim1: Any, dim2: Any, ndim: int, op: str) -> tuple[int, int]:
    first, second = one_dim(dim1, ndim, op), one_dim(dim2, ndim, op)
    if first == second or ndim < 2:
        raise op_error(ValueError, op, f"expected two different dimensions of {ndim}, got {dim1} and {dim2}")
    return first, second


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last dimension on their diagonal, zeros elsewhere. Source: ``torch.diag_embed``.

    >>> import tensorgrad as tg
    >>> tg.diag_embed(tg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    x, k = operand(input, "diag_embed"), as_int(offset, "diag_embed", "offset")
    if x.ndim == 0:
        raise op_error(ValueError, "diag_embed", "expected at least one dimension, got a 0-d tensor")
    first, second = _two(dim1, dim2, x.ndim + 1, "diag_embed")
    sizes = list(x.shape[:-1])
    for place in sorted((first, second)):
        sizes.insert(place, x.shape[-1] + abs(k))
    return _diag_embed(x, shape=tuple(sizes), offset=k, dim1=first, dim2=second)


def diag(input: Any, diagonal: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal. Source: ``torch.diag``.

    >>> import tensorgrad as tg
    >>> tg.diag(tg.tensor([1, 2]), 1).shape
    (3, 3)
    """
    x = operand(input, "diag")
    if x.ndim not in (1, 2):
        raise op_error(ValueError, "diag", f"expected a vector or a matrix, got shape {tuple(x.shape)}")
    return (
        diag_embed(x, diagonal)
        if x.ndim == 1
        else _diagonal(x, offset=as_int(diagonal, "diag", "diagonal"), dim1=0, dim2=1)
    )


def diagflat(input: Any, offset: int = 0) -> Any:
    """The matrix with all elements, flattened, on its diagonal. Source: ``torch.diagflat``.

    >>> import tensorgrad as tg
    >>> tg.diagflat(tg.tensor([[1, 2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(_reshape(operand(input, "diagflat"), shape=(-1,)), offset)


def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix. Source: ``torch.trace``.

    >>> import tensorgrad as tg
    >>> tg.trace(tg.tensor([[1, 2], [3, 4]])).item()
    5
    """
    x = operand(input, "trace")
    if x.ndim != 2:
        raise op_error(ValueError, "trace", f"expected a matrix, got shape {tuple(x.shape)}")
    return sum(_diagonal(x, offset=0, dim1=0, dim2=1))


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy with ``src`` on a diagonal. Source: ``torch.diagonal_scatter``.

    >>> import tensorgrad as tg
    >>> tg.diagonal_scatter(tg.zeros(2, 2), tg.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    x, values = operand(input, "diagonal_scatter"), operand(src, "diagonal_scatter")
    first, second = _two(dim1, dim2, x.ndim, "diagonal_scatter")
    rows, columns = _places(tuple(x.shape), as_int(offset, "diagonal_scatter", "offset"), first, second)
    others = [n for d, n in enumerate(x.shape) if d not in (first, second)]
    if tuple(values.shape) != (*others, len(rows)):
        raise op_error(
            ValueError, "diagonal_scatter", f"expected src of shape {(*others, len(rows))}, got {tuple(values.shape)}"
        )
    # the positions of the other dimensions in their order, then the diagonal: src's own order
    grid = np.ix_(*[np.arange(n) for n in others], np.arange(len(rows)))
    index = [rows if d == first else columns if d == second else None for d in range(x.ndim)]
    rest = iter(grid[:-1])
    return index_put_at(x, values, tuple(next(rest) if at is None else at for at in index), "diagonal_scatter")


def fill_diagonal(input: Any, fill_value: float, wrap: bool = False) -> Any:
    """A copy with ``fill_value`` on the main diagonal, of more than two dimensions where all positions are equal.

    ``wrap`` starts again below a tall matrix's last column. Source: ``torch.Tensor.fill_diagonal_`` (in place there).

    >>> import tensorgrad as tg
    >>> tg.fill_diagonal(tg.zeros(2, 2), 1)
    tensor([[1., 0.],
            [0., 1.]])
    """
    x = operand(input, "fill_diagonal")
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1):
        raise op_error(ValueError, "fill_diagonal", f"expected a matrix or equal sizes, got shape {tuple(x.shape)}")
    if wrap and x.ndim == 2:
        flat = np.arange(0, x.shape[0] * x.shape[1], x.shape[1] + 1)
        return index_put_at(x, fill_value, np.unravel_index(flat, tuple(x.shape)), "fill_diagonal")
    return index_put_at(x, fill_value, (np.arange(min(x.shape)),) * x.ndim, "fill_diagonal")


def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangle of the last two dimensions, zeros above ``diagonal``. Source: ``torch.tril``.

    >>> import tensorgrad as tg
    >>> tg.tril(tg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    return _triangle(input, diagonal, "tril", _tril)


def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangle of the last two dimensions, zeros below ``diagonal``. Source: ``torch.triu``.

    >>> import tensorgrad as tg
    >>> tg.triu(tg.tensor([[1, 2], [3, 4]]), 1)
    tensor([[0, 2],
            [0, 0]])
    """
    return _triangle(input, diagonal, "triu", _triu)


def _triangle(input: Any, diagonal: Any, op: str, keep: Any) -> Any:
    x = operand(input, op)
    if x.ndim < 2:
        raise op_error(ValueError, op, f"expected at least 2 dimensions, got shape {tuple(x.shape)}")
    return keep(x, k=as_int(diagonal, op, "diagonal"))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Any:
    """Rows and columns of the lower triangle, as the two rows of a tensor. Source: ``torch.tril_indices``.

    >>> import tensorgrad as tg
    >>> tg.tril_indices(2, 2).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    return wrap(np.stack(np.tril_indices(row, offset, col)).astype(dtype))


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Any:
    """Rows and columns of the upper triangle, as the two rows of a tensor. Source: ``torch.triu_indices``.

    >>> import tensorgrad as tg
    >>> tg.triu_indices(2, 2).tolist()
    [[0, 0, 1], [0, 1, 1]]
    """
    return wrap(np.stack(np.triu_indices(row, offset, col)).astype(dtype))


__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "fill_diagonal", "trace", "tril",
    "tril_indices", "triu", "triu_indices",
]  # fmt: skip
