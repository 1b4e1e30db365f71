"""Matrix products on our own thread pool: one pool for everything, so that BLAS threads never fight with
it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.blas import single_threaded_blas
from tensorgrad.kernels.threads import parallel, split
from tensorgrad.kernels.twin import has_twin

ONE_CALL = 24_000_000  # multiply-adds, 0.3 ms; to wake another thread and wait for it takes up to 0.1 ms
SMALL = 2_000  # multiply-adds; below that every way takes about as long
PER_TASK = 4_000_000
MOST_TASKS = 16
NARROWEST = 64  # rows or columns; BLAS packs the whole other operand again for every piece
FEW_ROWS = (12, 48)  # times a transpose OpenBLAS multiplies slowly with AVX-512, by a third; not as so many columns
FEW_ROWS_WORK = 1_000_000  # multiply-adds; below that the copy back takes what it saves
BLAS_STAYS_SINGLE = 200_000  # multiply-adds; below that OpenBLAS uses one thread by itself


def matmul(a: NDArray, b: NDArray) -> NDArray:
    """Return a @ b with np.matmul's shapes: (..., M, K) @ (..., K, N) -> (..., M, N), vectors and
    broadcasting too.

    Large products are cut along the batch, the rows or the columns, whichever is longest; the cut depends on
    the shapes only, so results do not depend on the number of threads. Raises ValueError for shapes that do not fit.
    """
    matrices = a.ndim == b.ndim == 2
    most = a.size * (b.shape[1] if matrices else b.size)  # multiply-adds
    try:
        if most < SMALL:
            return a @ b
        if a.ndim > 1 < b.ndim and a.shape[-1] == b.shape[-2] == 1 and not (matrices and most >= BLAS_STAYS_SINGLE):
            return a * b  # a column times a row; NumPy's product has only a slow loop for it
        if most < BLAS_STAYS_SINGLE or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
            return a @ b
    except ValueError:
        raise ValueError(misfit(a.shape, b.shape)) from None
    if matrices or a.ndim < 2 or b.ndim < 2:
        return product(a, b)
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    if b.ndim == 2 and a.flags.c_contiguous:  # a batch of rows is only more rows
        return matmul(a.reshape(-1, inner), b).reshape(*a.shape[:-1], columns) if a.size else np.matmul(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    work = math.prod(batch) * rows * inner * columns
    return np.matmul(a, b) if work < BLAS_STAYS_SINGLE else batched_product(a, b, batch)


def linear(x: NDArray, w: NDArray, b: NDArray | None) -> NDArray:
    """Return x w' + b for x (N, K), w (F, K) and b (F,). Raises ValueError for shapes that do not fit."""
    if b is not None and x.size * len(w) >= BLAS_STAYS_SINGLE and x.shape[1] == w.shape[1]:
        return product(x, w.T, b)
    y = matmul(x, w.T)
    if b is not None:
        y += b
    return y


@has_twin
def product(a: NDArray, b: NDArray, bias: NDArray | None = None) -> NDArray:
    """Return a @ b for matrices, or for matrices and vectors, and add a bias of one number a column."""
    work = a.size * (b.shape[1] if b.ndim > 1 else 1)
    transposed = b.ndim == 2 and b.flags.f_contiguous
    if transposed and work >= FEW_ROWS_WORK and FEW_ROWS[0] <= len(a) <= min(FEW_ROWS[1], b.shape[1]):
        y = np.ascontiguousarray(_product(b.T, a.T, (), work).T)
    elif a.shape[-1] == b.ndim - 1 == 1:
        y = a * b  # see matmul
    else:
        y = _product(a, b, (), work)
    if bias is not None:
        y += bias
    return y


@has_twin
def batched_product(a: NDArray, b: NDArray, batch: tuple[int, ...]) -> NDArray:
    """Return a @ b for matrices (..., M, K) and (..., K, N) whose leading dimensions broadcast to ``batch``."""
    return _product(a, b, batch, math.prod(batch) * a.shape[-2] * a.shape[-1] * b.shape[-1])


def _product(a: NDArray, b: NDArray, batch: tuple[int, ...], work: int) -> NDArray:
    """Return a @ b, on this thread or, where it pays, in pieces on several."""
    dtype = a.dtype if a.dtype == b.dtype else np.result_type(a, b)
    a, b = _for_blas(a, dtype), _for_blas(b, dtype)
    if work <= ONE_CALL or a.ndim < 2 or b.ndim < 2:
        with single_threaded_blas:
            return np.matmul(a, b)
    rows, columns = a.shape[-2], b.shape[-1]
    y = np.empty((*batch, rows, columns), dtype)
    pieces = min(MOST_TASKS, max(2, work // PER_TASK))
    if batch and max(batch) >= pieces:
        axis = batch.index(max(batch))
        a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
        b = np.broadcast_to(b, (*batch, *b.shape[-2:]))
        operands = [(_cut(a, axis, at), _cut(b, axis, at), _cut(y, axis, at)) for at in split(batch[axis], pieces)]
    elif rows >= columns:
        operands = [(_cut(a, -2, at), b, _cut(y, -2, at)) for at in split(rows, min(pieces, max(2, rows // NARROWEST)))]
    else:
        operands = [
            (a, _cut(b, -1, at), _cut(y, -1, at)) for at in split(columns, min(pieces, max(2, columns // NARROWEST)))
        ]
    parallel(lambda task: np.matmul(task[0], task[1], out=task[2]), operands)
    return y


def misfit(left: tuple[int, ...], right: tuple[int, ...]) -> str:
    """Say why these shapes cannot be multiplied."""
    if not left or not right:
        return f"expected at least 1-d operands, got shapes {left} and {right}"
    inner = right[-2:][:1]
    if left[-1:] == inner:
        return f"the batches must broadcast: {left} @ {right}"
    return f"the inner sizes must agree: {left} @ {right} pairs {left[-1]} with {inner[0]}"


def _for_blas(a: NDArray, dtype: np.dtype) -> NDArray:
    """Return a in a layout BLAS takes; for any other NumPy falls back to loops a hundred times slower."""
    a = a.astype(dtype, copy=False)
    if a.ndim < 2 or a.flags.forc:
        return a
    rows, columns = a.strides[-2:]
    size = a.itemsize
    row_major = columns == size and rows >= a.shape[-1] * size and rows % size == 0
    column_major = rows == size and columns >= a.shape[-2] * size and columns % size == 0
    return a if row_major or column_major else np.ascontiguousarray(a)


def _cut(a: NDArray, axis: int, at: tuple[int, int]) -> NDArray:
    index = [slice(None)] * a.ndim
    index[axis] = slice(*at)
    return a[tuple(index)]
