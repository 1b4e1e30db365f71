"""Reading and writing by position, out of place: masks, slices, indices along one dimension."""

import numpy as np

from tests.cases.case import Case, booleans, distinct, exactly, fixed, integers, nonzero, real

INF, NAN = float("inf"), float("nan")


def row(op, label, call, *inputs, **flags):
    return Case(op, label, call, *inputs, linear=True, **flags)


PLACES = exactly([[0, 2, 1], [3, 0, 1]])  # along dim=1 of (3, 4): none twice in a row

# --------------------------------------------------------------------------- reading

CASES = [
    row("take", "matrix", lambda t, x, i: t.take(x, i), real(3, 4), exactly([[0, 5], [11, 5]])),
    row("take", "negative", lambda t, x, i: x.take(i), real(5), exactly([-1, 0])),
    row("take", "empty", lambda t, x, i: t.take(x, i), real(5), integers(3, 0)),
    row("take_along_dim", "dim", lambda t, x, i: t.take_along_dim(x, i, 1), real(3, 4), integers(4, 3, 2)),
    row("take_along_dim", "broadcast", lambda t, x, i: t.take_along_dim(x, i, dim=0), real(3, 4), integers(3, 2, 1)),
    row("take_along_dim", "input broadcast", lambda t, x, i: x.take_along_dim(i, 1), real(1, 4), integers(4, 3, 2)),
    row("take_along_dim", "flattened", lambda t, x, i: t.take_along_dim(x, i), real(3, 4), integers(12, 5)),
    Case("take_along_dim", "argsort", lambda t, x: t.take_along_dim(x, t.argsort(x, 1), 1), distinct(3, 4)),
    row("masked_select", "same shape", lambda t, x, m: t.masked_select(x, m), real(3, 4), booleans(3, 4)),
    row("masked_select", "broadcast", lambda t, x, m: x.masked_select(m), real(3, 1), booleans(2, 1, 4)),
    row("masked_select", "none", lambda t, x: t.masked_select(x, x > 9), real(3)),
    row("masked_select", "0-d", lambda t, x: t.masked_select(x, x == x), real()),
]

# --------------------------------------------------------------------------- writing under a mask

CASES += [
    row("masked_fill", "number", lambda t, x, m: t.masked_fill(x, m, -1.5), real(3, 4), booleans(3, 4)),
    row("masked_fill", "broadcast mask", lambda t, x, m: x.masked_fill(m, 0), real(3, 4), booleans(4)),
    row("masked_fill", "broadcast input", lambda t, x, m: t.masked_fill(x, m, 2), real(4), booleans(3, 4)),
    row("masked_fill", "0-d value", lambda t, x, m, v: t.masked_fill(x, m, v), real(3, 4), booleans(3, 4), real()),
    row("masked_fill", "integers", lambda t, x, m: t.masked_fill(x, m, 7), integers(5, 3), booleans(3)),
    Case(
        "masked_fill",
        "-inf, softmax",
        lambda t, x, m: t.softmax(x.masked_fill(m, -INF), 1),
        real(2, 3),
        exactly([[True, False, False], [False, False, True]]),
    ),
    row("masked_scatter", "matrix", lambda t, x, m, s: t.masked_scatter(x, m, s), real(2, 3), booleans(2, 3), real(7)),
    row(
        "masked_scatter",
        "broadcast mask",
        lambda t, x, m, s: x.masked_scatter(m, s),
        real(2, 3),
        booleans(3),
        real(2, 3),
    ),
]

# --------------------------------------------------------------------------- writing along one dimension


def along(name, dim, **static):
    return lambda t, x, i, s: getattr(t, name)(x, dim, i, s, **static)


CASES += [
    row("scatter", "dim=1", along("scatter", 1), real(3, 4), PLACES, real(2, 3), covers=("index_put",)),
    row("scatter", "dim=0", along("scatter", 0), real(3, 4), exactly([[0, 2, 1, 0], [1, 0, 2, 2]]), real(2, 4)),
    row("scatter", "number", lambda t, x, i: t.scatter(x, 1, i, 1.5), real(3, 4), PLACES),
    row("scatter", "value=", lambda t, x, i: x.scatter(-1, i, value=2), real(3, 4), PLACES),
    row("scatter", "source larger than index", along("scatter", 1), real(3, 4), PLACES, fixed(real(3, 4))),
    row("scatter", "one-hot", lambda t, i: t.zeros(3, 4).scatter(1, i, 1.0), integers(4, 3, 1)),
    row(
        "scatter",
        "reduce=add",
        lambda t, x, i: t.scatter(x, 1, i, 1.5, reduce="add"),
        fixed(real(3, 4)),
        integers(4, 3, 2),
    ),
    row("scatter", "integers", along("scatter", 0), integers(9, 4), exactly([3, 1]), integers(9, 2)),
    row("scatter", "0-d", along("scatter", 0), real(), exactly(0), real()),
    row("scatter", "empty index", along("scatter", 0), real(3), integers(3, 0), real(0)),
    # PyTorch gives every one of several sources of one place the gradient; here the last one stays and alone gets it
    row(
        "scatter",
        "the last of several",
        along("scatter", 0),
        real(3),
        exactly([1, 1, 0]),
        real(3),
        torch=False,
        numpy=lambda x, i, s: np.array([s[2], s[1], x[2]]),
    ),
    row("scatter_add", "0-d", along("scatter_add", 0), real(), exactly(0), real()),
    row("scatter_add", "float32 rows", along("scatter_add", 0), real(2, 3), integers(2, 4, 3), real(4, 3)),
]

REDUCED = exactly([0, 0, 1, 0, 3])
CASES += [
    case
    for name in ("sum", "prod", "mean", "amax", "amin")
    for keep in (True, False)
    for case in (
        Case(
            "scatter_reduce",
            f"{name} include_self={keep}",
            along("scatter_reduce", 0, reduce=name, include_self=keep),
            distinct(4),
            REDUCED,
            distinct(5),
            covers=("scatter_extreme",),
            second=name != "prod",
        ),
        Case(
            "scatter_reduce",
            f"{name} dim=1 include_self={keep}",
            along("scatter_reduce", 1, reduce=name, include_self=keep),
            distinct(3, 4),
            integers(4, 2, 5),
            distinct(2, 5),
            second=name != "prod",
        ),
    )
]
CASES += [
    Case("scatter_reduce", "method", lambda t, x, i, s: x.scatter_reduce(0, i, s, "mean"), real(4), REDUCED, real(5)),
    Case(
        "scatter_reduce",
        "amax, ties",
        along("scatter_reduce", 0, reduce="amax"),
        exactly([5.0, 1.0, 3.0]),
        exactly([0, 0, 1]),
        exactly([5.0, 5.0, 2.0]),
        smooth=False,
    ),
    # PyTorch also counts what was there when it equals the result, though it is left out: part of the gradient is lost
    Case(
        "scatter_reduce",
        "amin, ties without self",
        along("scatter_reduce", 0, reduce="amin", include_self=False),
        exactly([5.0, 1.0, 3.0]),
        exactly([0, 0, 1]),
        exactly([5.0, 5.0, 2.0]),
        smooth=False,
        torch=False,
        numpy=lambda x, i, s: np.array([5.0, 2.0, 3.0]),
    ),
    Case(
        "scatter_reduce",
        "prod, one zero",
        along("scatter_reduce", 0, reduce="prod"),
        exactly([2.0, 3.0]),
        exactly([0, 0, 1]),
        exactly([0.0, 5.0, 4.0]),
        second=False,
    ),
    Case(
        "scatter_reduce",
        "prod, zeros",
        along("scatter_reduce", 0, reduce="prod"),
        exactly([2.0, 0.0, 0.0]),
        exactly([0, 0, 1, 2]),
        exactly([0.0, 0.0, 4.0, 0.0]),
        second=False,
    ),
    Case(
        "scatter_reduce", "integers", along("scatter_reduce", 0, reduce="mean"), integers(9, 4), REDUCED, integers(9, 5)
    ),
    Case("scatter_reduce", "0-d", along("scatter_reduce", 0, reduce="amax"), exactly(1.0), exactly(0), exactly(2.0)),
    Case(
        "scatter",
        "reduce=multiply",
        lambda t, x, i: t.scatter(x, 0, i, 1.5, reduce="multiply"),
        fixed(nonzero(4)),
        integers(4, 2),
    ),
]

# --------------------------------------------------------------------------- whole slices

CASES += [
    row("index_add", "dim=0", along("index_add", 0), real(3, 4), exactly([0, 2, 0]), real(3, 4)),
    row("index_add", "dim=1", along("index_add", 1), real(3, 4), exactly([3, 3]), real(3, 2)),
    row("index_add", "alpha", along("index_add", -1, alpha=-0.5), real(2, 3, 4), exactly([1, 2]), real(2, 3, 2)),
    row("index_add", "method", lambda t, x, i, s: x.index_add(0, i, s), real(3), exactly([2, 2]), real(2)),
    row("index_add", "empty index", along("index_add", 0), real(3, 2), integers(3, 0), real(0, 2)),
    row("index_add", "integers", along("index_add", 0), integers(9, 3), exactly([0, 0]), integers(9, 2)),
    row("index_copy", "dim=0", along("index_copy", 0), real(3, 4), exactly([2, 0]), real(2, 4)),
    row("index_copy", "dim=1", along("index_copy", 1), real(3, 4), exactly([3, 0]), real(3, 2)),
    row("index_copy", "method", lambda t, x, i, s: x.index_copy(-1, i, s), real(2, 3), exactly([1]), real(2, 1)),
    row("index_fill", "number", lambda t, x, i: t.index_fill(x, 1, i, 2.5), real(3, 4), exactly([3, 0])),
    row("index_fill", "duplicates", lambda t, x, i: x.index_fill(0, i, -1), real(3, 4), exactly([1, 1])),
    row("index_fill", "negative", lambda t, x, i: t.index_fill(x, 0, i, 1), real(3), exactly([-1])),
    row("index_fill", "0-d value", lambda t, x, i, v: t.index_fill(x, 0, i, v), real(3, 2), exactly([2, 0]), real()),
    row("slice_scatter", "range", lambda t, x, s: t.slice_scatter(x, s, 0, 1, 3), real(4, 2), real(2, 2)),
    row("slice_scatter", "step", lambda t, x, s: x.slice_scatter(s, dim=1, start=1, step=2), real(2, 5), real(2, 2)),
    row("slice_scatter", "whole", lambda t, x, s: t.slice_scatter(x, s), real(3), real(3)),
    row("slice_scatter", "from the end", lambda t, x, s: t.slice_scatter(x, s, 0, -2), real(4), real(2)),
    row("select_scatter", "dim=0", lambda t, x, s: t.select_scatter(x, s, 0, 1), real(3, 4), real(4)),
    row("select_scatter", "dim=-1", lambda t, x, s: x.select_scatter(s, -1, -1), real(2, 3), real(2)),
]

# --------------------------------------------------------------------------- any index

CASES += [
    row("index_put", "rows", lambda t, x, i, v: t.index_put(x, (i,), v), real(3, 4), exactly([2, 0]), real(2, 4)),
    row(
        "index_put",
        "elements",
        lambda t, x, i, j, v: t.index_put(x, (i, j), v),
        real(3, 4),
        exactly([0, 2]),
        exactly([1, 1]),
        real(2),
    ),
    row("index_put", "broadcast value", lambda t, x, i, v: x.index_put((i,), v), real(3, 4), exactly([2, 0]), real(4)),
    row("index_put", "0-d value", lambda t, x, i, v: x.index_put((i,), v), real(3, 4), exactly([-1]), real()),
    row(
        "index_put", "mask", lambda t, x, m, v: t.index_put(x, (m,), v), real(3), exactly([True, False, True]), real(2)
    ),
    row(
        "index_put",
        "accumulate",
        lambda t, x, i, v: t.index_put(x, (i,), v, True),
        real(3, 2),
        exactly([0, 0, 2]),
        real(3, 2),
    ),
    row(
        "index_put",
        "accumulate, broadcast",
        lambda t, x, i, v: x.index_put((i,), v, accumulate=True),
        real(3, 2),
        exactly([0, 0, 2]),
        real(2),
    ),
]
