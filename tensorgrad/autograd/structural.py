"""The operators that the engine itself applies to gradients: add them up, undo broadcasting, cast.

They are ordinary primitives, closed under differentiation: {sum_to, broadcast_to} are each other's adjoint,
``add`` and ``cast`` are linear with the identity as derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands
from tensorgrad.kernels import elementwise
from tensorgrad.kernels.reduce import accurate_sum

add = primitive(
    lambda g, y, a, b: g,
    lambda g, y, a, b: g,
    name="add",
    promote=promote_operands,
    plans_results=True,
    takes_plans=True,
)(elementwise.add)


@primitive(lambda g, y, x, *, shape: sum_to(g, shape=x.shape), views=True)
def broadcast_to(x: Any, *, shape: tuple[int, ...]) -> Any:
    """Repeat ``x`` along new or size-1 axes: the adjoint of :func:`sum_to`."""
    return np.broadcast_to(x, shape)


@primitive(lambda g, y, x, *, shape: broadcast_to(g, shape=x.shape))
def sum_to(x: Any, *, shape: tuple[int, ...]) -> Any:
    """Sum ``x`` over the axes that broadcasting from ``shape`` added or stretched."""
    leading = x.ndim - len(shape)
    stretched = tuple(i + leading for i, n in enumerate(shape) if n == 1 and x.shape[i + leading] != 1)
    return accurate_sum(x, (*range(leading), *stretched), keepdims=True).reshape(shape)


@primitive(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype))
def cast(x: Any, *, dtype: np.dtype[Any]) -> Any:
    """``x`` with another floating-point dtype."""
    return x.astype(dtype)
