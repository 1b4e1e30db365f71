"""Repeating, turning and sliding: whole tensors laid out again, composed of the shape operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import wrap
from tensorgrad.autograd.structural import broadcast_to
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, is_tensor, loose, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.index import _index_select
from tensorgrad.ops.shape import _flip, _permute, _reshape


def repeat(input: Any, *sizes: Any, repeats: Any = ()) -> Any:
    """The tensor laid side by side, ``repeats`` times along each dimension. Source: ``torch.Tensor.repeat``.

    Extra repeats are new dimensions in front. Raises ValueError for too few or negative ones.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    return _repeated(operand(input, "repeat"), loose(sizes or (repeats,), "repeat", "repeats"), "repeat")


def tile(input: Any, *sizes: Any, dims: Any = ()) -> Any:
    """As ``repeat``; too few repeats count for the last dimensions. Source: ``torch.tile``, ``numpy.tile``.

    >>> import tensorgrad as tg
    >>> tg.tile(tg.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    x, times = operand(input, "tile"), loose(sizes or (dims,), "tile", "dims")
    return _repeated(x, (1,) * (x.ndim - len(times)) + times, "tile")


def _repeated(x: Any, times: tuple[int, ...], op: str) -> Any:
    if len(times) < x.ndim or any(n < 0 for n in times):
        raise op_error(
            ValueError, op, f"repeats {times} must not be negative and name all dimensions of {tuple(x.shape)}"
        )
    sizes = (1,) * (len(times) - x.ndim) + tuple(x.shape)
    apart = _reshape(x, shape=tuple(n for size in sizes for n in (1, size)))
    wide = broadcast_to(apart, shape=tuple(n for pair in zip(times, sizes, strict=True) for n in pair))
    return _reshape(wide, shape=tuple(n * size for n, size in zip(times, sizes, strict=True)))


@numpy_spelling
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element ``repeats`` times in a row, a number or one for each entry along ``dim``.

    Without ``dim`` the tensor is flattened first; with one vector of counts alone, their indices. Raises ValueError
    for negative or too few counts. Source: ``torch.repeat_interleave``, ``numpy.repeat``.

    >>> import tensorgrad as tg
    >>> tg.repeat_interleave(tg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    x = operand(input, "repeat_interleave")
    if repeats is None:
        indices = np.repeat(np.arange(x.shape[0]), raw(x))
        return wrap(indices) if is_tensor(x) else indices
    if dim is None or x.ndim == 0:
        along = one_dim(dim or 0, x.ndim, "repeat_interleave") if x.ndim == 0 else 0
        x = _reshape(x, shape=(-1,))
    else:
        along = one_dim(dim, x.ndim, "repeat_interleave")
    counts = np.asarray(raw(repeats))
    if counts.dtype.kind not in "iu":
        raise op_error(TypeError, "repeat_interleave", f"repeats must be integers, got {counts.dtype}")
    size = x.shape[along]
    if (counts < 0).any() or counts.ndim > 1 or (counts.ndim and counts.size not in (1, size)):
        raise op_error(
            ValueError, "repeat_interleave", f"expected one count or {size}, none negative, got {counts.tolist()}"
        )
    source = np.repeat(np.arange(size), counts)
    if output_size is not None and output_size != source.size:
        raise op_error(
            ValueError, "repeat_interleave", f"output_size is {output_size}, the counts add to {source.size}"
        )
    return _index_select(x, dim=along, index=source)


def fliplr(input: Any) -> Any:
    """Mirrored left to right: the second dimension reversed. Source: ``torch.fliplr``.

    >>> import tensorgrad as tg
    >>> tg.fliplr(tg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    x = operand(input, "fliplr")
    if x.ndim < 2:
        raise op_error(ValueError, "fliplr", f"expected at least 2 dimensions, got shape {tuple(x.shape)}")
    return _flip(x, dims=(1,))


def flipud(input: Any) -> Any:
    """Upside down: the first dimension reversed. Source: ``torch.flipud``.

    >>> import tensorgrad as tg
    >>> tg.flipud(tg.tensor([1, 2, 3]))
    tensor([3, 2, 1])
    """
    x = operand(input, "flipud")
    if x.ndim < 1:
        raise op_error(ValueError, "flipud", "expected at least 1 dimension, got a 0-d tensor")
    return _flip(x, dims=(0,))


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """``k`` quarter turns in the plane of two dimensions, from the first towards the second. Source: ``torch.rot90``.

    >>> import tensorgrad as tg
    >>> tg.rot90(tg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x = operand(input, "rot90")
    plane = tuple(one_dim(d, x.ndim, "rot90") for d in loose((dims,), "rot90", "dims"))
    if len(plane) != 2 or x.ndim < 2 or plane[0] == plane[1]:
        raise op_error(ValueError, "rot90", f"dims must name two of the {x.ndim} dimensions, got {dims}")
    turns = as_int(k, "rot90", "k") % 4
    if turns == 2:
        return _flip(x, dims=plane)
    order = list(range(x.ndim))
    order[plane[0]], order[plane[1]] = order[plane[1]], order[plane[0]]
    if turns == 0:
        return _permute(x, dims=tuple(range(x.ndim)))
    if turns == 1:
        return _permute(_flip(x, dims=(plane[1],)), dims=tuple(order))
    return _flip(_permute(x, dims=tuple(order)), dims=(plane[1],))


def unfold(input: Any, dimension: int, size: int, step: int = 1) -> Any:
    """All stretches of ``size`` along a dimension, ``step`` apart; the stretch is a new last dimension.

    Raises ValueError when ``size`` does not fit. Source: ``torch.Tensor.unfold``.

    >>> import tensorgrad as tg
    >>> tg.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    x = operand(input, "unfold")
    along = one_dim(dimension, x.ndim, "unfold")
    length, stride = as_int(size, "unfold", "size"), as_int(step, "unfold", "step")
    vector = x if x.ndim else _reshape(x, shape=(1,))
    n = vector.shape[along]
    if not 0 <= length <= n or stride <= 0:
        raise op_error(
            ValueError, "unfold", f"size must be from 0 to {n} and step positive, got size {length} and step {stride}"
        )
    places = np.arange(0, n - length + 1, stride)[:, None] + np.arange(length)
    windows = _index_select(vector, dim=along, index=places)
    if not x.ndim:
        return _reshape(windows, shape=(length,))
    order = [d for d in range(windows.ndim) if d != along + 1]
    return _permute(windows, dims=(*order, along + 1))


__all__ = ["fliplr", "flipud", "repeat", "repeat_interleave", "rot90", "tile", "unfold"]
