"""Softmax, losses, one-hot and dropout."""

from tests.cases.case import (
    Case,
    booleans,
    exactly,
    fixed,
    function,
    functional,
    integers,
    method,
    positive,
    probabilities,
    real,
)

INF = float("inf")
REDUCTIONS = ("mean", "sum", "none")

# --------------------------------------------------------------------------- softmax


def softmax(name):
    return [
        Case(name, "F dim=1", functional(name, 1), real(3, 4)),
        Case(name, "F dim=0", functional(name, dim=0), real(3, 4)),
        Case(name, "function dim=-1", function(name, -1), real(2, 3, 2)),
        Case(name, "method dim=1", method(name, 1), real(2, 3, 2)),
        Case(name, "size-1 axis", functional(name, 1), real(3, 1)),
        Case(name, "one row", functional(name, -1), real(5)),
        Case(name, "0-d dim=0", functional(name, 0), real()),
        Case(name, "0-d dim=-1", functional(name, -1), real()),
        Case(name, "empty batch", functional(name, 1), real(0, 3)),
        Case(name, "size-0 axis", functional(name, 1), real(3, 0)),
        Case(name, "large", functional(name, -1), exactly([1e4, 0.0, -1e4])),
        Case(
            name,
            "-inf among numbers",
            functional(name, -1),
            exactly([-INF, 0.0, 1.0]),
            smooth=False,
            second=False,
        ),
        Case(name, "inf", functional(name, -1), exactly([INF, 1.0]), smooth=False, second=False),
        Case(
            name,
            "then used twice",
            lambda t, x: getattr(t.F, name)(x, 1) * getattr(t.F, name)(x, 0),
            real(2, 3),
        ),
    ]


CASES = softmax("softmax") + softmax("log_softmax")

# --------------------------------------------------------------------------- cross entropy, class targets


def ce(label, logits, *others, covers=(), **static):
    return Case("cross_entropy", label, functional("cross_entropy", **static), logits, *others, covers=covers)


def weighted(label, logits, target, weight, **static):
    return Case(
        "cross_entropy",
        label,
        lambda t, x, y, w: t.F.cross_entropy(x, y, w, **static),
        logits,
        target,
        fixed(weight),
    )


CASES += [
    ce(f"classes {how}", real(4, 3), integers(3, 4), reduction=how, covers=("cross_entropy_grad",))
    for how in REDUCTIONS
]
CASES += [weighted(f"weight {how}", real(4, 3), integers(3, 4), positive(3), reduction=how) for how in REDUCTIONS]
CASES += [
    ce(f"ignore_index {how}", real(4, 3), exactly([0, 2, 1, 2]), ignore_index=2, reduction=how) for how in REDUCTIONS
]
CASES += [
    ce(
        f"smoothing {how}",
        real(4, 3),
        integers(3, 4),
        label_smoothing=0.1,
        reduction=how,
        covers=("cross_entropy_mixed",),
    )
    for how in REDUCTIONS
]
CASES += [
    weighted(
        f"weight, smoothing, ignore_index {how}",
        real(4, 3),
        exactly([0, 2, 1, 2]),
        positive(3),
        ignore_index=1,
        label_smoothing=0.2,
        reduction=how,
    )
    for how in REDUCTIONS
]
CASES += [ce(f"images {how}", real(2, 3, 2, 2), integers(3, 2, 2, 2), reduction=how) for how in REDUCTIONS]
CASES += [
    ce("default", real(4, 3), integers(3, 4)),
    ce("ignore_index=-100 is the default", real(3, 3), exactly([0, -100, 2])),
    ce("one ignored of two", real(2, 3), exactly([-1, 1]), ignore_index=-1),
    ce("sum, all ignored", real(2, 3), exactly([-100, -100]), reduction="sum"),
    ce("none, all ignored", real(2, 3), exactly([-100, -100]), reduction="none"),
    ce("smoothing 1", real(4, 3), integers(3, 4), label_smoothing=1.0),
    ce("sequence", real(2, 3, 4), integers(3, 2, 4)),
    ce("unbatched", real(3), integers(3)),
    ce("one class", real(4, 1), integers(1, 4)),
    ce("empty batch, sum", real(0, 3), integers(3, 0), reduction="sum"),
    ce("empty batch, none", real(0, 3), integers(3, 0), reduction="none"),
    ce("large logits", exactly([[1e4, 0.0, -1e4], [-1e4, 0.0, 1e4]]), exactly([2, 2])),
    weighted("images, weight, ignore", real(2, 3, 2, 2), integers(3, 2, 2, 2), positive(3), ignore_index=0),
    weighted("images, weight, smoothing", real(2, 3, 2, 2), integers(3, 2, 2, 2), positive(3), label_smoothing=0.1),
    weighted("weight 0 for a class", real(4, 3), exactly([0, 1, 2, 1]), exactly([1.0, 0.0, 0.5])),
]

# --------------------------------------------------------------------------- cross entropy, soft targets

CASES += [ce(f"probabilities {how}", real(4, 3), probabilities(4, 3), reduction=how) for how in REDUCTIONS]
CASES += [
    ce(
        "probabilities, smoothing", real(4, 3), probabilities(4, 3), label_smoothing=0.1, covers=("cross_entropy_soft",)
    ),
    weighted("probabilities, weight", real(4, 3), probabilities(4, 3), positive(3)),
    weighted("probabilities, weight, sum", real(4, 3), probabilities(4, 3), positive(3), reduction="sum"),
    weighted("probabilities, weight, smoothing", real(4, 3), probabilities(4, 3), positive(3), label_smoothing=0.3),
    ce("probabilities, images", real(2, 3, 2, 2), probabilities(2, 3, 2, 2)),
    ce("probabilities, images, none", real(2, 3, 2, 2), probabilities(2, 3, 2, 2), reduction="none"),
    ce("probabilities, unbatched", real(3), probabilities(3, dim=0)),
    ce("probabilities, constant", real(4, 3), fixed(probabilities(4, 3))),
    ce("probabilities, one-hot", real(2, 3), exactly([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])),
]

# --------------------------------------------------------------------------- negative log-likelihood


def nll(label, *inputs, **static):
    return Case("nll_loss", label, functional("nll_loss", **static), *inputs, linear=True)


CASES += [nll(how, real(4, 3), integers(3, 4), reduction=how) for how in REDUCTIONS]
CASES += [nll(f"weight {how}", real(4, 3), integers(3, 4), fixed(positive(3)), reduction=how) for how in REDUCTIONS]
CASES += [
    nll("ignore_index", real(4, 3), exactly([0, 2, 1, 2]), ignore_index=2),
    nll("weight, ignore_index", real(4, 3), exactly([0, 2, 1, 2]), fixed(positive(3)), ignore_index=0),
    nll("images", real(2, 3, 2, 2), integers(3, 2, 2, 2)),
    nll("images, none", real(2, 3, 2, 2), integers(3, 2, 2, 2), reduction="none"),
    nll("sequence, weight", real(2, 3, 4), integers(3, 2, 4), fixed(positive(3))),
    nll("unbatched", real(3), integers(3)),
    nll("empty batch, sum", real(0, 3), integers(3, 0), reduction="sum"),
    Case(
        "nll_loss",
        "of log_softmax",
        lambda t, x, y: t.F.nll_loss(t.F.log_softmax(x, 1), y),
        real(4, 3),
        integers(3, 4),
    ),
]

# --------------------------------------------------------------------------- losses of two equal shapes


def pairwise(name, prediction, target, covers=()):
    rows = [
        Case(name, how, functional(name, reduction=how), prediction(3, 4), target(3, 4), covers=covers)
        for how in REDUCTIONS
    ]
    return [
        *rows,
        Case(name, "default", functional(name), prediction(2, 3), target(2, 3)),
        Case(name, "constant target", functional(name), prediction(2, 3), fixed(target(2, 3))),
        Case(name, "0-d", functional(name), prediction(), target()),
        Case(name, "empty, sum", functional(name, reduction="sum"), prediction(0, 3), target(0, 3)),
        Case(name, "empty, none", functional(name, reduction="none"), prediction(0, 3), target(0, 3)),
        Case(name, "of a tensor with itself", lambda t, x: getattr(t.F, name)(x, x * 2), positive(3)),
    ]


CASES += pairwise("mse_loss", real, real, ("squared_error",)) + pairwise("l1_loss", real, real)
CASES += [
    Case(
        "l1_loss",
        "equal values",
        functional("l1_loss"),
        exactly([1.0, 2.0]),
        exactly([1.0, 3.0]),
        smooth=False,
    )
]

BCE = "binary_cross_entropy_with_logits"
CASES += pairwise(BCE, real, positive, ("logistic_loss",))
CASES += [
    Case(BCE, f"weight, {how}", functional(BCE, reduction=how), real(3, 4), positive(3, 4), fixed(positive(4)))
    for how in REDUCTIONS
]
CASES += [
    Case(
        BCE,
        f"pos_weight, {how}",
        lambda t, x, y, p, how=how: t.F.binary_cross_entropy_with_logits(x, y, pos_weight=p, reduction=how),
        real(3, 4),
        positive(3, 4),
        fixed(positive(4)),
    )
    for how in REDUCTIONS
]
CASES += [
    Case(
        BCE,
        "weight and pos_weight",
        lambda t, x, y, w, p: t.F.binary_cross_entropy_with_logits(x, y, w, pos_weight=p),
        real(3, 4),
        positive(3, 4),
        fixed(positive(3, 1)),
        fixed(positive(4)),
    ),
    Case(BCE, "large", functional(BCE), exactly([1e4, -1e4, 1e4]), exactly([0.0, 1.0, 1.0])),
    Case(BCE, "at zero", functional(BCE), exactly([0.0, 0.0]), exactly([0.0, 1.0])),
]

# --------------------------------------------------------------------------- one-hot and dropout

CASES += [
    Case("one_hot", "classes from the data", functional("one_hot"), exactly([0, 3, 1])),
    Case("one_hot", "num_classes", functional("one_hot", 5), exactly([0, 3, 1])),
    Case("one_hot", "2-d", functional("one_hot", num_classes=4), integers(4, 2, 3)),
    Case("one_hot", "0-d", functional("one_hot", 3), integers(3)),
    Case("one_hot", "empty", functional("one_hot", 3), integers(3, 0)),
]


def seeded_dropout(p):
    """The same mask in every evaluation."""

    def dropout(t, x):
        t.manual_seed(0)
        return t.F.dropout(x, p)

    return dropout


CASES += [
    Case("dropout", "p=0.5", seeded_dropout(0.5), real(3, 4), linear=True, torch=False),
    Case("dropout", "p=0.2", seeded_dropout(0.2), real(2, 1, 5), linear=True, torch=False),
    Case("dropout", "p=0", functional("dropout", 0.0), real(3, 4), linear=True),
    Case("dropout", "p=1", functional("dropout", 1.0), real(3, 4), linear=True),
    Case("dropout", "eval", functional("dropout", 0.5, training=False), real(3, 4), linear=True),
    Case("dropout", "empty", functional("dropout", 0.5), real(0, 3), linear=True),
]


def seeded(name, *args, **static):
    """The same mask in every evaluation."""

    def dropout(t, x):
        t.manual_seed(0)
        return getattr(t.F, name)(x, *args, **static)

    return dropout


DROPOUTS = {
    "dropout1d": [(2, 3, 4), (3, 4)],
    "dropout2d": [(2, 3, 2, 2), (2, 3, 4)],
    "dropout3d": [(2, 3, 2, 1, 2), (3, 2, 1, 2)],
    "alpha_dropout": [(3, 4), (4,), ()],
    "feature_alpha_dropout": [(3, 4), (2, 3, 2, 2)],
}
CASES += [
    case
    for name, shapes in DROPOUTS.items()
    for shape in shapes
    for case in (
        Case("dropout", f"{name} {shape}", seeded(name, 0.4, training=True), real(*shape), linear=True, torch=False),
        Case("dropout", f"{name} {shape} eval", functional(name, 0.5, False), real(*shape), linear=True),
        Case("dropout", f"{name} {shape} p=0", functional(name, 0.0, True), real(*shape), linear=True),
        Case("dropout", f"{name} {shape} p=1", functional(name, 1.0, True), real(*shape), linear=True),
    )
]
CASES += [
    Case(
        "where",
        "dropout by hand",
        lambda t, x, m: t.where(m, x * 2, 0.0),
        real(3, 4),
        booleans(3, 4),
        linear=True,
    )
]
