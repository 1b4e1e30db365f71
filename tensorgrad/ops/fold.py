"""Windows as columns (im2col) and columns as windows: {unfold, fold} are each other's adjoint."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import fold as kernel
from tensorgrad.kernels.windows import pool_output_size
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.conv import per_dimension
from tensorgrad.ops.shape import _reshape


@primitive(lambda g, y, x, **k: _fold(g, size=tuple(x.shape[2:]), **k), name="unfold")
def _unfold(x: Any, **k: Any) -> Any:
    return kernel.unfold(x, **k)


@primitive(lambda g, y, x, *, size, **k: _unfold(g, **k), name="fold")
def _fold(x: Any, **k: Any) -> Any:
    return kernel.fold(x, **k)


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of an image as columns: (N, C, H, W) becomes (N, C kh kw, number of windows).

    ``input`` may be (C, H, W). Convolution is ``weight.flatten(1) @ unfold(x)``. Raises ValueError for sizes that do
    not fit. Source: ``torch.nn.functional.unfold``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.unfold(tg.tensor([[[1.0, 2.0, 3.0]]]), (1, 2))
    tensor([[1., 2.],
            [2., 3.]])
    """
    op = "unfold"
    x = operand(input, op)
    static = _windows(kernel_size, dilation, padding, stride, op)
    if x.ndim not in (3, 4) or 0 in x.shape[-3:]:
        raise op_error(ValueError, op, f"expected (N, C, H, W) or (C, H, W) with sizes above 0, got {describe(x)}")
    _count_windows(tuple(x.shape[-2:]), static, op)
    if x.ndim == 4:
        return _unfold(x, **static)
    y = _unfold(_reshape(x, shape=(1, *x.shape)), **static)
    return _reshape(y, shape=tuple(y.shape[1:]))


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The columns added up to an image of ``output_size``: (N, C kh kw, windows) becomes (N, C, H, W).

    Where windows overlap their values are added: ``fold(unfold(x))`` is x times the number of windows that see each
    pixel. ``input`` may be (C kh kw, windows). Raises ValueError for sizes that do not fit. Source:
    ``torch.nn.functional.fold``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.fold(tg.tensor([[1.0, 2.0], [2.0, 3.0]]), (1, 3), (1, 2))
    tensor([[[1., 4., 3.]]])
    """
    op = "fold"
    x = operand(input, op)
    size = per_dimension(output_size, 2, op, "output_size", minimum=1)
    static = _windows(kernel_size, dilation, padding, stride, op)
    if x.ndim not in (2, 3) or 0 in x.shape[-2:]:
        raise op_error(
            ValueError, op, f"expected (N, C kh kw, L) or (C kh kw, L) with sizes above 0, got {describe(x)}"
        )
    places, windows = math.prod(static["kernel"]), _count_windows(size, static, op)
    if x.shape[-2] % places or x.shape[-1] != windows:
        raise op_error(
            ValueError, op,
            f"output_size {size} needs {windows} windows of a multiple of {places} values, got {describe(x)}",
        )  # fmt: skip
    if x.ndim == 3:
        return _fold(x, size=size, **static)
    y = _fold(_reshape(x, shape=(1, *x.shape)), size=size, **static)
    return _reshape(y, shape=tuple(y.shape[1:]))


def _windows(kernel_size: Any, dilation: Any, padding: Any, stride: Any, op: str) -> dict[str, Any]:
    return {
        "kernel": per_dimension(kernel_size, 2, op, "kernel_size", minimum=1),
        "stride": per_dimension(stride, 2, op, "stride", minimum=1),
        "padding": per_dimension(padding, 2, op, "padding", minimum=0),
        "dilation": per_dimension(dilation, 2, op, "dilation", minimum=1),
    }


def _count_windows(size: tuple[int, ...], static: dict[str, Any], op: str) -> int:
    out = pool_output_size(size, **static, ceil_mode=False)
    if min(out) < 1:
        raise op_error(ValueError, op, f"size {size} is too small for windows {static}")
    return math.prod(out)


__all__ = ["fold", "unfold"]
