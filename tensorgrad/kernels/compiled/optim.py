"""An optimizer's step as one loop over memory; NumPy's version takes a pass for each operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import optim
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.threads import parallel, split

SHARED_FLOATS = 500_000  # smaller parameters are not worth handing to a second thread


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
    if v is None:
        _along_arrays(_sgd, (p, g), (lr, weight_decay, maximize))
    else:
        settings = (lr, momentum, 1 - dampening, weight_decay, nesterov, maximize, first)
        _along_arrays(_sgd_with_momentum, (p, g, v), settings)


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
    arrays = (p, g, m, v, v if largest is None else largest)
    _along_arrays(_adam, arrays, (*numbers, maximize, largest is not None))


def _served(*arrays: NDArray | None) -> bool:
    """True when the loops can take the arrays: one float type that the processor computes in, without gaps."""
    dtype = arrays[0].dtype  # type: ignore[union-attr]
    for a in arrays:
        if a is not None and (a.dtype != dtype or not a.flags.c_contiguous):
            return False
    return dtype.char in "fd"


def _along_arrays(step: Callable[..., None], arrays: tuple[NDArray, ...], settings: tuple[Any, ...]) -> None:
    """Run ``step`` over the arrays in memory order, large ones on all threads."""
    flat = [a.ravel() for a in arrays]
    if flat[0].size < SHARED_FLOATS:
        step(*flat, *settings)
    else:
        parallel(lambda at: step(*[a[slice(*at)] for a in flat], *settings), split(flat[0].size, 8))


# The loops bring the settings to the parameter's dtype, as NumPy does with a Python number beside an array.


@jit
def _sgd(p, g, lr, weight_decay, maximize):  # type: ignore[no-untyped-def]
    real = p.dtype.type
    lr, weight_decay = real(lr), real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay != 0:
            d += p[i] * weight_decay
        p[i] -= d * lr


@jit
def _sgd_with_momentum(p, g, v, lr, momentum, added, weight_decay, nesterov, maximize, first):  # type: ignore[no-untyped-def]
    real = p.dtype.type
    lr, momentum, added, weight_decay = real(lr), real(momentum), real(added), real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay != 0:
            d += p[i] * weight_decay
        v[i] = d if first else v[i] * momentum + d * added
        p[i] -= (d + v[i] * momentum if nesterov else v[i]) * lr


@jit
def _adam(p, g, m, v, largest, rate, floor, beta1, rest1, beta2, rest2, shrink, weight_decay, maximize, amsgrad):  # type: ignore[no-untyped-def]
    real = p.dtype.type
    rate, floor, shrink, weight_decay = real(rate), real(floor), real(shrink), real(weight_decay)
    beta1, rest1, beta2, rest2 = real(beta1), real(rest1), real(beta2), real(rest2)
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
