"""The way back of max pooling: every maximum at the place it came from, zeros elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import as_int, operand, static_array
from tensorgrad.ops.conv import per_dimension
from tensorgrad.ops.index import scatter_along
from tensorgrad.ops.shape import _reshape


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """:func:`max_unpool2d` with one spatial dimension. Source: ``torch.nn.functional.max_unpool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.max_unpool1d(tg.tensor([[2.0, 4.0]]), tg.tensor([[1, 2]]), 2)
    tensor([[0., 2., 4., 0.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Zeros with each value of ``input`` at its flat position ``indices``, which ``return_indices`` of a pool gave.

    The output has ``(H - 1) stride - 2 padding + kernel_size`` rows, or ``output_size``. Where windows overlapped
    and name a position twice the last value stays, and only that one has a gradient. Raises ValueError for shapes
    that do not fit, IndexError for positions outside. Source: ``torch.nn.functional.max_unpool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.max_unpool2d(tg.tensor([[[4.0]]]), tg.tensor([[[2]]]), 2)
    tensor([[[0., 0.],
             [4., 0.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """:func:`max_unpool2d` with three spatial dimensions. Source: ``torch.nn.functional.max_unpool3d``.

    >>> import tensorgrad as tg
    >>> y, places = tg.nn.functional.max_pool3d(tg.ones(1, 2, 4, 6), 2, return_indices=True)
    >>> tg.nn.functional.max_unpool3d(y, places, 2).shape
    (1, 2, 4, 6)
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(rank: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Any:
    op = f"max_unpool{rank}d"
    x, index = operand(input, op), static_array(indices)
    if x.ndim not in (rank + 1, rank + 2) or tuple(x.shape) != index.shape:
        raise op_error(
            ValueError,
            op,
            f"expected input (N, C, spatial) or (C, spatial) and indices of its shape, got {describe(x)} and "
            f"{describe(index)}",
        )
    if index.dtype.kind not in "iu":
        raise op_error(TypeError, op, f"indices must be integers, got {index.dtype}")
    kernel = per_dimension(kernel_size, rank, op, "kernel_size", minimum=1)
    steps = kernel if stride is None or stride == () else per_dimension(stride, rank, op, "stride", minimum=1)
    pads = per_dimension(padding, rank, op, "padding", minimum=0)
    size = tuple((n - 1) * s - 2 * p + k for n, k, s, p in zip(x.shape[-rank:], kernel, steps, pads, strict=True))
    if output_size is not None:
        size = _chosen_size(output_size, size, steps, rank, op)
    places, lead = math.prod(size), tuple(x.shape[:-rank])
    if index.size and not 0 <= index.min() <= index.max() < places:
        bad = index.min() if index.min() < 0 else index.max()
        raise op_error(IndexError, op, f"index {bad} is out of bounds for output size {size}")
    lines = math.prod(lead)
    count = math.prod(x.shape[-rank:])
    values, index = _reshape(x, shape=(lines, count)), index.reshape(lines, count)
    last = np.zeros((lines, places), np.intp)
    np.put_along_axis(last, index, np.broadcast_to(np.arange(count), index.shape), axis=1)
    stays = np.take_along_axis(last, index, axis=1) == np.arange(count)
    if not stays.all():
        values = values * stays.astype(x.dtype)
    y = scatter_along(values, dim=1, index=index, shape=(lines, places))
    return _reshape(y, shape=(*lead, *size))


def _chosen_size(
    output_size: Any, default: tuple[int, ...], steps: tuple[int, ...], rank: int, op: str
) -> tuple[int, ...]:
    """The spatial part of ``output_size``, which must lie within one step of the default."""
    size = tuple(as_int(n, op, "output_size") for n in output_size)[-rank:]
    if len(size) != rank or not all(d - s < n < d + s for n, d, s in zip(size, default, steps, strict=True)):
        raise op_error(ValueError, op, f"output_size {output_size!r} must lie within one stride of {default}")
    return size


__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]
