"""Softmax and its relatives as layers."""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn.activation import _Activation


class _AlongDim(_Activation):
    _settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_AlongDim):
    """``exp(x) / sum(exp(x))`` along ``dim``, which must be given before the call. Source: ``torch.nn.Softmax``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softmax(dim=-1)(tg.tensor([1.0, 1.0]))
    tensor([0.5000, 0.5000])
    """

    _function = staticmethod(F.softmax)


class LogSoftmax(_AlongDim):
    """``x - log(sum(exp(x)))`` along ``dim``, which must be given before the call. Source: ``torch.nn.LogSoftmax``.

    >>> import tensorgrad as tg
    >>> tg.nn.LogSoftmax(dim=-1)(tg.tensor([1.0, 1.0]))
    tensor([-0.6931, -0.6931])
    """

    _function = staticmethod(F.log_softmax)


class Softmin(_AlongDim):
    """``exp(-x) / sum(exp(-x))`` along ``dim``, which must be given before the call. Source: ``torch.nn.Softmin``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softmin(dim=-1)(tg.tensor([1.0, 1.0]))
    tensor([0.5000, 0.5000])
    """

    _function = staticmethod(F.softmin)


class Softmax2d(_Activation):
    """:class:`Softmax` over the channels of (N, C, H, W) or (C, H, W), for each pixel. Source: ``torch.nn.Softmax2d``.

    Raises ValueError for other shapes.

    >>> import tensorgrad as tg
    >>> tg.nn.Softmax2d()(tg.ones(4, 1, 2))[0]
    tensor([[0.2500, 0.2500]])
    """

    def forward(self, input: Any) -> Any:
        """Probabilities along the channels."""
        if input.ndim not in (3, 4):
            raise op_error(ValueError, "softmax", f"expected (N, C, H, W) or (C, H, W), got {describe(input)}")
        return F.softmax(input, -3)


__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]
