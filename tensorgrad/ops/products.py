"""Products of vectors and matrices under their many names, all composed of the matrix product and of ``*``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops import diagonal as diagonals
from tensorgrad.ops._arguments import as_int, numpy_spelling, one_dim, operand
from tensorgrad.ops._matrices import exactly
from tensorgrad.ops.linalg import matmul
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _permute, _reshape, _roll

# --- matrices and vectors of a fixed number of dimensions -----------------------------------------------------------


def _checked(a: Any, b: Any, ndims: tuple[int, int], op: str, names: tuple[str, str]) -> tuple[Any, Any]:
    """Two operands with these numbers of dimensions, whose inner sizes agree."""
    x, y = exactly(a, ndims[0], op, names[0]), exactly(b, ndims[1], op, names[1])
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner or (x.ndim == y.ndim == 3 and x.shape[0] != y.shape[0]):
        raise op_error(ValueError, op, f"shapes {tuple(x.shape)} and {tuple(y.shape)} do not fit together")
    return x, y


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices, nothing broadcast. Source: ``torch.mm``.

    Raises ValueError unless both are 2-d and the inner sizes agree.

    >>> import tensorgrad as tg
    >>> tg.mm(tg.tensor([[1.0, 2.0]]), tg.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    return matmul(*_checked(input, mat2, (2, 2), "mm", ("input", "mat2")))


def bmm(input: Any, mat2: Any) -> Any:
    """The products of two batches of matrices, ``y[i] = input[i] @ mat2[i]``. Source: ``torch.bmm``.

    Raises ValueError unless both are 3-d and their batch and inner sizes agree.

    >>> import tensorgrad as tg
    >>> tg.bmm(tg.ones(5, 2, 3), tg.ones(5, 3, 4)).shape
    (5, 2, 4)
    """
    return matmul(*_checked(input, mat2, (3, 3), "bmm", ("input", "mat2")))


def mv(input: Any, vec: Any) -> Any:
    """A matrix times a vector. Raises ValueError for other shapes. Source: ``torch.mv``.

    >>> import tensorgrad as tg
    >>> tg.mv(tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    return matmul(*_checked(input, vec, (2, 1), "mv", ("input", "vec")))


def dot(input: Any, tensor: Any) -> Any:
    """``sum_i a_i b_i`` of two vectors. Raises ValueError unless both are 1-d of one length. Source: ``torch.dot``.

    >>> import tensorgrad as tg
    >>> tg.dot(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])).item()
    11.0
    """
    return matmul(*_checked(input, tensor, (1, 1), "dot", ("input", "tensor")))


def vdot(input: Any, other: Any) -> Any:
    """As :func:`dot`: among real numbers conjugating changes nothing. Source: ``torch.vdot``.

    >>> import tensorgrad as tg
    >>> tg.vdot(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])).item()
    11.0
    """
    return matmul(*_checked(input, other, (1, 1), "vdot", ("input", "other")))


def outer(input: Any, vec2: Any) -> Any:
    """``y_ij = a_i b_j`` of two vectors. Raises ValueError unless both are 1-d. Source: ``torch.outer``.

    >>> import tensorgrad as tg
    >>> tg.outer(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = exactly(input, 1, "outer"), exactly(vec2, 1, "outer", "vec2")
    return _reshape(a, shape=(a.shape[0], 1)) * b


ger = outer


@numpy_spelling
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The dot products ``sum_i x_i y_i`` along ``dim``; all else broadcasts. Source: ``torch.linalg.vecdot``.

    >>> import tensorgrad as tg
    >>> tg.linalg.vecdot(tg.tensor([[1.0, 2.0], [0.0, 1.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.,  4.])
    """
    product = operand(x, "vecdot") * operand(y, "vecdot")
    return _sum(product, dim=(one_dim(dim, product.ndim, "vecdot"),) if product.ndim else (), keepdim=False)


# --- a sum and a product --------------------------------------------------------------------------------------------


def _plus(input: Any, product: Any, beta: float, alpha: float, op: str) -> Any:
    """``beta input + alpha product``; with beta = 0 the input is not read, so its NaNs do not count."""
    x = operand(input, op)
    if np.broadcast_shapes(tuple(x.shape), tuple(product.shape)) != tuple(product.shape):
        raise op_error(ValueError, op, f"input of shape {tuple(x.shape)} does not broadcast to {tuple(product.shape)}")
    product = product if alpha == 1 else alpha * product
    return product if beta == 0 else (x if beta == 1 else beta * x) + product


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha (mat1 @ mat2)``; ``input`` broadcasts. Source: ``torch.addmm``.

    Raises ValueError unless the matrices are 2-d and the shapes fit.

    >>> import tensorgrad as tg
    >>> tg.addmm(tg.ones(1), tg.tensor([[1.0, 2.0]]), tg.tensor([[3.0], [4.0]]), alpha=2)
    tensor([[23.]])
    """
    return _plus(input, matmul(*_checked(mat1, mat2, (2, 2), "addmm", ("mat1", "mat2"))), beta, alpha, "addmm")


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha (mat @ vec)``; ``input`` broadcasts. Source: ``torch.addmv``.

    >>> import tensorgrad as tg
    >>> tg.addmv(tg.ones(1), tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([12.])
    """
    return _plus(input, matmul(*_checked(mat, vec, (2, 1), "addmv", ("mat", "vec"))), beta, alpha, "addmv")


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha outer(vec1, vec2)``; ``input`` broadcasts. Source: ``torch.addr``.

    >>> import tensorgrad as tg
    >>> tg.addr(tg.ones(1, 2), tg.tensor([2.0]), tg.tensor([3.0, 4.0]))
    tensor([[7., 9.]])
    """
    return _plus(input, outer(vec1, vec2), beta, alpha, "addr")


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha sum_i batch1[i] @ batch2[i]``; ``input`` broadcasts. Source: ``torch.addbmm``.

    >>> import tensorgrad as tg
    >>> tg.addbmm(tg.zeros(2, 2), tg.ones(5, 2, 3), tg.ones(5, 3, 2))
    tensor([[15., 15.],
            [15., 15.]])
    """
    products = matmul(*_checked(batch1, batch2, (3, 3), "addbmm", ("batch1", "batch2")))
    return _plus(input, _sum(products, dim=(0,), keepdim=False), beta, alpha, "addbmm")


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha bmm(batch1, batch2)``; ``input`` broadcasts. Source: ``torch.baddbmm``.

    >>> import tensorgrad as tg
    >>> tg.baddbmm(tg.ones(2), tg.ones(5, 2, 3), tg.ones(5, 3, 2)).shape
    (5, 2, 2)
    """
    products = matmul(*_checked(batch1, batch2, (3, 3), "baddbmm", ("batch1", "batch2")))
    return _plus(input, products, beta, alpha, "baddbmm")


# --- tensors of any number of dimensions ----------------------------------------------------------------------------


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Products summed over pairs of dimensions: the last ``dims`` of ``a`` with the first of ``b``, or two lists.

    Raises ValueError when paired sizes differ. Source: ``torch.tensordot``, ``numpy.tensordot``.

    >>> import tensorgrad as tg
    >>> tg.tensordot(tg.ones(2, 3, 4), tg.ones(4, 3), dims=([1, 2], [1, 0]))
    tensor([12., 12.])
    """
    x, y = operand(a, "tensordot"), operand(b, "tensordot")
    if isinstance(dims, (tuple, list)):
        left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
    else:
        count = as_int(dims, "tensordot", "dims")
        if not 0 <= count <= min(x.ndim, y.ndim):
            raise op_error(ValueError, "tensordot", f"cannot pair {count} dimensions of {x.ndim} and {y.ndim}")
        left, right = list(range(x.ndim - count, x.ndim)), list(range(count))
    left = [one_dim(d, x.ndim, "tensordot") for d in left]
    right = [one_dim(d, y.ndim, "tensordot") for d in right]
    paired = [x.shape[d] for d in left]
    if paired != [y.shape[d] for d in right] or len({*left}) < len(left) or len({*right}) < len(right):
        raise op_error(
            ValueError, "tensordot",
            f"dims {left} of shape {tuple(x.shape)} cannot be paired with dims {right} of shape {tuple(y.shape)}",
        )  # fmt: skip
    rows, columns = ([d for d in range(v.ndim) if d not in used] for v, used in ((x, left), (y, right)))
    shape = (*(x.shape[d] for d in rows), *(y.shape[d] for d in columns))
    inner = math.prod(paired)
    x = _reshape(_permute(x, dims=(*rows, *left)), shape=(math.prod(x.shape[d] for d in rows), inner))
    y = _reshape(_permute(y, dims=(*right, *columns)), shape=(inner, math.prod(y.shape[d] for d in columns)))
    return _reshape(matmul(x, y), shape=shape)


def inner(input: Any, other: Any) -> Any:
    """Products summed over the last dimension of both; with a number, the ordinary product. Source: ``torch.inner``.

    >>> import tensorgrad as tg
    >>> tg.inner(tg.tensor([[1.0, 2.0], [0.0, 1.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.,  4.])
    """
    a, b = operand(input, "inner"), operand(other, "inner")
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise op_error(ValueError, "inner", f"last sizes must agree, got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    return tensordot(a, b, ([-1], [-1]))


def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: every entry of ``input`` replaced by itself times ``other``. Source: ``torch.kron``.

    >>> import tensorgrad as tg
    >>> tg.kron(tg.tensor([1.0, 10.0]), tg.tensor([1.0, 2.0]))
    tensor([ 1.,  2., 10., 20.])
    """
    a, b = operand(input, "kron"), operand(other, "kron")
    n = max(a.ndim, b.ndim)
    coarse, fine = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (a, b))
    a = _reshape(a, shape=tuple(size for c in coarse for size in (c, 1)))
    b = _reshape(b, shape=tuple(size for f in fine for size in (1, f)))
    return _reshape(a * b, shape=tuple(c * f for c, f in zip(coarse, fine, strict=True)))


@numpy_spelling
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The vector product ``y_i = a_(i+1) b_(i+2) - a_(i+2) b_(i+1)`` along ``dim``, of size 3; all else broadcasts.

    ``dim=None`` means the first dimension of size 3 (``linalg.cross``: the last dimension). Raises ValueError when
    the size is not 3. Source: ``torch.cross``, ``torch.linalg.cross``.

    >>> import tensorgrad as tg
    >>> tg.cross(tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    a, b = operand(input, "cross"), operand(other, "cross")
    if a.ndim != b.ndim:
        raise op_error(
            ValueError, "cross", f"expected as many dimensions, got shapes {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if dim is None:
        dim = next((d for d in range(a.ndim) if a.shape[d] == b.shape[d] == 3), 0)
    along = one_dim(dim, a.ndim, "cross")
    if not a.ndim or a.shape[along] != 3 or b.shape[along] != 3:
        raise op_error(
            ValueError, "cross",
            f"dimension {along} must have size 3, got shapes {tuple(a.shape)} and {tuple(b.shape)}",
        )  # fmt: skip

    def shifted(x: Any, steps: int) -> Any:
        return _roll(x, shifts=(-steps,), dims=(along,))

    return shifted(a, 1) * shifted(b, 2) - shifted(a, 2) * shifted(b, 1)


def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """As :func:`cross` along the last dimension. Source: ``torch.linalg.cross``.

    >>> import tensorgrad as tg
    >>> tg.linalg.cross(tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return cross(input, other, dim)


def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The entries ``A[i, i + offset]`` of every matrix, as the last dimension. Source: ``torch.linalg.diagonal``.

    >>> import tensorgrad as tg
    >>> tg.linalg.diagonal(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    return diagonals.diagonal(A, offset, dim1, dim2)


# --- chains ---------------------------------------------------------------------------------------------------------


def multi_dot(tensors: Any) -> Any:
    """The product of several matrices in the cheapest order; the first and the last may be vectors.

    Raises ValueError for fewer than two or for sizes that do not fit. Source: ``torch.linalg.multi_dot``.

    >>> import tensorgrad as tg
    >>> tg.linalg.multi_dot([tg.ones(2, 3), tg.ones(3, 4), tg.ones(4)])
    tensor([12., 12.])
    """
    parts = [operand(x, "multi_dot") for x in tensors]
    if len(parts) < 2:
        raise op_error(ValueError, "multi_dot", f"expected at least two tensors, got {len(parts)}")
    for i, x in enumerate(parts):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(parts) - 1)):
            raise op_error(ValueError, "multi_dot", f"tensor {i} must be a matrix, got shape {tuple(x.shape)}")
    sizes = [1 if parts[0].ndim == 1 else parts[0].shape[0], *(x.shape[-1] for x in parts)]
    if parts[-1].ndim == 1:
        sizes[-1] = 1
    return _chain(parts, 0, len(parts) - 1, _best_cuts(sizes))


def chain_matmul(*matrices: Any) -> Any:
    """The product of matrices in the cheapest order. Source: ``torch.chain_matmul``.

    >>> import tensorgrad as tg
    >>> tg.chain_matmul(tg.ones(2, 3), tg.ones(3, 4), tg.ones(4, 1)).shape
    (2, 1)
    """
    if len(matrices) == 1:
        return exactly(matrices[0], 2, "chain_matmul")
    return multi_dot(matrices)


def _best_cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product of matrices i to j, matrix i being (sizes[i], sizes[i + 1]), by dynamic programming."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    cuts = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], cuts[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )
    return cuts


def _chain(parts: list[Any], i: int, j: int, cuts: dict[tuple[int, int], int]) -> Any:
    if i == j:
        return parts[i]
    k = cuts[i, j]
    return matmul(_chain(parts, i, k, cuts), _chain(parts, k + 1, j, cuts))


__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "ger", "inner",
    "kron", "linalg_cross", "linalg_diagonal", "mm", "multi_dot", "mv", "outer", "tensordot", "vdot", "vecdot",
]  # fmt: skip
