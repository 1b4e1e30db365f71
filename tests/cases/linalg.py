"""Matrix products."""

from tests.cases.case import Case, functional, real

# --------------------------------------------------------------------------- matmul

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (1, 3, 4)),
    ((3, 1, 2, 3), (1, 2, 3, 2)),
    ((2, 1, 2), (2, 1, 2, 3)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((0, 3), (3, 2)),
    ((2, 3), (3, 0)),
    ((0, 2, 3), (3, 4)),
    ((0, 0), (2, 0, 0)),
    ((2, 2, 0), (0, 2)),
]
CASES = [Case("matmul", f"{a} @ {b}", lambda t, x, y: x @ y, real(*a), real(*b), linear=True) for a, b in SHAPES]
CASES += [
    Case("matmul", "function", lambda t, x, y: t.matmul(x, y), real(2, 3), real(3, 4), linear=True),
    Case("matmul", "method", lambda t, x, y: x.matmul(y), real(2, 3), real(3, 4), linear=True),
    Case("matmul", "x @ x", lambda t, x: x @ x, real(3, 3)),
    Case("matmul", "x.T @ x", lambda t, x: x.T @ x, real(4, 3)),
    Case("matmul", "x @ w.T", lambda t, x, w: x @ w.T, real(4, 3), real(2, 3), linear=True),
    Case("matmul", "x.T @ w.T", lambda t, x, w: x.T @ w.T, real(3, 4), real(2, 3), linear=True),
    Case("matmul", "vector with itself", lambda t, x: x @ x, real(4)),
    Case("matmul", "x @ y @ z", lambda t, x, y, z: x @ y @ z, real(2, 3), real(3, 2), real(2), linear=True),
]

# --------------------------------------------------------------------------- einsum

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    ("bij,jk->bik", (2, 2, 3), (3, 2)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    ("...i,...i->...", (2, 3), (3,)),
    ("i,i", (3,), (3,)),
    ("i,j->ij", (3,), (2,)),
    ("i,i->i", (3,), (3,)),
    ("ij->ji", (2, 3)),
    ("ji", (2, 3)),
    ("ij->i", (2, 3)),
    ("ij->", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (2, 2, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ij,i->j", (2, 3), (2,)),
    ("ij,k->i", (2, 3), (4,)),
    ("nchw,oc->nohw", (2, 3, 2, 2), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 3)),
    ("i,i,i->i", (3,), (3,), (3,)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("...,...->...", (), (3,)),
    (" ij , jk -> ik ", (2, 2), (2, 2)),
]


def product(equation):
    return lambda t, *inputs: t.einsum(equation, *inputs)


CASES += [
    Case(
        "einsum",
        f"{equation} {', '.join(map(str, shapes))}",
        product(equation),
        *(real(*shape) for shape in shapes),
        linear=True,
    )
    for equation, *shapes in EQUATIONS
]
CASES += [
    Case("einsum", "same tensor twice", lambda t, x: t.einsum("ij,ik->jk", x, x), real(3, 2)),
    Case(
        "einsum",
        "operands in a list",
        lambda t, x, y: t.einsum("ij,j->i", [x, y]),
        real(2, 3),
        real(3),
        linear=True,
    ),
]

# --------------------------------------------------------------------------- linear

LINEAR = [
    ((2, 3), (4, 3), (4,)),
    ((2, 3), (4, 3)),
    ((3,), (4, 3), (4,)),
    ((2, 2, 3), (4, 3), (4,)),
    ((0, 3), (4, 3), (4,)),
    ((2, 1), (1, 1), (1,)),
    ((2, 0), (4, 0), (4,)),
    ((2, 3), (3,)),
]
CASES += [
    Case("linear", ", ".join(map(str, shapes)), functional("linear"), *(real(*s) for s in shapes), linear=True)
    for shapes in LINEAR
]
CASES += [
    Case("linear", "twice", lambda t, x, w: t.F.linear(t.F.linear(x, w), w), real(2, 3), real(3, 3)),
]
