"""Activation functions made of straight pieces: shrinks, thresholds, slopes that are learned or drawn."""

import numpy as np

from tests.cases.case import Case, between, exactly, fixed, function, functional, method, nonzero, real

INF, NAN = float("inf"), float("nan")
KINKS = exactly([0.0, -0.0, NAN, INF, -INF, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0])

# --------------------------------------------------------------------------- one input

BENDS = {
    "hardtanh": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
    "hardsigmoid": (-3.0, 3.0),
    "hardswish": (-3.0, 3.0),
    "hardshrink": (-0.5, 0.5),
    "softshrink": (-0.5, 0.5),
}
# In float64 PyTorch's derivative of hardsigmoid is 1/6 rounded to float32
INEXACT = ("hardsigmoid",)


def hardsigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def one_input(name, bends):
    op = {"relu6": "hardtanh"}.get(name, name)
    inexact = name in INEXACT

    def row(label, domain, **static):
        inputs = fixed(domain) if inexact else domain
        return Case(op, f"{name} {label}", functional(name), inputs, **static)

    def wide(*shape):
        return between(-4, 7, *shape, kinks=bends)

    return [
        row("(3,4)", wide(3, 4)),
        row("(2,1,3)", wide(2, 1, 3)),
        row("0-d", wide()),
        row("empty", wide(0, 3)),
        row("at kinks", KINKS, smooth=False, second=False),
        *([Case(op, "derivative", functional(name), wide(4, 4), torch=False, numpy=hardsigmoid)] if inexact else []),
        Case(op, f"{name} inplace", lambda t, x: getattr(t.F, name)(x * 1, inplace=True), fixed(wide(3)))
        if "shrink" not in name
        else row("function", wide(5)),
    ]


CASES = [case for name, bends in BENDS.items() for case in one_input(name, bends)]
CASES += [
    Case("hardtanh", "bounds", functional("hardtanh", -0.5, 2.0), between(-2, 3, 3, 4, kinks=(-0.5, 2.0))),
    Case("hardtanh", "bounds by name", functional("hardtanh", max_val=0.5), between(-2, 2, 5, kinks=(-1.0, 0.5))),
    Case("hardshrink", "lambd", functional("hardshrink", 1.0), between(-2, 2, 3, 4, kinks=(-1.0, 1.0))),
    Case("hardshrink", "lambd 0", functional("hardshrink", 0.0), exactly([-1.0, 0.0, 2.0]), smooth=False, second=False),
    Case("hardshrink", "tensor's method", method("hardshrink", 1.0), between(-2, 2, 5, kinks=(-1.0, 1.0))),
    Case("softshrink", "lambd", functional("softshrink", lambd=1.0), between(-2, 2, 3, 4, kinks=(-1.0, 1.0))),
    Case("softshrink", "lambd 0", functional("softshrink", 0.0), nonzero(4)),
    Case("threshold", "(3,4)", functional("threshold", 0.5, 9.0), between(-2, 2, 3, 4, kinks=(0.5,))),
    Case("threshold", "by name", functional("threshold", threshold=-0.5, value=0.0), between(-2, 2, 4, kinks=(-0.5,))),
    Case("threshold", "function", function("threshold", 0.1, 20.0), between(-2, 2, 2, 3, kinks=(0.1,))),
    Case("threshold", "0-d", functional("threshold", 0.5, 9.0), nonzero()),
    Case("threshold", "empty", functional("threshold", 0.5, 9.0), real(0, 3)),
    Case("threshold", "at kinks", functional("threshold", 0.5, 9.0), KINKS, smooth=False, second=False),
]

# --------------------------------------------------------------------------- slopes that are learned or drawn

CASES += [
    Case("prelu", "one weight", functional("prelu"), nonzero(3, 4), real(1)),
    Case("prelu", "a weight for each channel", functional("prelu"), nonzero(3, 4), real(4)),
    Case("prelu", "images", functional("prelu"), nonzero(2, 3, 2, 2), real(3)),
    Case("prelu", "images, one weight", functional("prelu"), nonzero(2, 3, 2, 2), real(1)),
    Case("prelu", "one row", functional("prelu"), nonzero(4), real(1)),
    Case("prelu", "0-d", functional("prelu"), nonzero(), real(1)),
    Case("prelu", "0-d weight", functional("prelu"), nonzero(3, 2), real()),
    Case("prelu", "empty", functional("prelu"), real(0, 3), real(3)),
    Case("prelu", "function", function("prelu"), nonzero(3, 2), real(2)),
    Case("prelu", "method", method("prelu"), nonzero(3, 2), real(2)),
    Case("prelu", "constant weight", functional("prelu"), nonzero(3, 2), fixed(real(2))),
    Case("prelu", "at kinks", functional("prelu"), KINKS, exactly([0.25]), smooth=False, second=False),
    Case("leaky_relu", "rrelu", functional("rrelu"), nonzero(3, 4)),
    Case("leaky_relu", "rrelu, bounds", functional("rrelu", 0.1, 0.7), nonzero(3, 4)),
    Case("leaky_relu", "rrelu, function", function("rrelu", training=False), nonzero(2, 3)),
    Case("mul", "rrelu, training with one slope", functional("rrelu", 0.25, 0.25, training=True), nonzero(3, 4)),
]


def seeded_rrelu(t, x):
    """The same slopes in every evaluation."""
    t.manual_seed(0)
    return t.F.rrelu(x, training=True)


CASES += [
    Case("mul", "rrelu, training", seeded_rrelu, nonzero(3, 4), torch=False),
    Case("mul", "rrelu, training, empty", functional("rrelu", training=True), real(0, 2)),
]
CASES += [Case("hardtanh", "relu6 twice", lambda t, x: t.F.relu6(t.F.relu6(x) * 2), between(0.5, 2.5, 4))]
