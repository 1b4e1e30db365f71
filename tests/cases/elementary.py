"""Trigonometry, hyperbolic functions, further exponentials and logarithms, functions of several inputs."""

import numpy as np

from tests.cases.case import Case, between, exactly, fixed, function, integers, method, nonzero, positive, real

INF, NAN = float("inf"), float("nan")

# --------------------------------------------------------------------------- one input


def inside(*shape):
    return between(-0.9, 0.9, *shape)


def above_one(*shape):
    return between(1.1, 3.0, *shape)


UNARY = {
    "tan": inside,
    "asin": inside,
    "acos": inside,
    "atan": real,
    "sinh": real,
    "cosh": real,
    "asinh": real,
    "acosh": above_one,
    "atanh": inside,
    "exp2": real,
    "log2": positive,
    "log10": positive,
}
POLES = exactly([0.0, -0.0, 1.0, -1.0, 1.5, INF, -INF, NAN])


def unary(name, domain):
    return [
        Case(name, "function (3,4)", function(name), domain(3, 4)),
        Case(name, "method (2,1,3)", method(name), domain(2, 1, 3)),
        Case(name, "0-d", function(name), domain()),
        Case(name, "empty", function(name), domain(0, 3)),
        Case(name, "at poles and infinities", function(name), POLES, smooth=False, second=False),
        Case(
            name, "integers", function(name), integers(1, 3, low=0) if name == "acosh" else integers(2, 3), float32=None
        ),
    ]


CASES = [case for name, domain in UNARY.items() for case in unary(name, domain)]
CASES += [
    Case(arc, "under the name of NumPy", function("arc" + arc[1:]), domain(3))
    for arc, domain in UNARY.items()
    if arc[0] == "a"
]


def through_numpy(name, domain):
    call = getattr(np, f"arc{name[1:]}" if name[0] == "a" else name)
    return Case(name, f"np.{call.__name__}", lambda t, x: call(x), domain(3), torch=False, numpy=call)


CASES += [through_numpy(name, domain) for name, domain in UNARY.items()]
CASES += [
    Case("atan", "far", function("atan"), exactly([-1e15, -1e3, 1e3, 1e15]), smooth=False),
    Case("asinh", "far", function("asinh"), exactly([-1e3, -20.0, 20.0, 1e3])),
    Case("cosh", "overflow", function("cosh"), exactly([-800.0, 800.0]), smooth=False),
    Case("sinh", "near 0", function("sinh"), between(-1e-3, 1e-3, 4)),
    Case("exp2", "far", function("exp2"), exactly([-1100.0, -30.0, 1100.0]), smooth=False),
    Case("mul", "deg2rad", function("deg2rad"), between(-180, 180, 3, 2), linear=True),
    Case("mul", "rad2deg", method("rad2deg"), real(3, 2), linear=True),
    Case("mul", "deg2rad of integers", function("deg2rad"), integers(180, 3), float32=None),
    Case("mul", "np.degrees", lambda t, x: np.degrees(x), real(3), linear=True, torch=False, numpy=np.degrees),
    Case("mul", "np.radians", lambda t, x: np.radians(x), real(3), linear=True, torch=False, numpy=np.radians),
    Case("mul", "positive", lambda t, x: t.positive(x) * 1, real(3), linear=True),
    Case("mul", "unary plus", lambda t, x: +x * 1, real(3), linear=True),
]

# --------------------------------------------------------------------------- two inputs

SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((), (3, 4)), ((), ()), ((0, 3), (1,))]
BINARY = {
    "atan2": (nonzero, nonzero),
    "hypot": (nonzero, nonzero),
    "logaddexp": (real, real),
    "logaddexp2": (real, real),
    "fmax": (real, lambda *shape: between(-2.1, 2.1, *shape)),
    "fmin": (real, lambda *shape: between(-2.1, 2.1, *shape)),
}
EDGES = {
    "atan2": ([0.0, 0.0, -0.0, INF, NAN, 1.0], [0.0, -0.0, 0.0, INF, 1.0, -INF]),
    "hypot": ([0.0, 3.0, INF, 1e30], [0.0, 4.0, NAN, 1e30]),
    "logaddexp": ([1000.0, -INF, INF, NAN, -INF], [1000.0, -INF, INF, 1.0, 1.0]),
    "logaddexp2": ([1000.0, -INF, INF, NAN, -INF], [1000.0, -INF, INF, 1.0, 1.0]),
    "fmax": ([1.0, NAN, 2.0, NAN, 0.0], [NAN, 1.0, 2.0, NAN, -0.0]),
    "fmin": ([1.0, NAN, 2.0, NAN, 0.0], [NAN, 1.0, 2.0, NAN, -0.0]),
}


def binary(name, left, right):
    edges = (exactly(edge) for edge in EDGES[name])
    call = getattr(np, {"atan2": "arctan2"}.get(name, name))
    return [
        *(Case(name, f"{a} with {b}", function(name), left(*a), right(*b)) for a, b in SHAPES),
        Case(name, "method", method(name), left(3, 1), right(2)),
        Case(name, "x with x", lambda t, x: getattr(t, name)(x, x), positive(3), smooth=name not in ("fmax", "fmin")),
        Case(name, "of a constant", function(name), fixed(left(3)), right(3)),
        Case(name, "at the edges", function(name), *edges, smooth=False, second=False),
        Case(name, "np", lambda t, x, y: call(x, y), left(3), right(2, 3), torch=False, numpy=call),
    ]


CASES += [case for name, row in BINARY.items() for case in binary(name, *row)]
CASES += [
    Case("logaddexp", "far apart", function("logaddexp"), exactly([0.0, 1000.0]), exactly([1000.0, 0.0]), second=False),
    Case("atan2", "with a number", lambda t, x: t.atan2(x, t.ones_like(x)), nonzero(3)),
    Case("atan2", "integers with floats", lambda t, i, x: t.atan2(i, x), integers(5, 3, low=1), positive(3)),
]

# --------------------------------------------------------------------------- interpolation, fused products, powers

CASES += [
    Case("lerp", "weight 0.3", function("lerp", 0.3), real(3, 4), real(3, 4), linear=True),
    Case("lerp", "weight by name", lambda t, a, b: t.lerp(a, b, weight=0.75), real(3, 4), real(4), linear=True),
    Case("lerp", "weight 1 is the end", function("lerp", 1.0), real(3), real(3), linear=True),
    Case("lerp", "tensor weight", function("lerp"), real(3, 4), real(3, 4), real(3, 4)),
    Case("lerp", "tensor weight, broadcast", method("lerp"), real(2, 1, 4), real(3, 1), real(4)),
    Case("lerp", "0-d", function("lerp"), real(), real(), real()),
    Case("lerp", "empty", function("lerp", 0.5), real(0, 3), real(3), linear=True),
    Case(
        "lerp",
        "infinite",
        function("lerp"),
        exactly([INF, 1.0]),
        exactly([INF, -INF]),
        exactly([0.2, 0.7]),
        smooth=False,
        second=False,
    ),
    Case("add", "addcmul", function("addcmul"), real(3, 4), real(3, 4), real(3, 4)),
    Case("add", "addcmul, value", function("addcmul", value=0.5), real(3, 4), real(4), real(3, 1)),
    Case("add", "addcmul, method", method("addcmul", value=-2), real(2, 2), real(2), real()),
    Case("add", "addcmul, empty", function("addcmul"), real(0, 2), real(2), real(0, 2)),
    Case("add", "addcdiv", function("addcdiv"), real(3, 4), real(3, 4), nonzero(3, 4)),
    Case("add", "addcdiv, value", function("addcdiv", value=0.5), real(3, 4), real(4), nonzero(3, 1)),
    Case("add", "addcdiv, method", method("addcdiv", value=-2), real(2, 2), real(2), positive()),
    Case("sub", "rsub", function("rsub"), real(3, 4), real(4), linear=True),
    Case("sub", "rsub, alpha", function("rsub", alpha=2), real(3), real(3), linear=True),
    Case("sub", "rsub of a number", lambda t, x: t.rsub(x, 1.5), real(3), linear=True),
    Case("pow", "float_power", function("float_power"), positive(3, 4), real(4), float32=None),
    Case("pow", "float_power, number", method("float_power", 2), real(3), float32=None),
    Case("pow", "float_power of a number", lambda t, x: t.float_power(2, x), real(3), float32=None),
    Case("pow", "float_power of integers", function("float_power", -1), integers(5, 3, low=1), float32=None),
    Case("mul", "ldexp", function("ldexp"), fixed(real(3, 4)), integers(5, 4, low=-5), linear=True, float32=None),
    # PyTorch's derivative is 0 at negative integer exponents
    Case(
        "mul",
        "ldexp, differentiable",
        function("ldexp"),
        real(3, 4),
        integers(5, 4, low=-5),
        linear=True,
        torch=False,
        numpy=np.ldexp,
        float32=None,
    ),
    Case("mul", "ldexp, real exponents", method("ldexp"), real(3), real(3)),
    Case("clamp", "clamp_min", function("clamp_min", 0.5), between(-2, 2, 3, 4, kinks=(0.5,))),
    Case("clamp", "clamp_max", method("clamp_max", 0.5), between(-2, 2, 3, 4, kinks=(0.5,))),
    Case("clamp", "clamp_min at the bound", function("clamp_min", 1.0), exactly([0.0, 1.0, NAN]), smooth=False),
    Case("clamp", "clamp_max at the bound", function("clamp_max", 1.0), exactly([2.0, 1.0, NAN]), smooth=False),
    Case("clamp", "clamp_min, tensor", function("clamp_min"), real(3, 4), between(-2.1, 2.1, 4)),
    Case("clamp", "clamp_max, tensor", function("clamp_max"), real(3, 4), between(-2.1, 2.1, 4)),
    Case("div", "true_divide", function("true_divide"), real(3, 4), nonzero(4)),
    Case("div", "divide", function("divide"), real(3, 4), nonzero(4)),
]
