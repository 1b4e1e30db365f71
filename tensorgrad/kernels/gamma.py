"""The logarithm of the gamma function and its derivatives, which NumPy lacks, from the series of the handbooks.

Abramowitz and Stegun, Handbook of Mathematical Functions (1964): 6.1.33 (power series), 6.1.41 and 6.3.18
(asymptotic series), 6.1.17 and 6.4.7 (reflection), 23.2 (the zeta functions). Relative error near 1e-15 in float64
away from the zeros of the functions; float32 is computed in float64 and rounded.
"""

from __future__ import annotations

import functools
import math

import numpy as np

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B2, B4, ..., B16
_EULER_GAMMA = 0.57721566490153286061
_LARGE = 10.0  # from here on the asymptotic series with eight terms are exact to the last digit


def lgamma(x: np.ndarray) -> np.ndarray:
    """``log |Gamma(x)|``, same shape and dtype; +inf at 0, -1, -2, ... and at both infinities."""
    z = np.asarray(x, np.float64)
    size = np.where(z < 0, 1 - z, z)
    y = _lgamma_positive(size)
    sine = np.abs(np.sin(np.pi * _to_nearest(z)))
    y = np.where(z < 0, math.log(math.pi) - np.log(sine) - y, y)
    return _as(x, np.where((z == np.floor(z)) & (z <= 0), np.inf, y))


def digamma(x: np.ndarray) -> np.ndarray:
    """The derivative of :func:`lgamma`; -inf at 0, +inf at -0, NaN at -1, -2, ... and at -inf."""
    z = np.asarray(x, np.float64)
    size = np.where(z < 0, 1 - z, z)
    y = np.zeros(z.shape)
    for _ in range(int(_LARGE)):  # psi(x) = psi(x + 1) - 1 / x
        small = size < _LARGE
        y = y - np.where(small, 1 / size, 0.0)
        size = size + small
    inverse = 1 / (size * size)
    series = [b / (2 * k) for k, b in enumerate(_BERNOULLI, 1)]
    y = y + (np.log(size) - 0.5 / size - inverse * np.polyval(series[::-1], inverse))
    y = np.where(z < 0, y - np.pi / np.tan(np.pi * _to_nearest(z)), y)
    pole = (z == np.floor(z)) & (z <= 0)
    return _as(x, np.where(pole, np.where(z == 0, np.copysign(np.inf, -z), np.nan), y))


def polygamma(n: int, x: np.ndarray) -> np.ndarray:
    """The ``n``-th derivative of :func:`digamma`: ``(-1)^(n+1) n! zeta(n + 1, x)``, infinite at 0, -1, -2, ...

    Below zero by reflection, with the ``n``-th derivative of ``pi cot(pi x)``, a polynomial in the cotangent.
    """
    if n == 0:
        return digamma(x)
    z = np.asarray(x, np.float64)
    sign = -1.0 if n % 2 == 0 else 1.0
    y = sign * math.factorial(n) * _hurwitz_zeta(n + 1, np.where(z < 0, 1 - z, z))
    polynomial = np.polynomial.Polynomial([0.0, 1.0])  # of c = cot(pi x), and dc/dx = -pi (1 + c^2)
    for _ in range(n):
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([-np.pi, 0.0, -np.pi])
    reflected = -sign * y - np.pi * polynomial(1 / np.tan(np.pi * _to_nearest(z)))
    pole = (z == np.floor(z)) & (z <= 0)
    return _as(x, np.where(pole, np.where(z == -np.inf, np.nan, sign * np.inf), np.where(z < 0, reflected, y)))


def _lgamma_positive(x: np.ndarray) -> np.ndarray:
    """``log Gamma(x)`` for ``x >= 0``: by Stirling's series, or reduced to an argument within 1/2 of 2."""
    large = np.maximum(x, _LARGE)
    inverse = 1 / (large * large)
    series = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)]
    log = np.log(large)
    stirling = large * (log - 1) - 0.5 * log + 0.5 * math.log(2 * math.pi) + np.polyval(series[::-1], inverse) / large
    small = np.minimum(x, _LARGE)
    # near 1 and 2 the result is close to 0: the logarithms of the factors there must be exact as well
    below = np.where(small < 1.5, np.log(small), 0.0) + np.where(small < 0.5, np.log1p(small), 0.0)
    offset = np.where(small < 0.5, small, np.where(small < 1.5, small - 1, small - 2))
    product = np.ones(x.shape)
    for _ in range(int(_LARGE) - 2):  # log Gamma(x) = log Gamma(x - 1) + log(x - 1)
        above = offset >= 0.5
        offset = offset - above
        product = product * np.where(above, offset + 2, 1.0)
    reduced = np.polyval(_around_two(), offset) + np.log(product) - below
    return np.where(x < _LARGE, reduced, np.where(x == np.inf, np.inf, stirling))


def _hurwitz_zeta(s: int, x: np.ndarray) -> np.ndarray:
    """``sum over k >= 0 of (x + k)^-s`` for ``x >= 0``: some terms, then Euler's and Maclaurin's formula."""
    y = np.zeros(x.shape)
    enough = _LARGE + 2 * s
    for _ in range(int(enough)):
        small = x < enough
        y = y + np.where(small, x ** float(-s), 0.0)
        x = x + small
    tail = x / (s - 1) + 0.5
    factor = np.ones(x.shape)  # s (s + 1) ... (s + 2k - 2) / (2k)! / x^(2k - 1)
    for k, b in enumerate(_BERNOULLI, 1):
        factor = factor * ((s + 2 * k - 2) / (2 * k)) / x
        tail = tail + b * factor
        factor = factor * ((s + 2 * k - 1) / (2 * k + 1)) / x
    return y + np.where(x == np.inf, 0.0, tail * x ** float(-s))


def _to_nearest(x: np.ndarray) -> np.ndarray:
    """``x`` minus the nearest integer: what sine and tangent of ``pi x`` depend on, without losing digits."""
    return x - np.round(x)


def _as(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``y`` in the floating-point dtype of ``x``; NaN where ``x`` is."""
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
    return np.where(np.isnan(x), np.nan, y).astype(dtype)


@functools.cache
def _around_two(terms: int = 32) -> list[float]:
    """Coefficients of ``log Gamma(2 + z)``, highest first: ``(1 - gamma) z + sum (-1)^n (zeta(n) - 1) z^n / n``."""
    zeta = [_hurwitz_zeta(n, np.array(2.0)).item() for n in range(2, terms)]  # zeta(n) - 1
    series = [(-1) ** n * value / n for n, value in enumerate(zeta, 2)]
    return [*series[::-1], 1 - _EULER_GAMMA, 0.0]
