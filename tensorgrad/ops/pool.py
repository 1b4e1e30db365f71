"""Pooling in one, two or three dimensions, each operator beside its adjoint.

{max_pool, pool_scatter, pool_gather}: the maximum's derivative writes at the places that won, whose own derivative
reads there. {avg_pool, avg_pool_input_grad} are each other's adjoint. Pooling to a wanted size is in adaptive_pool.py.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive, wrap
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import pool as kernel
from tensorgrad.ops._arguments import as_int, is_tensor, operand, raw
from tensorgrad.ops.activation import relu
from tensorgrad.ops.conv import per_dimension
from tensorgrad.ops.elementwise import abs, sign
from tensorgrad.ops.shape import _reshape


@primitive(
    lambda g, y, x, *, index, ceil_mode, **k: pool_scatter(g, index=index, size=tuple(x.shape[2:]), **k),
    name="max_pool",
    saves=True,
)
def _max_pool(x: Any, **k: Any) -> Any:
    """Saves the place within each window that won: an integer, one byte for windows up to 256."""
    y, index = kernel.max_pool(x, **k)
    return y, {"index": index}


@primitive(lambda g, y, x, *, index, size, **k: pool_gather(g, index=index, **k), name="pool_scatter")
def pool_scatter(x: Any, *, index: np.ndarray, **k: Any) -> Any:
    """Zeros with ``x`` added at the place of each window that ``index`` names."""
    return kernel.max_pool_scatter(x, index, **k)


@primitive(
    lambda g, y, x, *, index, **k: pool_scatter(g, index=index, size=tuple(x.shape[2:]), **k),
    name="pool_gather",
)
def pool_gather(x: Any, *, index: np.ndarray, **k: Any) -> Any:
    """The value at the place of each window that ``index`` names."""
    return kernel.max_pool_gather(x, index, **k)


@primitive(
    lambda g, y, x, *, ceil_mode, **k: avg_pool_input_grad(g, size=tuple(x.shape[2:]), ceil_mode=ceil_mode, **k),
    name="avg_pool",
)
def _avg_pool(x: Any, **k: Any) -> Any:
    return kernel.avg_pool(x, **k)


@primitive(lambda g, y, x, *, size, **k: _avg_pool(g, **k), name="avg_pool_input_grad")
def avg_pool_input_grad(x: Any, *, ceil_mode: bool, **k: Any) -> Any:
    """Each value spread evenly over its window: the adjoint of average pooling."""
    return kernel.avg_pool_input_grad(x, **k)


# --- public names ---------------------------------------------------------------------------------------------------


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """:func:`max_pool2d` with one spatial dimension. Source: ``torch.nn.functional.max_pool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.max_pool1d(tg.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[2., 4.]])
    """
    return _max(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``y[n, c, i, j] = max_{u, v} x[n, c, i stride + u dilation - padding, j stride + v dilation - padding]``.

    The gradient of a maximum goes to the first place of its window that holds it.
    ``input`` is (N, C, H, W) or (C, H, W); ``stride`` is the kernel size when not given; padding counts as minus
    infinity and is at most half the kernel; ``ceil_mode`` keeps a last, partial window; ``return_indices`` adds
    the flat positions in each (H, W) plane. A NaN wins its window (the first one). Raises ValueError for sizes that
    do not fit. Source: ``torch.nn.functional.max_pool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.max_pool2d(tg.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    return _max(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """:func:`max_pool2d` with three spatial dimensions. Source: ``torch.nn.functional.max_pool3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.max_pool3d(tg.ones(1, 4, 6, 8), 2).shape
    (1, 2, 3, 4)
    """
    return _max(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max(
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    indices: bool,
) -> Any:
    op = f"max_pool{rank}d"
    x, unbatched = _batched(input, rank, op)
    if x.dtype == np.bool_:
        raise op_error(TypeError, op, "expected numbers, got bool")
    static = _windows(x, rank, kernel_size, stride, padding, dilation, ceil_mode, op)
    y = _max_pool(x, **static)
    if not indices:
        return _reshape(y, shape=tuple(y.shape[1:])) if unbatched else y
    window = y.node.static["index"] if is_tensor(y) and y.node is not None else kernel.max_pool(raw(x), **static)[1]
    flat_static = {name: value for name, value in static.items() if name != "ceil_mode"}
    flat = np.ascontiguousarray(kernel.flat_index(window, size=tuple(x.shape[2:]), **flat_static))
    places = wrap(flat) if is_tensor(y) else flat
    if unbatched:
        return _reshape(y, shape=tuple(y.shape[1:])), _reshape(places, shape=tuple(places.shape[1:]))
    return y, places


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """:func:`avg_pool2d` with one spatial dimension. Source: ``torch.nn.functional.avg_pool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.avg_pool1d(tg.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[1.5000, 3.5000]])
    """
    return _avg(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window; ``count_include_pad=False`` leaves padding out of the count.

    The part of a last window beyond the padding (``ceil_mode``) is never counted. Raises ValueError for sizes that
    do not fit or a zero divisor. Source: ``torch.nn.functional.avg_pool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.avg_pool2d(tg.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[2.5000]]])
    """
    return _avg(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """:func:`avg_pool2d` with three spatial dimensions. Source: ``torch.nn.functional.avg_pool3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.avg_pool3d(tg.ones(1, 4, 6, 8), 2).shape
    (1, 2, 3, 4)
    """
    return _avg(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg(
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    include: bool,
    divisor: Any,
    op: str = "",
) -> Any:
    op = op or f"avg_pool{rank}d"
    x, unbatched = _batched(input, rank, op)
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {x.dtype}")
    static = _windows(x, rank, kernel_size, stride, padding, 1, ceil_mode, op)
    static = {name: value for name, value in static.items() if name != "dilation"}
    if divisor is not None and as_int(divisor, op, "divisor_override") == 0:
        raise op_error(ValueError, op, "divisor_override must not be zero")
    y = _avg_pool(x, **static, count_include_pad=bool(include), divisor_override=divisor)
    return _reshape(y, shape=tuple(y.shape[1:])) if unbatched else y


def lp_pool1d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """:func:`lp_pool2d` with one spatial dimension. Source: ``torch.nn.functional.lp_pool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.lp_pool1d(tg.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _lp(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """``(sum x^p)^(1/p)`` of each window, 0 where the sum is not positive. Source: ``torch.nn.functional.lp_pool2d``.

    A partial last window (``ceil_mode``) counts as if its mean filled it, as in PyTorch.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.lp_pool2d(tg.tensor([[[3.0], [4.0]]]), 2, (2, 1))
    tensor([[[5.]]])
    """
    return _lp(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """:func:`lp_pool2d` with three spatial dimensions. Source: ``torch.nn.functional.lp_pool3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.lp_pool3d(tg.ones(1, 2, 2, 4), 1, 2)
    tensor([[[[8., 8.]]]])
    """
    return _lp(3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp(rank: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    op, p = f"lp_pool{rank}d", float(norm_type)
    x = operand(input, op)
    if p == 0:
        raise op_error(ValueError, op, "norm_type must not be zero")
    places = math.prod(per_dimension(kernel_size, rank, op, "kernel_size", minimum=1))
    means = _avg(rank, x**p, kernel_size, stride, 0, ceil_mode, True, None, op)
    return (sign(means) * relu(abs(means)) * places) ** (1 / p)


def _batched(input: Any, rank: int, op: str) -> tuple[Any, bool]:
    """The input as (N, C, *spatial), and whether the batch dimension was added here."""
    x = operand(input, op)
    shape = x.shape
    unbatched = len(shape) == rank + 1
    if len(shape) != rank + 2 and not unbatched:
        raise op_error(
            ValueError,
            op,
            f"expected (N, C, spatial) or (C, spatial) with {rank} spatial dimensions, got {describe(x)}",
        )
    if 0 in shape[0 if unbatched else 1 :]:
        raise op_error(ValueError, op, f"expected channels and spatial sizes above 0, got {describe(x)}")
    return (_reshape(x, shape=(1, *shape)) if unbatched else x), unbatched


def _windows(
    x: Any, rank: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, op: str
) -> dict[str, Any]:
    """The checked static arguments of a pooling kernel; not to be written to."""
    if stride is None or stride == ():
        stride = kernel_size
    window = kernel_size, stride, padding, dilation
    if not type(kernel_size) is type(stride) is type(padding) is type(dilation) is int:  # 2 is 2.0 to a dictionary
        window = _per_dimension(window, rank, op)
    return _checked_windows(x.shape, rank, window, bool(ceil_mode), op)


def _per_dimension(window: tuple[Any, ...], rank: int, op: str) -> Any:
    """Kernel size, stride, padding and dilation, each with one integer per spatial dimension."""
    names = (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    return tuple(
        per_dimension(value, rank, op, name, minimum) for value, (name, minimum) in zip(window, names, strict=True)
    )


@functools.lru_cache(maxsize=256)  # a network asks about the same few shapes again and again
def _checked_windows(
    shape: tuple[int, ...],
    rank: int,
    window: tuple[Any, ...],
    ceil_mode: bool,
    op: str,
) -> dict[str, Any]:
    """The static arguments; ValueError for windows that do not fit an image of ``shape``."""
    extent, stride, padding, dilation = _per_dimension(window, rank, op)
    for k, p, d in zip(extent, padding, dilation, strict=True):
        if p > ((k - 1) * d + 1) // 2:
            raise op_error(
                ValueError,
                op,
                "padding should be at most half of the effective kernel size: "
                f"got padding={p}, kernel_size={k}, dilation={d}",
            )
    out = kernel.pool_output_size(shape[2:], extent, stride, padding, dilation, ceil_mode)
    if any(n < 1 for n in out):
        raise op_error(
            ValueError,
            op,
            f"output size is too small: input {shape} with kernel {extent} gives {out}",
        )
    return {"kernel": extent, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}


__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d",
    "max_pool3d",
]  # fmt: skip
