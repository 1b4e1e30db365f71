"""Modules with parametrized weights, as functions of their inputs and of what is trained."""

from tests.cases.case import Case, fixed, nonzero, real

DIRECTIONS = "parametrizations.weight.original1"
LENGTHS = "parametrizations.weight.original0"
ORIGINAL = "parametrizations.weight.original"
VECTORS = ("parametrizations.weight.0._u", "parametrizations.weight.0._v")


def called(make, names, train=False):
    """The module that `make` makes of `t.nn` and the parametrizations, called with other values for `names`."""

    def function(t, x, *values):
        module = make(t.nn, t.nn.utils.parametrizations).train(train)
        # the power method writes into its vectors
        state = {name: value.clone() if name in VECTORS else value for name, value in zip(names, values, strict=True)}
        return t.func.functional_call(module, state, (x,))

    return function


def weight_norm(label, make, x, lengths, directions):
    function = called(make, (LENGTHS, DIRECTIONS, "bias"))
    inputs = real(*x), real(*lengths), nonzero(*directions), real(3)
    # the second derivative of PyTorch's fused kernel fails its own gradgradcheck: it holds the norms constant
    return Case("weight_norm", label, function, *inputs, second=lengths == (), float32=5e-6)


def spectral_norm(label, make, x, weight, rows, train=False):
    size = 1
    for n in weight:
        size *= n
    function = called(make, (ORIGINAL, *VECTORS, "bias"), train)
    inputs = real(*x), real(*weight), fixed(nonzero(rows)), fixed(nonzero(size // rows)), real(3)
    # while training the vectors change with the weight, but are constants for gradients
    return Case("spectral_norm", label, function, *inputs, smooth=not train, float32=5e-5)


CASES = [
    weight_norm("a linear layer", lambda nn, p: p.weight_norm(nn.Linear(4, 3)), (2, 4), (3, 1), (3, 4)),
    weight_norm("dim=1", lambda nn, p: p.weight_norm(nn.Linear(4, 3), dim=1), (2, 4), (1, 4), (3, 4)),
    weight_norm("dim=None", lambda nn, p: p.weight_norm(nn.Linear(4, 3), dim=None), (2, 4), (), (3, 4)),
    weight_norm(
        "a convolution",
        lambda nn, p: p.weight_norm(nn.Conv2d(2, 3, 2)),
        (1, 2, 3, 3),
        (3, 1, 1, 1),
        (3, 2, 2, 2),
    ),
    spectral_norm("a linear layer", lambda nn, p: p.spectral_norm(nn.Linear(4, 3)), (2, 4), (3, 4), 3),
    spectral_norm("training", lambda nn, p: p.spectral_norm(nn.Linear(4, 3)), (2, 4), (3, 4), 3, train=True),
    spectral_norm(
        "training, three iterations",
        lambda nn, p: p.spectral_norm(nn.Linear(4, 3), n_power_iterations=3),
        (2, 4),
        (3, 4),
        3,
        train=True,
    ),
    spectral_norm(
        "a convolution", lambda nn, p: p.spectral_norm(nn.Conv2d(2, 3, 2)), (1, 2, 3, 3), (3, 2, 2, 2), 3, train=True
    ),
    spectral_norm(
        "a transposed convolution",
        lambda nn, p: p.spectral_norm(nn.ConvTranspose1d(2, 3, 2)),
        (1, 2, 3),
        (2, 3, 2),
        3,
        train=True,
    ),
    spectral_norm("dim=1", lambda nn, p: p.spectral_norm(nn.Linear(4, 3), dim=1), (2, 4), (3, 4), 4, train=True),
]
