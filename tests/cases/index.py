"""Indexing, which follows NumPy, and the operators that index along one axis."""

import numpy as np

from tests.cases.case import Case, booleans, exactly, integers, nonzero, real


def row(op, label, call, *inputs, **flags):
    return Case(op, label, call, *inputs, linear=True, **flags)


def at(label, index, shape=(3, 4), **flags):
    return row("getitem", label, lambda t, x: x[index], real(*shape), **flags)


def as_numpy(label, index, shape=(3, 4)):
    """Where PyTorch refuses, or differs from NumPy."""
    return at(label, index, shape, torch=False, numpy=lambda x: x[index])


# --------------------------------------------------------------------------- basic

CASES = [
    at("[1]", 1),
    at("[-1]", -1),
    at("[1, 2]", (1, 2)),
    at("[:, 1]", np.s_[:, 1]),
    at("[1:3]", np.s_[1:3]),
    at("[::2, 1:]", np.s_[::2, 1:]),
    at("[-2:, :-1]", np.s_[-2:, :-1]),
    at("[5:] is empty", np.s_[5:]),
    at("[:]", np.s_[:]),
    at("[...]", ...),
    at("[..., 0]", (..., 0), (2, 3, 4)),
    at("[1, ..., 0]", (1, ..., 0), (2, 3, 4)),
    at("[None]", None),
    at("[:, None]", np.s_[:, None]),
    at("[..., None, 1:]", np.s_[..., None, 1:]),
    at("[()]", ()),
    at("0-d [()]", (), ()),
    at("0-d [None]", None, ()),
    at("0-d [...]", ..., ()),
    at("[True]", True),
    at("[False]", False),
    at("[np.int64]", np.int64(1)),
    at("empty [:, 1]", np.s_[:, 1], (0, 3)),
    as_numpy("[::-1]", np.s_[::-1]),
    as_numpy("[::-1, ::-2]", np.s_[::-1, ::-2]),
    as_numpy("[2:0:-1]", np.s_[2:0:-1]),
    as_numpy("[1, ::-1]", np.s_[1, ::-1]),
]

# --------------------------------------------------------------------------- advanced

MASK = np.array([True, False, True])
CASES += [
    at("[[0, 0, 2]]", [0, 0, 2], covers=("scatter_into",)),
    at("[[-1, 0]]", [-1, 0]),
    at("[:, [0, 0]]", np.s_[:, [0, 0]]),
    at("[[0, 1], [1, 2]]", ([0, 1], [1, 2])),
    at("[[0, 0], [1, 1]] is one element twice", ([0, 0], [1, 1])),
    at("[[[0], [2]], [0, 1]] broadcast", ([[0], [2]], [0, 1])),
    at("[array 2-d]", np.array([[0, 1, 0], [2, 2, 1]])),
    at("[..., [0, 2]]", (..., [0, 2]), (2, 3, 4)),
    at("[1:, [0, 2]]", np.s_[1:, [0, 2]]),
    at("[[0, 1], :, [0, 1]]", np.s_[[0, 1], :, [0, 1]], (2, 3, 4)),
    at("[:, [0, 1], [1, 1]]", np.s_[:, [0, 1], [1, 1]], (2, 3, 4)),
    at("[None, [0, 1]]", (None, [0, 1])),
    at("[1, [0, 2]]", (1, [0, 2])),
    at("[mask]", MASK),
    at("[list mask]", [True, False, True]),
    at("[mask, 1:]", (MASK, np.s_[1:])),
    at("[:, mask]", np.s_[:, np.array([True, False, False, True])]),
    at("[mask 2-d]", np.arange(12).reshape(3, 4) % 5 < 2),
    at("[all-false mask]", np.zeros(3, bool)),
    at("[mask, list]", (MASK, [0, 1])),
    at("[[]]", np.zeros(0, np.int64)),
    at("[int32 array]", np.array([0, 2, 2], np.int32)),
    as_numpy("[0, :, [0, 1]] has the index axis first", (0, np.s_[:], [0, 1]), (2, 3, 4)),
    as_numpy("[[0, 1], None, [0, 1]]", ([0, 1], None, [0, 1])),
    as_numpy("[::-1, [0, 2]]", np.s_[::-1, [0, 2]]),
    row("getitem", "[tensor]", lambda t, x, i: x[i], real(3, 4), integers(3, 5)),
    row("getitem", "[tensor 0-d]", lambda t, x, i: x[i], real(3, 4), integers(3)),
    row(
        "getitem",
        "[tensor, tensor]",
        lambda t, x, i, j: x[i, j],
        real(3, 4),
        integers(3, 5),
        integers(4, 2, 1),
    ),
    row("getitem", "[arange, targets]", lambda t, x, j: x[t.arange(3), j], real(3, 4), integers(4, 3)),
    row("getitem", "[mask tensor]", lambda t, x, m: x[m], real(3, 4), booleans(3, 4)),
    row("getitem", "[:, tensor]", lambda t, x, i: x[:, i], real(2, 4), integers(4, 3, low=-4)),
]

# --------------------------------------------------------------------------- along one axis

FEWER = exactly([[0, 0, 3], [1, 1, 1]])  # an index with fewer rows and columns than x


def gather(dim):
    return lambda t, x, i: t.gather(x, dim, i)


def scatter_add(dim):
    return lambda t, x, i, source: t.scatter_add(x, dim, i, source)


def index_select(dim):
    return lambda t, x, i: t.index_select(x, dim, i)


def scatter_add_numpy(x, index, source):
    y = x.copy()
    np.add.at(y, (np.arange(len(index))[:, None], index), source[: index.shape[0], : index.shape[1]])
    return y


CASES += [
    row("gather", "dim=1", gather(1), real(3, 4), integers(4, 3, 2), covers=("scatter_along",)),
    row("gather", "dim=0", gather(0), real(3, 4), integers(3, 5, 4)),
    row("gather", "duplicates, fewer rows", gather(1), real(3, 4), FEWER),
    row("gather", "method, dim=-1", lambda t, x, i: x.gather(-1, i), real(2, 3, 4), integers(4, 2, 3, 1)),
    row("gather", "named", lambda t, x, i: t.gather(input=x, dim=0, index=i), real(3), integers(3, 6)),
    row("gather", "empty index", gather(1), real(3, 4), integers(4, 3, 0)),
    row("gather", "0-d", gather(0), real(), exactly(0)),
    Case("gather", "of a product", lambda t, x, i: t.gather(x * x, 1, i), real(3, 4), integers(4, 3, 2)),
    row("scatter_add", "dim=1", scatter_add(1), real(3, 4), integers(4, 3, 5), real(3, 5)),
    row("scatter_add", "dim=0", scatter_add(0), real(3, 4), integers(3, 2, 4), real(2, 4)),
    row("scatter_add", "dim=-1", scatter_add(-1), real(2, 3), integers(3, 2, 2), real(2, 2)),
    row("scatter_add", "method", lambda t, x, i, s: x.scatter_add(0, i, s), real(3), integers(3, 2), real(2)),
    row("scatter_add", "all to one place", scatter_add(0), real(3), exactly([1, 1, 1, 1]), real(4)),
    row("scatter_add", "empty index", scatter_add(0), real(3), integers(3, 0), real(0)),
    # PyTorch's own gradient fails where the source is larger than the index
    row(
        "scatter_add",
        "source larger than index",
        scatter_add(1),
        real(3, 4),
        FEWER,
        real(3, 4),
        torch=False,
        numpy=scatter_add_numpy,
    ),
    row("index_select", "dim=0", index_select(0), real(3, 4), integers(3, 5)),
    row("index_select", "dim=1", index_select(1), real(3, 4), exactly([0, 0, 3])),
    row("index_select", "dim=-1", index_select(-1), real(2, 3, 4), integers(4, 2)),
    row("index_select", "method", lambda t, x, i: x.index_select(1, i), real(3, 4), integers(4, 2)),
    row("index_select", "empty index", index_select(1), real(3, 4), integers(4, 0)),
]

# --------------------------------------------------------------------------- together

CASES += [
    Case("getitem", "[x > 0]", lambda t, x: x[x > 0], nonzero(3, 4)),
    Case("getitem", "of a getitem", lambda t, x: x[[0, 0, 2]][:, 1] * x[1, 1], real(3, 4)),
    Case("getitem", "chain", lambda t, x: x.reshape(2, 6)[:, ::2].sum(0) * x[0, 0], real(3, 4)),
    Case("getitem", "unpacking", lambda t, x: tuple(part * part for part in x), real(3, 2)),
]
