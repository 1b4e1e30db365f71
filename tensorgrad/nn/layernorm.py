"""Layer normalisation."""

from __future__ import annotations

from typing import Any

from tensorgrad.creation import ones, zeros
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter


class LayerNorm(Module):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with moments over the last dimensions of each sample.

    ``normalized_shape`` is the size of the last dimension or the shape of the last few; ``weight`` and ``bias`` have
    that shape. Raises ValueError for an input that does not end in it.
    Source: ``torch.nn.LayerNorm``; Ba, Kiros and Hinton 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.LayerNorm(2)(tg.tensor([[1.0, 3.0]])).tolist()
    [[-0.9999949932098389, 0.9999949932098389]]
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        like = {"device": device, "dtype": dtype}
        self.weight = Parameter(ones(self.normalized_shape, **like)) if elementwise_affine else None
        self.bias = Parameter(zeros(self.normalized_shape, **like)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """The input, normalised."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape and the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


__all__ = ["LayerNorm"]
