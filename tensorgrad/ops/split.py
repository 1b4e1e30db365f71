"""Cutting tensors up: each piece is a view, its gradient goes to its own stretch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, loose, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.join import _stretch


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


@numpy_spelling
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of the given sizes. Source: ``torch.split_with_sizes``.

    >>> import tensorgrad as tg
    >>> [p.tolist() for p in tg.split_with_sizes(tg.arange(3), [1, 2])]
    [[0], [1, 2]]
    """
    return split(input, list(loose((split_sizes,), "split_with_sizes", "size")), dim)


@numpy_spelling
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along ``dim``, without it. Source: ``torch.unbind``.

    >>> import tensorgrad as tg
    >>> tg.unbind(tg.tensor([[1, 2], [3, 4]]), 1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    x = operand(input, "unbind")
    if x.ndim == 0:
        raise op_error(ValueError, "unbind", "expected at least one dimension, got a 0-d tensor")
    before = (slice(None),) * one_dim(dim, x.ndim, "unbind")
    return tuple(_getitem(x, index=(*before, i)) for i in range(x.shape[len(before)]))


@numpy_spelling
def tensor_split(
    input: Any, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None, indices: Any = None
) -> tuple[Any, ...]:
    """``n`` pieces whose sizes differ by at most one, or the pieces between the given places.

    Raises ValueError for no pieces. Source: ``torch.tensor_split``, ``numpy.array_split``.

    >>> import tensorgrad as tg
    >>> [p.tolist() for p in tg.tensor_split(tg.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    return _cut(input, _places(indices_or_sections, sections, indices), dim, "tensor_split", even=False)


def hsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> tuple[Any, ...]:
    """Cut along the second dimension, a vector along its first: the reverse of ``hstack``. Source: ``torch.hsplit``.

    Raises ValueError when a number of pieces does not divide the size.

    >>> import tensorgrad as tg
    >>> [p.tolist() for p in tg.hsplit(tg.arange(4), 2)]
    [[0, 1], [2, 3]]
    """
    x = operand(input, "hsplit")
    return _cut(x, _places(indices_or_sections, sections, indices), 0 if x.ndim == 1 else 1, "hsplit")


def vsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> tuple[Any, ...]:
    """Cut along the first of at least two dimensions. Source: ``torch.vsplit``."""
    return _cut(input, _places(indices_or_sections, sections, indices), 0, "vsplit", least=2)


def dsplit(
    input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
) -> tuple[Any, ...]:
    """Cut along the third dimension. Source: ``torch.dsplit``."""
    return _cut(input, _places(indices_or_sections, sections, indices), 2, "dsplit", least=3)


def _places(either: Any, sections: Any, indices: Any) -> Any:
    """One argument under its three names."""
    return either if either is not None else sections if sections is not None else indices


def _cut(input: Any, where: Any, dim: int, op: str, *, least: int = 1, even: bool = True) -> tuple[Any, ...]:
    """Pieces by number (``even``: of one size) or between places; ``least`` dimensions are needed."""
    x = operand(input, op)
    if x.ndim < least:
        raise op_error(ValueError, op, f"expected at least {least} dimensions, got shape {tuple(x.shape)}")
    along = one_dim(dim, x.ndim, op)
    size = x.shape[along]
    places = raw(where)
    if isinstance(places, (list, tuple)) or (isinstance(places, np.ndarray) and places.ndim):
        bounds = [slice(as_int(p, op, "place"), None).indices(size)[0] for p in places]
        bounds = [0, *bounds, size]
    else:
        count = as_int(places, op, "sections")
        if count <= 0:
            raise op_error(ValueError, op, f"the number of sections must be positive, got {count}")
        if even and size % count:
            raise op_error(ValueError, op, f"{count} sections do not divide dimension {along} of size {size}")
        bounds = [i * (size // count) + min(i, size % count) for i in range(count + 1)]
    return tuple(_stretch(x, along, start, max(stop - start, 0)) for start, stop in itertools.pairwise(bounds))


__all__ = [
    "chunk", "dsplit", "hsplit", "narrow", "split", "split_with_sizes", "tensor_split", "unbind", "vsplit",
]  # fmt: skip
