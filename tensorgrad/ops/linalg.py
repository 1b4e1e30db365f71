"""Matrix products. A product is linear in each factor, and its derivative in one is a product with the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import op_error
from tensorgrad.kernels import matmul as kernel
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _reshape


def swap_last(x: Any) -> Any:
    """The transpose of every matrix in a batch: a view, which BLAS reads without a copy."""
    return x.mT


# Y = A B, so dA = G B' and dB = A' G
_matmul: Callable[..., Any] = primitive(
    lambda g, y, a, b: _matmul(g, swap_last(b)),
    lambda g, y, a, b: _matmul(swap_last(a), g),
    name="matmul",
    promote=promote_operands,
)(kernel.matmul)


# Y = X W' + b over rows: dX = G W, dW = G' X, db = sum of G
_linear: Callable[..., Any] = primitive(
    lambda g, y, x, w, b: _matmul(g, w),
    lambda g, y, x, w, b: _matmul(swap_last(g), x),
    lambda g, y, x, w, b: _sum(g, dim=(0,), keepdim=False),
    name="linear",
    promote=promote_operands,
)(kernel.linear)


def matmul(input: Any, other: Any) -> Any:
    """The matrix product; batches broadcast, vectors are rows on the left and columns on the right.

    Raises ValueError when the inner sizes differ, or for a 0-d operand. Source: ``torch.matmul``.

    >>> import tensorgrad as tg
    >>> tg.matmul(tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    a, b = operand(input, "matmul"), operand(other, "matmul")
    if a.ndim == b.ndim == 2:
        return _matmul(a, b)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise op_error(ValueError, "matmul", kernel.misfit(a.shape, b.shape))
    row, column = a.ndim == 1, b.ndim == 1
    if row:
        a = _reshape(a, shape=(1, a.shape[0]))
    if column:
        b = _reshape(b, shape=(b.shape[0], 1))
    if a.ndim > 2 and b.ndim == 2:  # one large product instead of a batch with the same matrix
        y = _reshape(
            _matmul(_reshape(a, shape=(int(np.prod(a.shape[:-1])), a.shape[-1])), b),
            shape=(*a.shape[:-1], b.shape[1]),
        )
    else:
        y = _matmul(a, b)
    if row or column:
        shape = tuple(y.shape)
        y = _reshape(y, shape=shape[: -1 - row] + (shape[-1:] if not column else ()) if row else shape[:-1])
    return y


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``x W' + b`` over the last dimension of ``input``; ``weight`` is (out_features, in_features).

    Raises ValueError when the sizes do not agree. Source: ``torch.nn.functional.linear``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.linear(tg.tensor([1.0, 2.0]), tg.tensor([[3.0, 4.0]]), tg.tensor([0.5]))
    tensor([11.5000])
    """
    x, w = operand(input, "linear"), operand(weight, "linear")
    rows, columns = x.shape, w.shape
    if len(rows) == len(columns) == 2 and rows[1] == columns[1] and (bias is None or bias.shape == columns[:1]):
        return _linear(x, w, bias)
    if w.ndim == 1:
        y = matmul(x, w)
        return y if bias is None else y + bias
    if w.ndim != 2:
        raise op_error(ValueError, "linear", f"weight must be (out_features, in_features), got shape {tuple(w.shape)}")
    if x.ndim == 0 or x.shape[-1] != w.shape[1]:
        raise op_error(
            ValueError, "linear",
            f"expected input with {w.shape[1]} features in its last dimension, got shape {tuple(x.shape)}",
        )  # fmt: skip
    if bias is not None and tuple(bias.shape) != (w.shape[0],):
        raise op_error(ValueError, "linear", f"bias must have shape ({w.shape[0]},), got {tuple(bias.shape)}")
    flat = _reshape(x, shape=(math.prod(rows[:-1]), rows[-1]))
    return _reshape(_linear(flat, w, bias), shape=(*rows[:-1], columns[0]))


__all__ = ["linear", "matmul", "swap_last"]
