"""Sine, cosine and tangent of one float32 number in compiled loops: no branches, right for numbers of any size.

    x = (4 j + q) pi/2 + r,     q = 0, 1, 2, 3,     |r| <= pi/4
    sin x = sin r, cos r, -sin r, -cos r            cos x = cos r, -sin r, -cos r, sin r      for q = 0, 1, 2, 3

Up to a billion, float64 with pi/2 in two parts gives r; ``sin_of_any`` and so on take eight times as long for numbers
of any size. Of x (2/pi) only q and the fraction are wanted there. x is m 2^e with an integer m, so whole multiples of 4
in (2/pi) 2^e give nothing, and a table has what is left of it for every e, in 96 bits (Payne and Hanek 1983).

The polynomials are Cephes' (Moshier 1992); errors stay below 2 units in the last place, the tangent's below 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kernels.compiled.jit import contracted

F, L = np.float32, np.int64
TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041  # in units of 2^-192
LEAST = F(0.7853981)  # up to pi/4, r is x itself
S3, S2, S1 = F(-1.9515295891e-4), F(8.3321608736e-3), F(-1.6666654611e-1)
C3, C2, C1 = F(2.443315711809948e-5), F(-1.388731625493765e-3), F(4.166664568298827e-2)
ZERO, HALF, ONE, NAN = F(0), F(0.5), F(1), F(np.nan)
SIGN, INFINITE = np.int32(-(2**31)), np.int32(0x7F800000)
MANTISSA, HIDDEN, FRACTION = np.int32(0x7FFFFF), np.int32(0x800000), np.int32(23)
QUARTER, HALF_QUARTER, WORD = L(62), L(1) << L(61), L(32)  # a turn is 2^64
UNIT = np.pi / 2 / 2.0**62
FAR = F(1e9)
PER_QUARTER, QUARTER_TURN, QUARTER_TURN_REST = 2 / np.pi, np.pi / 2, 6.123233995736766e-17


def _words() -> list[np.ndarray]:
    """Return the three words of (2/pi) 2^(e - 150) mod 4, in units of 2^-94, for every e of a float32's bits."""
    turns = [(TWO_OVER_PI << e >> 150 + 192 - 94) % 2**96 for e in range(256)]
    return [np.array([t >> shift & 0xFFFFFFFF for t in turns], np.int64) for shift in (64, 32, 0)]


HIGH, MIDDLE, LOW = _words()


@contracted
def _reduced(x: Any) -> Any:
    """Return r and q for numbers up to `FAR`."""
    wide = np.float64(x)
    n = np.floor(wide * PER_QUARTER + 0.5)
    return F((wide - n * QUARTER_TURN) - n * QUARTER_TURN_REST), np.int32(n)


@contracted
def _reduced_of_any(x: Any) -> Any:
    """Return r and q."""
    bits = F(x).view(np.int32)
    e = (bits & INFINITE) >> FRACTION
    m = L((bits & MANTISSA) | HIDDEN)
    turn = ((m * HIGH[e]) << WORD) + m * MIDDLE[e] + ((m * LOW[e]) >> WORD)
    q = (turn + HALF_QUARTER) >> QUARTER
    r = F(np.float64(turn - (q << QUARTER)) * UNIT)
    r = -r if bits < 0 else r
    q = -q if bits < 0 else q
    near = np.abs(x) < LEAST
    r = x if near else r
    return NAN if e == 255 else r, np.int32(0) if near else np.int32(q)


@contracted
def _sine_and_cosine(r: Any) -> Any:
    square = r * r
    sine = ((S3 * square + S2) * square + S1) * square * r + r
    sine = r if r == ZERO else sine  # -0. stays
    cosine = ((C3 * square + C2) * square + C1) * (square * square) - HALF * square + ONE
    return sine, cosine


@contracted
def _turned(y: Any, quarters: Any) -> Any:
    """Return y, or -y in the third and fourth quarter of a turn."""
    return np.int32(F(y).view(np.int32) ^ ((quarters << np.int32(30)) & SIGN)).view(F)


@contracted
def _sin(r: Any, q: Any) -> Any:
    sine, cosine = _sine_and_cosine(r)
    return _turned(cosine if q & 1 else sine, q)


@contracted
def _cos(r: Any, q: Any) -> Any:
    sine, cosine = _sine_and_cosine(r)
    return _turned(sine if q & 1 else cosine, q + np.int32(1))


@contracted
def _tan(r: Any, q: Any) -> Any:
    sine, cosine = _sine_and_cosine(r)
    return -cosine / sine if q & 1 else sine / cosine


@contracted
def sin(x: Any) -> Any:
    """Return the sine of a number up to `FAR`."""
    r, q = _reduced(x)
    return _sin(r, q)


@contracted
def cos(x: Any) -> Any:
    """Return the cosine of a number up to `FAR`."""
    r, q = _reduced(x)
    return _cos(r, q)


@contracted
def tan(x: Any) -> Any:
    """Return the tangent of a number up to `FAR`."""
    r, q = _reduced(x)
    return _tan(r, q)


@contracted
def sin_of_any(x: Any) -> Any:
    """Return the sine."""
    r, q = _reduced_of_any(x)
    return _sin(r, q)


@contracted
def cos_of_any(x: Any) -> Any:
    """Return the cosine."""
    r, q = _reduced_of_any(x)
    return _cos(r, q)


@contracted
def tan_of_any(x: Any) -> Any:
    """Return the tangent."""
    r, q = _reduced_of_any(x)
    return _tan(r, q)
