"""Steps that divide by a measure of past gradients: RMSprop, Adagrad, Adadelta, Adamax, NAdam, and RAdam's first ones.

As in ``optim``: all arrays have the parameter's shape and dtype, the gradient ``g`` is only read, all else is written
in place. ``d = g + weight_decay p``, with ``-g`` for ``g`` to ``maximize``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.optim import average, average_square, blocks, direction
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.twin import has_twin


@has_twin
def rmsprop(
    p: NDArray,
    g: NDArray,
    v: NDArray,
    mean: NDArray | None,
    buffer: NDArray | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """``v = alpha v + (1 - alpha) d^2``; ``p = p - lr d / (sqrt(v) + eps)``.

    With ``mean``, the running mean of ``d``, the root is of ``v - mean^2``. With ``buffer`` the quotient is added to
    ``momentum buffer``, which is the step.
    """
    for p_, g_, v_, *more in blocks(p, g, v, mean, buffer):
        d = direction(p_, g_, weight_decay, maximize)
        t = scratch("step 1", p_.shape, p_.dtype)
        average_square(v_, d, alpha, t)
        variance = v_
        if mean is not None:
            mean_ = more.pop(0)
            average(mean_, d, alpha, t)
            np.multiply(mean_, mean_, out=t)
            np.subtract(v_, t, out=t)
            variance = np.maximum(t, 0, out=t)  # rounding may take it below, where gradients are all alike
        np.sqrt(variance, out=t)
        t += eps
        step = np.divide(d, t, out=t)
        for buffer_ in more:
            buffer_ *= momentum
            buffer_ += step
            step = buffer_
        p_ -= np.multiply(step, lr, out=t)


@has_twin
def adagrad(
    p: NDArray, g: NDArray, total: NDArray, *, rate: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    """``total = total + d^2``; ``p = p - rate d / (sqrt(total) + eps)``."""
    for p_, g_, total_ in blocks(p, g, total):
        d = direction(p_, g_, weight_decay, maximize)
        t = scratch("step 1", p_.shape, p_.dtype)
        total_ += np.multiply(d, d, out=t)
        np.sqrt(total_, out=t)
        t += eps
        np.divide(d, t, out=t)
        t *= rate
        p_ -= t


@has_twin
def adadelta(
    p: NDArray,
    g: NDArray,
    v: NDArray,
    w: NDArray,
    *,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """``step = d sqrt(w + eps) / sqrt(v + eps)``; ``p = p - lr step``.

    ``v`` and ``w`` are the running means of ``d^2`` and, one step behind, of ``step^2``.
    """
    for p_, g_, v_, w_ in blocks(p, g, v, w):
        d = direction(p_, g_, weight_decay, maximize)
        t, step = (scratch(f"step {i}", p_.shape, p_.dtype) for i in (1, 2))
        average_square(v_, d, rho, t)
        np.sqrt(np.add(v_, eps, out=t), out=t)
        np.sqrt(np.add(w_, eps, out=step), out=step)
        step /= t
        step *= d
        average_square(w_, step, rho, t)
        p_ -= np.multiply(step, lr, out=t)


@has_twin
def adamax(
    p: NDArray,
    g: NDArray,
    m: NDArray,
    u: NDArray,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """``m`` becomes the running mean of ``d``; ``u = max(beta2 u, |d| + eps)``; ``p = p - rate m / u``."""
    for p_, g_, m_, u_ in blocks(p, g, m, u):
        d = direction(p_, g_, weight_decay, maximize)
        t = scratch("step 1", p_.shape, p_.dtype)
        average(m_, d, beta1, t)
        np.abs(d, out=t)
        t += eps
        u_ *= beta2
        np.maximum(u_, t, out=u_)
        np.divide(m_, u_, out=t)
        t *= rate
        p_ -= t


@has_twin
def nadam(
    p: NDArray,
    g: NDArray,
    m: NDArray,
    v: NDArray,
    *,
    gradient_rate: float,
    rate: float,
    floor: float,
    beta1: float,
    beta2: float,
    shrink: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """``p = shrink p``; ``m`` and ``v`` become the running means of ``d`` and ``d^2``.

    Then ``p = p - (gradient_rate d + rate m) / (sqrt(v) + floor)``.
    """
    for p_, g_, m_, v_ in blocks(p, g, m, v):
        if shrink != 1:
            p_ *= shrink
        d = direction(p_, g_, weight_decay, maximize)
        t, step = (scratch(f"step {i}", p_.shape, p_.dtype) for i in (1, 2))
        average(m_, d, beta1, t)
        average_square(v_, d, beta2, t)
        np.multiply(d, gradient_rate, out=step)
        step += np.multiply(m_, rate, out=t)
        np.sqrt(v_, out=t)
        t += floor
        step /= t
        p_ -= step


@has_twin
def unrectified(
    p: NDArray,
    g: NDArray,
    m: NDArray,
    v: NDArray,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    shrink: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """``p = shrink p``; ``m`` and ``v`` become the running means of ``d`` and ``d^2``; ``p = p - rate m``."""
    for p_, g_, m_, v_ in blocks(p, g, m, v):
        if shrink != 1:
            p_ *= shrink
        d = direction(p_, g_, weight_decay, maximize)
        t = scratch("step 1", p_.shape, p_.dtype)
        average(m_, d, beta1, t)
        average_square(v_, d, beta2, t)
        p_ -= np.multiply(m_, rate, out=t)
