"""Losses of distributions, and regression that outliers do not dominate."""

from tests.cases.case import Case, between, exactly, fixed, functional, integers, positive, real

REDUCTIONS = ("mean", "sum", "none")
INF, NAN = float("inf"), float("nan")


def portion(*shape):
    return between(0.1, 0.9, *shape)


def rows(name, op, prediction, target, **static):
    """A loss of two equal shapes."""

    def row(label, *inputs, **more):
        return Case(op, f"{name} {label}", functional(name, **static, **more), *inputs)

    return [
        *(row(how, prediction(3, 4), target(3, 4), reduction=how) for how in REDUCTIONS),
        row("default", prediction(2, 3), target(2, 3)),
        row("images", prediction(2, 3, 2, 2), target(2, 3, 2, 2)),
        row("constant target", prediction(2, 3), fixed(target(2, 3))),
        row("0-d", prediction(), target()),
        row("empty, sum", prediction(0, 3), target(0, 3), reduction="sum"),
        row("empty, none", prediction(0, 3), target(0, 3), reduction="none"),
    ]


# --------------------------------------------------------------------------- binary cross-entropy

BCE = "binary_cross_entropy"
CASES = rows(BCE, BCE, portion, portion)
CASES += [
    Case(BCE, f"weight, {how}", functional(BCE, reduction=how), portion(3, 4), portion(3, 4), fixed(positive(4)))
    for how in REDUCTIONS
]
CASES += [
    Case(BCE, "targets 0 and 1", functional(BCE), portion(4), exactly([0.0, 1.0, 1.0, 0.0])),
    Case(
        BCE,
        "probabilities 0 and 1",
        functional(BCE, reduction="none"),
        exactly([0.0, 1.0, 0.0, 1.0]),
        exactly([0.0, 0.0, 1.0, 1.0]),
        smooth=False,
        second=False,
        float32=None,
    ),
]

# --------------------------------------------------------------------------- Kullback-Leibler

CASES += rows("kl_div", "xlogy", real, portion)
CASES += [
    Case("xlogy", "kl_div batchmean", functional("kl_div", reduction="batchmean"), real(3, 4), portion(3, 4)),
    Case("xlogy", "kl_div target 0", functional("kl_div"), real(3), fixed(exactly([0.0, 0.5, 1.0]))),
    Case("exp", "kl_div log_target", functional("kl_div", log_target=True), real(3, 4), real(3, 4)),
    Case(
        "exp",
        "kl_div log_target, batchmean",
        functional("kl_div", log_target=True, reduction="batchmean"),
        real(3, 4),
        real(3, 4),
    ),
]

# --------------------------------------------------------------------------- Poisson and Gauss

POISSON = "poisson_nll_loss"
CASES += rows(POISSON, "exp", real, positive)
CASES += [
    Case("log", f"{POISSON} of rates", functional(POISSON, log_input=False), positive(3, 4), positive(3, 4)),
    Case("log", f"{POISSON} of rates, eps", functional(POISSON, False, eps=0.1), positive(3, 4), positive(3, 4)),
    Case("exp", f"{POISSON} full", functional(POISSON, full=True), real(3, 4), between(0, 5, 3, 4, kinks=(1.0,))),
    Case("exp", f"{POISSON} full, counts", functional(POISSON, full=True), real(6), integers(6, 6)),
    Case(
        # PyTorch's gradient of a target 0 is NaN, from the logarithm that is not taken
        "exp",
        f"{POISSON} full, target 0",
        functional(POISSON, full=True),
        real(2),
        fixed(exactly([0.0, 1.0])),
    ),
]

GAUSS = "gaussian_nll_loss"


def gauss(label, x, t, var, **static):
    return Case("at_least", f"{GAUSS} {label}", functional(GAUSS, **static), x, t, var)


CASES += [gauss(how, real(3, 4), real(3, 4), positive(3, 4), reduction=how) for how in REDUCTIONS]
CASES += [
    gauss("full", real(3, 4), real(3, 4), positive(3, 4), full=True),
    gauss("one variance a row", real(3, 4), real(3, 4), positive(3, 1)),
    gauss("one variance a row, without dimension", real(3, 4), real(3, 4), positive(3)),
    gauss("empty", real(0, 4), real(0, 4), positive(0, 4), reduction="sum"),
    Case("at_least", f"{GAUSS} number", functional(GAUSS, 2.0), real(3, 4), real(3, 4)),
    Case(
        "at_least",
        f"{GAUSS} variance below eps",
        functional(GAUSS, eps=0.5),
        real(3),
        real(3),
        exactly([0.1, 0.5, 2.0]),
        smooth=False,
    ),
]

# --------------------------------------------------------------------------- robust regression


def small(*shape):
    """Close to 0: the targets 2 to 4 are beyond the kink, and the targets 0 to 0.4 inside it."""
    return between(-0.5, 0.5, *shape)


BENT = exactly([[0.3, -0.4, 1.7, -2.6]]), exactly([[0.1, 0.3, 0.0, 0.2]])
for name in ("huber_loss", "smooth_l1_loss"):
    size = "delta" if name == "huber_loss" else "beta"
    CASES += rows(name, "huber", small, lambda *shape: between(2, 4, *shape))
    CASES += [
        Case("huber", f"{name} on both sides", functional(name), *BENT),
        *(Case("huber", f"{name} on both sides, {how}", functional(name, reduction=how), *BENT) for how in REDUCTIONS),
        Case("huber", f"{name} {size}=0.5", functional(name, **{size: 0.5}), *BENT),
        Case("huber", f"{name} {size}=2", functional(name, **{size: 2.0}), *BENT),
        Case("huber", f"{name} inside", functional(name), small(3, 4), between(0, 0.4, 3, 4)),
        Case(
            "huber",
            f"{name} at the kink",
            functional(name, reduction="none"),
            exactly([1.0, -1.0, 0.0, INF, NAN]),
            exactly([0.0, 0.0, 0.0, 0.0, 0.0]),
            smooth=False,
            second=False,
        ),
    ]
CASES += [
    Case("abs", "smooth_l1_loss beta=0", functional("smooth_l1_loss", beta=0.0), *BENT),
    Case(
        "huber",
        "huber_loss weight",
        lambda t, x, y, w: t.F.huber_loss(x, y, weight=w),
        small(3, 4),
        between(2, 4, 3, 4),
        fixed(positive(3, 4)),
    ),
]
