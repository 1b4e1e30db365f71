"""An optimizer's step as one loop over memory; NumPy's version takes a pass for each operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import optim
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.threads import shared

STREAMS = 4  # times the work of reading a number, about: each of them belongs to several arrays


def step_of(kernel: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a shared loop over vectors do the step ``kernel`` as NumPy's version does, bit for bit.

    The loop is given its task, the arrays (flat) and the settings, both in the order of the kernel's signature. What it
    cannot take goes to NumPy's version: arrays with gaps or in another order than C's, float16, mixed dtypes.
    """
    parameters = inspect.signature(kernel.numpy).parameters.values()
    values = itemgetter(*(each.name for each in parameters if each.kind is each.KEYWORD_ONLY))

    def bind(loop: Callable[..., None]) -> Callable[..., None]:
        @wraps(kernel.numpy)
        def step(*arrays: NDArray | None, **settings: Any) -> None:
            flat = _vectors(arrays)
            if flat:
                size = flat[0].size
                loop(pieces_of(size, STREAMS * size), *flat, *values(settings))
            else:
                kernel.numpy(*arrays, **settings)

        return step

    return bind


def _vectors(arrays: tuple[Any, ...]) -> list[Any]:
    """Return the arrays as vectors, nothing unless all are of one type that the processor computes in, without gaps."""
    dtype = arrays[0].dtype
    if dtype.char not in "fd":
        return []
    flat = []
    for a in arrays:
        if a is not None:
            if a.dtype != dtype or not a.flags.c_contiguous:
                return []
            a = a.ravel()
        flat.append(a)
    return flat


# The loops bring the settings to the parameter's dtype, as NumPy does with a Python number beside an array. An array
# that is None is known when they are compiled, and so they are compiled once with it and once without.


@jit
def direction(p: Any, g: Any, weight_decay: Any, maximize: Any) -> Any:
    """Return ``g + weight_decay p``, of ``-g`` with ``maximize``."""
    d = -g if maximize else g
    return d + p * weight_decay if weight_decay != 0 else d


@jit
def larger(a: Any, b: Any) -> Any:
    """Return the larger number, without a branch; a NaN is larger than all others."""
    return a if a >= b or a != a else b


@step_of(optim.sgd)
@shared
@jit
def sgd(at, p, g, v, lr, momentum, dampening, weight_decay, nesterov, maximize, first):  # type: ignore[no-untyped-def]
    """See `kernels.optim.sgd`."""
    real = p.dtype.type
    lr, weight_decay, momentum, added = real(lr), real(weight_decay), real(momentum), real(1 - dampening)
    start, stop = piece(at, p.size)
    p, g = p[start:stop], g[start:stop]
    if v is not None:
        v_ = v[start:stop]
    for i in range(p.size):
        d = direction(p[i], g[i], weight_decay, maximize)
        if v is not None:
            v_[i] = d if first else v_[i] * momentum + d * added
            d = d + v_[i] * momentum if nesterov else v_[i]
        p[i] -= d * lr


@step_of(optim.adam)
@shared
@jit
def adam(at, p, g, m, v, largest, rate, floor, beta1, beta2, shrink, weight_decay, maximize):  # type: ignore[no-untyped-def]
    """See `kernels.optim.adam`."""
    real = p.dtype.type
    rate, floor, shrink, weight_decay = real(rate), real(floor), real(shrink), real(weight_decay)
    beta1, rest1, beta2, rest2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    start, stop = piece(at, p.size)
    p, g, m, v = p[start:stop], g[start:stop], m[start:stop], v[start:stop]
    if largest is not None:
        largest_ = largest[start:stop]
    for i in range(p.size):
        w = p[i] * shrink
        d = direction(w, g[i], weight_decay, maximize)
        m[i] = m[i] * beta1 + d * rest1
        v[i] = square = v[i] * beta2 + d * d * rest2
        if largest is not None:
            largest_[i] = square = larger(largest_[i], square)
        p[i] = w - m[i] / (np.sqrt(square) + floor) * rate
