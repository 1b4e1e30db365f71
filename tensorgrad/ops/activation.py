"""Activation functions, each with its derivative beside it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.errors import op_error
from tensorgrad.kernels import activation as kernel
from tensorgrad.kernels.choice import choose
from tensorgrad.kernels.reduce import select
from tensorgrad.kernels.special import erf
from tensorgrad.ops._arguments import one_dim, operand, raw
from tensorgrad.ops.elementwise import abs, exp, greater, less, less_equal, neg, sigmoid, tanh, where
from tensorgrad.ops.softmax import softmax
from tensorgrad.ops.split import split
from tensorgrad.ops.write import with_inplace

_floating = functools.partial(primitive, promote=promote_to_float, elementwise=True)


@primitive(lambda g, y, x, *, mask: masked(g, mask=mask))
def masked(x: Any, *, mask: np.ndarray) -> Any:
    """``x`` where the constant ``mask`` holds, exactly 0 elsewhere (also where ``x`` is infinite); self-adjoint."""
    return select(mask, x)


relu = primitive(lambda g, y, x: relu_grad(g, output=_values(y)), name="relu", takes_plans=True, formula="max(0, x)")(
    kernel.relu
)


@primitive(lambda g, y, x, *, output: relu_grad(g, output=output))
def relu_grad(x: Any, *, output: np.ndarray) -> Any:
    """``x`` where ``output``, what :func:`relu` gave, is not 0 (it may be NaN); exactly 0 elsewhere; self-adjoint."""
    return kernel.relu_grad(x, output)


def _values(output: Any) -> np.ndarray:
    """The plain array: where a rectifier is open is a constant, in graph mode too."""
    return np.asarray(raw(output))


@_floating(
    lambda g, y, x, *, negative_slope: where(greater(x, 0), g, g * negative_slope),
    name="leaky_relu",
)
def _leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return choose(x > 0, x, x * negative_slope)


@with_inplace
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """``max(0, x) + negative_slope * min(0, x)``; the derivative at 0 is ``negative_slope``.

    Source: ``torch.nn.functional.leaky_relu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.leaky_relu(tg.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _leaky_relu(input, negative_slope=float(negative_slope))


def _below_zero(x: Any) -> Any:
    """``x`` where it is negative, 0 elsewhere: the exponential of it cannot overflow where it is not used."""
    return where(less(x, 0), x, 0.0)


@_floating(lambda g, y, x, *, alpha: where(less_equal(x, 0), g * (alpha * exp(_below_zero(x))), g), name="elu")
def _elu(x: Any, *, alpha: float) -> Any:
    return choose(x > 0, x, alpha * np.expm1(x))


@with_inplace
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere. Source: ``torch.nn.functional.elu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.elu(tg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    return _elu(input, alpha=float(alpha))


# the fixed point of self-normalising networks: mean 0 and variance 1 are kept (Klambauer et al. 2017)
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@_floating(
    lambda g, y, x: g * where(less_equal(x, 0), SELU_SCALE * SELU_ALPHA * exp(_below_zero(x)), SELU_SCALE), name="selu"
)
def _selu(x: Any) -> Any:
    return SELU_SCALE * choose(x > 0, x, SELU_ALPHA * np.expm1(x))


@with_inplace
def selu(input: Any, inplace: bool = False) -> Any:
    """``scale * elu(x, alpha)`` with the two constants that keep mean 0 and variance 1.

    Source: ``torch.nn.functional.selu``; Klambauer et al. 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.selu(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.0507])
    """
    return _selu(input)


@_floating(lambda g, y, x, *, alpha: where(less_equal(x, 0), g * exp(_below_zero(x) / alpha), g), name="celu")
def _celu(x: Any, *, alpha: float) -> Any:
    return choose(x > 0, x, alpha * np.expm1(x / alpha))


@with_inplace
def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``x`` where positive, ``alpha * (exp(x / alpha) - 1)`` elsewhere: an elu with a continuous slope.

    Raises ValueError for ``alpha = 0``. Source: ``torch.nn.functional.celu``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.celu(tg.tensor([0.0, 1.0]), 2.0)
    tensor([0., 1.])
    """
    if alpha == 0:
        raise op_error(ValueError, "celu", "alpha must not be 0")
    return _celu(input, alpha=float(alpha))


_NORMAL_DENSITY = 1 / math.sqrt(2 * math.pi)

# y = x Phi(x), so dy/dx = Phi(x) + x phi(x), with the normal distribution Phi and its density phi
normal_cdf = _floating(lambda g, y, x: g * (_NORMAL_DENSITY * exp(-0.5 * x * x)), name="normal_cdf")(
    lambda x: 0.5 * (1 + erf(x * math.sqrt(0.5)))
)
_gelu_exact = _floating(lambda g, y, x: g * (normal_cdf(x) + x * (_NORMAL_DENSITY * exp(-0.5 * x * x))), name="gelu")(
    lambda x: x * (0.5 * (1 + erf(x * math.sqrt(0.5))))
)
# tanh(_SLOPE (x + _CUBIC x^3)) is close to 2 Phi(x) - 1
_SLOPE, _CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh_rule(g: Any, y: Any, x: Any) -> Any:
    t = tanh(_SLOPE * (x + _CUBIC * x * x * x))
    return g * (0.5 * (1 + t) + 0.5 * x * ((1 - t * t) * (_SLOPE * (1 + 3 * _CUBIC * x * x))))


_gelu_tanh = _floating(_gelu_tanh_rule, name="gelu_tanh")(
    lambda x: 0.5 * x * (1 + np.tanh(_SLOPE * (x + _CUBIC * x * x * x)))
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
        return _gelu_tanh(input)
    raise op_error(ValueError, "gelu", f"approximate must be 'none' or 'tanh', got {approximate!r}")


def _silu_rule(g: Any, y: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


_silu = _floating(_silu_rule, name="silu")(lambda x: x * (1 / (1 + np.exp(-x))))


@with_inplace
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
    z = x * beta
    return choose(z > threshold, x, (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``log(1 + exp(beta x)) / beta``, and ``x`` itself where ``beta x > threshold``.

    Source: ``torch.nn.functional.softplus``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.softplus(tg.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0000e+03])
    """
    return _softplus(input, beta=float(beta), threshold=float(threshold))


_logsigmoid = _floating(lambda g, y, x: g * sigmoid(neg(x)), name="logsigmoid")(
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))
)


def logsigmoid(input: Any) -> Any:
    """``log(sigmoid(x)) = -log(1 + e^-x)``, without overflow. Source: ``torch.nn.functional.logsigmoid``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.logsigmoid(tg.tensor([0.0, -10.0]))
    tensor([ -0.6931, -10.0000])
    """
    return _logsigmoid(input)


def _mish_rule(g: Any, y: Any, x: Any) -> Any:
    t = tanh(softplus(x, threshold=math.inf))
    return g * (t + x * sigmoid(x) * (1 - t * t))


_mish = _floating(_mish_rule, name="mish")(lambda x: x * np.tanh(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))))


@with_inplace
def mish(input: Any, inplace: bool = False) -> Any:
    """``x * tanh(softplus(x))``. Source: ``torch.nn.functional.mish``; Misra 2019.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.mish(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """
    return _mish(input)


def softsign(input: Any) -> Any:
    """``x / (1 + |x|)``. Source: ``torch.nn.functional.softsign``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.softsign(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    x = operand(input, "softsign")
    return x / (abs(x) + 1)


def tanhshrink(input: Any) -> Any:
    """``x - tanh(x)``. Source: ``torch.nn.functional.tanhshrink``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.tanhshrink(tg.tensor([0.0, 100.0]))
    tensor([ 0., 99.])
    """
    x = operand(input, "tanhshrink")
    return x - tanh(x)


def glu(input: Any, dim: int = -1) -> Any:
    """``a * sigmoid(b)`` for the two halves ``a`` and ``b`` of the input along ``dim``.

    Raises ValueError when that dimension is odd. Source: ``torch.nn.functional.glu``; Dauphin et al. 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.glu(tg.tensor([3.0, 0.0]))
    tensor([1.5000])
    """
    x = operand(input, "glu")
    if x.ndim == 0:
        raise op_error(ValueError, "glu", "a 0-d tensor cannot be halved")
    size = x.shape[one_dim(dim, x.ndim, "glu")]
    if size % 2:
        raise op_error(ValueError, "glu", f"dimension {dim} must be even to be halved, its size is {size}")
    a, b = split(x, size // 2, dim) if size else (x, x)
    return a * sigmoid(b)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """``softmax(-x)`` along ``dim``. Source: ``torch.nn.functional.softmin``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.softmin(tg.tensor([2.0, 2.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return softmax(neg(input), dim, dtype=dtype)


__all__ = [
    "celu", "elu", "gelu", "glu", "leaky_relu", "logsigmoid", "masked", "mish", "normal_cdf", "relu", "relu_grad",
    "selu", "silu", "softmin", "softplus", "softsign", "tanhshrink",
]  # fmt: skip
