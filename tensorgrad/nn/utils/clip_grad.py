"""Gradients clipped by their norm or their values."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.between import leaves_traces
from tensorgrad.autograd.primitive import wrap
from tensorgrad.tensor import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[np.ndarray]:
    """The gradient arrays there are, each once."""
    if hasattr(parameters, "parameters"):
        raise TypeError(
            f"clip_grad: expected tensors, got the module {type(parameters).__name__}; pass its parameters()"
        )
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return list({id(t.grad._data): t.grad._data for t in tensors if t.grad is not None}.values())


@leaves_traces
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that the norm of them together is at most ``max_norm``; returns it as it was.

    The factor is ``max_norm / (norm + 1e-6)`` where that is below 1. ``norm_type`` may be infinite. Raises RuntimeError
    for an infinite or NaN norm with ``error_if_nonfinite`` (gradients untouched).
    Source: ``torch.nn.utils.clip_grad_norm_``.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> norm = tg.nn.utils.clip_grad_norm_([w], 1.0)
    >>> norm, w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    gradients = _gradients(parameters)
    with np.errstate(all="ignore"):
        norms = [_norm(g, float(norm_type)) for g in gradients]
        total = float(np.linalg.norm(np.array(norms), float(norm_type))) if norms else 0.0
        if error_if_nonfinite and not math.isfinite(total):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of the gradients is {total}; a loss or gradient is infinite or NaN"
            )
        factor = float(max_norm) / (total + 1e-6)
        if not factor >= 1:  # NaN too, as in PyTorch
            for g in gradients:
                in_place.write(g)
                g *= factor
        return wrap(np.asarray(total, np.result_type(*gradients) if gradients else np.float32))


def _norm(g: np.ndarray, order: float) -> float:
    """The norm of all elements; squares that leave the range of float32 are taken in float64."""
    norm = float(np.linalg.norm(g.reshape(-1), order))
    return norm if math.isfinite(norm) and norm else float(np.linalg.norm(g.reshape(-1).astype(np.float64), order))


@leaves_traces
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of the gradients to ``[-clip_value, clip_value]``, in place.

    Source: ``torch.nn.utils.clip_grad_value_``.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([3.0, -0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.nn.utils.clip_grad_value_([w], 1.0); w.grad
    tensor([ 1.0000, -0.2000])
    """
    for g in _gradients(parameters):
        in_place.write(g)
        np.clip(g, -float(clip_value), float(clip_value), out=g)


__all__ = ["clip_grad_norm_", "clip_grad_value_"]
