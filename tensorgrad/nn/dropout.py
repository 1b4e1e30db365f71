"""Dropout layers: of single values, of whole channels, and those for self-normalising networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops.dropout import check_probability


class _Dropout(Module):
    _function: ClassVar[Callable[..., Any]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p, type(self).__name__)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The input with holes; in evaluation the input itself."""
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zero each value with probability ``p`` and scale the others by ``1 / (1 - p)``.

    ``inplace=True`` writes the result into the input. Raises ValueError for ``p`` outside [0, 1].
    Source: ``torch.nn.Dropout``; Srivastava et al. 2014.

    >>> import tensorgrad as tg
    >>> tg.nn.Dropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    _function = staticmethod(F.dropout)


# --- whole channels -------------------------------------------------------------------------------------------------


class Dropout1d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, L) or (C, L). Source: ``torch.nn.Dropout1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.Dropout1d(1.0)(tg.ones(1, 2, 3)).sum().item()
    0.0
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, H, W); three dimensions are (N, C, L), as in PyTorch.

    Source: ``torch.nn.Dropout2d``; Tompson et al. 2015.

    >>> import tensorgrad as tg
    >>> y = tg.nn.Dropout2d()(tg.ones(2, 3, 4, 4))
    >>> bool((y.amax((2, 3)) == y.amin((2, 3))).all())
    True
    """

    _function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W). Source: ``torch.nn.Dropout3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.Dropout3d().eval()(tg.ones(1, 2, 2, 2, 2)).sum().item()
    16.0
    """

    _function = staticmethod(F.dropout3d)


# --- for self-normalising networks ----------------------------------------------------------------------------------


class _AlphaDropout(_Dropout):
    def forward(self, input: Any) -> Any:
        """The input with values far below zero in places; in evaluation the input itself."""
        return self._function(input, self.p, self.training)


class AlphaDropout(_AlphaDropout):
    """Dropout that keeps mean 0 and variance 1, for use with :class:`SELU`; ``inplace`` has no effect, as in PyTorch.

    Source: ``torch.nn.AlphaDropout``; Klambauer et al. 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.AlphaDropout().eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    _function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_AlphaDropout):
    """:class:`AlphaDropout` of whole channels (dimension 1). Source: ``torch.nn.FeatureAlphaDropout``.

    >>> import tensorgrad as tg
    >>> tg.nn.FeatureAlphaDropout().eval()(tg.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    _function = staticmethod(F.feature_alpha_dropout)


__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]
