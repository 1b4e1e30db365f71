"""Arithmetic, elementary functions, selection and comparison."""

import operator

import numpy as np

from tests.cases.case import (
    Case,
    between,
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

# --------------------------------------------------------------------------- one input

UNARY = {
    "neg": real,
    "abs": nonzero,
    "exp": real,
    "log": positive,
    "log1p": positive,
    "expm1": real,
    "sqrt": positive,
    "rsqrt": positive,
    "square": real,
    "reciprocal": nonzero,
    "sin": real,
    "cos": real,
    "tanh": real,
    "sigmoid": real,
}


def unary(name, domain):
    linear = name == "neg"
    return [
        Case(name, "function (3,4)", function(name), domain(3, 4), linear=linear),
        Case(name, "method (2,1,3)", method(name), domain(2, 1, 3), linear=linear),
        Case(name, "0-d", function(name), domain(), linear=linear),
        Case(name, "empty", function(name), domain(0, 3), linear=linear),
    ]


CASES = [case for name, domain in UNARY.items() for case in unary(name, domain)]

CASES += [
    Case("neg", "operator", lambda t, x: -x, real(3, 4), linear=True),
    Case("abs", "builtin", lambda t, x: abs(x), nonzero(3, 4)),
    Case("log1p", "near -1 and near 0", function("log1p"), between(-0.9, 0.1, 5)),
    Case("expm1", "near 0", function("expm1"), between(-1e-3, 1e-3, 5)),
    Case("exp", "far", function("exp"), between(-30, 10, 6), smooth=False),
    Case("tanh", "saturated", function("tanh"), exactly([-1000.0, -20.0, 0.0, 20.0, 1000.0])),
    Case("sigmoid", "saturated", function("sigmoid"), exactly([-1000.0, -40.0, 0.0, 40.0, 1000.0])),
    Case("sin", "chain sin(exp(x))", lambda t, x: t.sin(t.exp(x)), real(3)),
]

# At kinks and poles finite differences say nothing, PyTorch's values do.
POLES = exactly([0.0, -0.0, -1.0, INF, NAN, 2.0])
CASES += [
    Case(name, "at kinks and poles", function(name), POLES, smooth=False)
    for name in ("abs", "log", "sqrt", "rsqrt", "reciprocal", "exp", "tanh", "sigmoid", "log1p", "expm1")
]

# --------------------------------------------------------------------------- two inputs

SHAPES = [
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((4,), (3, 4)),
    ((2, 1, 3), (4, 1)),
    ((), (3, 4)),
    ((3, 4), ()),
    ((), ()),
    ((1, 1), (3, 2)),
    ((0, 3), (3,)),
    ((0, 3), (1,)),
    ((1,), (0,)),
]

BINARY = {
    "add": (operator.add, real, real),
    "sub": (operator.sub, real, real),
    "mul": (operator.mul, real, real),
    "div": (operator.truediv, real, nonzero),
    "pow": (operator.pow, positive, real),
}


def symbol_of(symbol):
    return lambda t, x, y: symbol(x, y)


def binary(name, symbol, left, right):
    linear = name in ("add", "sub", "mul")
    op = symbol_of(symbol)
    return [
        *(Case(name, f"{a} with {b}", op, left(*a), right(*b), linear=linear) for a, b in SHAPES),
        Case(name, "function", function(name), left(2, 3), right(3), linear=linear),
        Case(name, "method", method(name), left(3), right(2, 3), linear=linear),
        Case(name, "x with x", lambda t, x: symbol(x, x), positive(3, 2)),
        Case(name, "with a 0-d constant", op, left(3), fixed(right()), linear=linear),
        Case(name, "of a constant", op, fixed(left(3)), right(3), linear=linear),
    ]


CASES += [case for name, row in BINARY.items() for case in binary(name, *row)]

SCALAR = [
    Case("add", "x + 2", lambda t, x: x + 2, real(3, 4), linear=True),
    Case("add", "1.5 + x", lambda t, x: 1.5 + x, real(3, 4), linear=True),
    Case("sub", "x - 2", lambda t, x: x - 2, real(3, 4), linear=True),
    Case("sub", "1.5 - x", lambda t, x: 1.5 - x, real(3, 4), linear=True),
    Case("mul", "x * 3", lambda t, x: x * 3, real(3, 4), linear=True),
    Case("mul", "0.5 * x, empty", lambda t, x: 0.5 * x, real(0, 2), linear=True),
    Case("mul", "0.5 * x, 0-d", lambda t, x: 0.5 * x, real(), linear=True),
    Case("div", "x / 3", lambda t, x: x / 3, real(3, 4), linear=True),
    Case("div", "2 / x", lambda t, x: 2 / x, nonzero(3, 4)),
    Case("pow", "x ** 0", lambda t, x: x**0, real(3, 4)),
    Case("pow", "x ** 1", lambda t, x: x**1, real(3, 4)),
    Case("pow", "x ** 2", lambda t, x: x**2, real(3, 4)),
    Case("pow", "x ** 3", lambda t, x: x**3, real(3, 4), covers=("pow_scalar",)),
    Case("pow", "x ** -1", lambda t, x: x**-1, nonzero(3, 4)),
    Case("pow", "x ** -2.0", lambda t, x: x**-2.0, nonzero(3, 4)),
    Case("pow", "x ** 0.5", lambda t, x: x**0.5, positive(3, 4)),
    Case("pow", "x ** 2.5, 0-d", lambda t, x: x**2.5, positive()),
    Case("pow", "2 ** x", lambda t, x: 2**x, real(3, 4)),
    Case("pow", "0.7 ** x", lambda t, x: 0.7**x, real(3, 4)),
    Case("pow", "pow(x, 3)", function("pow", 3), real(2, 3)),
    Case("pow", "pow(2.0, x)", lambda t, x: t.pow(2.0, x), real(2, 3)),
    Case("pow", "x ** 0 at zero", lambda t, x: x**0, exactly([0.0, -0.0, 1.0, -1.0])),
    Case("pow", "x ** 1 at zero", lambda t, x: x**1, exactly([0.0, 1.0, -1.0]), second=False),
    Case("pow", "x ** 2 at zero", lambda t, x: x**2, exactly([0.0, 1.0, -1.0])),
    Case("pow", "x ** 3 at zero", lambda t, x: x**3, exactly([0.0, 1.0, -1.0])),
    Case("pow", "x ** 0.5 at zero", lambda t, x: x**0.5, exactly([0.0, 4.0]), smooth=False),
    Case("pow", "x ** -1 at zero", lambda t, x: x**-1, exactly([0.0, 4.0]), smooth=False),
    Case("pow", "0.0 ** y", lambda t, y: 0.0**y, exactly([0.0, 1.0, 2.0, -1.0]), smooth=False, second=False),
    Case(
        "pow",
        "tensor with tensor, at zero",
        lambda t, x, y: x**y,
        exactly([0.0, 0.0, 0.0, 0.0, 0.0, -2.0]),
        exactly([0.0, 1.0, 2.0, 0.5, -1.0, 3.0]),
        smooth=False,
        second=False,
    ),
]
CASES += SCALAR

# Integer tensors meet float tensors: the float tensor's dtype wins (float32 too).
CASES += [
    Case("mul", "float tensor * int tensor", lambda t, x, i: x * i, real(3, 4), integers(5, 4), linear=True),
    Case("mul", "float tensor * bool tensor", lambda t, x, b: x * b, real(3, 4), booleans(4), linear=True),
    Case("sub", "int tensor - float tensor", lambda t, x, i: i - x, real(3), integers(5, 2, 1), linear=True),
    Case(
        "div",
        "float tensor / int tensor",
        lambda t, x, i: x / i,
        real(3, 4),
        integers(5, 4, low=1),
        linear=True,
    ),
    Case("pow", "float tensor ** int tensor", lambda t, x, i: x**i, real(3, 4), integers(5, 4)),
    Case("div", "int tensor / int tensor", lambda t, i: i / 1.0, integers(9, 4), float32=None, torch=False),
]

# NumPy at home: a NumPy scalar is as weak as a Python one, arrays and ufuncs meet tensors on either side.
CONSTANT = np.array([1.5, -0.5, 2.0])
CASES += [
    Case(
        "mul",
        "x * np.float64",
        lambda t, x: x * np.float64(1.5),
        real(3, 2),
        linear=True,
        torch=False,
        numpy=lambda x: x * 1.5,
    ),
    Case(
        "div",
        "np.float64 / x",
        lambda t, x: np.float64(1.5) / x,
        nonzero(3, 2),
        torch=False,
        numpy=lambda x: 1.5 / x,
    ),
    Case(
        "sub",
        "ndarray - x",
        lambda t, x: CONSTANT - x,
        real(2, 3),
        linear=True,
        torch=False,
        numpy=lambda x: CONSTANT - x,
        float32=None,
    ),
    Case(
        "mul",
        "x * ndarray",
        lambda t, x: x * CONSTANT,
        real(2, 3),
        linear=True,
        torch=False,
        numpy=lambda x: x * CONSTANT,
        float32=None,
    ),
    Case("sin", "np.sin(x)", lambda t, x: np.sin(x), real(2, 3), torch=False, numpy=np.sin),
    Case("exp", "np.exp(x)", lambda t, x: np.exp(x), real(2, 3), torch=False, numpy=np.exp),
    Case(
        "mul",
        "np.multiply(x, y)",
        lambda t, x, y: np.multiply(x, y),
        real(2, 3),
        real(3),
        torch=False,
        numpy=np.multiply,
        linear=True,
    ),
]

# --------------------------------------------------------------------------- selection

TIES = exactly([1.0, 2.0, 3.0, -0.0]), exactly([1.0, 3.0, 2.0, 0.0])
NANS = exactly([1.0, NAN, NAN, 4.0]), exactly([NAN, 1.0, NAN, 4.0])


def extremum(name):
    return [
        *(
            Case(name, f"{a} with {b}", function(name), real(*a), between(-2.1, 2.1, *b), second=True)
            for a, b in SHAPES
        ),
        Case(name, "method", method(name), real(3, 1), real(2)),
        Case(name, "ties", function(name), *TIES, smooth=False),
        Case(name, "x with x", lambda t, x: getattr(t, name)(x, x), real(3)),
        Case(name, "nan", function(name), *NANS, smooth=False),
    ]


CASES += extremum("maximum") + extremum("minimum")

INNER = between(-2, 2, 4, 5, kinks=(-1.0, 0.5))
CASES += [
    Case("clamp", "min and max", function("clamp", -1.0, 0.5), INNER),
    Case("clamp", "min only", function("clamp", min=-1.0), INNER),
    Case("clamp", "max only", method("clamp", max=0.5), INNER),
    Case("clamp", "integer bounds", function("clamp", -1, 0), between(-2, 2, 7, kinks=(-1.0, 0.0))),
    Case("clamp", "0-d", function("clamp", -1.0, 0.5), between(-2, 2, kinks=(-1.0, 0.5))),
    Case("clamp", "empty", function("clamp", -1.0, 0.5), real(0, 2)),
    Case(
        "clamp",
        "at the bounds and at nan",
        function("clamp", -1, 1),
        exactly([-1.0, 1.0, 3.0, NAN]),
        smooth=False,
    ),
    Case("clamp", "min above max", function("clamp", 3.0, 1.0), exactly([0.0, 2.0, 4.0])),
    Case("clamp", "tensor bounds", function("clamp"), real(3, 4), between(-2, -0.5, 4), between(0, 1, 3, 1)),
    Case("clamp", "tensor min", lambda t, x, low: t.clamp(x, min=low), real(3, 4), between(-1, 1, 4)),
    Case("clamp", "tensor max", lambda t, x, high: t.clamp(x, max=high), real(3, 4), between(-1, 1, 4)),
    Case(
        "clamp",
        "tensor bounds, ties",
        function("clamp"),
        exactly([1.0, 2.0, 3.0]),
        exactly([1.0, 1.0, 1.0]),
        exactly([2.0, 2.0, 2.0]),
        smooth=False,
    ),
    Case("clamp", "clip", function("clip", -1.0, 0.5), INNER),
]

CASES += [
    Case("where", "(3,4)", function("where"), booleans(3, 4), real(3, 4), real(3, 4), linear=True),
    Case("where", "broadcast", function("where"), booleans(3, 1), real(4), real(2, 1, 1), linear=True),
    Case("where", "broadcast condition", function("where"), booleans(2, 3, 4), real(4), real(), linear=True),
    Case("where", "scalar branch", lambda t, c, x: t.where(c, x, 0.0), booleans(3, 4), real(3, 4), linear=True),
    Case("where", "scalar first", lambda t, c, x: t.where(c, 1.5, x), booleans(3, 4), real(4), linear=True),
    Case("where", "0-d", function("where"), booleans(), real(), real(), linear=True),
    Case("where", "empty", function("where"), booleans(0, 3), real(3), real(0, 1), linear=True),
    Case("where", "condition from x", lambda t, x: t.where(x > 0, x * x, -x), nonzero(3, 4)),
    Case("where", "method", lambda t, x, c, y: x.where(c, y), real(3), booleans(3), real(3), linear=True),
    Case("where", "same tensor twice", lambda t, c, x: t.where(c, x, x), booleans(3), real(3), linear=True),
]

# --------------------------------------------------------------------------- comparison and logic

GRID = exactly([[0.0, 1.0, 2.0], [NAN, -1.0, INF]]), exactly([1.0, 1.0, 1.0])
COMPARISONS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def comparison(name, symbol):
    return [
        Case(name, "operator", lambda t, x, y: symbol(x, y), *GRID),
        Case(name, "scalar", lambda t, x: symbol(x, 1.0), GRID[0]),
        Case(name, "scalar on the left", lambda t, x: symbol(1.0, x), GRID[0]),
        Case(name, "function", function(name), *GRID),
        Case(name, "method, integers", method(name), integers(3, 4, 4), integers(3, 4)),
        Case(name, "empty", lambda t, x, y: symbol(x, y), real(0, 3), real(3)),
    ]


CASES += [case for name, symbol in COMPARISONS.items() for case in comparison(name, symbol)]

LOGIC = exactly([0.0, 1.0, NAN, -2.0, 0.0]), exactly([0.0, 0.0, 1.0, 3.0, 1.0])
CASES += [
    case
    for name in ("logical_and", "logical_or", "logical_xor")
    for case in (
        Case(name, "floats", function(name), *LOGIC),
        Case(name, "booleans", function(name), booleans(3, 4), booleans(4)),
        Case(name, "method, integers", method(name), integers(2, 3, 4), integers(2, 4)),
    )
]
CASES += [
    Case("logical_not", "floats", function("logical_not"), LOGIC[0]),
    Case("logical_not", "booleans", method("logical_not"), booleans(3, 4)),
    Case("lt", "a mask of distinct values", lambda t, x: (x < 0) | (x > 1), distinct(3, 4)),
]

BITWISE = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
CASES += [
    case
    for name, symbol in BITWISE.items()
    for case in (
        Case(f"bitwise_{name}", "operator, booleans", symbol_of(symbol), booleans(3, 4), booleans(4)),
        Case(f"bitwise_{name}", "operator, integers", symbol_of(symbol), integers(9, 3, 1), integers(9, 4)),
        Case(f"bitwise_{name}", "function", function(f"bitwise_{name}"), integers(9, 3), integers(9, 3)),
    )
]
CASES += [
    Case("bitwise_not", "operator, booleans", lambda t, a: ~a, booleans(3, 4)),
    Case("bitwise_not", "function, integers", function("bitwise_not"), integers(9, 4, low=-9)),
]
CASES += [Case(name, "function", function(name), POLES) for name in ("isnan", "isinf", "isfinite")]

# --------------------------------------------------------------------------- steps and remainders

STEPS = exactly([-2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, NAN, INF])
CASES += [
    case
    for name in ("floor", "ceil", "sign")
    for case in (
        Case(name, "function", function(name), between(-2, 2, 3, 4, kinks=(-1.0, 0.0, 1.0))),
        Case(name, "at the steps", method(name), STEPS, smooth=False),
    )
]
CASES += [
    Case("remainder", "operator", lambda t, x, y: x % y, real(3, 4), nonzero(4)),
    Case("remainder", "scalar", lambda t, x: x % 0.7, real(3, 4)),
    Case("remainder", "function", function("remainder"), real(3), nonzero(2, 1)),
    Case("remainder", "integers", lambda t, x, y: x % y, integers(9, 3, 4, low=-9), integers(5, 4, low=1)),
    Case("floor_divide", "operator", symbol_of(operator.floordiv), fixed(real(3, 4)), fixed(nonzero(4))),
    Case("floor_divide", "integers", symbol_of(operator.floordiv), integers(9, 5, low=-9), integers(5, 5, low=1)),
    # PyTorch has no derivative here; it is zero
    Case(
        "floor_divide",
        "differentiable inputs",
        symbol_of(operator.floordiv),
        real(3),
        nonzero(3),
        torch=False,
        numpy=np.floor_divide,
    ),
]
