"""An optimizer's step as one loop over memory; NumPy's version takes a pass for each operation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import optim
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared

STREAMS = 4  # times the work of reading a number, about: each of them belongs to several arrays


def sgd(
    p: NDArray,
    g: NDArray,
    v: NDArray | None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """As NumPy's version, bit for bit."""
    if not _served(p, g, v):
        optim.sgd.numpy(  # type: ignore[attr-defined]
            p, g, v, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize, first=first,
        )  # fmt: skip
        return
    tasks = pieces_of(p.size, STREAMS * p.size)
    if v is None:
        _sgd(tasks, p.ravel(), g.ravel(), lr, weight_decay, maximize)
    else:
        settings = lr, momentum, 1 - dampening, weight_decay, nesterov, maximize, first
        _sgd_with_momentum(tasks, p.ravel(), g.ravel(), v.ravel(), *settings)


def adam(
    p: NDArray,
    g: NDArray,
    m: NDArray,
    v: NDArray,
    largest: NDArray | None,
    *,
    rate: float,
    floor: float,
    beta1: float,
    beta2: float,
    shrink: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """As NumPy's version, bit for bit."""
    if not _served(p, g, m, v, largest):
        optim.adam.numpy(  # type: ignore[attr-defined]
            p, g, m, v, largest, rate=rate, floor=floor, beta1=beta1, beta2=beta2, shrink=shrink,
            weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip
        return
    numbers = (rate, floor, beta1, 1 - beta1, beta2, 1 - beta2, shrink, weight_decay)
    arrays = [a.ravel() for a in (p, g, m, v, v if largest is None else largest)]
    _adam(pieces_of(p.size, STREAMS * p.size), *arrays, *numbers, maximize, largest is not None)


def _served(*arrays: NDArray | None) -> bool:
    """True when the loops can take the arrays: one float type that the processor computes in, without gaps."""
    dtype = arrays[0].dtype  # type: ignore[union-attr]
    for a in arrays:
        if a is not None and (a.dtype != dtype or not a.flags.c_contiguous):
            return False
    return dtype.char in "fd"


# The loops bring the settings to the parameter's dtype, as NumPy does with a Python number beside an array.


@shared
@jit
def _sgd(at, p, g, lr, weight_decay, maximize):  # type: ignore[no-untyped-def]
    real = p.dtype.type
    lr, weight_decay = real(lr), real(weight_decay)
    start, stop = piece(at, p.size)
    p, g = p[start:stop], g[start:stop]
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay != 0:
            d += p[i] * weight_decay
        p[i] -= d * lr


@shared
@jit
def _sgd_with_momentum(at, p, g, v, lr, momentum, added, weight_decay, nesterov, maximize, first):  # type: ignore[no-untyped-def]
    real = p.dtype.type
    lr, momentum, added, weight_decay = real(lr), real(momentum), real(added), real(weight_decay)
    start, stop = piece(at, p.size)
    p, g, v = p[start:stop], g[start:stop], v[start:stop]
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay != 0:
            d += p[i] * weight_decay
        v[i] = d if first else v[i] * momentum + d * added
        p[i] -= (d + v[i] * momentum if nesterov else v[i]) * lr


@shared
@jit
def _adam(  # type: ignore[no-untyped-def]
    at, p, g, m, v, largest, rate, floor, beta1, rest1, beta2, rest2, shrink, weight_decay, maximize, amsgrad
):
    real = p.dtype.type
    rate, floor, shrink, weight_decay = real(rate), real(floor), real(shrink), real(weight_decay)
    beta1, rest1, beta2, rest2 = real(beta1), real(rest1), real(beta2), real(rest2)
    start, stop = piece(at, p.size)
    p, g, m, v, largest = p[start:stop], g[start:stop], m[start:stop], v[start:stop], largest[start:stop]
    for i in range(p.size):
        w = p[i] * shrink
        d = -g[i] if maximize else g[i]
        if weight_decay != 0:
            d += w * weight_decay
        m[i] = m[i] * beta1 + d * rest1
        v[i] = square = v[i] * beta2 + d * d * rest2
        if amsgrad:
            top = largest[i]
            square = top if top >= square or top != top else square  # a NaN stays
            largest[i] = square
        p[i] = w - m[i] / (np.sqrt(square) + floor) * rate
