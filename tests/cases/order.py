"""Sorting, ranks, medians and quantiles; distinct values, counts and searches."""

import numpy as np

from tests.cases.case import Case, distinct, exactly, fixed, function, integers, method, nonzero, real, spelled

INF, NAN = float("inf"), float("nan")
TIES = exactly([2.0, 1.0, 3.0, 1.0, 2.0])
NANS = exactly([[2.0, NAN, 1.0, NAN, 3.0], [5.0, 4.0, 1.0, 2.0, 3.0]])

# --------------------------------------------------------------------------- order

CASES = [
    Case("sort", "last axis", function("sort"), distinct(3, 4), covers=("argsort",)),
    Case("sort", "dim=0", function("sort", 0), distinct(3, 4)),
    Case("sort", "descending", function("sort", -1, True), distinct(3, 4)),
    Case("sort", "middle dim, descending", function("sort", dim=1, descending=True), distinct(2, 3, 2)),
    Case("sort", "method", method("sort", 0, descending=True), distinct(4)),
    Case("sort", "0-d", function("sort"), distinct()),
    Case("sort", "empty", function("sort"), real(2, 0)),
    Case("sort", "ties, stable", function("sort", stable=True), TIES, smooth=False),
    Case("sort", "ties, stable, descending", function("sort", descending=True, stable=True), TIES, smooth=False),
    Case("sort", "nan last", function("sort", stable=True), NANS, smooth=False),
    Case("sort", "nan first, descending", function("sort", descending=True, stable=True), NANS, smooth=False),
    Case("sort", "infinite", function("sort"), exactly([0.0, INF, -INF]), smooth=False),
    Case("sort", "integers", function("sort", dim=0, stable=True), integers(9, 6)),
    Case("sort", "booleans", lambda t, x: t.sort(x > 0, stable=True), real(5)),
    Case("sort", "of squares", lambda t, x: t.sort(x * x).values, distinct(5)),
    Case("argsort", "last axis", function("argsort"), distinct(3, 4)),
    Case("argsort", "dim=0 descending", function("argsort", dim=0, descending=True), distinct(3, 4)),
    Case("argsort", "method", method("argsort", -1), distinct(3, 4)),
    Case("argsort", "ties", function("argsort", stable=True), TIES),
    Case("argsort", "0-d", function("argsort"), distinct()),
    Case("msort", "matrix", function("msort"), distinct(3, 4)),
    Case("msort", "method", method("msort"), distinct(5)),
    Case("topk", "last axis", function("topk", 2), distinct(3, 4)),
    Case("topk", "dim=0", function("topk", 2, 0), distinct(3, 4)),
    Case("topk", "smallest", function("topk", 3, largest=False), distinct(3, 4)),
    Case("topk", "method", method("topk", k=1, dim=1), distinct(2, 3, 2)),
    Case("topk", "all", function("topk", 4), distinct(4)),
    Case("topk", "none", function("topk", 0), distinct(3, 4)),
    Case("topk", "0-d", function("topk", 1), distinct()),
    Case("topk", "nan", function("topk", 2), exactly([1.0, NAN, 3.0, 2.0]), smooth=False),
    Case("topk", "integers", lambda t, x: t.topk(x, 2).values, integers(9, 3, 5)),
    Case("kthvalue", "last axis", function("kthvalue", 2), distinct(3, 4)),
    Case("kthvalue", "dim=0 keepdim", function("kthvalue", 3, 0, True), distinct(3, 4)),
    Case("kthvalue", "method", method("kthvalue", 1, dim=-1), distinct(2, 3, 2)),
    Case("kthvalue", "0-d", function("kthvalue", 1), distinct()),
    Case("kthvalue", "nan is largest", function("kthvalue", 3), exactly([2.0, NAN, 1.0]), smooth=False),
    Case("kthvalue", "empty result", function("kthvalue", 1, 0), real(2, 0)),
]

# --------------------------------------------------------------------------- medians and modes


def middle(name):
    return [
        Case(name, "whole, odd", function(name), distinct(3, 3)),
        Case(name, "whole, even: the lower", method(name), distinct(3, 4)),
        Case(name, "whole, ties", function(name), TIES, smooth=False),
        Case(name, "whole, nan", function(name), exactly([2.0, NAN, 1.0, NAN]), smooth=False),
        Case(name, "whole, all nan", function(name), exactly([NAN, NAN]), smooth=False),
        Case(name, "whole, empty", function(name), real(0, 2), smooth=False),
        Case(name, "0-d", function(name), distinct()),
        Case(name, "0-d dim=0", function(name, 0), distinct()),
        Case(name, "dim=0", function(name, 0), distinct(4, 3), covers=("median_dim",)),
        Case(name, "dim=-1 keepdim", function(name, -1, keepdim=True), distinct(2, 3, 4)),
        Case(name, "method dim", method(name, 1), distinct(3, 5)),
        Case(name, "dim, nan", function(name, 1), exactly([[3.0, NAN, 1.0, 2.0], [4.0, 1.0, 2.0, 3.0]]), smooth=False),
        Case(name, "dim, all nan", function(name, 1), exactly([[NAN], [1.0]]), smooth=False),
        Case(name, "integers", function(name), integers(50, 3, 4)),
    ]


CASES += middle("median") + middle("nanmedian")
CASES += [
    Case("mode", "last axis", function("mode"), TIES, smooth=False),
    Case("mode", "rows", function("mode"), exactly([[1.0, 2.0, 2.0, 3.0], [3.0, 3.0, 1.0, 1.0]]), smooth=False),
    Case(
        "mode", "dim=0 keepdim", function("mode", 0, True), exactly([[1.0, 2.0], [1.0, 3.0], [0.0, 3.0]]), smooth=False
    ),
    Case("mode", "method", method("mode", -1), exactly([[1.0, 1.0]]), smooth=False),
    Case("mode", "all different", function("mode"), distinct(2, 3)),
    Case("mode", "0-d", function("mode"), distinct()),
    # PyTorch finds the value and another of its positions
    Case(
        "mode",
        "nan",
        lambda t, x: t.mode(x).values,
        exactly([2.0, NAN, 1.0, NAN, 1.0]),
        smooth=False,
        torch=False,
        numpy=lambda x: x[2],
    ),
    Case("mode", "integers", function("mode"), integers(3, 4, 6)),
]

# --------------------------------------------------------------------------- quantiles

QUARTERS = fixed(exactly([0.25, 0.5, 0.9]))
METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]


def at(name, **static):
    return lambda t, x, q: getattr(t, name)(x, q, **static)


CASES += [
    case
    for name in ("quantile", "nanquantile")
    for case in (
        *(
            Case(
                name,
                f"{kind} {spelled(static={'dim': dim})}",
                at(name, dim=dim, interpolation=kind),
                distinct(4, 3),
                QUARTERS,
            )
            for kind in METHODS
            for dim in (0, None)
        ),
        Case(name, "number", function(name, 0.3), distinct(3, 4)),
        Case(name, "number, dim=1 keepdim", function(name, 0.7, 1, True), distinct(3, 4)),
        Case(name, "vector, dim=-1 keepdim", at(name, dim=-1, keepdim=True), distinct(2, 3, 4), QUARTERS),
        Case(name, "vector, whole keepdim", at(name, keepdim=True), distinct(2, 3), QUARTERS),
        Case(name, "method", method(name, 0.5, dim=0), distinct(4, 3)),
        Case(name, "ends", at(name), distinct(5), fixed(exactly([0.0, 1.0]))),
        Case(name, "0-d", function(name, 0.5), distinct()),
        Case(name, "with respect to q", at(name), fixed(distinct(5)), exactly([0.3, 0.8])),
        Case(name, "nan", function(name, 0.5, 1), NANS, smooth=False),
        Case(name, "nan, lower, several", at(name, dim=1, interpolation="lower"), NANS, QUARTERS, smooth=False),
        Case(name, "all nan", function(name, 0.5), exactly([NAN, NAN]), smooth=False),
        Case(name, "of squares", lambda t, x, name=name: getattr(t, name)(x * x, 0.4), distinct(6)),
    )
]

# --------------------------------------------------------------------------- distinct values

REPEATED = exactly([3, 1, 3, 2, 1])
ROWS = exactly([[1, 2], [0, 5], [1, 2]])
CASES += [
    Case("unique", "integers", function("unique"), REPEATED),
    Case("unique", "all results", function("unique", return_inverse=True, return_counts=True), REPEATED),
    Case("unique", "counts, matrix", function("unique", True, False, True), ROWS),
    Case("unique", "inverse, matrix", method("unique", return_inverse=True), ROWS),
    Case("unique", "dim=0", function("unique", return_inverse=True, return_counts=True, dim=0), ROWS),
    Case("unique", "dim=1", function("unique", dim=1), exactly([[1, 0, 1], [2, 5, 2]])),
    Case("unique", "0-d", function("unique"), exactly(3)),
    Case("unique", "empty", function("unique"), integers(3, 0)),
    Case("unique", "nan are distinct", function("unique"), fixed(exactly([NAN, 1.0, NAN, 1.0]))),
    Case("unique", "gradient to the first", function("unique"), distinct(5), torch=False, numpy=np.unique),
    Case("unique_consecutive", "integers", function("unique_consecutive"), exactly([1, 1, 2, 2, 1])),
    Case(
        "unique_consecutive",
        "all results",
        function("unique_consecutive", return_inverse=True, return_counts=True),
        exactly([[1, 1], [2, 2], [2, 1]]),
    ),
    Case(
        "unique_consecutive",
        "dim=0",
        method("unique_consecutive", True, True, dim=0),
        exactly([[1, 2], [1, 2], [0, 2]]),
    ),
    Case("unique_consecutive", "empty", function("unique_consecutive"), integers(3, 0)),
    Case("isin", "integers", lambda t, x, y: t.isin(x, y), integers(9, 3, 4), integers(9, 4)),
    Case("isin", "invert", lambda t, x, y: t.isin(x, y, invert=True), integers(9, 3, 4), integers(9, 2, 2)),
    Case("isin", "a number", lambda t, x: t.isin(x, 3), integers(5, 6)),
    Case("isin", "nan", lambda t, x: t.isin(x, x), exactly([NAN, 1.0])),
    Case("nonzero", "matrix", function("nonzero"), exactly([[0, 1, 2], [3, 0, 0]])),
    Case("nonzero", "as_tuple", function("nonzero", as_tuple=True), exactly([[0, 1, 2], [3, 0, 0]])),
    Case("nonzero", "method", method("nonzero"), exactly([0.0, NAN, 2.0])),
    Case("nonzero", "0-d", function("nonzero"), exactly(3)),
    Case("nonzero", "0-d as_tuple", function("nonzero", as_tuple=True), exactly(3)),
    Case("nonzero", "empty", function("nonzero"), integers(3, 0, 2)),
]

# --------------------------------------------------------------------------- searches and counts

EDGES = exactly([1.0, 3.0, 5.0])
CASES += [
    Case("searchsorted", "vector", lambda t, s, x: t.searchsorted(s, x), EDGES, exactly([[0.0, 3.0], [5.0, 6.0]])),
    Case("searchsorted", "right", lambda t, s, x: t.searchsorted(s, x, right=True), EDGES, exactly([1.0, 3.0, 4.0])),
    Case(
        "searchsorted", "side, int32", lambda t, s, x: t.searchsorted(s, x, side="right", out_int32=True), EDGES, EDGES
    ),
    Case(
        "searchsorted",
        "rows",
        lambda t, s, x: t.searchsorted(s, x),
        exactly([[1, 3, 5], [2, 4, 6]]),
        exactly([[3, 6], [3, 9]]),
    ),
    Case("searchsorted", "a number", lambda t, s: t.searchsorted(s, 3.5), EDGES),
    Case("searchsorted", "nan", lambda t, s, x: t.searchsorted(s, x), EDGES, exactly([NAN, INF, -INF])),
    Case(
        "searchsorted",
        "sorter",
        lambda t, s, x, o: t.searchsorted(s, x, sorter=o),
        exactly([5.0, 1.0, 3.0]),
        exactly([0.0, 4.0]),
        exactly([1, 2, 0]),
    ),
    Case("bucketize", "matrix", lambda t, x, b: t.bucketize(x, b), exactly([[1.0, 4.0], [3.0, 9.0]]), EDGES),
    Case("bucketize", "right", lambda t, x, b: t.bucketize(x, b, right=True), exactly([1.0, 3.0, 9.0]), EDGES),
    Case("bincount", "integers", function("bincount"), integers(5, 8)),
    Case("bincount", "minlength", method("bincount", minlength=9), integers(5, 8)),
    Case("bincount", "weights", lambda t, x, w: t.bincount(x, w), integers(4, 6), fixed(real(6))),
    Case("bincount", "integer weights", lambda t, x, w: t.bincount(x, w), integers(4, 6), integers(9, 6), float32=None),
    Case("bincount", "empty", function("bincount", minlength=3), integers(3, 0)),
    Case(
        "bincount",
        "gradient of weights",
        lambda t, w, x: t.bincount(x, w),
        real(6),
        integers(4, 6),
        linear=True,
        torch=False,
        numpy=lambda w, x: np.bincount(x, w),
    ),
    Case("histc", "of the values", function("histc", 4), fixed(real(9))),
    Case("histc", "between", method("histc", 5, min=-1, max=1), fixed(real(20))),
    Case("histc", "edges", function("histc", 3, 0, 3), fixed(exactly([0.0, 1.0, 2.0, 3.0, 4.0]))),
    Case("histc", "all equal", function("histc", 4), fixed(exactly([1.0, 1.0]))),
    Case("histc", "empty", function("histc", 4), fixed(real(0))),
    Case("count_nonzero", "whole", function("count_nonzero"), exactly([[0.0, 1.0], [NAN, 2.0]])),
    Case("count_nonzero", "dim=1", method("count_nonzero", 1), integers(3, 3, 4)),
    Case("count_nonzero", "dims", function("count_nonzero", dim=(0, 2)), integers(2, 2, 3, 4)),
    Case("sort", "then searchsorted", lambda t, x, y: t.searchsorted(t.sort(x).values, y), nonzero(5), real(3)),
]
