"""Pooling to a wanted output size: windows of (almost) equal size that cover the image.

{adaptive_avg_pool, adaptive_avg_pool_input_grad} are each other's adjoint; the adaptive maximum reads, by
:func:`gather`, at the places that won.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive, wrap
from tensorgrad.errors import op_error
from tensorgrad.kernels import pool as kernel
from tensorgrad.ops._arguments import as_int, is_tensor, raw
from tensorgrad.ops.index import _gather
from tensorgrad.ops.pool import _batched
from tensorgrad.ops.shape import _reshape


@primitive(
    lambda g, y, x, *, output_size: adaptive_avg_pool_input_grad(g, size=tuple(x.shape[2:])),
    name="adaptive_avg_pool",
)
def _adaptive_avg_pool(x: Any, *, output_size: tuple[int, ...]) -> Any:
    return kernel.adaptive_avg_pool(x, output_size=output_size)


@primitive(
    lambda g, y, x, *, size: _adaptive_avg_pool(g, output_size=tuple(x.shape[2:])),
    name="adaptive_avg_pool_input_grad",
)
def adaptive_avg_pool_input_grad(x: Any, *, size: tuple[int, ...]) -> Any:
    """The adjoint of adaptive average pooling."""
    return kernel.adaptive_avg_pool_input_grad(x, size=size)


# --- means ----------------------------------------------------------------------------------------------------------


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """:func:`adaptive_avg_pool2d` with one spatial dimension. Source: ``torch.nn.functional.adaptive_avg_pool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_avg_pool1d(tg.tensor([[1.0, 2.0, 6.0]]), 2)
    tensor([[1.5000, 4.0000]])
    """
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Means of windows chosen so that the output has ``output_size`` (None keeps a size).

    Window i covers ``floor(i n / m)`` to ``ceil((i + 1) n / m)`` of n values for m outputs; windows may overlap.
    Source: ``torch.nn.functional.adaptive_avg_pool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_avg_pool2d(tg.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 1)
    tensor([[[2.5000]]])
    """
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """:func:`adaptive_avg_pool2d` with three spatial dimensions. Source: ``torch.nn.functional.adaptive_avg_pool3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_avg_pool3d(tg.ones(1, 2, 4, 5, 6), (1, None, 3)).shape
    (1, 2, 1, 5, 3)
    """
    return _adaptive_avg(3, input, output_size)


def _adaptive_avg(rank: int, input: Any, output_size: Any) -> Any:
    op = f"adaptive_avg_pool{rank}d"
    x, unbatched = _batched(input, rank, op)
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {x.dtype}")
    y = _adaptive_avg_pool(x, output_size=_output_sizes(x, rank, output_size, op))
    return _reshape(y, shape=tuple(y.shape[1:])) if unbatched else y


def _output_sizes(x: Any, rank: int, output_size: Any, op: str) -> tuple[int, ...]:
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,)
    wanted *= rank if len(wanted) == 1 else 1
    if len(wanted) != rank:
        raise op_error(ValueError, op, f"output_size must be one integer or {rank}, got {output_size!r}")
    sizes = tuple(n if m is None else as_int(m, op, "output_size") for m, n in zip(wanted, x.shape[2:], strict=True))
    if any(m < 0 for m in sizes):
        raise op_error(ValueError, op, f"output_size must not be negative, got {output_size!r}")
    return sizes


# --- maxima ---------------------------------------------------------------------------------------------------------


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool2d` with one spatial dimension. Source: ``torch.nn.functional.adaptive_max_pool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_max_pool1d(tg.tensor([[1.0, 2.0, 6.0]]), 2)
    tensor([[2., 6.]])
    """
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of the windows of :func:`adaptive_avg_pool2d`; the gradient goes to the first place that holds one.

    ``return_indices`` adds the flat positions in each (H, W) plane. A NaN wins its window (the first one). Source:
    ``torch.nn.functional.adaptive_max_pool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_max_pool2d(tg.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 1, return_indices=True)
    (tensor([[[4.]]]), tensor([[[2]]]))
    """
    return _adaptive_max(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool2d` with three spatial dimensions. Source: ``torch.nn.functional.adaptive_max_pool3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.adaptive_max_pool3d(tg.ones(1, 2, 4, 5, 6), (1, None, 3)).shape
    (1, 2, 1, 5, 3)
    """
    return _adaptive_max(3, input, output_size, return_indices)


def _adaptive_max(rank: int, input: Any, output_size: Any, indices: bool) -> Any:
    op = f"adaptive_max_pool{rank}d"
    x, unbatched = _batched(input, rank, op)
    if x.dtype == np.bool_:
        raise op_error(TypeError, op, "expected numbers, got bool")
    sizes = _output_sizes(x, rank, output_size, op)
    flat = kernel.adaptive_max_index(raw(x), output_size=sizes)
    lines = _reshape(x, shape=(*x.shape[:2], math.prod(x.shape[2:])))
    y = _gather(lines, dim=2, index=flat.reshape(*x.shape[:2], math.prod(sizes)))
    shape = tuple(x.shape[1 if unbatched else 0 : 2]) + sizes
    y = _reshape(y, shape=shape)
    if not indices:
        return y
    return y, wrap(flat.reshape(shape)) if is_tensor(y) else flat.reshape(shape)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]  # fmt: skip
