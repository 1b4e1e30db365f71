"""Dropout."""

from __future__ import annotations

from typing import Any

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops.dropout import check_probability


class Dropout(Module):
    """In training, zero each value with probability ``p`` and scale the others by ``1 / (1 - p)``.

    ``inplace=True`` writes the result into the input. Raises ValueError for ``p`` outside [0, 1].
    Source: ``torch.nn.Dropout``; Srivastava et al. 2014.

    >>> import tensorgrad as tg
    >>> tg.nn.Dropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p, "Dropout")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The input with holes; in evaluation the input itself."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


__all__ = ["Dropout"]
