"""Rounding, remainders, signs, and comparison up to rounding errors."""

import numpy as np

from tests.cases.case import Case, between, exactly, fixed, function, integers, method, nonzero, real

INF, NAN = float("inf"), float("nan")
WHOLE = (-2.0, -1.0, 0.0, 1.0, 2.0)
HALVES = (-1.5, -0.5, 0.5, 1.5)
STEPS = exactly([-2.5, -1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.5, NAN, INF, -INF])


def between_steps(*shape):
    return between(-2, 2, *shape, kinks=WHOLE + HALVES)


# --------------------------------------------------------------------------- one input

CASES = [
    case
    for name in ("round", "trunc", "fix", "frac", "sgn")
    for op in ({"fix": "trunc", "sgn": "sign"}.get(name, name),)
    for case in (
        Case(op, f"{name} (3,4)", function(name), between_steps(3, 4)),
        Case(op, f"{name}, method", method(name), between_steps(2, 1, 2)),
        Case(op, f"{name}, 0-d", function(name), between_steps()),
        Case(op, f"{name}, empty", function(name), real(0, 3)),
        Case(op, f"{name}, at the steps", function(name), STEPS, smooth=False),
    )
]
CASES += [Case(name, "integers", function(name), integers(9, 4, low=-9)) for name in ("round", "trunc")]
CASES += [
    Case("round", "decimals=1", function("round", decimals=1), exactly([0.25, 0.35, -0.05, 1.234, NAN]), smooth=False),
    Case("round", "decimals=3", method("round", decimals=3), between(-2, 2, 5), smooth=False, float32=None),
    Case("round", "decimals=-1", function("round", decimals=-1), exactly([25.0, 35.0, -14.0]), smooth=False),
    Case("round", "np.round", lambda t, x: np.round(x), between_steps(3), torch=False, numpy=np.round),
    Case(
        "round",
        "np.round, decimals",
        lambda t, x: np.round(x, 1),
        exactly([0.26, 1.23]),
        torch=False,
        numpy=lambda x: np.round(x, 1),
    ),
    Case("round", "np.rint", lambda t, x: np.rint(x), between_steps(3), torch=False, numpy=np.rint),
    Case("trunc", "np.trunc", lambda t, x: np.trunc(x), between_steps(3), torch=False, numpy=np.trunc),
    Case("nan_to_num", "numbers", function("nan_to_num"), real(3, 4)),
    Case("nan_to_num", "0-d", function("nan_to_num"), real()),
    Case("nan_to_num", "empty", function("nan_to_num"), real(0, 3)),
    Case("nan_to_num", "integers", function("nan_to_num"), integers(9, 3)),
    Case(
        "nan_to_num", "not numbers", function("nan_to_num"), exactly([NAN, INF, -INF, 1.0]), smooth=False, float32=None
    ),
    Case(
        "nan_to_num",
        "in place of them",
        method("nan_to_num", 1.0, posinf=2.0, neginf=-3.0),
        exactly([NAN, INF, -INF, 1.0]),
        smooth=False,
    ),
    Case("nan_to_num", "nan=None", function("nan_to_num", None, 5.0, 6.0), exactly([NAN, INF, -INF]), smooth=False),
    Case(
        "nan_to_num",
        "np",
        lambda t, x: np.nan_to_num(x, nan=2.0),
        exactly([NAN, 1.0]),
        smooth=False,
        torch=False,
        numpy=lambda x: np.nan_to_num(x, nan=2.0),
    ),
]

# --------------------------------------------------------------------------- two inputs


def divisor(*shape):
    return between(0.7, 0.9, *shape)


CASES += [
    Case("fmod", "(3,4) with (4,)", function("fmod"), real(3, 4), nonzero(4)),
    Case("fmod", "method", method("fmod"), real(3), nonzero(2, 1)),
    Case("fmod", "number", function("fmod", 0.7), real(3, 4)),
    Case("fmod", "0-d", function("fmod"), real(), divisor()),
    Case("fmod", "empty", function("fmod"), real(0, 3), divisor(3)),
    Case("fmod", "integers", function("fmod"), integers(9, 3, 4, low=-9), integers(5, 4, low=1)),
    Case(
        "fmod",
        "at the edges",
        function("fmod"),
        exactly([5.0, -5.0, 5.0, INF, -0.0]),
        exactly([3.0, 3.0, 0.0, 1.0, 2.0]),
        smooth=False,
    ),
    Case("fmod", "np", lambda t, x, y: np.fmod(x, y), real(3), divisor(3), torch=False, numpy=np.fmod),
    Case("copysign", "(3,4) with (4,)", function("copysign"), nonzero(3, 4), nonzero(4)),
    Case("copysign", "method", method("copysign"), nonzero(3), nonzero(2, 1)),
    Case("copysign", "number", function("copysign", -1.0), nonzero(3)),
    Case("copysign", "0-d", function("copysign"), nonzero(), nonzero()),
    Case("copysign", "empty", function("copysign"), real(0, 3), real(3)),
    Case(
        "copysign",
        "at the edges",
        function("copysign"),
        exactly([0.0, 1.0, -2.0, INF, NAN, 2.0]),
        exactly([1.0, -0.0, 3.0, -1.0, 1.0, -INF]),
        smooth=False,
        second=False,
    ),
    Case("copysign", "np", lambda t, x, y: np.copysign(x, y), nonzero(3), nonzero(3), torch=False, numpy=np.copysign),
    Case("div", "rounding_mode None", function("div", rounding_mode=None), real(3, 4), nonzero(4)),
    Case("trunc_divide", "div", function("div", rounding_mode="trunc"), real(3, 4), nonzero(4)),
    Case("trunc_divide", "divide, method", method("divide", rounding_mode="trunc"), real(3), nonzero(2, 1)),
    Case("trunc_divide", "empty", function("div", rounding_mode="trunc"), real(0, 3), nonzero(3)),
    Case(
        "trunc_divide",
        "at the edges",
        function("div", rounding_mode="trunc"),
        exactly([5.0, -5.0, 1.0, 0.0]),
        exactly([3.0, 3.0, 0.0, 0.0]),
        smooth=False,
    ),
    Case(
        "trunc_divide",
        "integers",
        function("div", rounding_mode="trunc"),
        integers(9, 6, 4, low=-9),
        integers(5, 4, low=1),
    ),
    Case(
        "trunc_divide",
        "integers, negative divisor",
        function("div", rounding_mode="trunc"),
        integers(9, 6, 4, low=-9),
        integers(0, 4, low=-5),
    ),
    Case(
        "trunc_divide",
        "large integers",
        function("div", rounding_mode="trunc"),
        exactly([2**62 + 1, -(2**62) - 1]),
        exactly([1, 2]),
    ),
    Case("floor_divide", "div", function("div", rounding_mode="floor"), real(3, 4), nonzero(4)),
    Case(
        "floor_divide",
        "div, integers",
        function("div", rounding_mode="floor"),
        integers(9, 6, low=-9),
        integers(5, 6, low=1),
    ),
]

# --------------------------------------------------------------------------- up to rounding errors

NEAR = exactly([1.0, 1.0, 0.0, INF, INF, NAN, 1e-9]), exactly([1.000001, 1.1, 1e-9, INF, -INF, NAN, 0.0])
CASES += [
    Case("isclose", "defaults", function("isclose"), *NEAR),
    Case("isclose", "rtol", function("isclose", rtol=0.2), *NEAR),
    Case("isclose", "atol, equal_nan, method", method("isclose", atol=1e-3, rtol=0.0, equal_nan=True), *NEAR),
    Case("isclose", "broadcast", function("isclose"), fixed(real(3, 1)), fixed(real(4))),
    Case("isclose", "integers", function("isclose", rtol=0.1), integers(50, 4, low=40), integers(50, 3, 4, low=40)),
    Case("isclose", "np", lambda t, x, y: np.isclose(x, y), *NEAR, torch=False, numpy=np.isclose),
]
