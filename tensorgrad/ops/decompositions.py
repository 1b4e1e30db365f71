"""Factors of a matrix. An operator with several results is one primitive: its factors lie one below the other in one
array, of which the parts are views, so that its rule sees all their gradients at once.

Sources of the rules: Giles (2008), "Collected matrix derivative results"; Townsend (2016), "Differentiating the
singular value decomposition"; Walter and Lehmann (2012) for QR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import is_tensor, raw
from tensorgrad.ops._matrices import constant, matrix, mirrored, on_diagonal, over, square_matrix
from tensorgrad.ops.elementwise import where
from tensorgrad.ops.join import cat
from tensorgrad.ops.linalg import _matmul, swap_last
from tensorgrad.ops.solve import _solve_triangular

# --- cholesky: A = L L' -----------------------------------------------------------------------------------------------


def _cholesky_rule(g: Any, y: Any, x: Any) -> Any:
    """L'^-1 S L^-1 with S = L'G, its lower triangle mirrored, halved."""
    s = mirrored(_matmul(swap_last(y), g), upper=False) / 2
    half = _solve_triangular(swap_last(y), s, upper=True, unit=False)
    return swap_last(_solve_triangular(swap_last(y), swap_last(half), upper=True, unit=False))


_cholesky: Callable[..., Any] = primitive(_cholesky_rule, name="cholesky")(np.linalg.cholesky)


def cholesky(A: Any, upper: bool = False) -> Any:
    """The lower triangular ``L`` with ``A = L L'`` of every symmetric positive definite matrix, or its transpose.

    Only the lower triangle of ``A`` is read; the gradient is symmetric. Raises ValueError when a matrix is not
    positive definite. Source: ``torch.linalg.cholesky``.

    >>> import tensorgrad as tg
    >>> tg.linalg.cholesky(tg.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    y = _cholesky(square_matrix(A, "cholesky"))
    return swap_last(y) if upper else y


class CholeskyEx(NamedTuple):
    """What :func:`cholesky_ex` returns."""

    L: Any
    info: Any


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> CholeskyEx:
    """As :func:`cholesky`, but a matrix that is not positive definite is reported: ``(L, info)``.

    ``info`` is 0, or the order of the first leading minor that is not positive; ``L`` is then NaN (undefined in
    PyTorch). ``check_errors`` raises ValueError instead. Source: ``torch.linalg.cholesky_ex``.

    >>> import tensorgrad as tg
    >>> tg.linalg.cholesky_ex(tg.tensor([[1.0, 2.0], [2.0, 1.0]])).info.item()
    2
    """
    x = square_matrix(A, "cholesky_ex")
    n = x.shape[-1]
    array = raw(x).reshape(int(np.prod(x.shape[:-2])), n, n)
    info = np.array([_first_failure(a) for a in array], np.int32).reshape(x.shape[:-2])
    if check_errors and info.any():
        raise op_error(ValueError, "cholesky_ex", f"the leading minor of order {info.max()} is not positive definite")
    failed = (info > 0)[..., None, None]
    y = _cholesky(where(failed, np.eye(n, dtype=x.dtype), x)) if failed.any() else _cholesky(x)
    y = where(failed, np.nan, y) if failed.any() else y
    return CholeskyEx(swap_last(y) if upper else y, constant(info, like=x))


def _first_failure(a: np.ndarray) -> int:
    """The order of the first leading minor that is not positive definite; 0 when there is none."""
    good, bad = 0, len(a) + 1
    while bad - good > 1:
        middle = (good + bad) // 2 if bad <= len(a) else len(a)
        try:
            np.linalg.cholesky(a[:middle, :middle])
            good = middle
        except np.linalg.LinAlgError:
            bad = middle
        if good == len(a):
            return 0
    return bad if bad <= len(a) else 0


# --- eigenvalues of symmetric matrices: A = V diag(w) V' --------------------------------------------------------------


def _eigh_rule(g: Any, y: Any, x: Any, *, uplo: str) -> Any:
    """V (diag(dw) + skew(V' dV) / gaps) V', gaps_ij = w_j - w_i."""
    gw, gv, w, v = g[..., :1, :], g[..., 1:, :], y[..., :1, :], y[..., 1:, :]
    turn = _matmul(swap_last(v), gv)
    turn = over((turn - swap_last(turn)) / 2, w - swap_last(w))
    return _matmul(_matmul(v, where(on_diagonal(v), gw, turn)), swap_last(v))


@primitive(_eigh_rule, name="eigh")
def _eigh(x: Any, *, uplo: Any) -> Any:
    w, v = np.linalg.eigh(x, uplo)
    return np.concatenate([w[..., None, :], v], axis=-2)


def _eigvalsh_rule(g: Any, y: Any, x: Any, *, uplo: str) -> Any:
    """V diag(dw) V': unlike the eigenvectors, never infinite."""
    v = _eigh(x, uplo=uplo)[..., 1:, :]
    return _matmul(v * g[..., None, :], swap_last(v))


@primitive(_eigvalsh_rule, name="eigvalsh")
def _eigvalsh(x: Any, *, uplo: Any) -> Any:
    return np.linalg.eigvalsh(x, uplo)


def _row(packed: Any, at: int) -> Any:
    """One row of packed factors as vectors."""
    return packed[..., at, :]


class Eigh(NamedTuple):
    """What :func:`eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


def eigh(A: Any, UPLO: str = "L") -> Eigh:
    """``(eigenvalues, eigenvectors)`` of symmetric matrices, ``A = V diag(w) V'``, in ascending order.

    Only the lower triangle (``UPLO="U"``: the upper) is read; the gradient is symmetric. Eigenvectors have a sign of
    LAPACK's choice, and their derivative is infinite where two eigenvalues coincide. Source: ``torch.linalg.eigh``.

    >>> import tensorgrad as tg
    >>> tg.linalg.eigh(tg.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    y = _eigh(square_matrix(A, "eigh"), uplo=_uplo(UPLO, "eigh"))
    return Eigh(_row(y, 0), y[..., 1:, :])


def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices in ascending order, see :func:`eigh`. Source: ``torch.linalg.eigvalsh``.

    >>> import tensorgrad as tg
    >>> tg.linalg.eigvalsh(tg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    return _eigvalsh(square_matrix(A, "eigvalsh"), uplo=_uplo(UPLO, "eigvalsh"))


def _uplo(value: str, op: str) -> str:
    if value not in ("L", "U", "l", "u"):
        raise op_error(ValueError, op, f"UPLO must be 'L' or 'U', got {value!r}")
    return value.upper()


# --- qr: A = Q R ------------------------------------------------------------------------------------------------------


def _qr_rule(g: Any, y: Any, x: Any) -> Any:
    """(dQ + Q M) R'^-1, M being the upper triangle of dR R' - Q' dQ, mirrored."""
    m = x.shape[-2]
    gq, gr, q, r = g[..., :m, :], g[..., m:, :], y[..., :m, :], y[..., m:, :]
    inside = mirrored(_matmul(gr, swap_last(r)) - _matmul(swap_last(q), gq), upper=True)
    return swap_last(_solve_triangular(r, swap_last(gq + _matmul(q, inside)), upper=True, unit=False))


@primitive(_qr_rule, name="qr")
def _qr(x: Any) -> Any:
    """Q over R, for matrices at least as tall as wide."""
    return np.concatenate(np.linalg.qr(x), axis=-2)


class QR(NamedTuple):
    """What :func:`qr` returns."""

    Q: Any
    R: Any


def qr(A: Any, mode: str = "reduced") -> QR:
    """``(Q, R)``: every matrix as orthonormal columns times an upper triangle.

    ``mode`` is "reduced", "r" (Q is empty) or "complete" (Q is square, which for tall matrices is not
    differentiable). The derivative needs linearly independent columns. Source: ``torch.linalg.qr``.

    >>> import tensorgrad as tg
    >>> [factor.shape for factor in tg.linalg.qr(tg.ones(4, 3))]
    [(4, 3), (3, 3)]
    """
    x = matrix(A, "qr")
    m, n = x.shape[-2:]
    if mode not in ("reduced", "r", "complete"):
        raise op_error(ValueError, "qr", f"mode must be 'reduced', 'r' or 'complete', got {mode!r}")
    if mode == "complete" and m > n:
        if is_tensor(x) and x.requires_grad:
            raise op_error(ValueError, "qr", "mode='complete' is not differentiable for tall matrices; use 'reduced'")
        q, r = np.linalg.qr(raw(x), "complete")
        return QR(constant(q, like=x), constant(r, like=x))
    square = _qr(x[..., : min(m, n)])
    q, r = square[..., :m, :], square[..., m:, :]
    if n > m:  # the first columns decide Q; the others are Q times what R says
        r = cat([r, _matmul(swap_last(q), x[..., m:])], dim=-1)
    return QR(constant(np.empty(0, x.dtype), like=x) if mode == "r" else q, r)


# --- singular values: A = U diag(s) V' --------------------------------------------------------------------------------


def _svd_rule(g: Any, y: Any, x: Any) -> Any:
    """U (skew(U'dU)/gaps s + s skew(V'dV)/gaps + diag(ds)) V' and what leaves the spans of U and V.

    gaps_ij = s_j^2 - s_i^2.
    """
    m, n = x.shape[-2:]
    gu, gs, gv = g[..., :m, :], g[..., m : m + 1, :], g[..., m + 1 :, :]
    u, s, v = y[..., :m, :], y[..., m : m + 1, :], y[..., m + 1 :, :]
    gaps = s * s - swap_last(s * s)
    ugu, vgv = _matmul(swap_last(u), gu), _matmul(swap_last(v), gv)
    turn = over(ugu - swap_last(ugu), gaps) * s + swap_last(s) * over(vgv - swap_last(vgv), gaps)
    left = _matmul(u, where(on_diagonal(turn), gs, turn))
    if m > n:
        left = left + over(gu - _matmul(u, ugu), s)
    gx = _matmul(left, swap_last(v))
    return gx + _matmul(u, swap_last(over(gv - _matmul(v, vgv), s))) if n > m else gx


@primitive(_svd_rule, name="svd")
def _svd(x: Any) -> Any:
    """U over s over V."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vt, -1, -2)], axis=-2)


def _svdvals_rule(g: Any, y: Any, x: Any) -> Any:
    """U diag(ds) V'."""
    m, packed = x.shape[-2], _svd(x)
    return _matmul(packed[..., :m, :] * g[..., None, :], swap_last(packed[..., m + 1 :, :]))


@primitive(_svdvals_rule, name="svdvals")
def _svdvals(x: Any) -> Any:
    return np.linalg.svd(x, compute_uv=False)


class SVD(NamedTuple):
    """What :func:`svd` returns."""

    U: Any
    S: Any
    Vh: Any


def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """``(U, S, Vh)`` with ``A = U diag(S) Vh``, singular values in descending order.

    With ``full_matrices`` U and Vh are square: their columns and rows beyond the number of singular values are
    constants to the derivative. U and V have signs of LAPACK's choice, and their derivative is infinite where two
    singular values coincide. ``driver`` is accepted and ignored. Source: ``torch.linalg.svd``.

    >>> import tensorgrad as tg
    >>> tg.linalg.svd(tg.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    x = matrix(A, "svd")
    m = x.shape[-2]
    y = _svd(x)
    u, s, v = y[..., :m, :], _row(y, m), y[..., m + 1 :, :]
    if full_matrices:
        u, v = _completed(u), _completed(v)
    return SVD(u, s, swap_last(v))


def _completed(u: Any) -> Any:
    """Orthonormal columns with constant ones beside them, as many as make the matrix square."""
    m, k = u.shape[-2:]
    if m == k:
        return u
    rest = np.linalg.qr(raw(u), "complete")[0][..., k:]
    return cat([u, constant(rest, like=u)], dim=-1)


def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values in descending order. Source: ``torch.linalg.svdvals``.

    >>> import tensorgrad as tg
    >>> tg.linalg.svdvals(tg.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    return _svdvals(matrix(A, "svdvals"))


# --- the exponential --------------------------------------------------------------------------------------------------


def _matrix_exp_rule(g: Any, y: Any, x: Any) -> Any:
    """The upper right block of exp([[X', G], [0, X']]): Higham, "Functions of matrices", theorem 3.6."""
    n, xt = x.shape[-1], swap_last(x)
    below = cat([np.zeros(x.shape, x.dtype), xt], dim=-1)
    return _matrix_exp(cat([cat([xt, g], dim=-1), below], dim=-2))[..., :n, n:]


@primitive(_matrix_exp_rule, name="matrix_exp")
def _matrix_exp(x: Any) -> Any:
    """Scaling and squaring: Taylor's polynomial of X / 2^k, small enough for its 18 terms, squared k times."""
    size = np.abs(x).sum(axis=-2).max(initial=0)
    squarings = max(int(np.ceil(np.log2(size))) + 1, 0) if 0 < size < np.inf else 0
    x = x / x.dtype.type(2.0**squarings)
    one = np.eye(x.shape[-1], dtype=x.dtype)
    y = np.broadcast_to(one, x.shape)
    for k in range(18, 0, -1):
        y = one + x @ y / x.dtype.type(k)
    for _ in range(squarings):
        y = y @ y
    return y


def matrix_exp(A: Any) -> Any:
    """``1 + A + A^2 / 2! + ...`` of every square matrix. Source: ``torch.linalg.matrix_exp``.

    >>> import tensorgrad as tg
    >>> tg.linalg.matrix_exp(tg.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return _matrix_exp(square_matrix(A, "matrix_exp"))


__all__ = ["cholesky", "cholesky_ex", "eigh", "eigvalsh", "matrix_exp", "qr", "svd", "svdvals"]
