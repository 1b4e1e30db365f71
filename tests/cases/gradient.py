"""Rows that are gradients themselves: their second derivatives are the third derivatives of the operator.

They matter where a derivative is an operator of its own (the sets closed under differentiation), which its
forward rows differentiate only once.
"""

from tests.cases.case import (
    Case,
    distinct,
    exactly,
    fixed,
    function,
    functional,
    gradient,
    integers,
    nonzero,
    positive,
    real,
)

COVERS = {
    "conv2d": ("conv", "conv_input_grad", "conv_weight_grad"),
    "max_pool2d": ("pool_gather", "pool_scatter"),
    "avg_pool2d": ("avg_pool_input_grad",),
    "gelu": ("normal_cdf",),
}


def row(op, call, *inputs, label="gradient", **flags):
    """The last input is the incoming gradient: its shape is the output's."""
    return Case(op, label, gradient(call), *inputs, covers=COVERS.get(op, ()), **flags)


# --------------------------------------------------------------------------- linear in x: only g is left

X = real(1, 2, 5, 4)
CASES = [
    row("sum", function("sum", 1), real(2, 3), real(2), linear=True),
    row("cumsum", function("cumsum", 1), real(2, 3), real(2, 3), linear=True),
    row("permute", function("permute", (2, 0, 1)), real(2, 3, 2), real(2, 2, 3), linear=True),
    row("pad", functional("pad", (1, -1)), real(2, 3), real(2, 3), linear=True),
    row("cat", lambda t, x: t.cat([x, x * 2]), real(2, 3), real(4, 3), linear=True),
    row("getitem", lambda t, x: x[[0, 0, 2]], real(3, 2), real(3, 2), linear=True),
    row("gather", lambda t, x, i: t.gather(x, 1, i), real(2, 3), integers(3, 2, 4), real(2, 4), linear=True),
    row("avg_pool2d", functional("avg_pool2d", 2, padding=1), X, real(1, 2, 3, 3), linear=True),
    row("adaptive_avg_pool2d", functional("adaptive_avg_pool2d", 2), X, real(1, 2, 2, 2), linear=True),
    row(
        "max_pool2d",
        functional("max_pool2d", 2),
        distinct(1, 2, 4, 4),
        real(1, 2, 2, 2),
    ),
    row("max_pool2d", functional("max_pool2d", 3, 1, 1), distinct(1, 1, 3, 4), real(1, 1, 3, 4), label="overlap"),
]

# --------------------------------------------------------------------------- bilinear

CASES += [
    row("matmul", lambda t, x, y: x @ y, real(2, 3), real(3, 2), real(2, 2), linear=True),
    row("matmul", lambda t, x, y: x @ y, real(2, 2, 3), real(3), real(2, 2), linear=True, label="batch, vector"),
    row("linear", functional("linear"), real(2, 3), real(4, 3), real(4), real(2, 4), linear=True),
    row("einsum", lambda t, x, y: t.einsum("ij,jk->ki", x, y), real(2, 3), real(3, 2), real(2, 2), linear=True),
    row("conv2d", functional("conv2d", padding=1), X, real(3, 2, 3, 3), real(1, 3, 5, 4), linear=True),
    row(
        "conv2d",
        functional("conv2d", stride=2, dilation=(1, 2), groups=2),
        X,
        real(2, 1, 2, 2),
        real(1, 2, 2, 1),
        label="stride, dilation, groups",
        linear=True,
    ),
    row(
        "conv2d",
        lambda t, w, x: t.F.conv2d(x, w, stride=2, padding=1),
        real(3, 2, 3, 3),
        X,
        real(1, 3, 3, 2),
        label="with respect to the weight",
        linear=True,
    ),
    row("conv1d", functional("conv1d", padding=1), real(1, 2, 5), real(2, 2, 3), real(1, 2, 5), linear=True),
]

# --------------------------------------------------------------------------- curved

CASES += [
    *(row(op, function(op), real(2, 3), real(2, 3)) for op in ("exp", "tanh", "sigmoid", "sin", "square", "expm1")),
    *(row(op, function(op), positive(2, 3), real(2, 3)) for op in ("log", "sqrt", "rsqrt", "reciprocal", "log1p")),
    *(row(op, functional(op), nonzero(2, 3), real(2, 3)) for op in ("relu", "elu", "gelu", "silu", "softplus")),
    row("pow", lambda t, x: x**3, real(4), real(4)),
    row("pow", lambda t, x, y: x**y, positive(4), real(4), real(4), label="gradient, tensor exponent"),
    row("div", lambda t, x, y: x / y, real(4), nonzero(4), real(4)),
    row("div", lambda t, y, x: x / y, nonzero(4), real(4), real(4), label="with respect to the divisor"),
    row("prod", function("prod"), exactly([2.0, 0.0, 3.0, 0.5]), real()),
    row("var", function("var", 1), real(2, 4), real(2)),
    row("std", function("std", 1), real(2, 4), real(2)),
    row("norm", function("norm", 2, 1), real(2, 3), real(2)),
    row("norm", function("norm", 3, 1), nonzero(2, 3), real(2), label="gradient, p=3"),
    row("logsumexp", function("logsumexp", 1), real(2, 3), real(2)),
    row("softmax", function("softmax", 1), real(2, 3), real(2, 3)),
    row("log_softmax", function("log_softmax", 1), real(2, 3), real(2, 3)),
    row("cross_entropy", functional("cross_entropy"), real(4, 3), integers(3, 4), real()),
    row("cross_entropy", functional("cross_entropy"), real(2, 3), fixed(positive(2, 3)), real(), label="soft"),
    row(
        "binary_cross_entropy_with_logits", functional("binary_cross_entropy_with_logits"), real(3), positive(3), real()
    ),
    row("mse_loss", functional("mse_loss"), real(3), real(3), real()),
    # PyTorch's third derivative of these two is wrong: finite differences and the formula by hand agree on another
    row("layer_norm", functional("layer_norm", (4,)), real(2, 4), real(2, 4), second=False),
    row(
        "batch_norm",
        lambda t, x, w, b: t.F.batch_norm(x, None, None, w, b, True),
        real(4, 2),
        real(2),
        real(2),
        real(4, 2),
        second=False,
    ),
]
