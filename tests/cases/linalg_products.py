"""Products of vectors, matrices and tensors under their many names, distances, and covariances."""

import numpy as np

from tests.cases.case import Case, exactly, fixed, integers, method, positive, real, spelled


def both(name, *shapes, **static):
    """A function of the library and the method of that name."""
    label = ", ".join([*map(str, shapes), spelled((), static)] if static else map(str, shapes))
    call = lambda t, *inputs: getattr(t, name)(*inputs, **static)
    return [
        Case(name, label, call, *(real(*s) for s in shapes), linear=True),
        Case(name, f"method {label}", method(name, **static), *(real(*s) for s in shapes), linear=True),
    ]


def linalg(name, *args, **static):
    """`t.linalg.name(*inputs, ...)`."""
    return lambda t, *inputs: getattr(t.linalg, name)(*inputs, *args, **static)


# --------------------------------------------------------------------------- vectors and matrices

CASES = [
    *both("mm", (2, 3), (3, 4)),
    *both("bmm", (5, 2, 3), (5, 3, 4)),
    *both("mv", (2, 3), (3,)),
    *both("dot", (4,), (4,)),
    *both("vdot", (4,), (4,)),
    *both("outer", (3,), (2,)),
    *both("ger", (3,), (2,)),
    *both("inner", (3,), (3,)),
    *both("inner", (2, 3), (3,)),
    *both("inner", (2, 3), (2, 4, 3)),
    *both("inner", (), (2, 3)),
    *both("inner", (), ()),
    *both("kron", (3,), (2,)),
    *both("kron", (2, 3), (3, 2)),
    *both("kron", (2, 3), (2, 2, 1)),
    *both("kron", (), (2, 2)),
]
EMPTY = [
    ("mm", (2, 0), (0, 3)),
    ("mm", (0, 2), (2, 3)),
    ("bmm", (0, 2, 3), (0, 3, 2)),
    ("bmm", (2, 2, 0), (2, 0, 2)),
    ("mv", (2, 0), (0,)),
    ("mv", (0, 2), (2,)),
    ("dot", (0,), (0,)),
    ("outer", (0,), (2,)),
    ("inner", (2, 0), (3, 0)),
    ("kron", (0,), (2,)),
]
CASES += [case for name, *shapes in EMPTY for case in both(name, *shapes)[:1]]
CASES += [
    Case("mm", "x x'", lambda t, x: t.mm(x, x.t()), real(2, 3)),
    Case("mm", "integers", lambda t, x, y: t.mm(x, y), integers(5, 2, 3), integers(5, 3, 2)),
    Case("dot", "x with itself", lambda t, x: x.dot(x), real(3)),
    Case("kron", "x with itself", lambda t, x: t.kron(x, x), real(2, 2)),
    Case("bmm", "one large number", lambda t, x, y: x.bmm(y), exactly([[[1e150, 1.0]]]), real(1, 2, 2), smooth=False,
         float32=None),
]  # fmt: skip

# --------------------------------------------------------------------------- a sum and a product

SUMS = [
    ("addmm", (2, 4), (2, 3), (3, 4)),
    ("addmm", (4,), (2, 3), (3, 4)),
    ("addmm", (2, 1), (2, 3), (3, 4)),
    ("addmm", (), (2, 3), (3, 4)),
    ("addmm", (2, 4), (2, 0), (0, 4)),
    ("addmv", (2,), (2, 3), (3,)),
    ("addmv", (1,), (2, 3), (3,)),
    ("addr", (2, 3), (2,), (3,)),
    ("addr", (3,), (2,), (3,)),
    ("addbmm", (2, 4), (5, 2, 3), (5, 3, 4)),
    ("addbmm", (4,), (5, 2, 3), (5, 3, 4)),
    ("baddbmm", (5, 2, 4), (5, 2, 3), (5, 3, 4)),
    ("baddbmm", (2, 4), (5, 2, 3), (5, 3, 4)),
    ("baddbmm", (1, 2, 1), (5, 2, 3), (5, 3, 4)),
]
CASES += [case for name, *shapes in SUMS for case in both(name, *shapes)]
CASES += [
    case
    for name, *shapes in (SUMS[0], SUMS[5], SUMS[7], SUMS[9], SUMS[11])
    for case in (*both(name, *shapes, beta=0.5, alpha=2.0), *both(name, *shapes, beta=3, alpha=-1))
]
CASES += [
    Case(
        name, "beta=0 does not read the input", lambda t, x, a, b, name=name: getattr(t, name)(x, a, b, beta=0),
        exactly([np.nan]), real(*a), real(*b), smooth=False,
    )
    for name, _, a, b in (SUMS[0], SUMS[5], SUMS[7], SUMS[9], SUMS[11])
]  # fmt: skip

# --------------------------------------------------------------------------- tensors

TENSORDOT = [
    ((2, 3, 4), (3, 4, 2), 2),
    ((2, 3), (3, 2), 1),
    ((2, 3), (2,), 0),
    ((2, 3, 4), (4, 3, 2), ([1, 2], [1, 0])),
    ((2, 3, 4), (4, 3, 2), ([-1], [0])),
    ((2, 3, 4), (2, 3, 4), ([0, 1, 2], [0, 1, 2])),
    ((3, 0), (0, 2), 1),
    ((2, 3), (3, 2), ([0, 1], [1, 0])),
]
CASES += [
    Case("tensordot", f"{a}, {b}, {dims}", lambda t, x, y, d=dims: t.tensordot(x, y, dims=d), real(*a), real(*b),
         linear=True)
    for a, b, dims in TENSORDOT
]  # fmt: skip
CASES += [
    Case("tensordot", "default dims", lambda t, x, y: t.tensordot(x, y), real(2, 3, 2), real(3, 2), linear=True),
    *both("cross", (3,), (3,), dim=0),
    *both("cross", (2, 3), (2, 3), dim=1),
    *both("cross", (3, 2), (3, 2), dim=0),
    *both("cross", (1, 3), (4, 3), dim=-1),
    *both("cross", (0, 3), (0, 3), dim=1),
    Case("cross", "linalg, last dimension", linalg("cross"), real(2, 3), real(2, 3), linear=True),
    Case("cross", "linalg, dim=0", linalg("cross", dim=0), real(3, 2), real(3, 2), linear=True),
    Case("cross", "linalg, broadcast", linalg("cross"), real(2, 1, 3), real(1, 4, 3), linear=True),
    Case("cross", "x with a function of x", lambda t, x: t.linalg.cross(x, x * x), real(3)),
    Case("vecdot", "last dimension", linalg("vecdot"), real(2, 3), real(2, 3), linear=True),
    Case("vecdot", "broadcast", linalg("vecdot"), real(2, 3), real(3), linear=True),
    Case("vecdot", "dim=0", linalg("vecdot", dim=0), real(3, 2), real(3, 2), linear=True),
    Case("vecdot", "empty", linalg("vecdot"), real(2, 0), real(2, 0), linear=True),
    Case("multi_dot", "two", lambda t, *x: t.linalg.multi_dot(x), real(2, 3), real(3, 4), linear=True),
    Case("multi_dot", "four", lambda t, *x: t.linalg.multi_dot(x), real(4, 1), real(1, 5), real(5, 2), real(2, 3),
         linear=True),
    Case("multi_dot", "vectors at the ends", lambda t, *x: t.linalg.multi_dot(x), real(3), real(3, 4), real(4),
         linear=True),
    Case("multi_dot", "a vector first", lambda t, *x: t.linalg.multi_dot(x), real(3), real(3, 4), real(4, 2),
         linear=True),
    Case("multi_dot", "a vector last", lambda t, *x: t.linalg.multi_dot(x), real(2, 3), real(3, 4), real(4),
         linear=True),
    Case("multi_dot", "empty", lambda t, *x: t.linalg.multi_dot(x), real(2, 0), real(0, 3), real(3, 2), linear=True),
    Case("chain_matmul", "three", lambda t, x, y, z: t.linalg.multi_dot([x, y, z]), real(2, 5), real(5, 1), real(1, 3),
         linear=True),
    Case("diagonal", "linalg", linalg("diagonal"), real(3, 4), linear=True),
    Case("diagonal", "linalg, batch", linalg("diagonal"), real(2, 3, 3), linear=True),
    Case("diagonal", "linalg, offset=1", linalg("diagonal", offset=1), real(3, 3), linear=True),
    Case("diagonal", "linalg, offset=-1", linalg("diagonal", offset=-1), real(3, 2), linear=True),
    Case("diagonal", "linalg, dims 0 and 2", linalg("diagonal", dim1=0, dim2=2), real(2, 3, 2), linear=True),
    Case("diagonal", "linalg, offset beyond", linalg("diagonal", offset=3), real(2, 3), linear=True),
]  # fmt: skip

# --------------------------------------------------------------------------- distances

#: PyTorch has no second derivative of these
CDIST = {"second": False}
for p in (2.0, 1.0, 3.0, 1.5, float("inf")):
    CASES += [
        Case("cdist", f"p={p} {a}, {b}", lambda t, x, y, p=p: t.cdist(x, y, p), real(*a), real(*b), **CDIST)
        for a, b in (((3, 2), (4, 2)), ((2, 3, 2), (2, 4, 2)))
    ]
MM = "use_mm_for_euclid_dist"
CASES += [
    Case("cdist", "p=0", lambda t, x, y: t.cdist(x, y, 0.0), real(3, 2), real(2, 2), **CDIST),
    Case("cdist", "batches broadcast", lambda t, x, y: t.cdist(x, y), real(2, 1, 3, 2), real(3, 2, 2), **CDIST),
    Case("cdist", "by a product", lambda t, x, y: t.cdist(x, y, 2.0, MM), real(3, 2), real(4, 2), float32=5e-6),
    Case("cdist", "by a product, batch", lambda t, x, y: t.cdist(x, y, 2.0, MM), real(2, 3, 2), real(2, 2, 2),
         float32=5e-6),
    Case("cdist", "by a product, points that coincide", lambda t, x, y: t.cdist(x, y, 2.0, MM),
         exactly([[1.0, 2.0], [0.0, 1.0]]), exactly([[1.0, 2.0], [0.0, 1.0], [5.0, 1.0]]), smooth=False,
         second=False),
    Case("cdist", "no points", lambda t, x, y: t.cdist(x, y), real(0, 2), real(3, 2), **CDIST),
    Case("cdist", "no coordinates", lambda t, x, y: t.cdist(x, y), real(2, 0), real(3, 0), **CDIST),
    Case("cdist", "points that coincide", lambda t, x, y: t.cdist(x, y), exactly([[1.0, 2.0], [0.0, 1.0]]),
         exactly([[1.0, 2.0], [2.0, 1.0]]), smooth=False, **CDIST),
    *(Case("dist", f"p={p}", lambda t, x, y, p=p: t.dist(x, y, p), real(2, 3), real(2, 3)) for p in (1, 2, 3)),
    Case("dist", "broadcast", lambda t, x, y: t.dist(x, y), real(2, 3), real(3)),
    Case("dist", "method", lambda t, x, y: x.dist(y), real(2, 3), real(2, 3)),
    Case("dist", "of itself", lambda t, x: t.dist(x, x.detach()), real(3), smooth=False, second=False),
]  # fmt: skip

# --------------------------------------------------------------------------- covariance

CASES += [
    Case("cov", "matrix", lambda t, x: t.cov(x), real(3, 5)),
    Case("cov", "method", lambda t, x: x.cov(), real(2, 4)),
    Case("cov", "vector", lambda t, x: t.cov(x), real(4)),
    Case("cov", "correction=0", lambda t, x: t.cov(x, correction=0), real(2, 4)),
    Case("cov", "fweights", lambda t, x, w: t.cov(x, fweights=w), real(2, 4), integers(4, 4, low=1)),
    Case("cov", "aweights", lambda t, x, w: t.cov(x, aweights=w), real(2, 4), fixed(positive(4))),
    Case("cov", "both weights", lambda t, x, f, a: t.cov(x, fweights=f, aweights=a), real(2, 4), integers(4, 4, low=1),
         fixed(positive(4))),
    Case("cov", "one observation", lambda t, x: t.cov(x, correction=0), real(2, 1)),
    Case("corrcoef", "matrix", lambda t, x: t.corrcoef(x), real(3, 5)),
    Case("corrcoef", "method", lambda t, x: x.corrcoef(), real(2, 4)),
]  # fmt: skip
