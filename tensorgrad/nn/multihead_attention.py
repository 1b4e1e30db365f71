"""Attention with several heads, each of which looks at the sequence in a way of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.creation import empty, zeros
from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.linear import Linear
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.elementwise import where
from tensorgrad.ops.join import cat
from tensorgrad.tensor import Tensor


class MultiheadAttention(Module):
    """``concat(head_1, ..., head_h) W_o' + b_o`` with ``head_i = softmax(Q_i K_i' / sqrt(d)) V_i`` and ``d = E / h``.

    ``Q_i``, ``K_i`` and ``V_i`` are the i-th d columns of query, key and value, each after a linear map of its own: the
    three blocks of rows of ``in_proj_weight`` (3 E, E), or ``q_proj_weight`` (E, E), ``k_proj_weight`` (E, kdim) and
    ``v_proj_weight`` (E, vdim) where the sizes differ. ``add_bias_kv`` appends a learned key and value to the
    sequence, ``add_zero_attn`` a key and a value of zeros. ``dropout`` drops weights while training.

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim), output (L, N, E); with ``batch_first`` N comes first;
    without a batch there is no N. Raises ValueError for sizes that do not go together. Source:
    ``torch.nn.MultiheadAttention``; Vaswani et al. 2017.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.MultiheadAttention(embed_dim=8, num_heads=2, batch_first=True)
    >>> x = tg.ones(3, 5, 8)
    >>> output, weights = layer(x, x, x)
    >>> output.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            name = type(self).__name__
            raise op_error(ValueError, name, f"num_heads must divide embed_dim, got {embed_dim=} and {num_heads=}")
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn

        def parameter(wanted: bool, *shape: int) -> Parameter | None:
            return Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None

        one_size = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = parameter(one_size, 3 * embed_dim, embed_dim)
        self.q_proj_weight = parameter(not one_size, embed_dim, embed_dim)
        self.k_proj_weight = parameter(not one_size, embed_dim, self.kdim)
        self.v_proj_weight = parameter(not one_size, embed_dim, self.vdim)
        self.in_proj_bias = parameter(bias, 3 * embed_dim)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.bias_k = parameter(add_bias_kv, 1, 1, embed_dim)
        self.bias_v = parameter(add_bias_kv, 1, 1, embed_dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights by Glorot and Bengio, uniform (appended keys and values: normal), biases 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        self.out_proj.reset_parameters()
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for appended in (self.bias_k, self.bias_v):
            if appended is not None:
                init.xavier_normal_(appended)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The output and, unless ``need_weights`` is False, the attention weights (N, L, S), the mean of the heads'.

        ``key_padding_mask`` (N, S) and ``attn_mask`` (L, S) or (N h, L, S) are True where a query may *not* look, or
        numbers that are added to the scores. ``average_attn_weights=False`` gives the weights of each head, (N, h, L,
        S). ``is_causal`` says that ``attn_mask``, which must be given, lets query i look at the keys 0 to i; it saves
        work where no weights are needed. A query that may look nowhere gives NaN, or zeros without weights.
        """
        self._check(query, key, value)
        batched = query.ndim == 3
        q, k, v = (self._heads(x) for x in self._projected(query, key, value))
        causal = is_causal and key_padding_mask is None and not need_weights
        if is_causal and attn_mask is None:
            mask = f"tg.ones({q.shape[2]}, {k.shape[2]}, dtype=bool).triu(1)"
            raise self._error(f"is_causal says what attn_mask is, and does not replace it; give attn_mask={mask} too")
        if not batched and key_padding_mask is not None:
            key_padding_mask = operand(key_padding_mask, type(self).__name__)[None]
        mask = self._mask(key_padding_mask, None if causal else attn_mask, q, k)
        k, v, mask = self._appended(k, v, mask)

        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q * (1 / math.sqrt(self.head_dim))) @ k.mT
            weights = F.dropout(F.softmax(scores if mask is None else scores + mask, -1), dropout)
            heads = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            heads = F.scaled_dot_product_attention(q, k, v, mask, dropout, causal)
        # (N, h, L, d) as (N, L, E) or (L, N, E)
        order = (0, 2, 1, 3) if self.batch_first or not batched else (2, 0, 1, 3)
        joined = heads.permute(order)
        output = self.out_proj(joined.reshape(*joined.shape[:2], self.embed_dim))
        if not batched:
            return output[0], None if weights is None else weights[0]
        return output, weights

    def _projected(self, query: Any, key: Any, value: Any) -> Any:
        """Query, key and value after their linear maps; of one and the same sequence in one product."""
        if self.in_proj_weight is None:
            weights = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        elif query is key and key is value:
            return F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        else:
            weights = self.in_proj_weight.chunk(3)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return map(F.linear, (query, key, value), weights, biases)

    def _heads(self, x: Tensor) -> Tensor:
        """(L, N, E), (N, L, E) or (L, E) as (N, h, L, d)."""
        x = x.reshape(*x.shape[:-1], self.num_heads, self.head_dim)
        if x.ndim == 3:
            return x.permute(1, 0, 2).unsqueeze(0)
        return x.permute(0, 2, 1, 3) if self.batch_first else x.permute(1, 2, 0, 3)

    def _mask(self, key_padding_mask: Any, attn_mask: Any, q: Tensor, k: Tensor) -> Any:
        """Both masks as one that is added to the scores (N, h, L, S), or None."""
        (n, h, length, _), keys = q.shape, k.shape[2]
        total = None
        if attn_mask is not None:
            mask = self._additive(attn_mask, "attn_mask", q)
            if mask.shape not in ((length, keys), (n * h, length, keys)):
                expected = f"({length}, {keys}) or ({n * h}, {length}, {keys})"
                raise self._error(f"attn_mask must have shape {expected}, got {describe(attn_mask)}")
            total = mask if mask.ndim == 2 else mask.reshape(n, h, length, keys)
        if key_padding_mask is not None:
            mask = self._additive(key_padding_mask, "key_padding_mask", q)
            if mask.shape != (n, keys):
                raise self._error(f"key_padding_mask must have shape ({n}, {keys}), got {describe(key_padding_mask)}")
            mask = mask.reshape(n, 1, 1, keys)
            total = mask if total is None else total + mask
        return total

    def _additive(self, mask: Any, name: str, q: Tensor) -> Tensor:
        """Minus infinity where a boolean mask is True, else 0; a mask of numbers as it is."""
        mask = operand(mask, type(self).__name__)
        if mask.dtype == np.bool_:
            mask = where(mask, -np.inf, zeros((), dtype=q.dtype))
        elif mask.dtype.kind != "f":
            raise self._error(f"{name} must be boolean or floating-point, got {mask.dtype}", TypeError)
        return (mask if isinstance(mask, Tensor) else Tensor(mask)).to(q.dtype)

    def _appended(self, k: Tensor, v: Tensor, mask: Any) -> tuple[Tensor, Tensor, Any]:
        """Keys and values with those that are learned, or zero, at their ends: every query may look there."""
        n, h, keys, d = k.shape
        if self.bias_k is not None and self.bias_v is not None:
            k = cat([k, self.bias_k.reshape(1, h, 1, d).expand(n, h, 1, d)], 2)
            v = cat([v, self.bias_v.reshape(1, h, 1, d).expand(n, h, 1, d)], 2)
        if self.add_zero_attn:
            nothing = zeros(n, h, 1, d, dtype=k.dtype)
            k, v = cat([k, nothing], 2), cat([v, nothing], 2)
        more = k.shape[2] - keys
        return k, v, F.pad(mask, (0, more)) if mask is not None and more else mask

    def _check(self, query: Any, key: Any, value: Any) -> None:
        """Sizes, lengths and batches go together."""
        q, k, v = (tuple(getattr(x, "shape", ())) for x in (query, key, value))
        sizes = self.embed_dim, self.kdim, self.vdim
        fits = len(q) in (2, 3) and len(q) == len(k) and k[:-1] == v[:-1] and (q[-1], k[-1], v[-1]) == sizes
        batch = 0 if self.batch_first else 1
        if not fits or (len(q) == 3 and q[batch] != k[batch]):
            form = "(N, {}, {})" if self.batch_first else "({}, N, {})"
            wanted = "query {}, key {} and value {}".format(*map(form.format, "LSS", sizes))
            got = f"{describe(query)}, {describe(key)} and {describe(value)}"
            raise self._error(f"expected {wanted}, or all without N, got {got}")

    def _error(self, message: str, kind: type[Exception] = ValueError) -> Exception:
        return op_error(kind, type(self).__name__, message)


__all__ = ["MultiheadAttention"]
