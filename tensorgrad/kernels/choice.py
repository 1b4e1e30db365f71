"""One of two numbers, by a condition: without a branch, which a random mask makes the processor guess wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from tensorgrad.kernels.reduce import AS_INTEGER

FEW = 512  # numbers; for fewer, one call with branches takes less than three without


def choose(condition: Any, a: Any, b: Any) -> Any:
    """Return ``a`` where ``condition`` holds and ``b`` elsewhere, as ``np.where`` does.

    The bits in which a and b differ, times 0 or 1, are changed in b: exact for NaN and infinity too, and four times as
    fast as ``np.where`` on a random mask.
    """
    if type(condition) is ndarray and condition.size >= FEW and condition.dtype == np.bool_:
        model = a if type(a) is ndarray else b
        kind = AS_INTEGER.get(model.dtype) if type(model) is ndarray else None
        if kind is not None and model.shape == condition.shape:
            first, second = _bits(a, model, kind), _bits(b, model, kind)
            if first is not None and second is not None:
                bits = np.bitwise_xor(first, second)
                bits *= condition
                bits ^= second
                return bits.view(model.dtype)
    return np.where(condition, a, b)


def _bits(x: Any, model: ndarray, kind: Any) -> Any:
    """Return the bits of a number or an array as an integer; None unless it has the shape and dtype of ``model``."""
    if type(x) is ndarray:
        return x.view(kind) if x.dtype == model.dtype and x.shape == model.shape else None
    return model.dtype.type(x).view(kind) if type(x) in (int, float) else None
