"""Running sums, products and extrema; differences, integrals and derivatives of samples."""

import numpy as np

from tests.cases.case import (
    Case,
    booleans,
    distinct,
    exactly,
    fixed,
    function,
    integers,
    method,
    nonzero,
    positive,
    real,
)

INF, NAN = float("inf"), float("nan")

# --------------------------------------------------------------------------- products and log-sums

CASES = [
    Case("cumprod", "dim=0", function("cumprod", 0), nonzero(3, 4), covers=("cumsum",)),
    Case("cumprod", "dim=-1", function("cumprod", dim=-1), nonzero(2, 3, 4)),
    Case("cumprod", "method", method("cumprod", 1), nonzero(2, 3)),
    Case("cumprod", "0-d", function("cumprod", 0), nonzero()),
    Case("cumprod", "empty", function("cumprod", 0), real(0, 3)),
    Case("cumprod", "empty other axis", function("cumprod", 0), real(3, 0)),
    Case("cumprod", "one zero", function("cumprod", 0), exactly([2.0, 0.0, 3.0, 1.5])),
    Case("cumprod", "two zeros", function("cumprod", 0), exactly([2.0, 0.0, 3.0, 0.0, 4.0])),
    Case("cumprod", "zeros along dim=1", function("cumprod", 1), exactly([[2.0, 0.0, 3.0], [0.0, 1.0, 2.0]])),
    Case("cumprod", "zeros in the middle axis", function("cumprod", 1), exactly([[[2.0], [0.0]], [[1.0], [3.0]]])),
    Case("cumprod", "integers", function("cumprod", 0), integers(5, 4)),
    Case("cumprod", "booleans", lambda t, x: t.cumprod(x > 0, 0), real(4)),
    Case("cumprod", "dtype", lambda t, x: t.cumprod(x, 0, dtype=t.float64), nonzero(4), float32=None),
    Case("cumsum", "booleans", lambda t, x: t.cumsum(x > 0, 0), real(4)),
    Case("logcumsumexp", "dim=0", function("logcumsumexp", 0), real(4, 3), covers=("recurrence",)),
    Case("logcumsumexp", "dim=-1", function("logcumsumexp", dim=-1), real(2, 3, 4)),
    Case("logcumsumexp", "method", method("logcumsumexp", 1), real(2, 3)),
    Case("logcumsumexp", "0-d", function("logcumsumexp", 0), real()),
    Case("logcumsumexp", "empty", function("logcumsumexp", 0), real(0, 3)),
    Case("logcumsumexp", "empty other axis", function("logcumsumexp", 0), real(3, 0)),
    Case("logcumsumexp", "one value", function("logcumsumexp", 1), real(3, 1)),
    Case(
        "logcumsumexp",
        "far apart",
        function("logcumsumexp", 0),
        exactly([1000.0, 1000.0, -1000.0, 999.0]),
        smooth=False,
        second=False,
        float32=None,
    ),
    Case(
        "logcumsumexp",
        "-inf first",
        function("logcumsumexp", 0),
        exactly([-INF, -INF, 1.0, 2.0]),
        smooth=False,
        second=False,
    ),
    Case(
        "logcumsumexp",
        "-inf and inf",
        function("logcumsumexp", 0),
        exactly([1.0, -INF, INF, 2.0]),
        smooth=False,
        second=False,
    ),
    Case("logcumsumexp", "nan", function("logcumsumexp", 0), exactly([1.0, NAN, 2.0]), smooth=False, second=False),
]

# --------------------------------------------------------------------------- extrema so far


def extrema_so_far(name):
    return [
        Case(name, "dim=0", function(name, 0), distinct(4, 3)),
        Case(name, "dim=-1", function(name, -1), distinct(2, 3, 4)),
        Case(name, "method", method(name, 1), distinct(3, 4)),
        Case(name, "0-d", function(name, 0), distinct()),
        Case(name, "empty", function(name, 0), real(0, 3)),
        Case(name, "ties: the last", function(name, 0), exactly([2.0, 2.0, 1.0, 3.0, 2.0, 3.0]), smooth=False),
        Case(name, "nan", function(name, 0), exactly([1.0, 3.0, 2.0, NAN, 5.0, NAN, 0.0]), smooth=False),
        Case(name, "infinite", function(name, 0), exactly([-INF, INF, INF, 0.0, -INF]), smooth=False),
        Case(name, "integers", function(name, 0), integers(9, 5)),
        Case(name, "booleans", lambda t, x: getattr(t, name)(x > 0, 0), real(5)),
        Case(name, "of squares", lambda t, x: getattr(t, name)(x * x, 0).values, distinct(5)),
    ]


CASES += extrema_so_far("cummax") + extrema_so_far("cummin")

# --------------------------------------------------------------------------- differences

CASES += [
    Case("diff", "last axis", function("diff"), real(3, 4), linear=True),
    Case("diff", "dim=0", function("diff", dim=0), real(3, 4), linear=True),
    Case("diff", "n=2", function("diff", 2), real(3, 4), linear=True),
    Case("diff", "n=0", function("diff", n=0), real(3), linear=True),
    Case("diff", "n beyond the size", function("diff", 5), real(3), linear=True),
    Case("diff", "method", method("diff", 1, 0), real(3, 2), linear=True),
    Case("diff", "prepend", lambda t, x, y: t.diff(x, prepend=y), real(3, 4), real(3, 1), linear=True),
    Case("diff", "both ends", lambda t, x, y: t.diff(x, 2, 0, y, y), real(3, 2), real(1, 2), linear=True),
    Case("diff", "one value", function("diff"), real(1), linear=True),
    Case("diff", "empty", function("diff"), real(0), linear=True),
    Case("diff", "integers", function("diff"), integers(9, 5)),
    Case("diff", "booleans", function("diff"), booleans(5)),
]

# --------------------------------------------------------------------------- integrals

SPACED = exactly([0.0, 0.5, 2.0, 2.5])


def integral(name):
    def call(**static):
        return lambda t, y, x: getattr(t, name)(y, x, **static)

    return [
        Case(name, "unit steps", function(name), real(3, 4), linear=True),
        Case(name, "dx", function(name, dx=0.25), real(3, 4), linear=True),
        Case(name, "dx, dim=0", function(name, dx=2, dim=0), real(3, 4), linear=True),
        Case(name, "points", call(), real(3, 4), SPACED, linear=True),
        Case(name, "points, dim=0", call(dim=0), real(4, 3), SPACED, linear=True),
        Case(name, "points of the same shape", call(dim=1), real(2, 4), real(2, 4), linear=True),
        Case(name, "points, middle dim", call(dim=1), real(2, 4, 2), SPACED, linear=True),
        Case(name, "one value", function(name), real(3, 1), linear=True),
    ]


CASES += integral("trapezoid") + integral("cumulative_trapezoid")
CASES += [
    Case("cumulative_trapezoid", "empty axis", function("cumulative_trapezoid"), real(3, 0), linear=True),
    # PyTorch's zeros do not require grad
    Case("trapezoid", "empty axis", function("trapezoid"), real(3, 0), linear=True, torch=False, numpy=np.trapezoid),
    Case("trapz", "points", lambda t, y, x: t.trapz(y, x), real(4), SPACED, linear=True),
]

# --------------------------------------------------------------------------- derivatives

COORDINATES = exactly([0.0, 1.0, 1.5, 3.0])
CASES += [
    Case("gradient", "one axis", function("gradient"), real(5), linear=True),
    Case("gradient", "two axes", function("gradient"), real(3, 4), linear=True),
    Case("gradient", "dim=1", function("gradient", dim=1), real(3, 4), linear=True),
    Case("gradient", "dims in another order", function("gradient", dim=(1, 0)), real(3, 4), linear=True),
    Case("gradient", "spacing", function("gradient", spacing=0.5), real(3, 4), linear=True),
    Case("gradient", "spacings", function("gradient", spacing=[0.5, 2.0]), real(3, 4), linear=True),
    Case("gradient", "two samples", function("gradient"), real(2), linear=True),
    Case("gradient", "edge_order=2", function("gradient", edge_order=2), real(5), linear=True),
    Case("gradient", "edge_order=2, three samples", function("gradient", edge_order=2), real(3, 3), linear=True),
    Case(
        "gradient", "coordinates", lambda t, x, c: t.gradient(x, spacing=(c,)), real(4), fixed(COORDINATES), linear=True
    ),
    Case(
        "gradient",
        "coordinates, edge_order=2",
        lambda t, x, c: t.gradient(x, spacing=(c,), dim=1, edge_order=2),
        real(2, 4),
        fixed(COORDINATES),
        linear=True,
    ),
    Case("gradient", "of a curve", lambda t, x: t.gradient(x * x)[0], positive(5)),
]
