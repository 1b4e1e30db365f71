"""Activation functions of nn.functional."""

from tests.cases.case import Case, between, exactly, function, functional, method, nonzero, real

INF, NAN = float("inf"), float("nan")
KINKS = exactly([0.0, -0.0, NAN, INF, -INF, 1.0, -1.0])

# --------------------------------------------------------------------------- shapes, for each of them

DOMAINS = {
    "relu": nonzero,
    "leaky_relu": nonzero,
    "elu": nonzero,
    "selu": nonzero,
    "celu": nonzero,
    "gelu": real,
    "silu": real,
    "mish": real,
    "softplus": real,
    "logsigmoid": real,
    "sigmoid": real,
    "tanh": real,
}
COVERS = {"relu": ("relu_grad",), "gelu": ("normal_cdf",)}


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
    Case("gelu_tanh", "(3,4)", functional("gelu", approximate="tanh"), real(3, 4)),
    Case("gelu_tanh", "0-d", functional("gelu", approximate="tanh"), real()),
    Case("gelu_tanh", "empty", functional("gelu", approximate="tanh"), real(0, 2)),
    Case("gelu_tanh", "at kinks", functional("gelu", approximate="tanh"), KINKS, smooth=False, second=False),
    Case("gelu", "none", functional("gelu", approximate="none"), real(3, 4)),
    Case("gelu", "far", functional("gelu"), exactly([-30.0, -6.0, 0.0, 6.0, 30.0])),
    Case("gelu_tanh", "far", functional("gelu", approximate="tanh"), exactly([-30.0, -6.0, 0.0, 6.0, 30.0])),
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

CASES += [
    Case(name, "at kinks", functional(name), KINKS, smooth=False, second=name in ("relu", "leaky_relu"))
    for name in ("relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "logsigmoid")
]

# --------------------------------------------------------------------------- far out, where exponentials overflow

FAR = exactly([-1000.0, -750.0, -40.0, 40.0, 750.0, 1000.0])
# PyTorch's second derivatives of mish are NaN there
CASES += [
    Case(name, "where exp overflows", functional(name), FAR, second=name != "mish")
    for name in ("elu", "selu", "celu", "mish", "logsigmoid", "softplus", "silu")
]
CASES += [
    Case("celu", "alpha 0.5", functional("celu", 0.5), nonzero(3, 4)),
    Case("celu", "alpha by name", functional("celu", alpha=2.0), nonzero(3, 4)),
    Case("celu", "function", function("celu", 1.5), nonzero(3)),
    Case("selu", "function", function("selu"), nonzero(3)),
]

# --------------------------------------------------------------------------- compositions

CASES += [
    case
    for name, op in {"softsign": "div", "tanhshrink": "tanh"}.items()
    for case in (
        Case(op, f"{name} (3,4)", functional(name), nonzero(3, 4)),
        Case(op, f"{name} 0-d", functional(name), nonzero()),
        Case(op, f"{name} empty", functional(name), real(0, 3)),
        Case(op, f"{name} far", functional(name), exactly([-1e4, -20.0, 20.0, 1e4])),
        Case(op, f"{name} at infinities", functional(name), exactly([INF, -INF, NAN]), smooth=False, second=False),
    )
]
CASES += [
    Case("sigmoid", "glu (3,4)", functional("glu"), real(3, 4)),
    Case("sigmoid", "glu dim=0", functional("glu", 0), real(4, 3)),
    Case("sigmoid", "glu dim=1", functional("glu", dim=1), real(2, 6, 2)),
    Case("sigmoid", "glu of nothing", functional("glu", 1), real(3, 0)),
    Case("sigmoid", "glu of an empty batch", functional("glu"), real(0, 4)),
    Case("softmax", "softmin dim=1", functional("softmin", 1), real(3, 4)),
    Case("softmax", "softmin dim=0", functional("softmin", dim=0), real(3, 4)),
    Case("softmax", "softmin large", functional("softmin", -1), exactly([1e4, 0.0, -1e4])),
]
