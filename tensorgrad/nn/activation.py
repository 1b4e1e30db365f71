"""Activation functions as layers; ``inplace=True`` writes the result into the input, as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module


class _Activation(Module):
    """The function of the class, called with the settings of the layer in their order."""

    _function: ClassVar[Callable[..., Any]]
    _settings: ClassVar[tuple[str, ...]] = ()

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return self._function(input, *[getattr(self, name) for name in self._settings])

    def extra_repr(self) -> str:
        """The settings; ``inplace`` only where it is set."""
        values = [(name, getattr(self, name)) for name in self._settings]
        return ", ".join(f"{name}={value!r}" for name, value in values if name != "inplace" or value)


class _InplaceActivation(_Activation):
    """An activation with no other setting than ``inplace``."""

    _settings = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return self._function(input, self.inplace)


class ReLU(_InplaceActivation):
    """``max(0, x)``; the derivative at 0 is 0. Source: ``torch.nn.ReLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    _function = staticmethod(F.relu)


class LeakyReLU(_Activation):
    """``max(0, x) + negative_slope min(0, x)``. Source: ``torch.nn.LeakyReLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.LeakyReLU(0.5)(tg.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    _function = staticmethod(F.leaky_relu)
    _settings = ("negative_slope", "inplace")

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace


# --- exponential units ----------------------------------------------------------------------------------------------


class _ExponentialUnit(_Activation):
    _settings = ("alpha", "inplace")

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace


class ELU(_ExponentialUnit):
    """``x`` where positive, ``alpha (exp(x) - 1)`` elsewhere. Source: ``torch.nn.ELU``; Clevert et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.ELU()(tg.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    _function = staticmethod(F.elu)


class CELU(_ExponentialUnit):
    """``x`` where positive, ``alpha (exp(x / alpha) - 1)`` elsewhere. Source: ``torch.nn.CELU``; Barron 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.CELU(2.0)(tg.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    _function = staticmethod(F.celu)


class SELU(_InplaceActivation):
    """A scaled :class:`ELU` that keeps mean 0 and variance 1. Source: ``torch.nn.SELU``; Klambauer et al. 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.SELU()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.0507])
    """

    _function = staticmethod(F.selu)


# --- the input through a gate ---------------------------------------------------------------------------------------


class GELU(_Activation):
    """``x Phi(x)``, or its approximation by tanh. Source: ``torch.nn.GELU``; Hendrycks and Gimpel 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.GELU()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """

    _function = staticmethod(F.gelu)
    _settings = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate


class SiLU(_InplaceActivation):
    """``x sigmoid(x)``, also called swish. Source: ``torch.nn.SiLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.SiLU()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """

    _function = staticmethod(F.silu)


class Mish(_InplaceActivation):
    """``x tanh(softplus(x))``. Source: ``torch.nn.Mish``; Misra 2019.

    >>> import tensorgrad as tg
    >>> tg.nn.Mish()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """

    _function = staticmethod(F.mish)


class GLU(_Activation):
    """``a sigmoid(b)`` for the two halves ``a`` and ``b`` of the input along ``dim``, whose size must be even.

    Source: ``torch.nn.GLU``; Dauphin et al. 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.GLU()(tg.tensor([3.0, 0.0]))
    tensor([1.5000])
    """

    _function = staticmethod(F.glu)
    _settings = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim


# --- S-shaped functions, and what is made of them -------------------------------------------------------------------


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``. Source: ``torch.nn.Sigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.Sigmoid()(tg.tensor([0.0]))
    tensor([0.5000])
    """

    _function = staticmethod(F.sigmoid)


class LogSigmoid(_Activation):
    """``-log(1 + exp(-x))``, without overflow. Source: ``torch.nn.LogSigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.LogSigmoid()(tg.tensor([0.0, -1000.0]))
    tensor([-6.9315e-01, -1.0000e+03])
    """

    _function = staticmethod(F.logsigmoid)


class Softplus(_Activation):
    """``log(1 + exp(beta x)) / beta``, and ``x`` itself where ``beta x > threshold``. Source: ``torch.nn.Softplus``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softplus()(tg.tensor([0.0]))
    tensor([0.6931])
    """

    _function = staticmethod(F.softplus)
    _settings = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold


class Tanh(_Activation):
    """The hyperbolic tangent. Source: ``torch.nn.Tanh``.

    >>> import tensorgrad as tg
    >>> tg.nn.Tanh()(tg.tensor([0.0]))
    tensor([0.])
    """

    _function = staticmethod(F.tanh)


class Tanhshrink(_Activation):
    """``x - tanh(x)``. Source: ``torch.nn.Tanhshrink``.

    >>> import tensorgrad as tg
    >>> tg.nn.Tanhshrink()(tg.tensor([0.0, 100.0]))
    tensor([ 0., 99.])
    """

    _function = staticmethod(F.tanhshrink)


class Softsign(_Activation):
    """``x / (1 + |x|)``. Source: ``torch.nn.Softsign``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softsign()(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    _function = staticmethod(F.softsign)


__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "LeakyReLU", "LogSigmoid", "Mish", "ReLU", "SiLU", "Sigmoid", "Softplus",
    "Softsign", "Tanh", "Tanhshrink",
]  # fmt: skip
