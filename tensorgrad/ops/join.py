"""Joining tensors and cutting them up again."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, loose, numpy_spelling, one_dim, operand
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.shape import unsqueeze


def _stretch(x: Any, dim: int, start: int, length: int) -> Any:
    """The view ``start : start + length`` along ``dim``."""
    return _getitem(x, index=(slice(None),) * dim + (slice(start, start + length),))


@numpy_spelling
def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    """The view of ``length`` entries from ``start`` on along ``dim``. Source: ``torch.narrow``.

    Raises IndexError when the stretch leaves the tensor.

    >>> import tensorgrad as tg
    >>> tg.narrow(tg.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    x = operand(input, "narrow")
    along = one_dim(dim, x.ndim, "narrow")
    first, count = as_int(start, "narrow", "start"), as_int(length, "narrow", "length")
    size = x.shape[along] if x.ndim else 0
    if first < 0:
        first += size
    if not 0 <= first <= first + count <= size:
        raise op_error(
            IndexError, "narrow", f"start {start} and length {length} leave dimension {along} of size {size}"
        )
    return _stretch(x, along, first, count)


def _cat_rule(wanted: tuple[bool, ...], g: Any, y: Any, *inputs: Any, dim: int, sizes: tuple[int, ...]) -> Any:
    """Each input gets its own stretch of the gradient back."""
    ends = np.cumsum(sizes).tolist()
    return [_stretch(g, dim, end - n, n) if need else None for need, end, n in zip(wanted, ends, sizes, strict=True)]


@primitive(joint=_cat_rule, name="cat", promote=promote_operands)
def _cat(*inputs: Any, dim: int, sizes: tuple[int, ...]) -> Any:
    return np.concatenate(inputs, axis=dim)


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


@numpy_spelling
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of ``split_size`` along ``dim`` (the last may be smaller), or of the sizes in a list.

    Raises ValueError for a size of 0 or a list that does not add up. Source: ``torch.split``.

    >>> import tensorgrad as tg
    >>> [p.tolist() for p in tg.split(tg.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    x = operand(tensor, "split")
    along = one_dim(dim, x.ndim, "split")
    if x.ndim == 0:
        raise op_error(ValueError, "split", "expected at least one dimension, got a 0-d tensor")
    total = x.shape[along]
    if isinstance(split_size_or_sections, (list, tuple)):
        sizes = loose((split_size_or_sections,), "split", "section")
        if sum(sizes) != total or any(n < 0 for n in sizes):
            raise op_error(ValueError, "split", f"sections {sizes} must add up to size {total} of dimension {along}")
    else:
        size = as_int(split_size_or_sections, "split", "split_size")
        if size <= 0:
            raise op_error(ValueError, "split", f"split_size must be positive, got {size}")
        sizes = tuple(min(size, total - start) for start in range(0, max(total, 1), size))
    starts = np.cumsum((0, *sizes)).tolist()
    return tuple(_stretch(x, along, start, n) for start, n in zip(starts, sizes, strict=False))


@numpy_spelling
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most ``chunks`` pieces of equal size (the last may be smaller). Source: ``torch.chunk``.

    >>> import tensorgrad as tg
    >>> [p.tolist() for p in tg.chunk(tg.arange(5), 3)]
    [[0, 1], [2, 3], [4]]
    """
    x = operand(input, "chunk")
    count = as_int(chunks, "chunk", "chunks")
    if count <= 0:
        raise op_error(ValueError, "chunk", f"chunks must be positive, got {count}")
    along = one_dim(dim, x.ndim, "chunk")
    total = x.shape[along] if x.ndim else 0
    return split(x, max(-(-total // count), 1), along)


__all__ = ["cat", "chunk", "narrow", "split", "stack"]
