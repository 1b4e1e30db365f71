"""Samples of a category through which gradients flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.softmax import softmax
from tensorgrad.random import generator


@numpy_spelling
def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """``softmax((logits + noise) / tau)`` along ``dim``, the noise from the Gumbel distribution: a relaxed sample.

    The largest entry is at i with probability ``softmax(logits)_i``; the smaller ``tau``, the closer are the others to
    0. ``hard`` gives exactly 1 there and 0 elsewhere, with the gradient of the relaxed sample. ``eps`` has no effect.
    Raises ValueError unless ``tau`` is positive, TypeError for integers. Source:
    ``torch.nn.functional.gumbel_softmax``; Jang, Gu and Poole 2017.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.gumbel_softmax(tg.tensor([0.0, 1e4, 0.0]), hard=True)
    tensor([0., 1., 0.])
    """
    op = "gumbel_softmax"
    x = operand(logits, op)
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected floating-point logits, got {x.dtype}; use .float()")
    if not tau > 0:
        raise op_error(ValueError, op, f"tau must be positive, got {tau!r}")
    noise = generator().gumbel(size=tuple(x.shape)).astype(x.dtype)
    relaxed = softmax((x + noise) / tau, dim)
    if not hard:
        return relaxed
    values = raw(relaxed)
    if values.size == 0 or values.ndim == 0:
        sample = np.ones_like(values)
    else:
        along = one_dim(dim, values.ndim, op)
        sample = np.zeros_like(values)
        np.put_along_axis(sample, np.argmax(values, axis=along, keepdims=True), 1, axis=along)
    return sample + (relaxed - values)  # straight through: the difference is 0, its gradient is not


__all__ = ["gumbel_softmax"]
