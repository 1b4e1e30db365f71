"""Special functions: the error function, the gamma function's logarithm and its derivatives, and their like."""

import math

import numpy as np

from tests.cases.case import Case, between, exactly, fixed, function, integers, method, positive, real

INF, NAN = float("inf"), float("nan")
INTEGERS = (-4.0, -3.0, -2.0, -1.0, 0.0)


def inside(*shape):
    return between(-0.9, 0.9, *shape)


def portion(*shape):
    return between(0.1, 0.9, *shape)


UNARY = {
    "erf": real,
    "erfc": real,
    "erfinv": inside,
    "lgamma": positive,
    "digamma": positive,
    "sinc": real,
    "logit": portion,
}
POLES = exactly([0.0, -0.0, 1.0, -1.0, 1.5, INF, -INF, NAN])


def unary(name, domain):
    return [
        Case(name, "function (3,4)", function(name), domain(3, 4)),
        Case(name, "method (2,1,3)", method(name), domain(2, 1, 3)),
        Case(name, "0-d", function(name), domain()),
        Case(name, "empty", function(name), domain(0, 3)),
        # in float32 PyTorch's digamma is off by more than its last digit
        Case(name, "integers", function(name), integers(2, 3), float32=None, torch=name != "digamma"),
    ]


CASES = [case for name, domain in UNARY.items() for case in unary(name, domain)]
# at -1 PyTorch has the large finite number that the sine of a rounded pi gives for the derivative of digamma
CASES += [
    Case(
        name,
        "at poles and infinities",
        function(name),
        fixed(POLES) if name == "digamma" else POLES,
        smooth=False,
        second=False,
    )
    for name in UNARY
]


# --------------------------------------------------------------------------- the error function

CASES += [
    Case("erf", "near 0", function("erf"), between(-1e-3, 1e-3, 5)),
    Case("erf", "far", function("erf"), exactly([-30.0, -6.0, -3.0, 3.0, 6.0, 30.0])),
    Case("erfc", "far", function("erfc"), exactly([-30.0, -6.0, -3.0, 3.0, 6.0, 20.0])),
    Case(
        "erfinv",
        "near 1",
        function("erfinv"),
        exactly([-0.999999, -0.99, 0.86, 0.99, 0.999999]),
        smooth=False,
        float32=None,
    ),
    Case("erfinv", "near 0", function("erfinv"), exactly([-1e-5, 1e-9, 1e-3, 0.1])),
    Case("erfinv", "of erf", lambda t, x: t.erfinv(t.erf(x)), inside(4)),
]

# --------------------------------------------------------------------------- the gamma function


def gaps(*shape):
    return between(-3.9, -0.1, *shape, kinks=INTEGERS)


LARGE = exactly([3.5, 9.99, 10.0, 10.01, 25.0, 171.0, 1e4])
TINY = exactly([0.02, 0.05, 0.3, 0.499, 0.501])
CASES += [
    case
    for name in ("lgamma", "digamma")
    for case in (
        Case(name, "below zero", function(name), gaps(4)),
        Case(name, "large", function(name), LARGE),
        Case(name, "close to 0", function(name), TINY, smooth=False),
        Case(name, "close to 1 and 2", function(name), exactly([0.999, 1.0, 1.001, 1.4616, 1.501, 1.999, 2.0, 2.001])),
    )
]
CASES += [
    Case(
        "lgamma",
        "the value of math.lgamma",
        function("lgamma"),
        exactly([1e-300, 1e-9, 0.25, 1.5, 2.25, 3.75, 12.5, 1e5, 1e300, -0.5, -1.75, -20.25]),
        smooth=False,
        torch=False,
        numpy=np.vectorize(math.lgamma),
        float32=None,
    )
]
CASES += [
    case
    for n in (0, 1, 2, 3, 5)
    for name in ("digamma" if n == 0 else "polygamma",)
    for case in (
        Case(
            name,
            f"polygamma({n})",
            lambda t, x, n=n: t.polygamma(n, x),
            positive(3, 2),
            covers=("polygamma",),
            float32=5e-6,
        ),
        Case(name, f"polygamma({n}), method", method("polygamma", n), between(1.5, 2.5, 3)),
        Case(
            name,
            f"polygamma({n}), below zero",
            lambda t, x, n=n: t.polygamma(n, x),
            between(-1.8, -1.2, 3),
            smooth=n < 3,
            float32=None,
        ),
        Case(name, f"polygamma({n}), large", lambda t, x, n=n: t.polygamma(n, x), exactly([8.5, 12.0, 30.0])),
    )
]
CASES += [
    Case("polygamma", "0-d", lambda t, x: t.polygamma(1, x), positive()),
    Case("polygamma", "empty", lambda t, x: t.polygamma(2, x), positive(0, 3)),
    Case("polygamma", "integers", lambda t, x: t.polygamma(1, x), integers(5, 3, low=1), float32=None),
    Case("polygamma", "at 0", lambda t, x: t.polygamma(2, x), exactly([0.0, -0.0, NAN]), smooth=False, second=False),
]

# --------------------------------------------------------------------------- x log y, the cardinal sine, log-odds

SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((), (3, 4)), ((), ()), ((0, 3), (1,))]
CASES += [Case("xlogy", f"{a} with {b}", function("xlogy"), real(*a), positive(*b)) for a, b in SHAPES]
CASES += [
    Case("xlogy", "method", method("xlogy"), real(3, 1), positive(2)),
    Case("xlogy", "number with tensor", lambda t, x: t.xlogy(2.0, x), positive(3)),
    Case("xlogy", "tensor with number", lambda t, x: t.xlogy(x, 2.0), real(3)),
    Case("xlogy", "integers with floats", function("xlogy"), integers(3, 4), positive(4)),
    Case("xlogy", "x with x", lambda t, x: t.xlogy(x, x), positive(3)),
    Case(
        "xlogy",
        "at the edges",
        function("xlogy"),
        exactly([0.0, 0.0, 0.0, 1.0, 0.0, 2.0]),
        exactly([0.0, NAN, -1.0, 0.0, 2.0, -1.0]),
        smooth=False,
        second=False,
    ),
    Case(
        "sinc",
        "around 0",
        function("sinc"),
        exactly([-0.3, -1e-3, 0.0, 1e-4, 0.1, 0.35]),
        second=False,
        covers=("sinc_slope",),
    ),
    Case("sinc", "far", function("sinc"), exactly([-7.3, 12.0, 30.25])),
    Case("sinc", "np.sinc", lambda t, x: np.sinc(x), real(3), torch=False, numpy=np.sinc),
    Case("logit", "eps", function("logit", 0.2), between(0.0, 1.0, 3, 4, kinks=(0.2, 0.8))),
    Case(
        "logit",
        "eps by name, at the bounds",
        method("logit", eps=0.125),
        exactly([0.0, 0.125, 0.5, 0.875, 1.0, NAN]),
        smooth=False,
        second=False,
    ),
    Case("logit", "of sigmoid", lambda t, x: t.logit(t.sigmoid(x)), real(4)),
]
