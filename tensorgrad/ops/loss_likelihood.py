"""Losses that are negative log-likelihoods and divergences of distributions, and the robust regression losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels.choice import choose
from tensorgrad.ops._arguments import is_tensor, operand, raw, static_array
from tensorgrad.ops._matrices import constant
from tensorgrad.ops.elementwise import abs, clamp, exp, greater, log, log1p, square, where
from tensorgrad.ops.loss import paired, reduced
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.reduction import check_reduction, takes_reduction
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.special import xlogy

# --- distributions ----------------------------------------------------------------------------------------------

# what keeps the gradient finite at probabilities 0 and 1: 1e-12 in float32, the very number PyTorch divides by
_SMALLEST = float(np.float32(1e-12))


@primitive(
    lambda g, y, x, t: g * ((x - t) / clamp(x * (1 - x), min=_SMALLEST)),
    lambda g, y, x, t: g * (log1p(-x) - log(x)),
    name="binary_cross_entropy",
    promote=promote_to_float,
    elementwise=True,
)
def _binary_cross_entropy(x: Any, t: Any) -> Any:
    return (t - 1) * np.maximum(np.log1p(-x), -100) - t * np.maximum(np.log(x), -100)


@takes_reduction
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``-(t log p + (1 - t) log(1 - p))`` for probabilities ``p``, the logarithms held above -100.

    Shapes must agree. Raises ValueError for an ``input`` outside [0, 1]; from logits, take
    :func:`binary_cross_entropy_with_logits`. Source: ``torch.nn.functional.binary_cross_entropy``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.0, 1.0]), tg.tensor([0.0, 0.0])).item()
    50.0
    """
    op = "binary_cross_entropy"
    x, t = paired(input, target, op, reduction)
    of_values(_check_probabilities, x)
    losses = _binary_cross_entropy(x, t)
    return reduced(losses if weight is None else losses * weight, reduction)


def _check_probabilities(values: np.ndarray) -> float:
    """Raise ValueError for numbers outside [0, 1]."""
    if ((values < 0) | (values > 1)).any():
        raise op_error(
            ValueError,
            "binary_cross_entropy",
            f"expected probabilities in [0, 1], got values from {values.min()} to {values.max()}; "
            "binary_cross_entropy_with_logits takes logits",
        )
    return 0.0


@takes_reduction
def kl_div(
    input: Any,
    target: Any,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """``target * (log target - input)``: the Kullback-Leibler divergence from log-probabilities ``input``.

    ``log_target`` says that the target too is given as logarithms. ``reduction`` may also be "batchmean", the sum
    divided by the batch size, which is the divergence proper. Source: ``torch.nn.functional.kl_div``.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([[0.5, 0.5]])
    >>> tg.nn.functional.kl_div(p.log(), p, reduction="batchmean").item()
    0.0
    """
    op = "kl_div"
    if reduction != "batchmean":
        check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    if not is_tensor(t):  # 0 log 0 is no reason for a warning
        t = constant(static_array(t), like=x)
    losses = exp(t) * (t - x) if log_target else xlogy(t, t) - t * x
    if reduction == "batchmean":
        return sum(losses) / x.shape[0] if x.ndim else sum(losses)
    return reduced(losses, reduction)


@takes_reduction
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: None = None,
    eps: float = 1e-08,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``exp(x) - t x`` for the logarithm ``x`` of a Poisson rate, or ``x - t log(x + eps)`` for the rate itself.

    ``full`` adds Stirling's approximation of ``log t!`` where ``t > 1``.
    Source: ``torch.nn.functional.poisson_nll_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.poisson_nll_loss(tg.tensor([0.0]), tg.tensor([2.0])).item()
    1.0
    """
    op = "poisson_nll_loss"
    check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    losses = exp(x) - t * x if log_input else x - t * log(x + eps)
    if full:
        several = greater(t, 1)
        safe = where(several, t, 1.0)
        losses = losses + where(several, safe * log(safe) - safe + 0.5 * log(2 * math.pi * safe), 0.0)
    return reduced(losses, reduction)


# PyTorch clamps variances and norms behind autograd's back: the gradient passes as if nothing had happened
at_least = primitive(lambda g, y, x, *, low: g, name="at_least", elementwise=True)(lambda x, *, low: np.maximum(x, low))


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """``(log var + (input - target)^2 / var) / 2``, with ``var`` held above ``eps``; ``full`` adds ``log(2 pi) / 2``.

    ``var`` has the shape of ``input``, or lacks the last dimension, or has size 1 there; a number will do. The
    clamping does not touch the gradients. Raises ValueError for a negative variance and for another shape.
    Source: ``torch.nn.functional.gaussian_nll_loss``; Nix and Weigend 1994.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.gaussian_nll_loss(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1.0])).item()
    2.0
    """
    op = "gaussian_nll_loss"
    check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    v = np.full(tuple(x.shape), var, x.dtype) if isinstance(var, (int, float)) else operand(var, op)
    if (raw(v) < 0).any():
        raise op_error(ValueError, op, "var has a negative entry; expected variances")
    if tuple(v.shape) != tuple(x.shape):
        if tuple(x.shape[:-1]) == tuple(v.shape):
            v = _reshape(v, shape=(*v.shape, 1))
        elif x.ndim != v.ndim or [n for m, n in zip(x.shape, v.shape, strict=True) if m != n] != [1]:
            raise op_error(ValueError, op, f"var of shape {tuple(v.shape)} does not fit {describe(x)}")
    v = at_least(v, low=float(eps))
    losses = 0.5 * (log(v) + square(x - t) / v)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# --- regression that outliers do not dominate ------------------------------------------------------------------------


@primitive(
    lambda g, y, x, t, *, delta: g * clamp(x - t, -delta, delta),
    lambda g, y, x, t, *, delta: -g * clamp(x - t, -delta, delta),
    name="huber",
    promote=promote_operands,
    elementwise=True,
)
def _huber(x: Any, t: Any, *, delta: float) -> Any:
    d = x - t
    size = np.abs(d)
    return choose(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta))


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """``d^2 / 2`` where ``|d| <= delta``, ``delta (|d| - delta / 2)`` beyond, for ``d = input - target``.

    Shapes must agree. Raises ValueError unless ``delta`` is positive. Source: ``torch.nn.functional.huber_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.huber_loss(tg.tensor([3.0]), tg.tensor([0.0])).item()
    2.5
    """
    x, t = paired(input, target, "huber_loss", reduction)
    if not delta > 0:
        raise op_error(ValueError, "huber_loss", f"delta must be positive, got {delta}")
    losses = _huber(x, t, delta=float(delta))
    return reduced(losses if weight is None else losses * weight, reduction)


@takes_reduction
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """``d^2 / (2 beta)`` where ``|d| < beta``, ``|d| - beta / 2`` beyond; ``beta = 0`` is :func:`l1_loss`.

    Shapes must agree. Raises ValueError for a negative ``beta``. Source: ``torch.nn.functional.smooth_l1_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([3.0]), tg.tensor([0.0]), beta=2.0).item()
    2.0
    """
    x, t = paired(input, target, "smooth_l1_loss", reduction)
    if not beta >= 0:
        raise op_error(ValueError, "smooth_l1_loss", f"beta must not be negative, got {beta}")
    if not beta:
        return reduced(abs(x - t), reduction)
    losses = _huber(x, t, delta=float(beta))
    return reduced(losses if beta == 1 else losses / beta, reduction)


__all__ = [
    "at_least", "binary_cross_entropy", "gaussian_nll_loss", "huber_loss", "kl_div", "poisson_nll_loss",
    "smooth_l1_loss",
]  # fmt: skip
