"""The exponential function in compiled loops, in a form that runs in vector registers.

    e^x = 2^n e^r,    n = floor(x / ln 2 + 1/2),    |r| = |x - n ln 2| <= ln 2 / 2

ln 2 is subtracted in two parts, the first of which times n is exact; e^r is a polynomial of degree 7 (Cephes, Moshier
1992); 2^n is put together from its bits. The error stays below one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core.extending import overload

F = np.float32
LOWEST = F(-88)  # below, a float32 has fewer digits than others, or none: taken as 0
PER_LN2, LN2, LN2_REST = F(1.4426950408889634), F(0.693359375), F(-2.12194440e-4)
P7, P6, P5 = F(1.9875691500e-4), F(1.3981999507e-3), F(8.3334519073e-3)
P4, P3, P2 = F(4.1665795894e-2), F(1.6666665459e-1), F(5.0000001201e-1)
HALF, ONE = F(0.5), F(1)
BIAS, FRACTION = np.int32(127), np.int32(23)  # of the exponent's bits; how many bits follow them


def exponential(x: Any) -> Any:
    """Return e^x for x <= 0, with NaN for NaN; compiled loops get `_of_float32` or `_of_float64`."""
    return np.exp(x)


@overload(exponential, strict=False, jit_options={"fastmath": {"contract"}})
def _exponential(x: Any) -> Callable[..., Any] | None:
    if x == types.float32:
        return _of_float32
    return _of_float64 if x == types.float64 else None


def _of_float32(x):  # type: ignore[no-untyped-def]
    z = LOWEST if x < LOWEST else x  # a NaN stays
    n = np.floor(z * PER_LN2 + HALF)
    r = z - n * LN2 - n * LN2_REST
    p = ((((P7 * r + P6) * r + P5) * r + P4) * r + P3) * r + P2
    power = (np.int32(n) + BIAS) << FRACTION
    return (p * (r * r) + r + ONE) * np.int32(power).view(F)


def _of_float64(x):  # type: ignore[no-untyped-def]
    return np.exp(x)
