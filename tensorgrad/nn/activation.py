"""Activation functions as layers; ``inplace=True`` writes the result into the input, as in PyTorch."""

from __future__ import annotations

from typing import Any

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module


def _settings(inplace: bool, *settings: str) -> str:
    return ", ".join([*settings, *["inplace=True"] * inplace])


class ReLU(Module):
    """``max(0, x)``; the derivative at 0 is 0. Source: ``torch.nn.ReLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """``max(0, input)``."""
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        """The setting, unless it is the default."""
        return _settings(self.inplace)


class LeakyReLU(Module):
    """``max(0, x) + negative_slope min(0, x)``. Source: ``torch.nn.LeakyReLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.LeakyReLU(0.5)(tg.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The leaky rectifier of the input."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return _settings(self.inplace, f"negative_slope={self.negative_slope}")


class ELU(Module):
    """``x`` where positive, ``alpha (exp(x) - 1)`` elsewhere. Source: ``torch.nn.ELU``; Clevert et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.ELU()(tg.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """The exponential linear unit of the input."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The scale."""
        return _settings(self.inplace, f"alpha={self.alpha}")


class GELU(Module):
    """``x Phi(x)``, or its approximation by tanh. Source: ``torch.nn.GELU``; Hendrycks and Gimpel 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.GELU()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """``input Phi(input)``."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """``x sigmoid(x)``, also called swish. Source: ``torch.nn.SiLU``.

    >>> import tensorgrad as tg
    >>> tg.nn.SiLU()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """``input sigmoid(input)``."""
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """The setting, unless it is the default."""
        return _settings(self.inplace)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``. Source: ``torch.nn.Sigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.Sigmoid()(tg.tensor([0.0]))
    tensor([0.5000])
    """

    def forward(self, input: Any) -> Any:
        """The logistic function of the input."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent. Source: ``torch.nn.Tanh``.

    >>> import tensorgrad as tg
    >>> tg.nn.Tanh()(tg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, input: Any) -> Any:
        """The hyperbolic tangent of the input."""
        return F.tanh(input)


class Softplus(Module):
    """``log(1 + exp(beta x)) / beta``, and ``x`` itself where ``beta x > threshold``. Source: ``torch.nn.Softplus``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softplus()(tg.tensor([0.0]))
    tensor([0.6931])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Any:
        """The smooth rectifier of the input."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The sharpness and where it ends."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """``exp(x) / sum(exp(x))`` along ``dim``, which must be given before the call. Source: ``torch.nn.Softmax``.

    >>> import tensorgrad as tg
    >>> tg.nn.Softmax(dim=-1)(tg.tensor([1.0, 1.0]))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Probabilities along ``dim``."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """``x - log(sum(exp(x)))`` along ``dim``, which must be given before the call. Source: ``torch.nn.LogSoftmax``.

    >>> import tensorgrad as tg
    >>> tg.nn.LogSoftmax(dim=-1)(tg.tensor([1.0, 1.0]))
    tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Logarithms of probabilities along ``dim``."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


__all__ = [
    "ELU", "GELU", "LeakyReLU", "LogSoftmax", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip
