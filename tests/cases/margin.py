"""Distances and angles between vectors, and the losses that ask for a margin."""

import numpy as np

from tests.cases.case import (
    Case,
    Input,
    between,
    exactly,
    fixed,
    function,
    functional,
    integers,
    nonzero,
    positive,
    real,
)

REDUCTIONS = ("mean", "sum", "none")
INF, NAN = float("inf"), float("nan")


def signs(*shape: int) -> Input:
    """1 and -1 in random order."""
    return Input(shape, lambda random, shape: 2 * random.randint(0, 2, shape).astype(np.int64) - 1, False)


# --------------------------------------------------------------------------- distances

PAIRS = "pairwise_distance"
CASES = [
    Case("norm", f"{PAIRS} (3,4)", functional(PAIRS), real(3, 4), real(3, 4)),
    Case("norm", f"{PAIRS} of two vectors", functional(PAIRS), real(4), real(4)),
    Case("norm", f"{PAIRS} broadcast", functional(PAIRS), real(3, 4), real(1, 4)),
    Case("norm", f"{PAIRS} keepdim", functional(PAIRS, keepdim=True), real(2, 3, 4), real(2, 3, 4)),
    Case("norm", f"{PAIRS} eps", functional(PAIRS, eps=0.1), real(3, 4), real(3, 4)),
    Case("norm", f"{PAIRS} function", function(PAIRS, 2.0), real(3, 4), real(3, 4)),
    Case("norm", f"{PAIRS} empty batch", functional(PAIRS), real(0, 4), real(0, 4)),
    *(
        Case("norm", f"{PAIRS} p={p}", functional(PAIRS, p), between(-0.5, 0.5, 3, 4), between(1, 2, 3, 4))
        for p in (1.0, 1.5, 3.0, INF)
    ),
    # PyTorch has no second derivative of pdist
    Case("norm", "pdist", functional("pdist"), real(4, 3), second=False),
    Case("norm", "pdist, function", function("pdist"), real(3, 2), second=False),
    Case("norm", "pdist of one row", functional("pdist"), real(1, 3), second=False),
    Case(
        "norm",
        "pdist, equal rows",
        functional("pdist"),
        exactly([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]),
        smooth=False,
        second=False,
    ),
    *(Case("norm", f"pdist p={p}", functional("pdist", p), real(4, 3), second=False) for p in (1.0, 1.5, 3.0, INF)),
]

COSINE = "cosine_similarity"
CASES += [
    Case("norm", f"{COSINE} (3,4)", functional(COSINE), nonzero(3, 4), nonzero(3, 4), covers=("at_least",)),
    Case("norm", f"{COSINE} dim=0", functional(COSINE, dim=0), nonzero(3, 4), nonzero(3, 4)),
    Case("norm", f"{COSINE} dim=-1", functional(COSINE, dim=-1), nonzero(2, 3, 4), nonzero(2, 3, 4)),
    Case("norm", f"{COSINE} broadcast", functional(COSINE), nonzero(3, 4), nonzero(1, 4)),
    Case("norm", f"{COSINE} broadcast, more dimensions", functional(COSINE, dim=-1), nonzero(2, 3, 4), nonzero(4)),
    Case("norm", f"{COSINE} function", function(COSINE, dim=0), nonzero(3), nonzero(3)),
    Case("norm", f"{COSINE} empty batch", functional(COSINE), real(0, 4), real(0, 4)),
    Case("norm", f"{COSINE} below eps", functional(COSINE, dim=0, eps=100.0), nonzero(3), nonzero(3), smooth=False),
    Case(
        "norm",
        f"{COSINE} of zero",
        functional(COSINE, dim=0),
        exactly([0.0, 0.0]),
        exactly([1.0, 2.0]),
        smooth=False,
        second=False,
        float32=None,
    ),
]

EMBEDDING = "cosine_embedding_loss"
CASES += [
    *(
        Case(
            "where",
            f"{EMBEDDING} {how}",
            functional(EMBEDDING, reduction=how),
            nonzero(4, 3),
            nonzero(4, 3),
            exactly([1, -1, -1, 1]),
        )
        for how in REDUCTIONS
    ),
    Case(
        "where",
        f"{EMBEDDING} margin",
        functional(EMBEDDING, margin=-0.5),
        nonzero(4, 3),
        nonzero(4, 3),
        exactly([1, -1, -1, 1]),
    ),
    Case(
        "where",
        f"{EMBEDDING} float target",
        functional(EMBEDDING),
        nonzero(3, 2),
        nonzero(3, 2),
        fixed(exactly([1.0, -1.0, 1.0])),
    ),
    Case("where", f"{EMBEDDING} of two vectors", functional(EMBEDDING), nonzero(3), nonzero(3), exactly(1)),
]

# --------------------------------------------------------------------------- triplets

TRIPLET = "triplet_margin_loss"
THREE = nonzero(4, 3), nonzero(4, 3), nonzero(4, 3)
CASES += [
    *(Case("norm", f"{TRIPLET} {how}", functional(TRIPLET, reduction=how), *THREE) for how in REDUCTIONS),
    Case("norm", f"{TRIPLET} margin", functional(TRIPLET, 0.25), *THREE),
    Case(
        "norm",
        f"{TRIPLET} p=1",
        functional(TRIPLET, p=1, margin=3.0),
        between(-0.2, 0.2, 4, 3),
        between(1, 2, 4, 3),
        between(-2, -1, 4, 3),
    ),
    Case("norm", f"{TRIPLET} eps", functional(TRIPLET, eps=0.1), *THREE),
    Case("norm", f"{TRIPLET} swap", functional(TRIPLET, swap=True), *THREE),
    Case("norm", f"{TRIPLET} vectors", functional(TRIPLET, 5.0), nonzero(3), nonzero(3), nonzero(3)),
    Case("norm", f"{TRIPLET} constant anchor", functional(TRIPLET), fixed(nonzero(4, 3)), nonzero(4, 3), nonzero(4, 3)),
]
TRIPLET = "triplet_margin_with_distance_loss"


def squared(x, y):
    return ((x - y) ** 2).sum(-1)


CASES += [
    *(Case("norm", f"{TRIPLET} {how}", functional(TRIPLET, reduction=how), *THREE) for how in REDUCTIONS),
    Case("norm", f"{TRIPLET} margin, swap", functional(TRIPLET, margin=0.5, swap=True), *THREE),
    Case("sum", f"{TRIPLET} own distance", functional(TRIPLET, distance_function=squared, margin=2.0), *THREE),
]

# --------------------------------------------------------------------------- targets 1 and -1

HINGE, SOFT, RANKING = "hinge_embedding_loss", "soft_margin_loss", "margin_ranking_loss"
CASES += [
    case
    for how in REDUCTIONS
    for case in (
        Case(
            "where", f"{HINGE} {how}", functional(HINGE, reduction=how), between(-2, 2, 3, 4, kinks=(1.0,)), signs(3, 4)
        ),
        Case("softplus", f"{SOFT} {how}", functional(SOFT, reduction=how), real(3, 4), fixed(nonzero(3, 4))),
        Case("clamp", f"{RANKING} {how}", functional(RANKING, reduction=how), positive(5), between(3, 4, 5), signs(5)),
    )
]
CASES += [
    Case("where", f"{HINGE} margin", functional(HINGE, 0.5), between(-2, 2, 6, kinks=(0.5,)), signs(6)),
    Case(
        "where",
        f"{HINGE} at the margin",
        functional(HINGE, reduction="none"),
        exactly([1.0, 2.0, 0.0]),
        exactly([-1, -1, -1]),
        smooth=False,
    ),
    Case("where", f"{HINGE} 0-d", functional(HINGE), between(-2, 0.5), exactly(-1)),
    Case("where", f"{HINGE} empty", functional(HINGE, reduction="sum"), real(0, 2), signs(0, 2)),
    Case("softplus", f"{SOFT} real target", functional(SOFT), real(3, 4), fixed(real(3, 4))),
    Case("softplus", f"{SOFT} 0-d", functional(SOFT), real(), fixed(real())),
    Case("softplus", f"{SOFT} empty", functional(SOFT, reduction="sum"), real(0, 2), fixed(real(0, 2))),
    # PyTorch overflows
    Case(
        "softplus",
        f"{SOFT} large",
        functional(SOFT),
        exactly([1000.0, -1000.0]),
        exactly([-1.0, -1.0]),
        torch=False,
        numpy=lambda x, t: 500.0,
    ),
    Case(
        "clamp",
        f"{RANKING} margin",
        functional(RANKING, margin=0.5),
        positive(3, 2),
        between(-3, -2, 3, 2),
        signs(3, 2),
    ),
    Case("clamp", f"{RANKING} broadcast", functional(RANKING), positive(3, 1), between(3, 4, 1, 2), signs(3, 2)),
    Case(
        "clamp",
        f"{RANKING} at the margin",
        functional(RANKING, reduction="none"),
        exactly([1.0, 2.0]),
        exactly([1.0, 1.0]),
        exactly([1, -1]),
        smooth=False,
    ),
]

# --------------------------------------------------------------------------- classes

MULTI, LABELS, SOFTLABELS = "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss"
LISTED = exactly([[0, 3, -1, 1], [2, -1, 2, 0], [-1, 0, 1, 2]])
CASES += [
    case
    for how in REDUCTIONS
    for case in (
        Case(
            "relu",
            f"{MULTI} {how}",
            functional(MULTI, reduction=how),
            real(4, 3),
            integers(3, 4),
            second=False,
            covers=("masked",),
        ),
        Case(
            "relu",
            f"{MULTI} p=2, {how}",
            functional(MULTI, p=2, reduction=how),
            real(4, 3),
            integers(3, 4),
            second=False,
        ),
        Case(
            "relu",
            f"{MULTI} weight, {how}",
            lambda t, x, y, w, how=how: t.F.multi_margin_loss(x, y, weight=w, reduction=how),
            real(4, 3),
            integers(3, 4),
            fixed(positive(3)),
            second=False,
        ),
        Case("relu", f"{LABELS} {how}", functional(LABELS, reduction=how), real(3, 4), LISTED, second=False),
        Case(
            "logsigmoid",
            f"{SOFTLABELS} {how}",
            functional(SOFTLABELS, reduction=how),
            real(3, 4),
            fixed(positive(3, 4)),
        ),
        Case(
            "logsigmoid",
            f"{SOFTLABELS} weight, {how}",
            functional(SOFTLABELS, reduction=how),
            real(3, 4),
            fixed(positive(3, 4)),
            fixed(positive(4)),
        ),
    )
]
CASES += [
    Case("relu", f"{MULTI} margin", functional(MULTI, margin=0.5), real(4, 3), integers(3, 4), second=False),
    Case("relu", f"{MULTI} one sample", functional(MULTI), real(3), integers(3), second=False),
    Case("relu", f"{MULTI} one sample, none", functional(MULTI, reduction="none"), real(3), integers(3), second=False),
    Case(
        "relu",
        f"{MULTI} at the margin",
        functional(MULTI),
        exactly([[1.0, 0.0, 2.0]]),
        exactly([0]),
        smooth=False,
        second=False,
    ),
    Case("relu", f"{LABELS} one sample", functional(LABELS), real(4), exactly([0, 3, -1, 1]), second=False),
    Case(
        "relu",
        f"{LABELS} one sample, none",
        functional(LABELS, reduction="none"),
        real(4),
        exactly([0, 3, -1, 1]),
        second=False,
    ),
    Case("relu", f"{LABELS} a class twice", functional(LABELS), real(1, 4), exactly([[1, 1, 2, -1]]), second=False),
    Case("relu", f"{LABELS} all classes", functional(LABELS), real(1, 3), exactly([[1, 0, 2]]), second=False),
    Case("logsigmoid", f"{SOFTLABELS} images", functional(SOFTLABELS), real(2, 3, 2), fixed(positive(2, 3, 2))),
    Case("logsigmoid", f"{SOFTLABELS} one sample", functional(SOFTLABELS), real(4), real(4)),
    Case("logsigmoid", f"{SOFTLABELS} large", functional(SOFTLABELS), exactly([[1e4, -1e4]]), exactly([[0.0, 1.0]])),
]
