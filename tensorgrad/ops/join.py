"""Joining tensors: one after the other, side by side, on a grid."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.autograd.structural import broadcast_to
from tensorgrad.errors import op_error
from tensorgrad.kernels.copy import joined
from tensorgrad.ops._arguments import as_int, numpy_spelling, one_dim, operand
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.shape import _reshape, atleast_1d, atleast_2d, atleast_3d, unsqueeze


def _stretch(x: Any, dim: int, start: int, length: int) -> Any:
    """The view ``start : start + length`` along ``dim``."""
    return _getitem(x, index=(slice(None),) * dim + (slice(start, start + length),))


def _cat_rule(wanted: tuple[bool, ...], g: Any, y: Any, *inputs: Any, dim: int, sizes: tuple[int, ...]) -> Any:
    """Each input gets its own stretch of the gradient back."""
    ends = itertools.accumulate(sizes)
    return [_stretch(g, dim, end - n, n) if need else None for need, end, n in zip(wanted, ends, sizes, strict=True)]


@primitive(joint=_cat_rule, name="cat", promote=promote_operands)
def _cat(*inputs: Any, dim: int, sizes: tuple[int, ...]) -> Any:
    return joined(inputs, dim)


@numpy_spelling
def cat(tensors: Any, dim: int = 0) -> Any:
    """The tensors one after the other along ``dim``; the other sizes must agree. Source: ``torch.cat``.

    Raises ValueError for an empty list, 0-d tensors or sizes that do not agree.

    >>> import tensorgrad as tg
    >>> tg.cat([tg.tensor([1, 2]), tg.tensor([3])])
    tensor([1, 2, 3])
    """
    parts = _parts(tensors, "cat")
    ndim = parts[0].ndim
    if any(p.ndim == 0 for p in parts):
        raise op_error(ValueError, "cat", "zero-dimensional tensors cannot be concatenated; use stack")
    along = one_dim(dim, ndim, "cat")
    for i, p in enumerate(parts):
        if p.ndim != ndim or any(
            n != m for d, (n, m) in enumerate(zip(p.shape, parts[0].shape, strict=False)) if d != along
        ):
            raise op_error(
                ValueError, "cat",
                f"sizes must agree outside dimension {along}: tensor 0 is {tuple(parts[0].shape)}, "
                f"tensor {i} is {tuple(p.shape)}",
            )  # fmt: skip
    return _cat(*parts, dim=along, sizes=tuple(p.shape[along] for p in parts))


@numpy_spelling
def stack(tensors: Any, dim: int = 0) -> Any:
    """Tensors of one shape along a new dimension. Source: ``torch.stack``.

    >>> import tensorgrad as tg
    >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    parts = _parts(tensors, "stack")
    for i, p in enumerate(parts):
        if tuple(p.shape) != tuple(parts[0].shape):
            raise op_error(
                ValueError,
                "stack",
                f"shapes must agree: tensor 0 is {tuple(parts[0].shape)}, tensor {i} is {tuple(p.shape)}",
            )
    along = one_dim(dim, parts[0].ndim + 1, "stack")
    return _cat(*[unsqueeze(p, along) for p in parts], dim=along, sizes=(1,) * len(parts))


def _parts(tensors: Any, op: str) -> list[Any]:
    if not isinstance(tensors, (list, tuple)):
        raise op_error(TypeError, op, f"expected a list or tuple of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise op_error(ValueError, op, "expected at least one tensor, got none")
    return [operand(p, op) for p in tensors]


def hstack(tensors: Any) -> Any:
    """Joined along the second dimension, vectors along their first. Source: ``torch.hstack``.

    >>> import tensorgrad as tg
    >>> tg.hstack([tg.tensor([1, 2]), tg.tensor([3])])
    tensor([1, 2, 3])
    """
    parts = [atleast_1d(p) for p in _parts(tensors, "hstack")]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Any) -> Any:
    """Joined along the first dimension, vectors as rows. Source: ``torch.vstack``.

    >>> import tensorgrad as tg
    >>> tg.vstack([tg.tensor([1, 2]), tg.tensor([3, 4])]).shape
    (2, 2)
    """
    return cat([atleast_2d(p) for p in _parts(tensors, "vstack")])


def dstack(tensors: Any) -> Any:
    """Joined along the third dimension. Source: ``torch.dstack``.

    >>> import tensorgrad as tg
    >>> tg.dstack([tg.tensor([1, 2]), tg.tensor([3, 4])]).shape
    (1, 2, 2)
    """
    return cat([atleast_3d(p) for p in _parts(tensors, "dstack")], 2)


def column_stack(tensors: Any) -> Any:
    """Joined along the second dimension, vectors as columns. Source: ``torch.column_stack``.

    >>> import tensorgrad as tg
    >>> tg.column_stack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    parts = _parts(tensors, "column_stack")
    return cat([p if p.ndim > 1 else _reshape(p, shape=(-1, 1)) for p in parts], 1)


def block_diag(*tensors: Any) -> Any:
    """The matrices along the diagonal, zeros elsewhere; a vector is a row. Source: ``torch.block_diag``.

    >>> import tensorgrad as tg
    >>> tg.block_diag(tg.tensor([[1, 2]]), tg.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    parts = [operand(p, "block_diag") for p in tensors]
    if any(p.ndim > 2 for p in parts):
        shapes = [tuple(p.shape) for p in parts]
        raise op_error(ValueError, "block_diag", f"expected at most 2 dimensions, got shapes {shapes}")
    if not parts:
        raise op_error(ValueError, "block_diag", "expected at least one matrix, got none")
    blocks = [atleast_2d(p) for p in parts]
    width = sum(b.shape[1] for b in blocks)
    starts = np.cumsum([0, *(b.shape[1] for b in blocks)]).tolist()
    rows = []
    for block, start in zip(blocks, starts, strict=False):
        before, after = (np.zeros((block.shape[0], n), block.dtype) for n in (start, width - start - block.shape[1]))
        rows.append(cat([before, block, after], 1))
    return cat(rows)


# --- grids ------------------------------------------------------------------------------------------------------------


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors expanded to their common shape. Source: ``torch.broadcast_tensors``.

    >>> import tensorgrad as tg
    >>> [x.shape for x in tg.broadcast_tensors(tg.zeros(3), tg.zeros(2, 1))]
    [(2, 3), (2, 3)]
    """
    parts = [operand(p, "broadcast_tensors") for p in _loose(tensors)]
    shapes = [tuple(p.shape) for p in parts]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise op_error(ValueError, "broadcast_tensors", f"shapes {shapes} do not broadcast together") from None
    return tuple(broadcast_to(p, shape=shape) for p in parts)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """The coordinates of a grid: each vector expanded along its own dimension.

    ``indexing="xy"`` swaps the first two dimensions, as ``numpy.meshgrid`` does by default. Source:
    ``torch.meshgrid``.

    >>> import tensorgrad as tg
    >>> tg.meshgrid(tg.tensor([1, 2]), tg.tensor([3, 4]))[0]
    tensor([[1, 1],
            [2, 2]])
    """
    parts = _parts(_loose(tensors), "meshgrid")
    if indexing not in ("ij", "xy"):
        raise op_error(ValueError, "meshgrid", f"indexing must be 'ij' or 'xy', got {indexing!r}")
    if any(p.ndim > 1 for p in parts):
        raise op_error(ValueError, "meshgrid", f"expected vectors, got shapes {[tuple(p.shape) for p in parts]}")
    places = list(range(len(parts)))
    if indexing == "xy" and len(parts) > 1:
        places[:2] = 1, 0
    shape = [0] * len(parts)
    for p, place in zip(parts, places, strict=True):
        shape[place] = p.shape[0] if p.ndim else 1
    columns = [_reshape(p, shape=(-1,) + (1,) * (len(parts) - 1 - at)) for p, at in zip(parts, places, strict=True)]
    return tuple(broadcast_to(c, shape=tuple(shape)) for c in columns)


def cartesian_prod(*tensors: Any) -> Any:
    """Every choice of one element of each vector, as rows; of one vector the vector. Source: ``torch.cartesian_prod``.

    >>> import tensorgrad as tg
    >>> tg.cartesian_prod(tg.tensor([1, 2]), tg.tensor([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    parts = _parts(_loose(tensors), "cartesian_prod")
    if any(p.ndim != 1 for p in parts):
        raise op_error(ValueError, "cartesian_prod", f"expected vectors, got shapes {[tuple(p.shape) for p in parts]}")
    if len(parts) == 1:
        return parts[0]
    return stack([_reshape(grid, shape=(-1,)) for grid in meshgrid(*parts)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Every choice of ``r`` elements of a vector, in order, as rows. Source: ``torch.combinations``.

    >>> import tensorgrad as tg
    >>> tg.combinations(tg.tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    x, length = operand(input, "combinations"), as_int(r, "combinations", "r")
    if x.ndim != 1 or length < 0:
        raise op_error(ValueError, "combinations", f"expected a vector and r >= 0, got {tuple(x.shape)} and r {r}")
    choices = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if length == 0:
        return _getitem(x, index=slice(0))
    rows = np.array(list(choices(range(x.shape[0]), length)), np.int64).reshape(-1, length)
    return _getitem(x, index=rows)


def _loose(tensors: tuple[Any, ...]) -> Any:
    """``f(a, b)`` and ``f([a, b])`` alike."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


row_stack = vstack

__all__ = [
    "block_diag", "broadcast_tensors", "cartesian_prod", "cat", "column_stack", "combinations", "dstack", "hstack",
    "meshgrid", "row_stack", "stack", "vstack",
]  # fmt: skip
