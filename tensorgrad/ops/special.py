"""Special functions: the error function, the gamma function's logarithm and its derivatives, and their like."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.errors import op_error
from tensorgrad.kernels import gamma, special
from tensorgrad.ops._arguments import as_int
from tensorgrad.ops.elementwise import abs, equal, exp, greater, less, less_equal, log, where

_floating = functools.partial(primitive, promote=promote_to_float, elementwise=True)

# --- the error function ---------------------------------------------------------------------------------------

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

erf = _floating(lambda g, y, x: g * (_SLOPE * exp(-x * x)), formula="2 / sqrt(pi) integral_0^x e^(-t^2) dt")(
    special.erf
)
erfc = _floating(lambda g, y, x: -g * (_SLOPE * exp(-x * x)), formula="1 - erf(x)")(special.erfc)
erfinv = _floating(lambda g, y, x: g * (exp(y * y) / _SLOPE), formula="erf^-1(x)")(special.erfinv)

# --- the gamma function: each is the derivative of the one above -----------------------------------------------

lgamma = _floating(lambda g, y, x: g * digamma(x), formula="log |Gamma(x)|")(gamma.lgamma)
digamma: Callable[..., Any] = _floating(lambda g, y, x: g * _polygamma(x, n=1), formula="d/dx log |Gamma(x)|")(
    gamma.digamma
)
_polygamma: Callable[..., Any] = _floating(lambda g, y, x, *, n: g * _polygamma(x, n=n + 1), name="polygamma")(
    lambda x, *, n: gamma.polygamma(n, x)
)


def polygamma(n: int, input: Any) -> Any:
    """The ``n``-th derivative of :func:`digamma`, itself differentiable to any order.

    ``(-1)^(n+1) n! sum over k >= 0 of (input + k)^-(n+1)``. Raises ValueError for negative ``n``.
    Source: ``torch.polygamma``.

    >>> import tensorgrad as tg
    >>> round(tg.polygamma(1, tg.tensor(1.0)).item(), 4)  # pi^2 / 6
    1.6449
    """
    n = as_int(n, "polygamma", "n")
    if n < 0:
        raise op_error(ValueError, "polygamma", f"n must not be negative, got {n}")
    return _polygamma(input, n=n) if n else digamma(input)


# --- x log y, the cardinal sine, log-odds -----------------------------------------------------------------------


@_floating(
    lambda g, y, a, b: where(equal(a, 0) & less_equal(b, 0), 0.0, g * log(b)),
    lambda g, y, a, b: g * (a / b),
)
def xlogy(input: Any, other: Any) -> Any:
    """``input * log(other)``, and 0 where ``input`` is 0, unless ``other`` is NaN. Source: ``torch.xlogy``.

    >>> import tensorgrad as tg
    >>> tg.xlogy(tg.tensor([0.0, 1.0]), tg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    logarithm = np.log(other) if isinstance(other, np.ndarray) else float(np.log(other))
    return np.where(np.equal(input, 0) & ~np.isnan(other), 0.0, input * logarithm)


def _sinc_curvature(x: Any) -> Any:
    """The second derivative, ``-(pi^2 sinc(x) + 2 sinc'(x) / x)``; -pi^2 / 3 at 0."""
    zero = equal(x, 0)
    return where(zero, -(math.pi**2) / 3, -(math.pi**2) * sinc(x) - 2 * _sinc_slope(x) / where(zero, 1.0, x))


sinc: Callable[..., Any] = _floating(lambda g, y, x: g * _sinc_slope(x), formula="sin(pi x) / (pi x), and 1 at 0")(
    np.sinc
)


def _sinc_slope_values(x: Any) -> Any:
    """``(cos(pi x) - sinc(x)) / x``, by its power series near 0, where the difference would lose all digits."""
    u = np.pi * np.asarray(x, np.float64)
    near = np.abs(u) < 1
    small, large = np.where(near, u, 0), np.where(near, 1, u)
    series = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 11)]
    direct = np.pi * (large * np.cos(large) - np.sin(large)) / (large * large)
    return np.where(near, np.pi * small * np.polyval(series[::-1], small * small), direct).astype(x.dtype)


_sinc_slope: Callable[..., Any] = _floating(lambda g, y, x: g * _sinc_curvature(x), name="sinc_slope")(
    _sinc_slope_values
)


def _logit_rule(g: Any, y: Any, x: Any, *, eps: float | None) -> Any:
    slope = g / abs(x * (1 - x))  # +inf at -0 too
    if eps is None:
        return where(less(x, 0) | greater(x, 1), math.nan, slope)
    return where(less(x, eps) | greater(x, 1 - eps), 0.0, slope)


@_floating(_logit_rule, name="logit")
def _logit(x: Any, *, eps: float | None) -> Any:
    z = x if eps is None else np.clip(x, eps, 1 - eps)
    return np.log(z / (1 - z))


def logit(input: Any, eps: float | None = None) -> Any:
    """``log(x / (1 - x))``, the inverse of :func:`sigmoid`; ``eps`` first clamps ``x`` to [eps, 1 - eps].

    Outside [0, 1] the value is NaN without ``eps``. Source: ``torch.logit``.

    >>> import tensorgrad as tg
    >>> tg.logit(tg.tensor([0.5, 1.0]))
    tensor([ 0., inf])
    """
    return _logit(input, eps=None if eps is None or eps < 0 else float(eps))


__all__ = ["digamma", "erf", "erfc", "erfinv", "lgamma", "logit", "polygamma", "sinc", "xlogy"]
