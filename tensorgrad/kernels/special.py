"""The error function and its inverse, which NumPy lacks.

W. J. Cody's rational approximations of erf and erfc (Math. Comp. 23, 1969), M. J. Wichura's of the inverse
(Algorithm AS 241, Applied Statistics 37, 1988). Relative error near 1e-15 in float64. For float32 erf has polynomials
of its own, with the least largest error (Lawson 1961): one unit in the last place; the others are computed in float64
and rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kernels.choice import choose
from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.traced import step

# |x| <= 0.46875: erf(x) = x P(x^2) / Q(x^2)
_P1 = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_Q1 = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
# 0.46875 <= x <= 4: erfc(x) = exp(-x^2) P(x) / Q(x)
_P2 = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
)  # fmt: skip
_Q2 = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
# x >= 4: erfc(x) = exp(-x^2) / x * (1 / sqrt(pi) - P(1/x^2) / (x^2 Q(1/x^2)))
_P3 = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_Q3 = (
    1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3,
)  # fmt: skip

# float32, highest power first. |x| <= 1: erf(x) = x + x P(x^2); beyond: 1 - exp(-x^2) Q(1 / (|x| + 1))
NEAR = (
    7.853806391306947e-05, -0.000801017825522871, 0.005188326077606252, -0.026853811159698576, 0.11283585131577424,
    -0.37612625822814705, 0.1283791657264661,
)  # fmt: skip
FAR = (
    0.43994092277712477, -0.973539519770556, 0.41216797287735907, 0.576478973262635, 0.556532545972927,
    0.0007746316908813894,
)  # fmt: skip
LARGEST = 4.0  # from here on the float32 erf is 1


def erfc(x: np.ndarray) -> np.ndarray:
    """``1 - erf(x)``, accurate where erf is close to 1."""
    return _both(x)[1]


@step("erf")
def erf(x: np.ndarray) -> np.ndarray:
    """``2 / sqrt(pi) * integral of exp(-t^2) from 0 to x``, same shape and dtype."""
    return _erf_of_float32(x) if x.dtype == np.float32 else _both(x)[0]


@one_pass
def _erf_of_float32(x: np.ndarray) -> np.ndarray:
    size = np.minimum(np.abs(x), np.float32(LARGEST))
    square = size * size
    near = size + size * _polynomial(NEAR, square)
    far = 1 - np.exp(-square) * _polynomial(FAR, 1 / (size + 1))
    return np.copysign(choose(size <= 1, near, far), x)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return the polynomial with these coefficients, highest power first, by Horner's rule in the dtype of x."""
    y: Any = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


def _both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """erf and erfc together: each range of |x| is exact for one of them."""
    z = np.asarray(x, np.float64)
    size = np.abs(z)
    small = size <= 0.46875
    squared = np.where(small, z * z, 0.0)
    inner = z * np.polyval(_P1, squared) / np.polyval(_Q1, squared)
    middle = np.clip(size, 0.46875, 4.0)
    large = np.clip(size, 4.0, 30.0)
    inverse = 1 / (large * large)
    tail = (1 / np.sqrt(np.pi) - inverse * np.polyval(_P3, inverse) / np.polyval(_Q3, inverse)) / large
    outer = np.where(size < 4.0, np.polyval(_P2, middle) / np.polyval(_Q2, middle), tail)
    outer = outer * _exp_minus_square(size)
    erf = np.where(small, inner, np.copysign(1 - outer, z))
    erfc = np.where(small, 1 - inner, np.where(z < 0, 2 - outer, outer))
    nan = np.isnan(z)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
    return np.where(nan, z, erf).astype(dtype), np.where(nan, z, erfc).astype(dtype)


def _exp_minus_square(size: np.ndarray) -> np.ndarray:
    """``exp(-size^2)`` with the square split in two, so that its rounding does not reach the result."""
    size = np.minimum(size, 30.0)
    head = np.trunc(size * 16) / 16
    return np.exp(-head * head) * np.exp(-(size - head) * (size + head))


# Quantiles of the normal distribution, highest power first. |q| <= 0.425: q P(r) / Q(r) with r = 0.425^2 - q^2
_INNER_P = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_INNER_Q = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
# r = sqrt(-log(1/2 - |q|)) <= 5: P(r - 1.6) / Q(r - 1.6)
_MIDDLE_P = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_MIDDLE_Q = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
# r > 5: P(r - 5) / Q(r - 5)
_OUTER_P = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_OUTER_Q = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


def erfinv(x: np.ndarray) -> np.ndarray:
    """The inverse of :func:`erf`: infinite at 1 and -1, NaN outside."""
    z = np.asarray(x, np.float64)
    q = z / 2
    size = np.abs(q)
    r = np.maximum(0.180625 - q * q, 0.0)
    inner = q * np.polyval(_INNER_P, r) / np.polyval(_INNER_Q, r)
    r = np.sqrt(-np.log(np.clip(0.5 - size, 1e-300, 0.5)))
    middle = np.polyval(_MIDDLE_P, r - 1.6) / np.polyval(_MIDDLE_Q, r - 1.6)
    outer = np.polyval(_OUTER_P, r - 5.0) / np.polyval(_OUTER_Q, r - 5.0)
    quantile = np.where(size <= 0.425, inner, np.copysign(np.where(r <= 5.0, middle, outer), q))
    y = np.where(size < 0.5, quantile * np.sqrt(0.5), np.where(size == 0.5, np.copysign(np.inf, q), np.nan))
    return y.astype(x.dtype if x.dtype.kind == "f" else np.float32)
