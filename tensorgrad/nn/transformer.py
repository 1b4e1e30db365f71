"""The transformer: a stack of layers that reads a sequence, and one that writes another with the first in view."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tensorgrad.creation import full
from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.containers import ModuleList
from tensorgrad.nn.layernorm import LayerNorm
from tensorgrad.nn.module import Module
from tensorgrad.nn.transformer_layers import Activation, TransformerDecoderLayer, TransformerEncoderLayer
from tensorgrad.tensor import Tensor


class _Stack(Module):
    """``num_layers`` copies of a layer, one upon another, and ``norm`` after the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        if not isinstance(layer, Module):
            name = type(self).__name__
            raise op_error(TypeError, name, f"expected a layer to make copies of, a Module, got {describe(layer)}")
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, x: Any, *others: Any, **masks: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *others, **masks)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """``num_layers`` copies of ``encoder_layer``, one upon another, and ``norm`` after the last.

    The copies start with the same parameters. ``enable_nested_tensor`` and ``mask_check`` are accepted and change
    nothing. Source: ``torch.nn.TransformerEncoder``; Vaswani et al. 2017.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> tg.nn.TransformerEncoder(layer, num_layers=2)(tg.ones(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Any:
        """The sequence after all layers. ``is_causal`` says what ``mask`` is; None: the mask is taken as it is."""
        return self._through(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))


class TransformerDecoder(_Stack):
    """``num_layers`` copies of ``decoder_layer``, one upon another, and ``norm`` after the last.

    The copies start with the same parameters. Source: ``torch.nn.TransformerDecoder``; Vaswani et al. 2017.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> tg.nn.TransformerDecoder(layer, num_layers=2)(tg.ones(5, 3, 8), tg.ones(7, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """The target after all layers; ``tgt_is_causal=None``: ``tgt_mask`` is taken as it is."""
        return self._through(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )


class Transformer(Module):
    """An encoder reads the source; a decoder, with that in view, turns the target into the output.

    Both are stacks of layers with a norm at the end: see :class:`TransformerEncoderLayer` for the arguments.
    ``custom_encoder`` and ``custom_decoder`` are modules to take instead. Embeddings, places and the map to words are
    the caller's.

    Shapes: source (S, N, d_model), target and output (T, N, d_model); with ``batch_first`` N comes first; without a
    batch there is no N. Raises ValueError for sizes that do not fit. Source: ``torch.nn.Transformer``; Vaswani et al.
    2017.

    >>> import tensorgrad as tg
    >>> model = tg.nn.Transformer(8, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> source, target = tg.ones(7, 3, 8), tg.ones(5, 3, 8)
    >>> model(source, target, tgt_mask=model.generate_square_subsequent_mask(5)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        like: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        layer = d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first
        if custom_encoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, **like)
            custom_encoder = TransformerEncoder(TransformerEncoderLayer(*layer, **like), num_encoder_layers, norm)
        if custom_decoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, **like)
            custom_decoder = TransformerDecoder(TransformerDecoderLayer(*layer, **like), num_decoder_layers, norm)
        self.encoder = custom_encoder
        self.decoder = custom_decoder
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new matrices, by Glorot and Bengio, uniform: each layer its own."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """The output for every place of the target.

        ``memory_mask`` and ``memory_key_padding_mask`` say where the target may not look in what the encoder gave.
        """
        self._check(src, tgt)
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    def _check(self, src: Any, tgt: Any) -> None:
        """As many features as the model has, and as many sequences in both."""
        s, t = (tuple(getattr(x, "shape", ())) for x in (src, tgt))
        batch = 0 if self.batch_first else 1
        fits = len(s) == len(t) and len(s) in (2, 3) and s[-1] == t[-1] == self.d_model
        if not fits or (len(s) == 3 and s[batch] != t[batch]):
            form = "(N, {}, {})" if self.batch_first else "({}, N, {})"
            wanted = "src {} and tgt {}".format(*(form.format(length, self.d_model) for length in "ST"))
            name = type(self).__name__
            raise op_error(
                ValueError, name, f"expected {wanted}, or both without N, got {describe(src)}, {describe(tgt)}"
            )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The mask (sz, sz) by which place i looks at the places 0 to i: 0 there, minus infinity behind.

        >>> import tensorgrad as tg
        >>> tg.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        return full((sz, sz), -np.inf, device=device, dtype=dtype).triu(1)


__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]
