"""The length of a vector, in every norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.errors import op_error
from tensorgrad.kernels.reduce import accurate_sum
from tensorgrad.ops._arguments import many_dims, numpy_spelling, operand, raw
from tensorgrad.ops.elementwise import abs as _abs
from tensorgrad.ops.elementwise import equal, pow, sign, where
from tensorgrad.ops.reduce import _float, _not_empty, kept


def _norm_rule(g: Any, y: Any, x: Any, *, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    """``x |x|^(p-2) / y^(p-1)``; 0 where the norm is 0 (a subgradient)."""
    if p == 0:
        return np.zeros(x.shape, x.dtype)
    if p == 1:
        return kept(g, x.shape, dim) * sign(x)
    size = kept(y, x.shape, dim)
    if math.isinf(p):
        hit = equal(_abs(x), size)
        hits = accurate_sum(raw(hit).astype(x.dtype), dim, keepdims=True)
        return kept(g, x.shape, dim) * (sign(x) * (raw(hit) / hits))
    safe = where(equal(size, 0), 1.0, size)
    if p == 2:
        return x * where(equal(size, 0), 0.0, kept(g, x.shape, dim) / safe)
    ratio = pow(where(equal(x, 0), 1.0, _abs(x)) / safe, p - 1)
    return where(equal(x, 0), 0.0, kept(g, x.shape, dim) * (sign(x) * ratio))


@primitive(_norm_rule, name="norm", promote=promote_to_float)
def _norm(x: Any, *, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    if p == 2:
        return np.sqrt(accurate_sum(x, dim, keepdims=keepdim, squares=True))
    size = np.abs(x)
    if math.isinf(p):
        pick = np.max if p > 0 else np.min
        return pick(size, axis=dim, keepdims=keepdim)
    if p == 0:
        return accurate_sum((size != 0).astype(x.dtype), dim, keepdims=keepdim)
    if p == 1:
        return accurate_sum(size, dim, keepdims=keepdim)
    return accurate_sum(size**p, dim, keepdims=keepdim) ** (1 / p)


@numpy_spelling
def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    """The vector norm ``(sum |x|^p)^(1/p)`` over ``dim``; ``p`` a number, ``inf`` or ``"fro"``.

    Its gradient at the zero vector is 0. Source: ``torch.norm``.

    >>> import tensorgrad as tg
    >>> tg.norm(tg.tensor([3.0, 4.0])).item()
    5.0
    """
    x = _float(operand(input, "norm"), "norm")
    if p == "fro" or p is None:
        p = 2
    if isinstance(p, str):
        raise op_error(ValueError, "norm", f"p must be a number, inf or 'fro', got {p!r}")
    dims = many_dims(dim, x.ndim, "norm")
    if math.isinf(p):
        _not_empty(x, dims, "norm")
    return _norm(x, p=float(p), dim=dims, keepdim=keepdim)


__all__ = ["norm"]
