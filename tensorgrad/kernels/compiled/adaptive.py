"""Steps that divide by a measure of past gradients, each one loop over memory."""

from __future__ import annotations

import numpy as np

from tensorgrad.kernels import adaptive
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.optim import direction, larger, step_of
from tensorgrad.kernels.compiled.pieces import piece
from tensorgrad.kernels.compiled.threads import shared


@step_of(adaptive.rmsprop)
@shared
@jit
def rmsprop(at, p, g, v, mean, buffer, lr, alpha, eps, momentum, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.adaptive.rmsprop`."""
    real = p.dtype.type
    lr, eps, momentum, weight_decay = real(lr), real(eps), real(momentum), real(weight_decay)
    alpha, rest, zero = real(alpha), real(1 - alpha), real(0)
    start, stop = piece(at, p.size)
    p, g, v = p[start:stop], g[start:stop], v[start:stop]
    if mean is not None:
        mean_ = mean[start:stop]
    if buffer is not None:
        buffer_ = buffer[start:stop]
    for i in range(p.size):
        d = direction(p[i], g[i], weight_decay, maximize)
        v[i] = variance = v[i] * alpha + d * d * rest
        if mean is not None:
            mean_[i] = mean_[i] * alpha + d * rest
            variance = larger(variance - mean_[i] * mean_[i], zero)
        step = d / (np.sqrt(variance) + eps)
        if buffer is not None:
            buffer_[i] = step = buffer_[i] * momentum + step
        p[i] -= step * lr


@step_of(adaptive.adagrad)
@shared
@jit
def adagrad(at, p, g, total, rate, eps, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.adaptive.adagrad`."""
    real = p.dtype.type
    rate, eps, weight_decay = real(rate), real(eps), real(weight_decay)
    start, stop = piece(at, p.size)
    p, g, total = p[start:stop], g[start:stop], total[start:stop]
    for i in range(p.size):
        d = direction(p[i], g[i], weight_decay, maximize)
        total[i] += d * d
        p[i] -= d / (np.sqrt(total[i]) + eps) * rate


@step_of(adaptive.adadelta)
@shared
@jit
def adadelta(at, p, g, v, w, lr, rho, eps, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.adaptive.adadelta`."""
    real = p.dtype.type
    lr, eps, weight_decay = real(lr), real(eps), real(weight_decay)
    rho, rest = real(rho), real(1 - rho)
    start, stop = piece(at, p.size)
    p, g, v, w = p[start:stop], g[start:stop], v[start:stop], w[start:stop]
    for i in range(p.size):
        d = direction(p[i], g[i], weight_decay, maximize)
        v[i] = v[i] * rho + d * d * rest
        step = np.sqrt(w[i] + eps) / np.sqrt(v[i] + eps) * d
        w[i] = w[i] * rho + step * step * rest
        p[i] -= step * lr


@step_of(adaptive.adamax)
@shared
@jit
def adamax(at, p, g, m, u, rate, beta1, beta2, eps, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.adaptive.adamax`."""
    real = p.dtype.type
    rate, eps, weight_decay = real(rate), real(eps), real(weight_decay)
    beta1, rest, beta2 = real(beta1), real(1 - beta1), real(beta2)
    start, stop = piece(at, p.size)
    p, g, m, u = p[start:stop], g[start:stop], m[start:stop], u[start:stop]
    for i in range(p.size):
        d = direction(p[i], g[i], weight_decay, maximize)
        m[i] = m[i] * beta1 + d * rest
        u[i] = larger(u[i] * beta2, abs(d) + eps)
        p[i] -= m[i] / u[i] * rate


@step_of(adaptive.nadam)
@shared
@jit
def nadam(  # type: ignore[no-untyped-def]
    at, p, g, m, v, gradient_rate, rate, floor, beta1, beta2, shrink, weight_decay, maximize
):
    """See `kernels.adaptive.nadam`."""
    real = p.dtype.type
    gradient_rate, rate, floor = real(gradient_rate), real(rate), real(floor)
    beta1, rest1, beta2, rest2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    shrink, weight_decay = real(shrink), real(weight_decay)
    start, stop = piece(at, p.size)
    p, g, m, v = p[start:stop], g[start:stop], m[start:stop], v[start:stop]
    for i in range(p.size):
        w = p[i] * shrink
        d = direction(w, g[i], weight_decay, maximize)
        m[i] = m[i] * beta1 + d * rest1
        v[i] = v[i] * beta2 + d * d * rest2
        p[i] = w - (d * gradient_rate + m[i] * rate) / (np.sqrt(v[i]) + floor)


@step_of(adaptive.unrectified)
@shared
@jit
def unrectified(at, p, g, m, v, rate, beta1, beta2, shrink, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.adaptive.unrectified`."""
    real = p.dtype.type
    rate, shrink, weight_decay = real(rate), real(shrink), real(weight_decay)
    beta1, rest1, beta2, rest2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    start, stop = piece(at, p.size)
    p, g, m, v = p[start:stop], g[start:stop], m[start:stop], v[start:stop]
    for i in range(p.size):
        w = p[i] * shrink
        d = direction(w, g[i], weight_decay, maximize)
        m[i] = m[i] * beta1 + d * rest1
        v[i] = v[i] * beta2 + d * d * rest2
        p[i] = w - m[i] * rate
