"""Attention: every query takes the mean of the values, weighed by how well their keys agree with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values, saves_work
from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.dropout import dropout
from tensorgrad.ops.elementwise import where
from tensorgrad.ops.linalg import matmul, swap_last
from tensorgrad.ops.shape import _reshape, broadcast_to
from tensorgrad.ops.softmax import softmax


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """``softmax(scale Q K' + mask) V`` with queries (..., L, E), keys (..., S, E) and values (..., S, V).

    ``scale`` is ``1 / sqrt(E)`` unless given. ``attn_mask`` broadcasts to (..., L, S): a boolean one is True where a
    query may look, another is added to the scores; ``is_causal`` lets query i look at the keys 0 to i. A query that
    may look nowhere gives zeros. ``dropout_p`` drops weights, always (pass 0 when evaluating). ``enable_gqa`` lets
    groups of query heads share a head of keys and values. Raises ValueError for shapes that do not fit. Source:
    ``torch.nn.functional.scaled_dot_product_attention``; Vaswani et al. 2017.

    >>> import tensorgrad as tg
    >>> q, k, v = tg.zeros(1, 2), tg.zeros(2, 2), tg.tensor([[1.0], [3.0]])
    >>> tg.nn.functional.scaled_dot_product_attention(q, k, v)
    tensor([[2.]])
    """
    op = "scaled_dot_product_attention"
    q, k, v = operand(query, op), operand(key, op), operand(value, op)
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise op_error(
            ValueError,
            op,
            "expected query (..., L, E), key (..., S, E) and value (..., S, V), got "
            f"{describe(q)}, {describe(k)} and {describe(v)}",
        )
    if is_causal and attn_mask is not None:
        raise op_error(ValueError, op, "give either attn_mask or is_causal=True, not both")
    if enable_gqa:
        k, v = _share_heads(k, q, op), _share_heads(v, q, op)
    scores = matmul(q * (1 / math.sqrt(q.shape[-1]) if scale is None else scale), swap_last(k))
    if attn_mask is None:
        if is_causal:
            scores = where(of_values(_past, q.shape[-2], k.shape[-2]), scores, -np.inf)
        weights = softmax(scores, -1)
    else:
        mask = operand(attn_mask, op)
        if mask.dtype != np.bool_ and mask.dtype.kind != "f":
            raise op_error(TypeError, op, f"attn_mask must be boolean or floating-point, got {mask.dtype}")
        looks, blind = of_values(_looks, mask)
        some_are_blind = saves_work(bool(blind.any()))
        if mask.dtype == np.bool_:
            scores = where(looks, scores, -np.inf)
        else:
            scores = scores + (where(blind, 0.0, mask) if some_are_blind else mask)
        weights = softmax(scores, -1)
        if some_are_blind:
            weights = where(blind, 0.0, weights)
    return matmul(dropout(weights, dropout_p), v)


def _looks(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which keys each query looks at, all if a mask leaves it none; and which queries these blind ones are."""
    looks = mask if mask.dtype == np.bool_ else np.not_equal(mask, -np.inf)
    blind = np.logical_not(np.any(looks, axis=-1, keepdims=True))
    return np.logical_or(looks, blind), blind


def _past(queries: int, keys: int) -> np.ndarray:
    """Which keys each query sees: those up to its own place."""
    return np.tri(queries, keys, dtype=bool)


def _share_heads(x: Any, query: Any, op: str) -> Any:
    """(..., H, S, E) with each head repeated for the query heads that share it."""
    if x.ndim < 3 or query.ndim < 3 or query.shape[-3] % x.shape[-3]:
        raise op_error(ValueError, op, f"the heads of the query must be a multiple: {describe(query)}, {describe(x)}")
    times = query.shape[-3] // x.shape[-3]
    *lead, heads, n, e = x.shape
    wide = broadcast_to(_reshape(x, shape=(*lead, heads, 1, n, e)), (*lead, heads, times, n, e))
    return _reshape(wide, shape=(*lead, heads * times, n, e))


__all__ = ["scaled_dot_product_attention"]
