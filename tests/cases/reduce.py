"""Sums, products, extrema, norms along axes."""

from tests.cases.case import (
    Case,
    booleans,
    distinct,
    exactly,
    function,
    integers,
    method,
    nonzero,
    positive,
    real,
    spelled,
)

INF, NAN = float("inf"), float("nan")

# --------------------------------------------------------------------------- over one, several or all axes

AXES = [
    {"dim": 0},
    {"dim": -1},
    {"dim": 1, "keepdim": True},
    {"dim": (0, 2)},
    {"dim": (-1, 0), "keepdim": True},
    {"dim": [1, 2]},
    {"dim": (0, 1, 2)},
    {"axis": 1},
    {"axis": (0, -1), "keepdims": True},
]
SEVERAL = {
    "sum": real,
    "mean": real,
    "var": real,
    "std": real,
    "amax": distinct,
    "amin": distinct,
    "logsumexp": real,
}
LINEAR = ("sum", "mean", "cumsum")


def several(name, domain):
    linear, whole = name in LINEAR, name != "logsumexp"
    axes = [axis for axis in AXES if "dim" in axis or name in ("sum", "mean", "amax", "amin")]
    rows = [Case(name, spelled(static=axis), function(name, **axis), domain(2, 3, 4), linear=linear) for axis in axes]
    rows += [
        Case(name, "positional", function(name, 1), domain(3, 4), linear=linear),
        Case(name, "positional keepdim", method(name, -1, keepdim=True), domain(3, 4), linear=linear),
        Case(
            name,
            "size-1 axis",
            function(name, 1),
            domain(3, 1, 2),
            linear=linear,
            smooth=name not in ("var", "std"),
        ),
        Case(name, "empty result", function(name, 0), domain(2, 0, 3), linear=linear),
    ]
    if whole:
        rows += [
            Case(name, "whole", function(name), domain(3, 4), linear=linear),
            Case(name, "whole, method", method(name), domain(2, 1, 3), linear=linear),
        ]
    if name not in ("var", "std"):
        rows += [
            Case(name, "0-d dim=0", function(name, 0), domain(), linear=linear),
            Case(name, "0-d dim=-1 keepdim", function(name, -1, keepdim=True), domain(), linear=linear),
        ]
    return rows


CASES = [case for name, domain in SEVERAL.items() for case in several(name, domain)]

CASES += [
    Case("sum", "0-d", function("sum"), real(), linear=True),
    Case("sum", "empty", function("sum"), real(0, 3), linear=True),
    Case("sum", "empty axis", function("sum", 1), real(2, 0, 3), linear=True),
    Case("sum", "dim=() is everything", function("sum", dim=()), real(2, 3), linear=True),
    Case("sum", "dim=None keepdim", function("sum", dim=None, keepdim=True), real(2, 3), linear=True),
    Case("sum", "integers", function("sum", 0), integers(9, 3, 4)),
    Case("sum", "booleans", lambda t, x: (x > 0).sum(), real(3, 4)),
    Case("mean", "0-d", function("mean"), real(), linear=True),
    Case("mean", "empty", function("mean"), real(0, 3), smooth=False, float32=None),
    Case("mean", "dim=None keepdim", function("mean", dim=None, keepdim=True), real(2, 3), linear=True),
    Case("amax", "dim=()", function("amax", dim=()), distinct(2, 3)),
    Case("logsumexp", "empty axis", function("logsumexp", 1), real(2, 0, 3), smooth=False),
    Case("logsumexp", "large", function("logsumexp", 0), exactly([1000.0, 1000.0, 999.0]), smooth=False),
    Case(
        "logsumexp",
        "-inf among numbers",
        function("logsumexp", 0),
        exactly([-INF, 1.0, 2.0]),
        smooth=False,
        second=False,
    ),
    Case("logsumexp", "all -inf", function("logsumexp", 0), exactly([-INF, -INF]), smooth=False, second=False),
    Case("logsumexp", "inf", function("logsumexp", 0), exactly([INF, 1.0]), smooth=False, second=False),
    Case("amax", "ties", function("amax", 1), exactly([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), smooth=False),
    Case("amin", "ties", function("amin", 1), exactly([[1.0, 1.0, 3.0], [2.0, 2.0, 2.0]]), smooth=False),
    Case("amax", "nan", function("amax", 0), exactly([1.0, NAN, 3.0]), smooth=False, second=False),
    Case("sum", "sum of a sum", lambda t, x: (x.sum(0) * x.sum(1)).sum(), real(3, 3)),
]

# --------------------------------------------------------------------------- variance

CASES += [
    case
    for name in ("var", "std")
    for case in (
        Case(name, "unbiased=False", function(name, unbiased=False), real(3, 4)),
        Case(name, "dim=1 unbiased=False", function(name, 1, unbiased=False), real(3, 4)),
        Case(name, "correction=0", function(name, dim=0, correction=0), real(3, 4)),
        Case(name, "correction=2 keepdim", function(name, dim=1, correction=2, keepdim=True), real(3, 4)),
        Case(name, "method, positional unbiased", method(name, 1, False), real(3, 4)),
        Case(
            name,
            "one value, biased",
            function(name, 0, unbiased=False),
            exactly([3.0]),
            smooth=False,
            second=False,
        ),
    )
]
CASES += [
    Case("std", "constant vector", function("std"), exactly([2.0, 2.0, 2.0]), smooth=False, second=False),
    Case("var", "constant vector", function("var"), exactly([2.0, 2.0, 2.0])),
    Case("var", "far from zero", lambda t, x: t.var(x + 1e4), real(6), float32=None, smooth=False),
]

# --------------------------------------------------------------------------- without NaN, and several at once

HOLES = exactly([[1.0, NAN, 3.0], [NAN, NAN, 2.0]])
CASES += [
    case
    for name in ("nansum", "nanmean")
    for case in (
        Case(name, "whole", function(name), HOLES, smooth=False),
        Case(name, "dim=0", function(name, 0), HOLES, smooth=False),
        Case(name, "dim=1 keepdim", method(name, 1, keepdim=True), HOLES, smooth=False),
        Case(name, "dims", function(name, dim=(0, 2)), real(2, 3, 2), linear=True),
        Case(name, "0-d", function(name), real(), linear=True),
        Case(name, "empty", function(name), real(0, 3), smooth=False, float32=None),
        Case(name, "of squares", lambda t, x, name=name: getattr(t, name)(x * x, 1), real(3, 4)),
    )
]
CASES += [
    Case("nansum", "integers", function("nansum", 0), integers(9, 3, 4)),
    Case("nansum", "dtype", lambda t, x: t.nansum(x, dtype=t.float64), real(3), float32=None, linear=True),
    *(
        case
        for name in ("var_mean", "std_mean")
        for case in (
            Case(name, "whole", function(name), real(3, 4)),
            Case(name, "dim=1", function(name, 1), real(3, 4)),
            Case(name, "biased, dims keepdim", function(name, (0, 2), False, True), real(2, 3, 2)),
            Case(name, "correction=0", function(name, dim=0, correction=0), real(3, 4)),
        )
    ),
    Case("aminmax", "whole", function("aminmax"), distinct(3, 4)),
    Case("aminmax", "dim=0", function("aminmax", dim=0), distinct(3, 4)),
    Case("aminmax", "dim=-1 keepdim", method("aminmax", dim=-1, keepdim=True), distinct(2, 3, 2)),
    Case("aminmax", "0-d", function("aminmax", dim=0), distinct()),
    Case("aminmax", "ties", function("aminmax"), exactly([1.0, 3.0, 3.0, 1.0]), smooth=False),
    Case("aminmax", "nan", function("aminmax", dim=0), exactly([1.0, NAN]), smooth=False, second=False),
    Case("aminmax", "names", lambda t, x: t.aminmax(x).max - t.aminmax(x).min, distinct(5)),
]

# --------------------------------------------------------------------------- products

CASES += [
    Case("prod", "whole", function("prod"), nonzero(2, 3)),
    Case("prod", "method", method("prod"), nonzero(4)),
    Case("prod", "dim=0", function("prod", 0), nonzero(3, 2)),
    Case("prod", "dim=-1 keepdim", function("prod", -1, keepdim=True), nonzero(2, 3, 2)),
    Case("prod", "0-d", function("prod"), nonzero()),
    Case("prod", "0-d dim=0", function("prod", 0), nonzero()),
    Case("prod", "size-1 axis", function("prod", 1), nonzero(3, 1)),
    Case("prod", "empty", function("prod"), real(0, 3)),
    Case("prod", "empty axis", function("prod", 1), real(2, 0, 3)),
    Case("prod", "one zero", function("prod"), exactly([2.0, 0.0, 3.0])),
    Case("prod", "two zeros", function("prod"), exactly([2.0, 0.0, 0.0, 3.0])),
    Case(
        "prod",
        "zeros along dim",
        function("prod", 1),
        exactly([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [1.0, 2.0, 4.0]]),
    ),
]

# --------------------------------------------------------------------------- extrema


def extremum(name):
    return [
        Case(name, "whole", function(name), distinct(3, 4)),
        Case(name, "method", method(name), distinct(2, 1, 3)),
        Case(name, "0-d", function(name), distinct()),
        Case(name, "dim=0", function(name, 0), distinct(3, 4)),
        Case(name, "dim=-1 keepdim", function(name, -1, keepdim=True), distinct(2, 3, 4)),
        Case(name, "method dim", method(name, dim=1), distinct(2, 3, 4)),
        Case(name, "size-1 axis", function(name, 1), distinct(3, 1)),
        Case(name, "0-d dim=0", function(name, 0), distinct()),
        Case(name, "empty result", function(name, 0), distinct(2, 0, 3)),
        Case(
            name,
            "names",
            lambda t, x: getattr(t, name)(x, 1).values * getattr(t, name)(x, 1).indices,
            distinct(3, 4),
        ),
        Case(name, "of two tensors", function(name), distinct(3, 4), real(4)),
        Case(name, "whole, ties", function(name), exactly([1.0, 3.0, 3.0, 1.0]), smooth=False),
        Case(name, "dim, ties", function(name, 0), exactly([1.0, 3.0, 3.0, 1.0]), smooth=False),
        Case(
            name,
            "dim, nan",
            function(name, 1),
            exactly([[1.0, NAN, NAN, 0.0], [3.0, 2.0, 1.0, 0.0]]),
            smooth=False,
        ),
        Case(name, "whole, nan", function(name), exactly([1.0, NAN, NAN, 0.0]), smooth=False),
        Case(f"arg{name}", "whole", function(f"arg{name}"), distinct(3, 4)),
        Case(f"arg{name}", "dim=0", function(f"arg{name}", 0), distinct(3, 4)),
        Case(f"arg{name}", "dim=-1 keepdim", method(f"arg{name}", -1, keepdim=True), distinct(2, 3, 4)),
        Case(f"arg{name}", "0-d", function(f"arg{name}"), distinct()),
        Case(f"arg{name}", "nan", function(f"arg{name}", 1), exactly([[1.0, NAN, NAN], [3.0, 2.0, 5.0]])),
        Case(f"arg{name}", "integers", function(f"arg{name}", 0), integers(99, 5, 3)),
    ]


CASES += extremum("max") + extremum("min")

CASES += [
    case
    for name in ("all", "any")
    for case in (
        Case(name, "whole", function(name), booleans(3, 4)),
        Case(name, "method dim", method(name, 1), booleans(3, 4)),
        Case(name, "dim=0 keepdim", function(name, dim=0, keepdim=True), booleans(2, 3)),
        Case(name, "floats", function(name), exactly([0.0, 2.0, NAN])),
        Case(name, "empty", function(name), booleans(0, 3)),
    )
]

# --------------------------------------------------------------------------- norms and running sums

NORMS = [2, 1, 3, 0.5, INF, -INF]
CASES += [
    case
    for p in NORMS
    for case in (
        Case("norm", f"p={p}", function("norm", p), distinct(3, 4)),
        Case("norm", f"p={p} dim=1", function("norm", p, 1), distinct(3, 4)),
        Case(
            "norm",
            f"p={p} dim=(0,2) keepdim",
            function("norm", p=p, dim=(0, 2), keepdim=True),
            distinct(2, 3, 2),
        ),
    )
]
CASES += [
    Case("norm", "default", function("norm"), real(3, 4)),
    Case("norm", "method", method("norm"), real(3, 4)),
    Case("norm", "method dim", method("norm", dim=-1), real(2, 3)),
    Case("norm", "fro", function("norm", "fro"), real(3, 4)),
    Case("norm", "p=0", function("norm", 0), nonzero(3, 4)),
    Case("norm", "0-d", function("norm"), nonzero()),
    Case("norm", "empty", function("norm"), real(0), smooth=False),
    Case("norm", "p=2 at zero", function("norm"), exactly([0.0, 0.0]), smooth=False, second=False),
    Case("norm", "p=1 at zero", function("norm", 1), exactly([0.0, 0.0, 2.0]), smooth=False),
    Case("norm", "p=3 at zero", function("norm", 3), exactly([0.0, 0.0]), smooth=False, second=False),
    Case("norm", "p=3, one zero", function("norm", 3), exactly([0.0, 1.0, -2.0]), smooth=False, second=False),
    Case("norm", "p=inf ties", function("norm", INF), exactly([2.0, -2.0, 1.0]), smooth=False),
    Case(
        "norm",
        "one row of zeros",
        function("norm", dim=1),
        exactly([[0.0, 0.0], [3.0, 4.0]]),
        smooth=False,
        second=False,
    ),
    Case("cumsum", "dim=0", function("cumsum", 0), real(3, 4), linear=True),
    Case("cumsum", "dim=-1", function("cumsum", dim=-1), real(2, 3, 4), linear=True),
    Case("cumsum", "method", method("cumsum", 1), real(3, 4), linear=True),
    Case("cumsum", "0-d", function("cumsum", 0), real(), linear=True),
    Case("cumsum", "empty", function("cumsum", 0), real(0, 3), linear=True),
    Case("cumsum", "size-1 axis", function("cumsum", 1), real(3, 1), linear=True),
    Case("cumsum", "integers", function("cumsum", 0), integers(5, 4)),
    Case("cumsum", "of squares", lambda t, x: t.cumsum(x * x, 0), positive(4)),
]
