"""Activation functions of nn.functional."""

from tests.cases.case import Case, between, exactly, function, functional, method, nonzero, real

INF, NAN = float("inf"), float("nan")

# --------------------------------------------------------------------------- shapes, for each of them

DOMAINS = {
    "relu": nonzero,
    "leaky_relu": nonzero,
    "elu": nonzero,
    "gelu": real,
    "silu": real,
    "softplus": real,
    "sigmoid": real,
    "tanh": real,
}
COVERS = {"relu": ("masked",), "gelu": ("normal_cdf",)}


def shapes(name, domain):
    return [
        Case(name, "F (3,4)", functional(name), domain(3, 4), covers=COVERS.get(name, ())),
        Case(name, "F (2,1,3)", functional(name), domain(2, 1, 3)),
        Case(name, "F 0-d", functional(name), domain()),
        Case(name, "F empty", functional(name), domain(0, 3)),
        Case(name, "F twice", lambda t, x: getattr(t.F, name)(getattr(t.F, name)(x)), domain(5)),
    ]


CASES = [case for name, domain in DOMAINS.items() for case in shapes(name, domain)]

# --------------------------------------------------------------------------- parameters

CASES += [
    Case("relu", "function", function("relu"), nonzero(3, 4)),
    Case("relu", "method", method("relu"), nonzero(3, 4)),
    Case("leaky_relu", "slope 0.2", functional("leaky_relu", 0.2), nonzero(3, 4)),
    Case("leaky_relu", "slope by name", functional("leaky_relu", negative_slope=0.5), nonzero(3, 4)),
    Case("leaky_relu", "slope 0", functional("leaky_relu", 0.0), nonzero(3, 4)),
    Case("leaky_relu", "slope above 1", functional("leaky_relu", 2.0), nonzero(3, 4)),
    Case("elu", "alpha 0.5", functional("elu", 0.5), nonzero(3, 4)),
    Case("elu", "alpha by name", functional("elu", alpha=2.0), nonzero(3, 4)),
    Case("gelu", "tanh", functional("gelu", approximate="tanh"), real(3, 4)),
    Case("gelu", "none", functional("gelu", approximate="none"), real(3, 4)),
    Case("gelu", "far", functional("gelu"), exactly([-30.0, -6.0, 0.0, 6.0, 30.0])),
    Case("gelu", "far, tanh", functional("gelu", approximate="tanh"), exactly([-30.0, -6.0, 0.0, 6.0, 30.0])),
    Case("silu", "far", functional("silu"), exactly([-40.0, -6.0, 0.0, 6.0, 40.0])),
    Case("softplus", "beta 2", functional("softplus", 2.0), real(3, 4)),
    Case(
        "softplus",
        "beta, threshold",
        functional("softplus", beta=2.0, threshold=1.0),
        between(-2, 2, 9, kinks=(0.5,)),
    ),
    Case("softplus", "above the threshold", functional("softplus"), exactly([-1000.0, 0.0, 19.0, 21.0, 1000.0])),
]

# --------------------------------------------------------------------------- kinks and infinities

KINKS = exactly([0.0, -0.0, NAN, INF, -INF, 1.0, -1.0])
CASES += [
    Case(name, "at kinks", functional(name), KINKS, smooth=False, second=name in ("relu", "leaky_relu"))
    for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
]
