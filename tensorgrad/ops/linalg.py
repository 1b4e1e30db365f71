"""Matrix products. A product is linear in each factor, and its derivative in one is a product with the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import TENSOR_CLASSES, primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import op_error
from tensorgrad.kernels import matmul as kernel
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops._one_dtype import check_one_dtype
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


@reads_shapes
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``x W' + b`` over the last dimension of ``input``; ``weight`` is (out_features, in_features).

    Raises ValueError when the sizes do not agree, TypeError when the dtypes do not. Source:
    ``torch.nn.functional.linear``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.linear(tg.tensor([1.0, 2.0]), tg.tensor([[3.0, 4.0]]), tg.tensor([0.5]))
    tensor([11.5000])
    """
    if type(input) in TENSOR_CLASSES and type(weight) in TENSOR_CLASSES:
        x, w = input, weight
        a, m = x._data, w._data
    else:
        x, w = operand(input, "linear"), operand(weight, "linear")
        a, m = raw(x), raw(w)
    b = None if bias is None else raw(bias)
    rows, columns, dtype = a.shape, m.shape, m.dtype
    if a.dtype is not dtype or (b is not None and b.dtype is not dtype):
        check_one_dtype("linear", x, w, bias)
    if len(rows) == len(columns) == 2 and rows[1] == columns[1] and (b is None or b.shape == columns[:1]):
        return _linear(x, w, bias)
    if len(columns) == 1:
        y = matmul(x, w)
        return y if bias is None else y + bias
    if len(columns) != 2:
        raise op_error(ValueError, "linear", f"weight must be (out_features, in_features), got shape {columns}")
    if not rows or rows[-1] != columns[1]:
        raise op_error(ValueError, "linear", _wrong_width(rows, columns))
    if b is not None and b.shape != columns[:1]:
        raise op_error(ValueError, "linear", f"bias must have shape ({columns[0]},), got {b.shape}")
    flat = _reshape(x, shape=(math.prod(rows[:-1]), rows[-1]))
    return _reshape(_linear(flat, w, bias), shape=(*rows[:-1], columns[0]))


def _wrong_width(rows: tuple[int, ...], weight: tuple[int, ...]) -> str:
    """Say what the input has instead of the weight's features, and which of the two to change."""
    out, features = weight
    text = f"expected input with {features} features in its last dimension, got shape {rows}"
    if len(rows) == 2:
        return f"{text}; the input has {rows[1]} features, use nn.Linear({rows[1]}, {out})"
    for first in (1, 0):  # a batch of samples, or one sample
        if len(rows) > first + 1 and math.prod(rows[first:]) == features:
            sizes = " x ".join(map(str, rows[first:]))
            return f"{text}; its {sizes} values{' a sample' * first} are {features}: flatten first, x.flatten({first})"
    return text


__all__ = ["linear", "matmul", "swap_last"]
