"""Linear algebra: refusals, singular and degenerate matrices, and NumPy's functions on tensors."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tests.cases.expect import assert_equal, check, rows

inf, nan = math.inf, math.nan
random = np.random.RandomState(0)


def tensor(*shape, requires_grad=False):
    return tg.tensor(np.asarray(random.uniform(-1, 1, shape)), requires_grad=requires_grad)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("name", "shapes"),
    rows(
        ("mm of 1-d", "mm", [(3,), (3, 2)]),
        ("mm inner sizes", "mm", [(2, 3), (2, 3)]),
        ("bmm batches", "bmm", [(2, 2, 3), (3, 3, 2)]),
        ("bmm of matrices", "bmm", [(2, 3), (3, 2)]),
        ("mv of vectors", "mv", [(3,), (3,)]),
        ("dot of matrices", "dot", [(2, 3), (3, 2)]),
        ("dot of lengths", "dot", [(2,), (3,)]),
        ("vdot of lengths", "vdot", [(2,), (3,)]),
        ("outer of a matrix", "outer", [(2, 2), (2,)]),
        ("inner sizes", "inner", [(2, 3), (2,)]),
        ("cross of size 2", "cross", [(2,), (2,)]),
        ("tensordot sizes", "tensordot", [(2, 3), (3, 3)]),
        ("addmm that would grow", "addmm", [(5, 2, 2), (2, 3), (3, 2)]),
        ("cdist sizes", "cdist", [(2, 3), (2, 2)]),
        ("cov of 3-d", "cov", [(2, 2, 2)]),
        ("chain of one vector", "chain_matmul", [(3,)]),
    ),
)
def test_refused_shapes(name, shapes):
    with pytest.raises((ValueError, IndexError), match=f"^{name}"):
        getattr(tg, name)(*(tensor(*s) for s in shapes))


@pytest.mark.parametrize(
    ("name", "shapes"),
    rows(
        *(
            (f"{name} of a rectangle", name, [(2, 3)])
            for name in ("inv", "det", "slogdet", "cholesky", "cholesky_ex", "eigh", "eigvalsh", "matrix_exp")
        ),
        *((f"{name} of a vector", name, [(2,)]) for name in ("inv", "det", "qr", "svd", "pinv", "cholesky")),
        ("solve sizes", "solve", [(2, 2), (3, 1)]),
        ("solve of a rectangle", "solve", [(2, 3), (2, 1)]),
        ("solve batches", "solve", [(2, 2, 2), (3, 2, 1)]),
        ("lstsq sizes", "lstsq", [(3, 2), (2, 1)]),
        ("multi_dot of one", "multi_dot", [(2, 2)]),
    ),
)
def test_refused_matrices(name, shapes):
    inputs = [tensor(*s) for s in shapes]
    with pytest.raises(ValueError, match=f"^{name}"):
        getattr(tg.linalg, name)(*([inputs] if name == "multi_dot" else inputs))


@pytest.mark.parametrize("name", ["inv", "solve", "solve_triangular", "matrix_power", "cholesky"])
def test_singular_matrices_are_refused_by_name(name):
    x = tg.tensor([[1.0, 1.0], [1.0, 1.0]]) if name != "solve_triangular" else tg.tensor([[1.0, 1.0], [0.0, 0.0]])
    call = {
        "solve": lambda: tg.linalg.solve(x, x),
        "solve_triangular": lambda: tg.linalg.solve_triangular(x, x, upper=True),
        "matrix_power": lambda: tg.linalg.matrix_power(x, -1),
        "cholesky": lambda: tg.linalg.cholesky(-x),
    }.get(name, lambda: tg.linalg.inv(x))
    with pytest.raises(ValueError, match=f"^{'inv' if name == 'matrix_power' else name}: .*(Singular|definite)"):
        call()


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"inv: .*floating point"):
        tg.linalg.inv(tg.tensor([[1, 0], [0, 1]]))


@pytest.mark.parametrize("order", ["l1", 3, 0])
def test_unknown_matrix_norms_are_refused(order):
    with pytest.raises(ValueError, match=r"matrix_norm: ord"):
        tg.linalg.matrix_norm(tensor(2, 2), order)


# --------------------------------------------------------------------------- singular and degenerate


def test_derivative_of_the_determinant_at_singular_matrices():
    check(tg.det, [[[1.0, 2.0], [2.0, 4.0]]], 0.0, [[4.0, -2.0], [-2.0, 1.0]])
    check(tg.det, [np.diag([2.0, 3.0, 0.0])], 0.0, np.diag([0.0, 0.0, 6.0]))
    check(tg.det, [np.zeros((3, 3))], 0.0, np.zeros((3, 3)))


def test_hessian_of_the_determinant_at_zero():
    """det = ad - bc: its second derivatives are 1 and -1 everywhere, at the zero matrix too."""
    x = tg.tensor(np.zeros((2, 2)), requires_grad=True)
    (g,) = tg.autograd.grad(tg.det(x), x, create_graph=True)
    (row,) = tg.autograd.grad(g[0, 0], x, retain_graph=True)
    assert_equal(row.numpy(force=True), [[0.0, 0.0], [0.0, 1.0]])
    (row,) = tg.autograd.grad(g[0, 1], x)
    assert_equal(row.numpy(force=True), [[0.0, 0.0], [-1.0, 0.0]])


def test_third_derivative_of_the_determinant():
    """det of diag(a, b, c) is abc."""
    x = tg.tensor(np.zeros(3), requires_grad=True)
    (g,) = tg.autograd.grad(tg.det(x * tg.eye(3)), x, create_graph=True)
    (h,) = tg.autograd.grad(g[0], x, create_graph=True)
    (third,) = tg.autograd.grad(h[1], x)
    assert_equal(third.numpy(force=True), [0.0, 0.0, 1.0])


def test_logarithms_of_singular_and_negative_determinants():
    sign, size = tg.slogdet(tg.tensor([[1.0, 2.0], [2.0, 4.0]]))
    assert (sign.item(), size.item()) == (0.0, -inf)
    assert tg.logdet(tg.tensor([[1.0, 2.0], [2.0, 4.0]])).item() == -inf
    assert math.isnan(tg.logdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]])).item())


def test_large_determinants_have_logarithms():
    x = tg.tensor(1e3 * np.eye(200))
    assert tg.linalg.det(x).item() == inf
    np.testing.assert_allclose(tg.slogdet(x).logabsdet.item(), 200 * math.log(1e3))


def test_functions_of_equal_eigenvalues_alone_are_finite():
    check(lambda x: tg.linalg.eigh(x).eigenvalues, [np.eye(3)], np.ones(3), np.eye(3))
    check(lambda x: tg.linalg.svd(x).S, [np.eye(3)], np.ones(3), None)
    x = tg.tensor(np.eye(3), requires_grad=True)
    tg.linalg.svd(x).S.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_cholesky_ex_reports_what_cholesky_refuses():
    x = np.stack([np.eye(3), np.diag([1.0, -1.0, 1.0]), np.diag([1.0, 1.0, -1.0])])
    factor, info = tg.linalg.cholesky_ex(tg.tensor(x))
    assert_equal(info.numpy(force=True), [0, 2, 3])
    assert_equal(factor.numpy(force=True)[0], np.eye(3))
    assert np.isnan(factor.numpy(force=True)[1:]).all()
    with pytest.raises(ValueError, match=r"^cholesky_ex: .*order 3"):
        tg.linalg.cholesky_ex(tg.tensor(x), check_errors=True)


@pytest.mark.parametrize(("shape", "n"), [((5, 3), 5), ((3, 5), 5), ((2, 4, 2), 4)])
def test_full_matrices_are_orthogonal(shape, n):
    x = tensor(*shape)
    u, s, vh = tg.linalg.svd(x)
    assert (u.shape[-1], vh.shape[-1]) == shape[-2:]
    np.testing.assert_allclose((u.mT @ u).numpy(force=True), np.broadcast_to(np.eye(shape[-2]), u.shape), atol=1e-14)
    np.testing.assert_allclose((vh @ vh.mT).numpy(force=True), np.broadcast_to(np.eye(shape[-1]), vh.shape), atol=1e-14)
    k = s.shape[-1]
    np.testing.assert_allclose(
        ((u[..., :k] * s[..., None, :]) @ vh[..., :k, :]).numpy(force=True), x.numpy(force=True), atol=1e-14
    )


def test_complete_qr_of_a_tall_matrix_is_not_differentiable():
    with pytest.raises(ValueError, match="not differentiable"):
        tg.linalg.qr(tensor(3, 2, requires_grad=True), "complete")


def test_triangular_solves_read_one_triangle():
    x = np.array([[2.0, nan], [1.0, 4.0]])
    y = tg.linalg.solve_triangular(tg.tensor(x), tg.tensor([[2.0], [9.0]]), upper=False)
    assert_equal(y.numpy(force=True), [[1.0], [2.0]])
    graded = np.tril(np.ones((6, 6))) * 10.0 ** -np.arange(0, 60, 10)[:, None]
    y = tg.linalg.solve_triangular(tg.tensor(graded), tg.tensor(graded @ np.arange(1.0, 7)[:, None]), upper=False)
    assert_equal(y.numpy(force=True), np.arange(1.0, 7)[:, None])


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_distances_far_from_the_origin(shift):
    a, b = random.uniform(-1, 1, (40, 3)) + shift, random.uniform(-1, 1, (30, 3)) + shift
    expected = np.sqrt(((a[:, None] - b) ** 2).sum(-1))
    np.testing.assert_allclose(tg.cdist(tg.tensor(a), tg.tensor(b)).numpy(force=True), expected, rtol=1e-12)
    points = tg.tensor(a.astype(np.float32))
    exact = tg.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    assert (np.diagonal(exact.numpy(force=True)) == 0).all()


def test_chains_multiply_in_the_cheapest_order():
    """(1, 1000) (1000, 1) first: the other order would make a 1000 x 1000 matrix."""
    from tensorgrad.ops.products import _best_cuts

    assert _best_cuts([1000, 1, 1000, 1]) == {(0, 1): 0, (1, 2): 1, (0, 2): 0}
    shapes = [(3, 4), (4, 2), (2, 5), (5, 1), (1, 3)]
    parts = [random.uniform(-1, 1, s) for s in shapes]
    actual = tg.linalg.multi_dot([tg.tensor(x) for x in parts])
    np.testing.assert_allclose(actual.numpy(force=True), np.linalg.multi_dot(parts), rtol=1e-12)


# --------------------------------------------------------------------------- NumPy's functions

A, B = random.uniform(-1, 1, (3, 3)) + 3 * np.eye(3), random.uniform(-1, 1, (3, 3))
S = A @ A.T
V, W = random.uniform(-1, 1, 3), random.uniform(-1, 1, 3)
BATCH, RECTANGLE = random.uniform(-1, 1, (2, 3, 3)) + 3 * np.eye(3), random.uniform(-1, 1, (4, 2))
L = np.linalg
CALLS = [
    *((f"dot {a.shape} {b.shape}", np.dot, (a, b), {}) for a in (V, A, BATCH) for b in (W, B, BATCH)),
    ("dot with a number", np.dot, (A, np.array(2.0)), {}),
    ("vdot flattens", np.vdot, (A, B), {}),
    ("inner", np.inner, (A, BATCH), {}),
    ("outer flattens", np.outer, (A, V), {}),
    ("kron", np.kron, (A, V), {}),
    ("cross", np.cross, (A, V), {}),
    ("cross, axis", np.cross, (A, B), {"axis": 0}),
    ("cross, axes", np.cross, (BATCH, A), {"axisa": 1, "axisb": 0, "axisc": 0}),
    ("tensordot", np.tensordot, (BATCH, B), {"axes": 1}),
    ("tensordot, pairs", np.tensordot, (BATCH, BATCH), {"axes": ([1, 2], [2, 1])}),
    ("trace", np.trace, (BATCH,), {"axis1": 1, "axis2": 2}),
    ("trace, offset", np.trace, (A,), {"offset": 1}),
    ("vecdot", np.vecdot, (A, V), {}),
    ("linalg.norm", L.norm, (BATCH,), {}),
    ("linalg.norm, ord", L.norm, (A, 1), {}),
    ("linalg.norm, nuc", L.norm, (A, "nuc"), {}),
    ("linalg.norm, axis", L.norm, (A,), {"ord": np.inf, "axis": 1, "keepdims": True}),
    ("linalg.vector_norm", L.vector_norm, (A,), {"ord": 3, "axis": 0}),
    ("linalg.matrix_norm", L.matrix_norm, (BATCH,), {"ord": 2}),
    ("linalg.matrix_power", L.matrix_power, (A, 3), {}),
    ("linalg.matrix_transpose", L.matrix_transpose, (BATCH,), {}),
    ("linalg.matmul", L.matmul, (A, B), {}),
    ("linalg.outer", L.outer, (V, W), {}),
    ("linalg.cross", L.cross, (V, W), {}),
    ("linalg.tensordot", L.tensordot, (A, B), {"axes": 1}),
    ("linalg.vecdot", L.vecdot, (A, B), {"axis": 0}),
    ("linalg.diagonal", L.diagonal, (BATCH,), {"offset": 1}),
    ("linalg.trace", L.trace, (BATCH,), {}),
    ("linalg.inv", L.inv, (BATCH,), {}),
    ("linalg.pinv", L.pinv, (RECTANGLE,), {}),
    ("linalg.solve", L.solve, (A, V), {}),
    ("linalg.solve, batch", L.solve, (BATCH, B), {}),
    ("linalg.det", L.det, (BATCH,), {}),
    ("linalg.slogdet", L.slogdet, (BATCH,), {}),
    ("linalg.cholesky", L.cholesky, (S,), {}),
    ("linalg.eigh", L.eigh, (S,), {}),
    ("linalg.eigvalsh", L.eigvalsh, (S,), {"UPLO": "U"}),
    ("linalg.qr", L.qr, (RECTANGLE,), {}),
    ("linalg.qr, r", L.qr, (RECTANGLE,), {"mode": "r"}),
    ("linalg.svd", L.svd, (A,), {}),
    ("linalg.svd, values", L.svd, (RECTANGLE,), {"compute_uv": False}),
    ("linalg.svdvals", L.svdvals, (RECTANGLE,), {}),
    ("linalg.cond", L.cond, (A,), {}),
    ("linalg.cond, ord", L.cond, (BATCH, 1), {}),
    ("linalg.lstsq", L.lstsq, (RECTANGLE, np.ones(4)), {}),
    ("linalg.lstsq, matrices", L.lstsq, (RECTANGLE, np.ones((4, 2))), {}),
]


@pytest.mark.parametrize(("function", "arguments", "static"), rows(*CALLS))
def test_numpy_functions(function, arguments, static):
    expected = function(*arguments, **static)
    tensors = [tg.tensor(x, requires_grad=True) if isinstance(x, np.ndarray) else x for x in arguments]
    actual = function(*tensors, **static)
    several = isinstance(expected, tuple)
    for x, y in zip(actual if several else [actual], expected if several else [expected], strict=True):
        assert isinstance(x, tg.Tensor)
        np.testing.assert_allclose(x.numpy(force=True), y, rtol=1e-12, atol=1e-12)
        assert x.shape == np.shape(y)
    assert (actual[0] if several else actual).requires_grad


def test_rank():
    x = tg.tensor(np.outer(V, W), requires_grad=True)
    assert np.linalg.matrix_rank(x).item() == tg.linalg.matrix_rank(x).item() == 1
    assert tg.linalg.matrix_rank(tg.tensor(BATCH)).tolist() == [3, 3]
    assert tg.linalg.matrix_rank(tg.tensor(np.diag([1.0, 1e-3])), rtol=1e-2).item() == 1
    assert tg.linalg.matrix_rank(tg.tensor(np.diag([1.0, 1e-3])), atol=1e-4).item() == 2
    assert tg.linalg.matrix_rank(tg.tensor(np.zeros((0, 3)))).item() == 0


def test_numpy_multi_dot():
    x = tg.tensor(A, requires_grad=True)
    np.testing.assert_allclose(np.linalg.multi_dot([x, x, V]).numpy(force=True), A @ A @ V, rtol=1e-12)
