"""Equations, inverses, determinants, factors, and norms of matrices.

Inputs are made harmless inside each row, so that any numbers give a matrix that is regular (positive definite, ...).
"""

import numpy as np

from tests.cases.case import Case, exactly, real

inf = float("inf")


def linalg(name, *args, **static):
    """`t.linalg.name(*inputs, ...)`."""
    return lambda t, *inputs: getattr(t.linalg, name)(*inputs, *args, **static)


def graded(t, x):
    """diag(1, 2, ...) as large as the matrices of x: adding it keeps eigenvalues apart."""
    n = min(x.shape[-2:])
    return t.arange(1, n + 1).to(x.dtype) * t.eye(n).to(x.dtype)


def regular(t, x):
    """x / 4 + diag(2, 4, ...): well-conditioned."""
    return x / 4 + 2 * graded(t, x)


def positive_definite(t, x):
    """x x' / 4 + diag(1, 2, ...)."""
    return x @ x.transpose(-2, -1) / 4 + graded(t, x)


def tall(t, x):
    """x / 4 over or beside diag(2, 4, ...): of full rank, its singular values apart."""
    rows, columns = x.shape[-2:]
    n = min(rows, columns)
    square = 2 * graded(t, x)
    pad = t.zeros((rows - n, n) if rows > n else (n, columns - n)).to(x.dtype)
    return x / 4 + t.cat([square, pad], 0 if rows > n else 1)


def of(build, call):
    """`call` of a harmless first input."""
    return lambda t, x, *others: call(t, build(t, x), *others)


SQUARE = [(3, 3), (1, 1), (2, 3, 3), (2, 1, 2, 2), (0, 0), (0, 2, 2), (4, 4)]

# --------------------------------------------------------------------------- inverses, powers

CASES = [Case("inv", str(s), of(regular, linalg("inv")), real(*s)) for s in SQUARE]
CASES += [
    Case("inv", "inverse", of(regular, lambda t, x: t.inverse(x)), real(3, 3)),
    Case("inv", "method", of(regular, lambda t, x: x.inverse()), real(3, 3)),
    Case("inv", "tiny and huge", lambda t, x: t.linalg.inv(regular(t, x) * t.tensor([[1e-20], [1e20]])), real(2, 2),
         smooth=False, float32=None),
    *(Case("matrix_power", f"{n} {s}", of(regular, linalg("matrix_power", n)), real(*s))
      for n in (-2, -1, 0, 1, 2, 3, 5) for s in ((2, 2), (2, 3, 3))),
    Case("matrix_power", "function", of(regular, lambda t, x: t.matrix_power(x, 2)), real(2, 2)),
    Case("matrix_power", "method", of(regular, lambda t, x: x.matrix_power(2)), real(2, 2)),
    *(Case("matrix_exp", str(s), linalg("matrix_exp"), real(*s), float32=5e-6) for s in SQUARE[:-1]),
    Case("matrix_exp", "large", lambda t, x: t.linalg.matrix_exp(4 * x), real(2, 2), float32=None, smooth=False),
    Case("matrix_exp", "method", lambda t, x: x.matrix_exp(), real(2, 2), float32=5e-6),
    Case("matrix_exp", "zero", linalg("matrix_exp"), exactly([[0.0, 0.0], [0.0, 0.0]])),
]  # fmt: skip
for s in ((3, 3), (3, 2), (2, 3), (2, 3, 2), (1, 1)):
    build = regular if s[-1] == s[-2] else tall
    CASES += [Case("pinv", str(s), of(build, linalg("pinv")), real(*s))]
CASES += [
    Case("pinv", "rank 1 of 3", lambda t, x, y: t.linalg.pinv(x @ y), real(3, 1), real(1, 3), float32=None),
    Case("pinv", "rtol", of(regular, linalg("pinv", rtol=1e-3)), real(3, 3)),
    Case("pinv", "atol", of(regular, linalg("pinv", atol=1e-3)), real(3, 3)),
    Case("pinv", "pinverse", of(tall, lambda t, x: t.pinverse(x)), real(3, 2)),
    Case("pinv", "pinverse method", of(tall, lambda t, x: x.pinverse()), real(3, 2)),
    Case("pinv", "empty", linalg("pinv"), real(3, 0), second=False),
]

# --------------------------------------------------------------------------- equations

SOLVE = [
    ((3, 3), (3,)),
    ((3, 3), (3, 2)),
    ((1, 1), (1, 1)),
    ((2, 3, 3), (2, 3, 1)),
    ((2, 3, 3), (2, 3)),
    ((2, 3, 3), (3, 2)),
    ((3, 3), (2, 3, 2)),
    ((2, 1, 3, 3), (1, 2, 3, 2)),
    ((0, 0), (0, 2)),
    ((3, 3), (3, 0)),
    ((0, 2, 2), (0, 2, 1)),
]
CASES += [Case("solve", f"{a}, {b}", of(regular, linalg("solve")), real(*a), real(*b)) for a, b in SOLVE]
CASES += [
    Case("solve", "left=False", of(regular, linalg("solve", left=False)), real(3, 3), real(2, 3)),
    Case("solve", "left=False, batch", of(regular, linalg("solve", left=False)), real(2, 3, 3), real(2, 2, 3)),
    Case("solve", "x with itself", lambda t, x: t.linalg.solve(regular(t, x), x), real(3, 3)),
]
TRIANGULAR = [((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)), ((0, 0), (0, 2))]
CASES += [
    Case(
        "solve_triangular",
        f"{a}, {b}, upper={upper}, unitriangular={unit}",
        of(regular, linalg("solve_triangular", upper=upper, unitriangular=unit)),
        real(*a),
        real(*b),
    )
    for a, b in TRIANGULAR
    for upper in (True, False)
    for unit in (True, False)
]
CASES += [
    Case(
        "solve_triangular",
        f"left=False, upper={upper}, unitriangular={unit}",
        of(regular, linalg("solve_triangular", upper=upper, left=False, unitriangular=unit)),
        real(3, 3),
        real(2, 3),
    )
    for upper in (True, False)
    for unit in (True, False)
]
LSTSQ = [((4, 2), (4, 3)), ((2, 2), (2, 1)), ((2, 4, 2), (2, 4, 1)), ((2, 4, 2), (2, 4))]
CASES += [
    Case("lstsq", f"{a}, {b}", lambda t, a, b: t.linalg.lstsq(tall(t, a) if a.shape[-1] < a.shape[-2]
         else regular(t, a), b)[0], real(*a), real(*b))
    for a, b in LSTSQ
]  # fmt: skip
CASES += [
    Case("lstsq", "wide", lambda t, a, b: t.linalg.lstsq(tall(t, a), b).solution, real(2, 4), real(2, 1)),
    Case(
        "lstsq",
        "residuals",
        lambda t, a, b: t.linalg.lstsq(tall(t, a), b, driver="gelsd").residuals,
        real(4, 2),
        real(4, 3),
    ),
]

# --------------------------------------------------------------------------- determinants


CASES += [Case("det", str(s), linalg("det"), real(*s), covers=("cofactors",)) for s in SQUARE]
CASES += [
    Case("det", "function", lambda t, x: t.det(x), real(3, 3)),
    Case("det", "method", lambda t, x: x.det(), real(3, 3)),
    Case("det", "well-conditioned", of(regular, linalg("det")), real(3, 3)),
    Case("det", "well-conditioned batch", of(regular, linalg("det")), real(2, 2, 2)),
    Case("det", "rank 2 of 3", lambda t, x, y: t.linalg.det(x @ y), real(3, 2), real(2, 3), torch=False,
         numpy=lambda x, y: np.linalg.det(x @ y)),
    Case("det", "rank 1 of 3", lambda t, x, y: t.linalg.det(x @ y), real(3, 1), real(1, 3), torch=False,
         numpy=lambda x, y: np.linalg.det(x @ y)),
    Case("det", "singular", linalg("det"), exactly([[1.0, 2.0], [2.0, 4.0]]), torch=False, numpy=np.linalg.det),
    Case("det", "singular 3", linalg("det"), exactly([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]]), torch=False),
    Case("det", "zero", linalg("det"), exactly(np.zeros((3, 3))), torch=False),
    Case("det", "identity", linalg("det"), exactly(np.eye(3))),
    *(Case("slogdet", str(s), of(regular, linalg("slogdet")), real(*s)) for s in SQUARE),
    Case("slogdet", "negative", lambda t, x: t.slogdet(-regular(t, x))[1], real(3, 3)),
    Case("slogdet", "method", of(regular, lambda t, x: x.slogdet().logabsdet), real(3, 3)),
    Case("slogdet", "large", lambda t, x: t.linalg.slogdet(1e200 * regular(t, x)), real(3, 3), float32=None),
    *(Case("logdet", str(s), of(regular, lambda t, x: t.logdet(x)), real(*s)) for s in SQUARE),
    Case("logdet", "method", of(regular, lambda t, x: x.logdet()), real(3, 3)),
]  # fmt: skip

# --------------------------------------------------------------------------- factors

CASES += [Case("cholesky", str(s), of(positive_definite, linalg("cholesky")), real(*s)) for s in SQUARE]
CASES += [
    Case("cholesky", "upper", of(positive_definite, linalg("cholesky", upper=True)), real(3, 3)),
    Case("cholesky", "function", of(positive_definite, lambda t, x: t.cholesky(x, True)), real(3, 3)),
    Case("cholesky", "method", of(positive_definite, lambda t, x: x.cholesky()), real(3, 3)),
    Case("cholesky_ex", "values", of(positive_definite, lambda t, x: t.linalg.cholesky_ex(x)[0]), real(2, 3, 3)),
    Case("cholesky_ex", "info", lambda t, x: t.linalg.cholesky_ex(x).info, exactly([[1.0, 2.0], [2.0, 1.0]])),
    Case("cholesky_ex", "info of a batch", lambda t, x: t.linalg.cholesky_ex(x).info,
         exactly([[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]])),
]  # fmt: skip


def independent_of_sign(vectors, values, t):
    """Squares, and a matrix function: what does not change with the sign of an eigenvector."""
    return vectors * vectors, (vectors * t.exp(-values / 4)[..., None, :]) @ vectors.transpose(-2, -1)


CASES += [
    *(Case("eigh", f"values {s}", of(positive_definite, lambda t, x: t.linalg.eigh(x).eigenvalues), real(*s))
      for s in SQUARE),
    *(Case("eigh", f"vectors {s}", of(positive_definite, lambda t, x: independent_of_sign(
        *tuple(t.linalg.eigh(x))[::-1], t)), real(*s), float32=5e-6) for s in SQUARE),
    Case("eigh", "upper", of(positive_definite, lambda t, x: t.linalg.eigh(x, "U")[0]), real(3, 3)),
    Case("eigh", "one triangle is read", lambda t, x: t.linalg.eigh(x)[0], exactly([[1.0, 9.0], [0.5, 3.0]]),
         smooth=False, second=False),
    *(Case("eigvalsh", str(s), of(positive_definite, linalg("eigvalsh")), real(*s)) for s in SQUARE),
    Case("eigvalsh", "equal eigenvalues", lambda t, x: t.linalg.eigvalsh(x), exactly(np.eye(2)), smooth=False,
         second=False),
    Case("eigvalsh", "upper", of(positive_definite, linalg("eigvalsh", "U")), real(3, 3)),
]  # fmt: skip
RECTANGULAR = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (1, 1)]


def harmless(t, x):
    return regular(t, x) if x.shape[-1] == x.shape[-2] else tall(t, x)


CASES += [
    *(Case("qr", str(s), of(harmless, lambda t, x: tuple(t.linalg.qr(x))), real(*s), float32=5e-6)
      for s in RECTANGULAR),
    Case("qr", "mode r", of(harmless, lambda t, x: t.linalg.qr(x.detach(), "r").R), real(4, 2)),
    Case("qr", "mode complete", of(harmless, lambda t, x: tuple(t.linalg.qr(x.detach(), "complete"))), real(4, 2)),
    Case("qr", "mode complete, square", of(harmless, lambda t, x: tuple(t.linalg.qr(x, "complete"))), real(3, 3)),
    Case("qr", "empty", lambda t, x: tuple(t.linalg.qr(x)), real(3, 0)),
    *(Case("svd", f"values {s}", of(harmless, lambda t, x: t.linalg.svd(x, full_matrices=False).S), real(*s))
      for s in RECTANGULAR),
    *(Case("svd", f"left vectors {s}", of(harmless, lambda t, x: t.linalg.svd(x, full_matrices=False).U ** 2),
           real(*s), float32=5e-6) for s in RECTANGULAR),
    *(Case("svd", f"right vectors {s}", of(harmless, lambda t, x: t.linalg.svd(x, full_matrices=False).Vh ** 2),
           real(*s), float32=5e-6) for s in RECTANGULAR),
    *(Case("svd", f"all three {s}", of(harmless, lambda t, x: polar(*t.linalg.svd(x, full_matrices=False))),
           real(*s), float32=5e-6) for s in RECTANGULAR),
    Case("svd", "full matrices", of(harmless, lambda t, x: polar(*part(*t.linalg.svd(x)))), real(3, 3), float32=5e-6),
    Case("svd", "shapes of full matrices", of(harmless, lambda t, x: t.linalg.svd(x.detach()).U[:, :2] ** 2),
         real(4, 2)),
    Case("svd", "no rows", lambda t, x: tuple(t.linalg.svd(x, False)), real(0, 3), second=False),
    *(Case("svdvals", str(s), of(harmless, linalg("svdvals")), real(*s)) for s in RECTANGULAR),
]  # fmt: skip


def polar(u, s, vh):
    """U Vh and U log(1 + s^2) Vh: they do not change with the signs of U and Vh."""
    return u @ vh, (u * (1 + s * s).log()[..., None, :]) @ vh


def part(u, s, vh):
    return u[..., : s.shape[-1]], s, vh[..., : s.shape[-1], :]


# --------------------------------------------------------------------------- norms

CASES += [
    Case("matrix_norm", f"{order} {s}", of(harmless, linalg("matrix_norm", order)), real(*s))
    for order in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)
    for s in ((3, 3), (4, 2), (2, 2, 3))
]
CASES += [
    Case("matrix_norm", f"{order}, keepdim", of(harmless, linalg("matrix_norm", order, keepdim=True)), real(2, 3, 3))
    for order in ("fro", "nuc", 1, 2)
]
CASES += [
    Case("matrix_norm", f"{order}, dims", lambda t, x, o=order: t.linalg.matrix_norm(x, o, dim=(2, 0)), real(2, 3, 3))
    for order in ("fro", "nuc", 1, -2, inf)
]
CASES += [
    Case("matrix_norm", f"{order} of zero", linalg("matrix_norm", order), exactly(np.zeros((2, 3))), smooth=False,
         second=False)
    for order in ("fro", 1, -1, inf)
]  # fmt: skip
CASES += [
    Case("cond", f"{order} {s}", of(harmless, linalg("cond", order)), real(*s))
    for order in (None, 2, -2)
    for s in ((3, 3), (2, 2, 2))
]
CASES += [  # PyTorch's own backward pass fails here: it writes into the inverse
    Case("cond", str(order), of(harmless, linalg("cond", order)), real(2, 3, 3), torch=False)
    for order in ("fro", "nuc", 1, inf)
]
CASES += [
    Case("cond", "of a rectangle", of(harmless, linalg("cond")), real(4, 2)),
    Case("matrix_rank", "full", of(harmless, linalg("matrix_rank")), real(2, 3, 2)),
    Case("matrix_rank", "two", lambda t, x, y: t.linalg.matrix_rank(x @ y, rtol=1e-3), real(4, 2), real(2, 4)),
]
ORDERS = (2, 1, 3, 0.5, 0, inf, -inf, -1)
CASES += [
    Case("vector_norm", f"{order} {dim}", linalg("vector_norm", order, dim=dim), real(2, 3), float32=5e-6)
    for order in ORDERS
    for dim in (None, 1, (0, 1))
]
CASES += [
    Case("vector_norm", "keepdim", linalg("vector_norm", 3, dim=1, keepdim=True), real(2, 3)),
    Case("vector_norm", "of zero", linalg("vector_norm"), exactly([0.0, 0.0]), smooth=False, second=False),
    Case("vector_norm", "dtype", lambda t, x: t.linalg.vector_norm(x, dtype=t.float64), real(3), float32=None),
    Case("linalg_norm", "default", linalg("norm"), real(2, 3)),
    Case("linalg_norm", "default of 3-d", linalg("norm"), real(2, 3, 2)),
    Case("linalg_norm", "default, dim=1", linalg("norm", dim=1), real(2, 3)),
    Case("linalg_norm", "default, two dims", linalg("norm", dim=(0, 1)), real(2, 3, 2)),
    Case("linalg_norm", "order of a vector", linalg("norm", 3), real(4)),
    Case("linalg_norm", "order of a matrix", linalg("norm", 1), real(3, 2)),
    Case("linalg_norm", "nuc", of(regular, linalg("norm", "nuc")), real(3, 3)),
    Case("linalg_norm", "order, dim=0", linalg("norm", 1, dim=0), real(3, 2)),
    Case("linalg_norm", "order, two dims, keepdim", linalg("norm", inf, dim=(1, 2), keepdim=True), real(2, 3, 2)),
]
