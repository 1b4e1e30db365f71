"""What the operators of linear algebra ask of their arguments, and the parts of a matrix they write about."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import wrap
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import is_tensor, operand
from tensorgrad.ops.diagonal import _tril, _triu
from tensorgrad.ops.elementwise import equal, where
from tensorgrad.ops.linalg import swap_last


def matrix(value: Any, op: str, name: str = "input") -> Any:
    """A floating-point matrix, or a batch of them, as it is."""
    x = operand(value, op)
    if x.ndim < 2:
        raise op_error(ValueError, op, f"{name} must have at least 2 dimensions, got shape {tuple(x.shape)}")
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"{name} must be floating point, got {x.dtype}; convert with .float()")
    return x


def square_matrix(value: Any, op: str, name: str = "input") -> Any:
    """As :func:`matrix`, with as many rows as columns."""
    x = matrix(value, op, name)
    if x.shape[-1] != x.shape[-2]:
        raise op_error(ValueError, op, f"{name} must be square, got {x.shape[-2]} rows and {x.shape[-1]} columns")
    return x


def exactly(value: Any, ndim: int, op: str, name: str = "input") -> Any:
    """An operand with ``ndim`` dimensions, neither more nor fewer."""
    x = operand(value, op)
    if x.ndim != ndim:
        raise op_error(ValueError, op, f"{name} must be {ndim}-d, got shape {tuple(x.shape)}")
    return x


def same_batch(a: Any, b: Any, op: str) -> None:
    """ValueError unless the dimensions before the last two broadcast."""
    try:
        np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    except ValueError:
        raise op_error(
            ValueError, op, f"the batches of shapes {tuple(a.shape)} and {tuple(b.shape)} do not broadcast"
        ) from None


def constant(array: np.ndarray, *, like: Any) -> Any:
    """A Tensor without history around ``array`` when ``like`` is a Tensor, else the array itself."""
    return wrap(array) if is_tensor(like) else array


def on_diagonal(x: Any) -> np.ndarray:
    """True on the diagonal of the matrices of ``x``."""
    return np.eye(x.shape[-2], x.shape[-1], dtype=bool)


def triangle(x: Any, *, upper: bool, strict: bool = False) -> Any:
    """The matrices of ``x`` with zeros on the other side of the diagonal, ``strict``: on it too."""
    return _triu(x, k=int(strict)) if upper else _tril(x, k=-int(strict))


def mirrored(x: Any, *, upper: bool) -> Any:
    """The symmetric matrices that agree with ``x`` on and above (below) the diagonal."""
    own = np.tri(x.shape[-1], dtype=bool)
    return where(own.T if upper else own, x, swap_last(x))


def over(x: Any, gaps: Any) -> Any:
    """``x / gaps``, and 0 where both are 0: what is not asked for costs nothing where eigenvalues coincide."""
    return where(equal(x, 0), 0.0, x) / where(equal(x, 0) & equal(gaps, 0), 1.0, gaps)
