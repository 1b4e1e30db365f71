"""Dropout: the mask is drawn once in the forward and is a constant of the graph from then on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.kernels.reduce import select
from tensorgrad.ops._arguments import operand
from tensorgrad.random import generator


@primitive(lambda g, y, x, *, mask, scale: _dropout(g, mask=mask, scale=scale), name="dropout")
def _dropout(x: Any, *, mask: np.ndarray, scale: float) -> Any:
    return select(mask, x) * x.dtype.type(scale)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each value with probability ``p``, scale the others by ``1 / (1 - p)``; the input itself when not training.

    With ``p = 1`` the result is exactly zero, for infinite inputs too. Raises ValueError for ``p`` outside [0, 1],
    TypeError for integers. Source: ``torch.nn.functional.dropout``; Srivastava et al. 2014.

    >>> import tensorgrad as tg
    >>> x = tg.ones(3)
    >>> tg.nn.functional.dropout(x, 0.5, training=False) is x
    True
    """
    check_probability(p, "dropout")
    x = operand(input, "dropout")
    if not training or p == 0:
        return x
    if x.dtype.kind != "f":
        raise op_error(TypeError, "dropout", f"expected a floating-point tensor, got {x.dtype}")
    mask = generator().random(tuple(x.shape), dtype=np.float32) >= p
    return _dropout(x, mask=mask, scale=0.0 if p == 1 else 1 / (1 - p))


def check_probability(p: float, op: str) -> None:
    """ValueError unless ``p`` is a number in [0, 1]."""
    if not isinstance(p, (int, float)) or math.isnan(p) or not 0 <= p <= 1:
        raise op_error(ValueError, op, f"p must be a probability in [0, 1], got {p!r}")


__all__ = ["dropout"]
