"""Rows of a table by number, and products of pairs of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels.gather import exist, take
from tensorgrad.ops._arguments import as_int, operand, positions_given, raw
from tensorgrad.ops.index import _getitem, scatter_into
from tensorgrad.ops.linalg import _matmul
from tensorgrad.ops.shape import _permute, _reshape


def _embedding_rule(
    g: Any, y: Any, w: Any, *, index: np.ndarray, padding_idx: int | None, scale: np.ndarray | None
) -> Any:
    """Every row is the sum of its gradients; the row ``padding_idx`` gets none."""
    if scale is not None:
        g = g * scale.astype(g.dtype)
    if padding_idx is None:
        return scatter_into(g, index=index, shape=tuple(w.shape))
    learns = index != padding_idx
    return scatter_into(_getitem(g, index=learns), index=index[learns], shape=tuple(w.shape))


@primitive(_embedding_rule, name="embedding")
def _embedding(w: Any, *, index: np.ndarray, padding_idx: int | None, scale: np.ndarray | None) -> Any:
    return take(w, index, 0)


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of ``weight`` (rows, features) that the integers ``input`` name: shape ``input.shape + (features,)``.

    The row ``padding_idx`` gets no gradient; ``max_norm`` first shortens, in ``weight`` itself, the rows named whose
    norm is larger; ``scale_grad_by_freq`` divides gradients by how often their row is named. Gradients are dense
    whatever ``sparse`` says. Raises IndexError for rows that do not exist, negative ones too, TypeError for an
    ``input`` that is not of integers. Source: ``torch.nn.functional.embedding``.

    >>> import tensorgrad as tg
    >>> table = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.nn.functional.embedding(tg.tensor([1, 0]), table)
    tensor([[3., 4.],
            [1., 2.]])
    """
    op = "embedding"
    w = operand(weight, op)
    if w.ndim != 2:
        raise op_error(ValueError, op, f"expected weight (rows, features), got {describe(w)}")
    rows = w.shape[0]
    index = of_values(_checked_rows, positions_given(input), rows, hasattr(input, "dtype"))
    if padding_idx is not None:
        padding_idx = as_int(padding_idx, op, "padding_idx")
        if not -rows <= padding_idx < rows:
            raise op_error(ValueError, op, f"padding_idx {padding_idx} is out of bounds for weight of {rows} rows")
        padding_idx %= rows
    if max_norm is not None:
        _shorten(raw(w), index, float(max_norm), float(norm_type))
    scale = None
    if scale_grad_by_freq and index.size:
        scale = of_values(_rarity, index, rows)
    return _embedding(w, index=index, padding_idx=padding_idx, scale=scale)


def _checked_rows(index: np.ndarray, rows: int, typed: bool) -> np.ndarray:
    """The positions, all of which exist; no positions in an empty list are integers too."""
    if index.size == 0 and not typed:
        index = index.astype(np.int64)
    if index.dtype.kind not in "iu":
        raise op_error(TypeError, "embedding", f"input must hold integers, got {index.dtype}")
    if not exist(index, rows):
        bad = index.min() if index.min() < 0 else index.max()
        raise op_error(IndexError, "embedding", f"row {bad} is out of bounds for weight of {rows} rows")
    return index


def _rarity(index: np.ndarray, rows: int) -> np.ndarray:
    """One over how often each row is named."""
    scale: np.ndarray = 1 / np.bincount(index.ravel(), minlength=rows)[index][..., None]
    return scale


def _shorten(weight: np.ndarray, index: np.ndarray, max_norm: float, p: float) -> None:
    """Scale the rows named down to ``max_norm``, in place."""
    named = np.unique(index)
    norms = np.linalg.norm(weight[named], ord=p, axis=1)
    long = norms > max_norm
    if long.any():
        in_place.write(weight)
        weight[named[long]] *= (max_norm / (norms[long] + 1e-7)).astype(weight.dtype)[:, None]


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``y_k = x1' W_k x2 + b_k`` over the last dimensions; ``weight`` is (out, features 1, features 2).

    Raises ValueError when the sizes do not agree. Source: ``torch.nn.functional.bilinear``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.bilinear(tg.tensor([1.0, 2.0]), tg.tensor([3.0]), tg.ones(1, 2, 1))
    tensor([9.])
    """
    op = "bilinear"
    a, b, w = operand(input1, op), operand(input2, op), operand(weight, op)
    if w.ndim != 3 or a.ndim == 0 or b.ndim == 0 or (a.shape[-1], b.shape[-1]) != tuple(w.shape[1:]):
        raise op_error(
            ValueError,
            op,
            "expected inputs (..., F1), (..., F2) and weight (out, F1, F2), got "
            f"{describe(a)}, {describe(b)} and {describe(w)}",
        )
    if tuple(a.shape[:-1]) != tuple(b.shape[:-1]):
        raise op_error(
            ValueError, op, f"the inputs must agree but for the last dimension: {describe(a)}, {describe(b)}"
        )
    out, first, second = w.shape
    if bias is not None and tuple(bias.shape) != (out,):
        raise op_error(ValueError, op, f"bias must have shape ({out},), got {describe(bias)}")
    lead = tuple(a.shape[:-1])
    count = math.prod(lead)
    half = _matmul(
        _reshape(a, shape=(count, first)), _reshape(_permute(w, dims=(1, 0, 2)), shape=(first, out * second))
    )
    y = _matmul(_reshape(half, shape=(count, out, second)), _reshape(b, shape=(count, second, 1)))
    y = _reshape(y, shape=(*lead, out))
    return y if bias is None else y + bias


__all__ = ["bilinear", "embedding"]
