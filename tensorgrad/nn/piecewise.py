"""Activations made of straight pieces as layers: the "hard" ones, shrinks, and slopes that are learned or drawn."""

from __future__ import annotations

from typing import Any

from tensorgrad.creation import empty
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.activation import _Activation, _InplaceActivation
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter


class Hardtanh(_Activation):
    """``x`` between ``min_val`` and ``max_val``, the nearer of them outside. Source: ``torch.nn.Hardtanh``.

    Raises ValueError unless ``max_val`` is the larger.

    >>> import tensorgrad as tg
    >>> tg.nn.Hardtanh(0.0, 2.0)(tg.tensor([-3.0, 0.5, 3.0]))
    tensor([0.0000, 0.5000, 2.0000])
    """

    _function = staticmethod(F.hardtanh)
    _settings = ("min_val", "max_val", "inplace")

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: None = None,
        max_value: None = None,
    ) -> None:
        super().__init__()
        if min_value is not None or max_value is not None:
            raise ValueError("Hardtanh: min_value and max_value are gone; use min_val and max_val")
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: max_val must exceed min_val, got {min_val} and {max_val}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace


class ReLU6(Hardtanh):
    """``min(max(0, x), 6)``. Source: ``torch.nn.ReLU6``.

    >>> import tensorgrad as tg
    >>> tg.nn.ReLU6()(tg.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """The setting, unless it is the default."""
        return "inplace=True" if self.inplace else ""


class _Hard(_InplaceActivation):
    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardsigmoid(_Hard):
    """``min(max(0, x + 3), 6) / 6``. Source: ``torch.nn.Hardsigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.Hardsigmoid()(tg.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    _function = staticmethod(F.hardsigmoid)


class Hardswish(_Hard):
    """``x min(max(0, x + 3), 6) / 6``. Source: ``torch.nn.Hardswish``; Howard et al. 2019.

    >>> import tensorgrad as tg
    >>> tg.nn.Hardswish()(tg.tensor([1.0, 4.0]))
    tensor([0.6667, 4.0000])
    """

    _function = staticmethod(F.hardswish)


class Threshold(_Activation):
    """``x`` where ``x > threshold``, ``value`` elsewhere. Source: ``torch.nn.Threshold``.

    >>> import tensorgrad as tg
    >>> tg.nn.Threshold(1.0, 9.0)(tg.tensor([0.5, 2.0]))
    tensor([9., 2.])
    """

    _function = staticmethod(F.threshold)
    _settings = ("threshold", "value", "inplace")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace


# --- shrinks --------------------------------------------------------------------------------------------------------


class _Shrink(_Activation):
    _settings = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Half the width of what becomes 0."""
        return f"{self.lambd}"


class Hardshrink(_Shrink):
    """``x`` where ``|x| > lambd``, 0 elsewhere. Source: ``torch.nn.Hardshrink``.

    >>> import tensorgrad as tg
    >>> tg.nn.Hardshrink()(tg.tensor([-1.0, 0.5]))
    tensor([-1.,  0.])
    """

    _function = staticmethod(F.hardshrink)


class Softshrink(_Shrink):
    """``x`` moved towards 0 by ``lambd``, not beyond 0. Source: ``torch.nn.Softshrink``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softshrink()(tg.tensor([-1.0, 0.25]))
    tensor([-0.5000,  0.0000])
    """

    _function = staticmethod(F.softshrink)


# --- slopes below zero that are learned or drawn --------------------------------------------------------------------


class PReLU(Module):
    """``x`` where positive, ``weight x`` elsewhere: one weight, or one for each channel (dimension 1).

    Shapes: ``weight`` (num_parameters), at first ``init``. Source: ``torch.nn.PReLU``; He et al. 2015.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.PReLU()
    >>> layer(tg.tensor([-2.0, 2.0])).tolist(), list(layer.state_dict())
    ([-0.5, 2.0], ['weight'])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The slopes of the beginning."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        """The rectifier of the input, leaky by ``weight``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """:class:`LeakyReLU` with slopes drawn from [lower, upper] in training, their mean in evaluation.

    Source: ``torch.nn.RReLU``; Xu et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.RReLU(0.25, 0.75).eval()(tg.tensor([-2.0, 2.0]))
    tensor([-1.,  2.])
    """

    _settings = ("lower", "upper", "inplace")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The leaky rectifier of the input."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


__all__ = [
    "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "PReLU", "RReLU", "ReLU6", "Softshrink", "Threshold",
]  # fmt: skip
