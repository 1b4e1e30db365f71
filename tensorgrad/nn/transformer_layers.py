"""The layers of a transformer: attention and a small network at every place, each added to what it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn.dropout import Dropout
from tensorgrad.nn.layernorm import LayerNorm
from tensorgrad.nn.linear import Linear
from tensorgrad.nn.module import Module
from tensorgrad.nn.multihead_attention import MultiheadAttention

Activation = str | Callable[[Any], Any]


class _TransformerLayer(Module):
    """Residual blocks: an attention for each of the names, then two linear maps with an activation between them."""

    _attentions: tuple[str, ...]
    self_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        like = {"bias": bias, "device": device, "dtype": dtype}
        for name in self._attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **like))
        self.linear1 = Linear(d_model, dim_feedforward, **like)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **like)
        self.norm_first = norm_first
        blocks = range(1, len(self._attentions) + 2)
        for k in blocks:
            setattr(self, f"norm{k}", LayerNorm(d_model, layer_norm_eps, **like))
        for k in blocks:
            setattr(self, f"dropout{k}", Dropout(dropout))
        self.activation = _activation(activation, type(self).__name__)

    def _residual(self, k: int, x: Any, block: Callable[[Any], Any]) -> Any:
        """``norm(x + block(x))``, or ``x + block(norm(x))`` with ``norm_first``; the k-th of the layer."""
        norm, dropout = getattr(self, f"norm{k}"), getattr(self, f"dropout{k}")
        return x + dropout(block(norm(x))) if self.norm_first else norm(x + dropout(block(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _attended(attention: Module, x: Any, memory: Any, mask: Any, padding: Any, is_causal: bool) -> Any:
    """What the places of ``x`` find where they look in ``memory``."""
    return attention(
        x, memory, memory, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
    )[0]


def _activation(activation: Any, name: str) -> Callable[[Any], Any]:
    """The function that is named, or given; ValueError for another name, TypeError for what cannot be called."""
    if isinstance(activation, str):
        if activation not in ("relu", "gelu"):
            raise op_error(ValueError, name, f"activation must be 'relu', 'gelu' or a function, got {activation!r}")
        return F.relu if activation == "relu" else F.gelu
    if not callable(activation):
        raise op_error(TypeError, name, f"activation must be 'relu', 'gelu' or a function, got {describe(activation)}")
    return activation


class TransformerEncoderLayer(_TransformerLayer):
    """``y = norm1(x + attention(x))``, then ``norm2(y + W2 activation(W1 y + b1) + b2)``: each block sees all places.

    ``norm_first=True`` normalises what goes into each block instead: ``x + attention(norm1(x))``. ``dropout`` drops,
    while training, attention weights, hidden values and what a block adds. ``dim_feedforward`` is the size between W1
    and W2; ``activation`` is "relu", "gelu" or a function.

    Shapes: input and output (L, N, d_model); with ``batch_first`` (N, L, d_model); without a batch (L, d_model).
    Raises ValueError for sizes that do not fit. Source: ``torch.nn.TransformerEncoderLayer``; Vaswani et al. 2017;
    ``norm_first``: Xiong et al. 2020.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> layer(tg.ones(3, 5, 8)).shape
    (3, 5, 8)
    """

    _attentions = ("self_attn",)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """The sequence after both blocks; the masks are those of :class:`MultiheadAttention`.

        ``is_causal`` says that ``src_mask``, which must be given, lets place i look at the places 0 to i.
        """
        attended = lambda x: _attended(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal)
        return self._residual(2, self._residual(1, src, attended), self._feed_forward)


class TransformerDecoderLayer(_TransformerLayer):
    """An encoder's layer with a third block between its two: attention to ``memory``, what an encoder gave.

    Three norms and dropouts instead of two; all else is as in :class:`TransformerEncoderLayer`. Shapes: target and
    output (T, N, d_model), memory (S, N, d_model); with ``batch_first`` N comes first; without a batch there is no N.
    Raises ValueError for sizes that do not fit. Source: ``torch.nn.TransformerDecoderLayer``; Vaswani et al. 2017.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(tg.ones(5, 3, 8), tg.ones(7, 3, 8)).shape
    (5, 3, 8)
    """

    _attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """The target after the three blocks. Masks and hints: where it may look in itself, and where in ``memory``."""
        to_itself = lambda x: _attended(self.self_attn, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        to_memory = lambda x: _attended(
            self.multihead_attn, x, memory, memory_mask, memory_key_padding_mask, memory_is_causal
        )
        x = self._residual(2, self._residual(1, tgt, to_itself), to_memory)
        return self._residual(3, x, self._feed_forward)


__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]
