"""Activation functions, each with its derivative beside it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.errors import op_error
from tensorgrad.kernels.reduce import select
from tensorgrad.kernels.special import erf
from tensorgrad.ops.elementwise import exp, greater, less_equal, sigmoid, tanh, where

_floating = functools.partial(primitive, promote=promote_to_float)


@primitive(lambda g, y, x, *, mask: masked(g, mask=mask))
def masked(x: Any, *, mask: np.ndarray) -> Any:
    """``x`` where the constant ``mask`` holds, exactly 0 elsewhere (also where ``x`` is infinite); self-adjoint."""
    return select(mask, x)


# y <= 0 fails for NaN, so a NaN passes its gradient on; at 0 the derivative is 0. maximum(0, x) keeps -0.
relu = primitive(lambda g, y, x: masked(g, mask=~_values(y <= 0)), name="relu")(lambda x: np.maximum(0, x))


def _values(condition: Any) -> np.ndarray:
    """The plain array of a comparison: a mask is a constant, in graph mode too."""
    return condition if isinstance(condition, np.ndarray) else np.asarray(condition.data)


@_floating(
    lambda g, y, x, *, negative_slope: where(greater(x, 0), g, g * negative_slope),
    name="leaky_relu",
)
def _leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return np.where(x > 0, x, x * negative_slope)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """``max(0, x) + negative_slope * min(0, x)``; the derivative at 0 is ``negative_slope``.

    Source: ``torch.nn.functional.leaky_relu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.leaky_relu(tg.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _leaky_relu(input, negative_slope=float(negative_slope))


@_floating(lambda g, y, x, *, alpha: where(less_equal(x, 0), g * (alpha * exp(x)), g), name="elu")
def _elu(x: Any, *, alpha: float) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(x))


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere. Source: ``torch.nn.functional.elu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.elu(tg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    return _elu(input, alpha=float(alpha))


_NORMAL_DENSITY = 1 / math.sqrt(2 * math.pi)

# y = x Phi(x), so dy/dx = Phi(x) + x phi(x), with the normal distribution Phi and its density phi
normal_cdf = _floating(lambda g, y, x: g * (_NORMAL_DENSITY * exp(-0.5 * x * x)), name="normal_cdf")(
    lambda x: 0.5 * (1 + erf(x * math.sqrt(0.5)))
)
_gelu_exact = _floating(lambda g, y, x: g * (normal_cdf(x) + x * (_NORMAL_DENSITY * exp(-0.5 * x * x))), name="gelu")(
    lambda x: x * (0.5 * (1 + erf(x * math.sqrt(0.5))))
)


def gelu(input: Any, approximate: str = "none") -> Any:
    """``x * Phi(x)`` with the cumulative normal distribution; ``approximate="tanh"`` is the usual approximation.

    Raises ValueError for another ``approximate``. Source: ``torch.nn.functional.gelu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.gelu(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """
    if approximate == "none":
        return _gelu_exact(input)
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input * input * input)
        return 0.5 * input * (1 + tanh(inner))
    raise op_error(ValueError, "gelu", f"approximate must be 'none' or 'tanh', got {approximate!r}")


def _silu_rule(g: Any, y: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


_silu = _floating(_silu_rule, name="silu")(lambda x: x * (1 / (1 + np.exp(-x))))


def silu(input: Any, inplace: bool = False) -> Any:
    """``x * sigmoid(x)``, also called swish. Source: ``torch.nn.functional.silu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.silu(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """
    return _silu(input)


@_floating(
    lambda g, y, x, *, beta, threshold: where(greater(x * beta, threshold), g, g * sigmoid(x * beta)),
    name="softplus",
)
def _softplus(x: Any, *, beta: float, threshold: float) -> Any:
    return np.where(x * beta > threshold, x, np.logaddexp(x * beta, x.dtype.type(0)) / beta)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``log(1 + exp(beta x)) / beta``, and ``x`` itself where ``beta x > threshold``.

    Source: ``torch.nn.functional.softplus``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.softplus(tg.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0000e+03])
    """
    return _softplus(input, beta=float(beta), threshold=float(threshold))


__all__ = ["elu", "gelu", "leaky_relu", "masked", "normal_cdf", "relu", "silu", "softplus"]
