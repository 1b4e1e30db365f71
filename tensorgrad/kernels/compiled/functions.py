"""Functions of one float32 number in compiled loops, in forms that run in vector registers: no branches, no tables.

    e^x - 1 = 2^n (e^r - 1) + (2^n - 1),    n = floor(x / ln 2 + 1/2)
    log x = n ln 2 + log m,                 x = 2^n m, sqrt(1/2) <= m < sqrt(2)
    tanh x = (1 - e^-2x) / (1 + e^-2x)
    erf x = x + x E(x^2) up to 1,           1 - e^(-x^2) Q(1 / (x + 1)) beyond

The polynomial of log is Cephes' (Moshier 1992), those of erf are least in their largest error (Lawson 1961). Errors are
some units in the last place at most; NaN, infinities and signs of zeros are NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kernels.compiled.exponential import BIAS, FRACTION, LN2, LN2_REST, P2, P3, P4, P5, P6, P7, PER_LN2, F
from tensorgrad.kernels.compiled.jit import contracted
from tensorgrad.kernels.special import FAR, LARGEST, NEAR

I = np.int32
ZERO, HALF, ONE, TWO, INF = F(0), F(0.5), F(1), F(2), F(np.inf)
LOWEST, HIGHEST = F(-104), F(89)  # e^x is 0 below, infinite above
MANTISSA, EXPONENT_OF_HALF, SIGN = I(0x7FFFFF), I(0x3F000000), I(-(2**31))
SQRT_HALF, SMALLEST, SHIFT, SHIFTED = F(0.5**0.5), F(2.0**-126), F(2.0**23), F(23)
# log(1 + f) = f - f^2 / 2 + f^3 L(f)
L0, L1, L2 = F(3.3333331174e-1), F(-2.4999993993e-1), F(2.0000714765e-1)
L3, L4, L5 = F(-1.6668057665e-1), F(1.4249322787e-1), F(-1.2420140846e-1)
L6, L7, L8 = F(1.1676998740e-1), F(-1.1514610310e-1), F(7.0376836292e-2)
# erf x / x - 1 = E(x^2); e^(x^2) erfc x = Q(1 / (x + 1)), from 1 to 4
E6, E5, E4, E3, E2, E1, E0 = map(F, NEAR)
Q5, Q4, Q3, Q2, Q1, Q0 = map(F, FAR)
LN_OF_2 = F(0.6931471805599453)
LARGEST_ERF = F(LARGEST)


@contracted
def _bits(x: Any) -> Any:
    return F(x).view(I)


@contracted
def _number(bits: Any) -> Any:
    return I(bits).view(F)


@contracted
def _parts(x: Any) -> Any:
    """Return e^r - 1 and n, with e^x = 2^n e^r."""
    z = LOWEST if x < LOWEST else x  # a NaN stays
    z = HIGHEST if z > HIGHEST else z
    n = np.floor(z * PER_LN2 + HALF)
    r = z - n * LN2 - n * LN2_REST
    p = ((((P7 * r + P6) * r + P5) * r + P4) * r + P3) * r + P2
    return p * (r * r) + r, I(n)


@contracted
def _power_of_2(n: Any) -> Any:
    return _number((n + BIAS) << FRACTION)


@contracted
def exp(x: Any) -> Any:
    """Return e^x."""
    rest, n = _parts(x)
    half = n >> I(1)  # 2^n itself may be no normal number
    return (rest + ONE) * _power_of_2(half) * _power_of_2(n - half)


@contracted
def expm1(x: Any) -> Any:
    """Return e^x - 1."""
    rest, n = _parts(x)
    half = n >> I(1)
    first = _power_of_2(n - half)
    y = (first * rest + (first - _power_of_2(-half))) * _power_of_2(half)
    return x if x == ZERO else y


@contracted
def log(x: Any) -> Any:
    """Return the natural logarithm."""
    normal = x * SHIFT if x < SMALLEST else x
    bits = _bits(normal)
    n = F((bits >> FRACTION) - BIAS + I(1)) - (SHIFTED if x < SMALLEST else ZERO)
    m = _number((bits & MANTISSA) | EXPONENT_OF_HALF)
    n = n - ONE if m < SQRT_HALF else n
    f = m + m - ONE if m < SQRT_HALF else m - ONE
    p = (((((((L8 * f + L7) * f + L6) * f + L5) * f + L4) * f + L3) * f + L2) * f + L1) * f + L0
    square = f * f
    y = f + (f * square * p + n * LN2_REST - HALF * square) + n * LN2
    y = x if (x == INF) | (x != x) else y
    y = -INF if x == ZERO else y
    return F(np.nan) if x < ZERO else y


@contracted
def log1p(x: Any) -> Any:
    """Return log(1 + x): what rounds off in the sum is made up for by a quotient."""
    u = ONE + x
    rounded = u - ONE
    y = log(u) * (x / rounded)
    return x if (rounded == ZERO) | (x == INF) else y


@contracted
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    t = expm1(-TWO * np.abs(x))
    return with_sign_of(x, t / (t + TWO))


@contracted
def erf(x: Any) -> Any:
    """Return the error function."""
    square = x * x
    inner = x + x * ((((((E6 * square + E5) * square + E4) * square + E3) * square + E2) * square + E1) * square + E0)
    size = np.abs(x)
    size = LARGEST_ERF if size > LARGEST_ERF else size
    v = ONE / (size + ONE)
    q = ((((Q5 * v + Q4) * v + Q3) * v + Q2) * v + Q1) * v + Q0
    outer = with_sign_of(x, ONE - exp(-size * size) * q)
    return inner if size <= ONE else outer


@contracted
def logaddexp(a: Any, b: Any) -> Any:
    """Return log(e^a + e^b)."""
    high = a if a > b else b
    low = b if a > b else a
    y = high + log1p(exp(low - high))
    return high + LN_OF_2 if high == low else y  # infinities among them


@contracted
def with_sign_of(x: Any, size: Any) -> Any:
    """Return ``size`` with the sign of x."""
    return _number((_bits(size) & ~SIGN) | (_bits(x) & SIGN))
