"""The norms of ``linalg``: of vectors, of matrices, and of either."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import kept_shape, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops._matrices import constant, matrix
from tensorgrad.ops.decompositions import _svdvals
from tensorgrad.ops.elementwise import abs as _abs
from tensorgrad.ops.extrema import amax, amin
from tensorgrad.ops.reduce import _as_dtype, sum
from tensorgrad.ops.shape import _permute, _reshape
from tensorgrad.ops.solve import inv, tolerances
from tensorgrad.ops.vector_norm import norm as _vector_norm


@numpy_spelling
def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """``(sum |x|^ord)^(1/ord)`` over ``dim`` (an int, several, or all), for any number ``ord`` and +-inf.

    ``ord=0`` counts what is not zero. The gradient at the zero vector is 0. Source: ``torch.linalg.vector_norm``.

    >>> import tensorgrad as tg
    >>> tg.linalg.vector_norm(tg.tensor([3.0, -4.0]), ord=1).item()
    7.0
    """
    if isinstance(ord, str):
        raise op_error(ValueError, "vector_norm", f"ord must be a number or inf, got {ord!r}")
    return _vector_norm(_as_dtype(operand(x, "vector_norm"), dtype), ord, dim, keepdim)


@numpy_spelling
def matrix_norm(
    A: Any, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """A norm of every matrix that the two dimensions ``dim`` span.

    ``ord`` is "fro" (the root of the sum of squares), "nuc" (the sum of the singular values), 2 or -2 (the largest or
    smallest of them), 1 or -1 (the largest or smallest column sum of |A|), inf or -inf (of the row sums). Raises
    ValueError for another. Source: ``torch.linalg.matrix_norm``.

    >>> import tensorgrad as tg
    >>> tg.linalg.matrix_norm(tg.tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    x = matrix(_as_dtype(operand(A, "matrix_norm"), dtype), "matrix_norm", "A")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise op_error(ValueError, "matrix_norm", f"dim must be two dimensions, got {dim!r}")
    row, column = (one_dim(d, x.ndim, "matrix_norm") for d in dim)
    if row == column:
        raise op_error(ValueError, "matrix_norm", f"dim must be two different dimensions, got {dim!r}")
    if ord == "fro":
        return _vector_norm(x, 2, (row, column), keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise op_error(ValueError, "matrix_norm", f"ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    shape = kept_shape(tuple(x.shape), (row, column))
    others = tuple(d for d in range(x.ndim) if d not in (row, column))
    x = _permute(x, dims=(*others, row, column))
    sizes = _svdvals(x) if ord in ("nuc", 2, -2) else sum(_abs(x), -2 if abs(ord) == 1 else -1)
    y = sum(sizes, -1) if ord == "nuc" else (amax if ord > 0 else amin)(sizes, -1)
    return _reshape(y, shape=shape) if keepdim else y


@numpy_spelling
def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A vector norm or a matrix norm, by what ``ord`` and ``dim`` say.

    Without ``ord`` the 2-norm of all elements along ``dim``; with an ``ord``, over one dimension (or a 1-d ``A``)
    that of :func:`vector_norm`, over two dimensions (or a 2-d ``A``) that of :func:`matrix_norm`. Raises ValueError
    when an ``ord`` comes without ``dim`` for more dimensions. Source: ``torch.linalg.norm``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> tg.linalg.norm(x).item(), tg.linalg.norm(x, 1).item(), tg.linalg.norm(x, 1, dim=1).tolist()
    (5.0, 4.0, [7.0, 0.0])
    """
    x = operand(A, "norm")
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype=dtype)
    if dim is None and x.ndim not in (1, 2):
        raise op_error(ValueError, "norm", f"ord={ord!r} needs dim= for shape {tuple(x.shape)}")
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if not isinstance(dim, (tuple, list)) else tuple(dim)
    if len(dims) == 2:
        return matrix_norm(x, ord, dims, keepdim, dtype=dtype)
    return vector_norm(x, ord, dims, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Any:
    """The condition number ``|A| |A^-1|`` of every matrix in the norm ``p`` of :func:`matrix_norm`.

    Without ``p``, or with 2 or -2, it is the quotient of the extreme singular values, of any matrix; other norms
    raise ValueError for a singular one (PyTorch: infinity). Source: ``torch.linalg.cond``.

    >>> import tensorgrad as tg
    >>> tg.linalg.cond(tg.tensor([[4.0, 0.0], [0.0, 2.0]])).item()
    2.0
    """
    x = matrix(A, "cond", "A")
    if p in (None, 2, -2):
        sizes = _svdvals(x)
        large, small = sizes[..., 0], sizes[..., -1]
        return small / large if p == -2 else large / small
    return matrix_norm(x, p) * matrix_norm(inv(x), p)


def matrix_rank(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """How many singular values of every matrix exceed ``max(atol, rtol * largest)``.

    ``rtol`` is ``max(rows, columns) * eps`` unless ``atol`` is given; ``hermitian`` changes nothing here. Source:
    ``torch.linalg.matrix_rank``.

    >>> import tensorgrad as tg
    >>> tg.linalg.matrix_rank(tg.tensor([[1.0, 2.0], [2.0, 4.0]])).item()
    1
    """
    x = matrix(A, "matrix_rank", "A")
    atol, rtol = tolerances(x, atol, rtol)
    sizes = np.linalg.svd(raw(x), compute_uv=False)
    keep = sizes > np.maximum(atol, rtol * sizes.max(axis=-1, keepdims=True, initial=0))
    return constant(np.asarray(keep.sum(axis=-1)), like=x)


__all__ = ["cond", "matrix_norm", "matrix_rank", "norm", "vector_norm"]
