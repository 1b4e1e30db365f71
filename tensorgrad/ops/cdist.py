"""Distances between two sets of points, and how variables vary together."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.errors import op_error
from tensorgrad.kernels.matmul import matmul as multiply
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops._matrices import matrix, same_batch
from tensorgrad.ops.diagonal import diagonal
from tensorgrad.ops.elementwise import clamp, equal, sqrt, where
from tensorgrad.ops.linalg import _matmul, matmul, swap_last
from tensorgrad.ops.reduce import _as_dtype, _sum
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.vector_norm import norm

MANY = 25  # points; from here on PyTorch takes the Euclidean distances out of one matrix product
_MODES = {
    "use_mm_for_euclid_dist_if_necessary": lambda p, r: p > MANY or r > MANY,
    "use_mm_for_euclid_dist": lambda p, r: True,
    "donot_use_mm_for_euclid_dist": lambda p, r: False,
}


def _euclidean_rule(wanted: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    """With w = g / y (0 for points that coincide): da_i = sum_j w_ij (a_i - b_j), and db alike."""
    w = where(equal(y, 0), 0.0, g) / where(equal(y, 0), 1.0, y)
    rows, columns = (_sum(w, dim=(w.ndim - k,), keepdim=True) for k in (1, 2))
    ga = a * rows - _matmul(w, b) if wanted[0] else None
    gb = b * swap_last(columns) - _matmul(swap_last(w), a) if wanted[1] else None
    return ga, gb


@primitive(joint=_euclidean_rule, name="cdist", promote=promote_operands)
def _euclidean(a: Any, b: Any) -> Any:
    """``|a|^2 + |b|^2 - 2 a b``, around the mean of ``b``: far from the origin it would lose its digits."""
    center = b.mean(axis=-2, keepdims=True) if b.shape[-2] else 0
    a, b = a - center, b - center
    squares = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :]
    return np.sqrt(np.maximum(squares - 2 * multiply(a, np.swapaxes(b, -1, -2)), 0))


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """``y_ij = |x1_i - x2_j|_p`` between the rows of two matrices (batches broadcast): (..., P, M), (..., R, M) to
    (..., P, R).

    Euclidean distances of more than 25 points come from a matrix product: fast, but for points that nearly coincide
    accurate only to about ``sqrt(eps)`` times the spread of the points; ``compute_mode`` may be
    "donot_use_mm_for_euclid_dist". The gradient of a distance 0 is 0. Raises ValueError when the last sizes differ or
    ``p`` is negative. Source: ``torch.cdist``.

    >>> import tensorgrad as tg
    >>> tg.cdist(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    a, b = matrix(x1, "cdist", "x1"), matrix(x2, "cdist", "x2")
    if a.shape[-1] != b.shape[-1]:
        raise op_error(ValueError, "cdist", f"last sizes must agree, got {tuple(a.shape)} and {tuple(b.shape)}")
    same_batch(a, b, "cdist")
    if p < 0:
        raise op_error(ValueError, "cdist", f"p must not be negative, got {p}")
    if compute_mode not in _MODES:
        raise op_error(ValueError, "cdist", f"compute_mode must be one of {', '.join(_MODES)}, got {compute_mode!r}")
    if p == 2 and a.shape[-1] and _MODES[compute_mode](a.shape[-2], b.shape[-2]):
        return _euclidean(a, b)
    a = _reshape(a, shape=(*a.shape[:-1], 1, a.shape[-1]))
    b = _reshape(b, shape=(*b.shape[:-2], 1, *b.shape[-2:]))
    if not a.shape[-1]:
        return _sum(a - b, dim=(max(a.ndim, b.ndim) - 1,), keepdim=False)
    return norm(a - b, p, -1)


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """``|input - other|_p`` over all elements, broadcast. Source: ``torch.dist``.

    >>> import tensorgrad as tg
    >>> tg.dist(tg.tensor([3.0, 4.0]), tg.zeros(2)).item()
    5.0
    """
    return norm(operand(input, "dist") - operand(other, "dist"), p)


def cov(input: Any, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of the rows (variables) over the columns (observations); of a single one, its variance.

    ``fweights`` repeats and ``aweights`` weighs observations. Raises ValueError for more than 2 dimensions or weights
    of another length. Source: ``torch.cov``.

    >>> import tensorgrad as tg
    >>> tg.cov(tg.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = operand(input, "cov")
    x = x if x.dtype.kind == "f" else _as_dtype(x, np.float32)
    if x.ndim > 2:
        raise op_error(ValueError, "cov", f"expected at most 2 dimensions, got shape {tuple(x.shape)}")
    vector = x.ndim < 2
    if vector:
        x = _reshape(x, shape=(1, -1))
    n = x.shape[1]
    f, a = _weights(fweights, "iu", x.dtype, n), _weights(aweights, "f", x.dtype, n)
    w = a if f is None else f if a is None else f * a
    total = x.dtype.type(n) if w is None else _sum(w, dim=(0,), keepdim=False)
    # aweights count as fractions of an observation
    divisor = total - correction * (1 if a is None else _sum(w * a, dim=(0,), keepdim=False) / total)
    w = 1.0 if w is None else w
    deviation = x - _sum(x * w, dim=(1,), keepdim=True) / total
    y = matmul(deviation, swap_last(deviation * w)) / clamp(divisor, 0)
    return _reshape(y, shape=()) if vector or y.shape == (1, 1) else y


def _weights(weights: Any, kinds: str, dtype: Any, n: int) -> Any:
    """``fweights`` or ``aweights``, checked and in ``dtype``; None: they count once."""
    if weights is None:
        return None
    w = operand(weights, "cov")
    if w.shape != (n,) or w.dtype.kind not in kinds or (raw(w) < 0).any():
        name, what = ("fweights", "integers") if kinds == "iu" else ("aweights", "floats")
        raise op_error(ValueError, "cov", f"{name} must be {n} {what}, none negative; got {w.dtype}{tuple(w.shape)}")
    return _as_dtype(w, dtype)


def corrcoef(input: Any) -> Any:
    """The correlation coefficients ``c_ij / sqrt(c_ii c_jj)`` of the rows, c their covariance; of a vector, 1.

    Source: ``torch.corrcoef``.

    >>> import tensorgrad as tg
    >>> tg.corrcoef(tg.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if c.ndim == 0:
        return c / c
    size = sqrt(diagonal(c))
    n = size.shape[0]
    return clamp(c / _reshape(size, shape=(n, 1)) / _reshape(size, shape=(1, n)), -1, 1)


__all__ = ["cdist", "corrcoef", "cov", "dist"]
