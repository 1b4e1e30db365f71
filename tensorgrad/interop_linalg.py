"""NumPy's linear algebra on tensors, with NumPy's arguments: ``np.dot(t, u)``, ``np.linalg.solve(t, u)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.ops import decompositions, matrix_norm, products, solve
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.diagonal import diagonal
from tensorgrad.ops.linalg import matmul
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.shape import _reshape, flatten, movedim, transpose


def _dot(a: Any, b: Any) -> Any:
    """NumPy's: the last dimension of ``a`` with the last but one of ``b``; numbers multiply."""
    x, y = operand(a, "np.dot"), operand(b, "np.dot")
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return products.tensordot(x, y, ([-1], [-2 if y.ndim > 1 else -1]))


def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """PyTorch's, but the singular values have gradients."""
    found = solve.lstsq(a, b, rcond)
    return found._replace(singular_values=decompositions.svdvals(operand(a, "np.linalg.lstsq")))


def _flat(x: Any) -> Any:
    return flatten(operand(x, "flatten"))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    return products.tensordot(a, b, axes)


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = movedim(operand(a, "np.cross"), axisa, -1), movedim(operand(b, "np.cross"), axisb, -1)
    n = max(x.ndim, y.ndim)
    x, y = (_reshape(v, shape=(1,) * (n - v.ndim) + tuple(v.shape)) for v in (x, y))
    return movedim(products.cross(x, y, -1), -1, axisc)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return matrix_norm.norm(x, ord, axis, keepdims)


def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return matrix_norm.vector_norm(x, ord, axis, keepdims)


def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return matrix_norm.matrix_norm(x, ord, keepdim=keepdims)


def _solve(a: Any, b: Any) -> Any:
    """NumPy's: ``b`` is a vector when it has one dimension, else matrices."""
    b = operand(b, "np.linalg.solve")
    if b.ndim > 1 and b.ndim == a.ndim - 1:
        b = b.reshape(1, *b.shape)
    return solve.solve(a, b)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return decompositions.svd(a, full_matrices) if compute_uv else decompositions.svdvals(a)


def _qr(a: Any, mode: str = "reduced") -> Any:
    return decompositions.qr(a, "r").R if mode == "r" else decompositions.qr(a, mode)


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return solve.pinv(a, 1e-15 if rcond is None and rtol is None else rcond, hermitian, rtol=rtol)


def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return decompositions.cholesky(a, upper=upper)


def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return products.vecdot(x1, x2, dim=axis)


def _diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(x, offset, -2, -1)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return sum(diagonal(a, offset, axis1, axis2), -1)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.dot: _dot,
    np.vdot: lambda a, b: products.vdot(_flat(a), _flat(b)),
    np.inner: lambda a, b: products.inner(a, b),
    np.outer: lambda a, b: products.outer(_flat(a), _flat(b)),
    np.kron: lambda a, b: products.kron(a, b),
    np.cross: _cross,
    np.tensordot: _tensordot,
    np.linalg.norm: _norm,
    np.linalg.vector_norm: _vector_norm,
    np.linalg.matrix_norm: _matrix_norm,
    np.linalg.matrix_power: lambda a, n: solve.matrix_power(a, n),
    np.linalg.matrix_transpose: lambda x: transpose(x, -2, -1),
    np.linalg.matmul: lambda x1, x2: matmul(x1, x2),
    np.linalg.multi_dot: lambda arrays: products.multi_dot(arrays),
    np.linalg.outer: lambda x1, x2: products.outer(x1, x2),
    np.linalg.cross: lambda x1, x2, *, axis=-1: products.cross(x1, x2, axis),
    np.linalg.tensordot: lambda x1, x2, *, axes=2: products.tensordot(x1, x2, axes),
    np.linalg.vecdot: _vecdot,
    np.linalg.diagonal: _diagonal,
    np.linalg.trace: lambda x, *, offset=0: _trace(x, offset, -2, -1),
    np.trace: _trace,
    np.linalg.inv: lambda a: solve.inv(a),
    np.linalg.pinv: _pinv,
    np.linalg.solve: _solve,
    np.linalg.lstsq: _lstsq,
    np.linalg.det: lambda a: solve.det(a),
    np.linalg.slogdet: lambda a: solve.slogdet(a),
    np.linalg.cholesky: _cholesky,
    np.linalg.eigh: lambda a, UPLO="L": decompositions.eigh(a, UPLO),
    np.linalg.eigvalsh: lambda a, UPLO="L": decompositions.eigvalsh(a, UPLO),
    np.linalg.qr: _qr,
    np.linalg.svd: _svd,
    np.linalg.matrix_rank: lambda A, tol=None, hermitian=False, *, rtol=None: matrix_norm.matrix_rank(
        A, hermitian=hermitian, atol=tol, rtol=rtol
    ),
    np.linalg.cond: lambda x, p=None: matrix_norm.cond(x, p),
    np.linalg.svdvals: lambda x: decompositions.svdvals(x),
}

__all__ = ["FUNCTIONS"]
