"""Linear equations: solutions, inverses and determinants. NumPy's LAPACK computes, the rules are matrix calculus.

A singular matrix is a ValueError (NumPy's LinAlgError is one) that names the operator; determinants take any matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, operand, raw
from tensorgrad.ops._matrices import constant, matrix, on_diagonal, same_batch, square_matrix, triangle
from tensorgrad.ops.elementwise import less, where
from tensorgrad.ops.index import _getitem, scatter_into
from tensorgrad.ops.linalg import _matmul, matmul, swap_last
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _reshape

# --- primitives -------------------------------------------------------------------------------------------------------

_inv: Callable[..., Any] = primitive(
    lambda g, y, x: -_matmul(_matmul(swap_last(y), g), swap_last(y)),
    name="inv",
)(np.linalg.inv)


def _solve_rule(wanted: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    """Y = A^-1 B, so dB = A'^-1 G, and dA = -dB Y'."""
    gb = _solve(swap_last(a), g)
    return -_matmul(gb, swap_last(y)) if wanted[0] else None, gb


_solve: Callable[..., Any] = primitive(joint=_solve_rule, name="solve", promote=promote_operands)(np.linalg.solve)


def _triangular_rule(wanted: Any, g: Any, y: Any, a: Any, b: Any, *, upper: bool, unit: bool) -> Any:
    """As for ``solve``; what lies outside the triangle was not read."""
    gb = _solve_triangular(swap_last(a), g, upper=not upper, unit=unit)
    return triangle(-_matmul(gb, swap_last(y)), upper=upper, strict=unit) if wanted[0] else None, gb


@primitive(joint=_triangular_rule, name="solve_triangular", promote=promote_operands)
def _solve_triangular(a: Any, b: Any, *, upper: bool, unit: bool) -> Any:
    """An upper triangle is its own LU factorization; a lower one is upper when read from the last row and column on."""
    a = np.triu(a) if upper else np.tril(a)[..., ::-1, ::-1]
    if unit:
        a = np.where(on_diagonal(a), a.dtype.type(1), a)
    return np.linalg.solve(a, b) if upper else np.linalg.solve(a, b[..., ::-1, :])[..., ::-1, :]


# the derivative of the determinant is the matrix of cofactors, det(A) A'^-1 but for singular matrices too
_det: Callable[..., Any] = primitive(
    lambda g, y, x: g[..., None, None] * _cofactors(x),
    name="det",
)(np.linalg.det)


def _cofactors_rule(g: Any, y: Any, x: Any) -> Any:
    """With cofactors C: (tr(G'C) C - C G' C) / det; where that is inaccurate, minor by minor."""
    size = np.linalg.svd(raw(x), compute_uv=False)
    if size.size and (size[..., -1] > 1e-3 * size[..., 0]).all():
        trace = _sum(g * y, dim=(x.ndim - 2, x.ndim - 1), keepdim=True)
        return (trace * y - _matmul(_matmul(y, swap_last(g)), y)) / _det(x)[..., None, None]
    n = x.shape[-1]
    signs = np.asarray((-1.0) ** np.add.outer(np.arange(n), np.arange(n)), x.dtype)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], np.int64).reshape(n, max(n - 1, 0))
    index = (..., others[:, None, :, None], others[None, :, None, :])  # [i, j] without row i and column j
    minors = _cofactors(_getitem(x, index=index))
    return scatter_into((g * signs)[..., None, None] * minors, index=index, shape=tuple(x.shape))


@primitive(_cofactors_rule, name="cofactors")
def _cofactors(x: Any) -> Any:
    """``(-1)^(i+j)`` times the determinant without row i and column j, from A = U S V' for any rank."""
    u, s, vt = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), s.dtype.type(1), s[..., None, :]).prod(axis=-1)
    return (np.linalg.det(u) * np.linalg.det(vt))[..., None, None] * ((u * others[..., None, :]) @ vt)


# sign and log|det| side by side in the last dimension
@primitive(lambda g, y, x: g[..., 1, None, None] * swap_last(_inv(x)), name="slogdet")
def _slogdet(x: Any) -> Any:
    return np.stack(np.linalg.slogdet(x), axis=-1)


def _pinv_rule(g: Any, y: Any, x: Any, **_: Any) -> Any:
    """-Y' G Y' + (1 - X Y) G' Y Y' + Y' Y G' (1 - Y X): Golub and Pereyra (1973), where the rank stays."""
    yt, gt = swap_last(y), swap_last(g)
    gty, ygt = _matmul(gt, _matmul(y, yt)), _matmul(_matmul(yt, y), gt)
    outside = gty - _matmul(x, _matmul(y, gty)) + ygt - _matmul(_matmul(ygt, y), x)
    return outside - _matmul(_matmul(yt, g), yt)


@primitive(_pinv_rule, name="pinv")
def _pinv(x: Any, *, atol: Any, rtol: Any) -> Any:
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    keep = s > np.maximum(atol, rtol * s.max(axis=-1, keepdims=True, initial=0))
    inverse = np.divide(1, s, out=np.zeros_like(s), where=keep)
    return np.swapaxes(vt, -1, -2) @ (inverse[..., :, None] * np.swapaxes(u, -1, -2))


# --- inverses and solutions -------------------------------------------------------------------------------------------


def inv(A: Any) -> Any:
    """The inverse of every matrix. Raises ValueError when one is singular. Source: ``torch.linalg.inv``.

    >>> import tensorgrad as tg
    >>> tg.linalg.inv(tg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _inv(square_matrix(A, "inv"))


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The solution of ``A X = B`` (``left=False``: ``X A = B``), batches broadcasting.

    ``B`` is a vector, a batch of vectors (shape ``A.shape[:-1]``), or matrices. Raises ValueError when a matrix is
    singular or the sizes do not agree. Source: ``torch.linalg.solve``.

    >>> import tensorgrad as tg
    >>> tg.linalg.solve(tg.tensor([[2.0, 0.0], [0.0, 4.0]]), tg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    a, b = square_matrix(A, "solve", "A"), operand(B, "solve")
    vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and tuple(b.shape) == tuple(a.shape[:-1]))
    if vector:
        b = _reshape(b, shape=(*b.shape, 1))
    if not left and not vector:
        return swap_last(solve(swap_last(a), swap_last(matrix(b, "solve", "B"))))
    _check_sizes(a, matrix(b, "solve", "B"), "solve")
    y = _solve(a, b) if left else _solve(swap_last(a), b)
    return _reshape(y, shape=tuple(y.shape[:-1])) if vector else y


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """The solution of ``A X = B`` (``left=False``: ``X A = B``) for triangular ``A``, batches broadcasting.

    Only the named triangle of ``A`` is read, with ``unitriangular`` not even its diagonal, which counts as ones.
    Raises ValueError when there is a zero on the diagonal (PyTorch: infinities). Source:
    ``torch.linalg.solve_triangular``.

    >>> import tensorgrad as tg
    >>> tg.linalg.solve_triangular(tg.tensor([[2.0, 2.0], [0.0, 4.0]]), tg.tensor([[4.0], [4.0]]), upper=True)
    tensor([[1.],
            [1.]])
    """
    a, b = square_matrix(A, "solve_triangular", "A"), matrix(B, "solve_triangular", "B")
    if not left:
        return swap_last(solve_triangular(swap_last(a), swap_last(b), upper=not upper, unitriangular=unitriangular))
    _check_sizes(a, b, "solve_triangular")
    return _solve_triangular(a, b, upper=upper, unit=unitriangular)


def _check_sizes(a: Any, b: Any, op: str) -> None:
    if a.shape[-2] != b.shape[-2]:
        raise op_error(
            ValueError, op, f"A has {a.shape[-2]} rows, B has {b.shape[-2]}: {tuple(a.shape)}, {tuple(b.shape)}"
        )
    same_batch(a, b, op)


def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """The Moore-Penrose inverse of every matrix, (columns, rows).

    Singular values up to ``max(atol, rtol * largest)`` count as zero; ``rtol`` is ``max(rows, columns) * eps`` unless
    one of the two is given (``rcond`` is another name for it). The derivative is right where the rank does not
    change. ``hermitian`` changes nothing but speed elsewhere, and nothing here. Source: ``torch.linalg.pinv``.

    >>> import tensorgrad as tg
    >>> tg.linalg.pinv(tg.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    x = square_matrix(A, "pinv") if hermitian else matrix(A, "pinv")
    atol, rtol = tolerances(x, atol, rcond if rtol is None else rtol)
    return _pinv(x, atol=atol, rtol=rtol)


def tolerances(x: Any, atol: Any, rtol: Any) -> tuple[np.ndarray, np.ndarray]:
    """What counts as a singular value of 0, absolutely and relative to the largest; PyTorch's when not given."""
    if rtol is None:
        rtol = 0.0 if atol is not None else max(x.shape[-2:]) * np.finfo(x.dtype).eps
    absolute, relative = (np.asarray(raw(0.0 if tol is None else tol))[..., None] for tol in (atol, rtol))
    return absolute, relative


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """As :func:`pinv` with ``rtol=rcond``. Source: ``torch.pinverse``."""
    return pinv(input, rcond)


class Lstsq(NamedTuple):
    """What :func:`lstsq` returns."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """The ``X`` of least ``||A X - B||``, and among those of least norm: ``pinv(A) B``.

    Gives ``(solution, residuals, rank, singular_values)``; the residuals, sums of squares by column, are empty unless
    there are more rows than columns and the rank is full; the last two are not differentiable. ``driver`` is accepted
    and ignored: the results are those of PyTorch's "gelsd" (its default driver leaves some of them empty). Raises
    ValueError when the sizes do not agree. Source: ``torch.linalg.lstsq``.

    >>> import tensorgrad as tg
    >>> round(tg.linalg.lstsq(tg.tensor([[1.0], [1.0]]), tg.tensor([[1.0], [3.0]])).solution.item(), 4)
    2.0
    """
    a, b = matrix(A, "lstsq", "A"), operand(B, "lstsq")
    vector = b.ndim == a.ndim - 1 and tuple(b.shape) == tuple(a.shape[:-1])
    if vector:
        b = _reshape(b, shape=(*b.shape, 1))
    _check_sizes(a, matrix(b, "lstsq", "B"), "lstsq")
    rows, columns = a.shape[-2:]
    rtol = max(rows, columns) * float(np.finfo(a.dtype).eps) if rcond is None else rcond
    size = np.linalg.svd(raw(a), compute_uv=False)
    rank = (size > rtol * size.max(axis=-1, keepdims=True, initial=0)).sum(axis=-1)
    solution = _matmul(_pinv(a, atol=np.zeros(1), rtol=np.full(1, rtol)), b)
    if rows > columns and (rank == columns).all():
        difference = b - _matmul(a, solution)
        residuals = _sum(difference * difference, dim=(difference.ndim - 2,), keepdim=False)
    else:
        residuals = constant(np.empty(0, a.dtype), like=solution)
    if vector:
        solution = _reshape(solution, shape=tuple(solution.shape[:-1]))
    return Lstsq(solution, residuals, constant(np.asarray(rank), like=solution), constant(size, like=solution))


# --- determinants -----------------------------------------------------------------------------------------------------


def det(A: Any) -> Any:
    """The determinant of every matrix. Its derivative, the matrix of cofactors, is exact for singular ones too.

    (PyTorch gives other numbers there.) A second derivative at a nearly singular n x n matrix goes over all n^2
    minors. Raises ValueError for a matrix that is not square. Source: ``torch.linalg.det``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    >>> tg.det(x).backward(); x.grad
    tensor([[ 4., -2.],
            [-2.,  1.]])
    """
    return _det(square_matrix(A, "det"))


class Slogdet(NamedTuple):
    """What :func:`slogdet` returns."""

    sign: Any
    logabsdet: Any


def slogdet(A: Any) -> Slogdet:
    """``(sign, logabsdet)`` with ``det A = sign exp(logabsdet)``: no overflow for large matrices.

    The derivative of ``logabsdet`` is the inverse, transposed; at a singular matrix (0, -inf) it raises ValueError.
    Source: ``torch.linalg.slogdet``.

    >>> import tensorgrad as tg
    >>> sign, logabsdet = tg.slogdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]]))
    >>> sign.item(), logabsdet.item()
    (-1.0, 0.0)
    """
    pair = _slogdet(square_matrix(A, "slogdet"))
    return Slogdet(pair[..., 0], pair[..., 1])


def logdet(input: Any) -> Any:
    """``log det A``; -inf for a determinant of 0, NaN for a negative one. Source: ``torch.logdet``.

    >>> import tensorgrad as tg
    >>> tg.logdet(tg.tensor([[2.0, 0.0], [0.0, 0.5]])).item()
    0.0
    """
    sign, logabsdet = slogdet(square_matrix(input, "logdet"))
    return where(less(sign, 0), float("nan"), logabsdet)


# --- powers -----------------------------------------------------------------------------------------------------------


def matrix_power(A: Any, n: int) -> Any:
    """``A`` multiplied with itself ``n`` times, by repeated squaring; negative powers are those of the inverse.

    Raises ValueError for a matrix that is not square, or singular under a negative power. Source:
    ``torch.linalg.matrix_power``.

    >>> import tensorgrad as tg
    >>> tg.linalg.matrix_power(tg.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    x, n = operand(A, "matrix_power"), as_int(n, "matrix_power", "n")
    if n < 0:
        x, n = inv(x), -n
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise op_error(ValueError, "matrix_power", f"input must be square matrices, got shape {tuple(x.shape)}")
    if n == 0:
        return where(np.bool_(True), on_diagonal(x).astype(x.dtype), x)
    y = None
    while True:
        if n & 1:
            y = x if y is None else matmul(y, x)
        n >>= 1
        if n == 0:
            return y
        x = matmul(x, x)


__all__ = [
    "det", "inv", "logdet", "lstsq", "matrix_power", "pinv", "pinverse", "slogdet", "solve", "solve_triangular",
]  # fmt: skip
