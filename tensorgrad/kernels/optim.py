"""The arithmetic of an optimizer's step: one pass over a parameter, its gradient and what is remembered of it.

All arrays have the parameter's shape and dtype; the parameter and the moments are written in place, the gradient is
only read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.twin import has_twin

#: Elements updated at a time: with their gradient, moments and scratch they stay in a core's cache.
BLOCK = 1 << 15


@has_twin
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
    """``d = g + weight_decay p``; ``v = momentum v + (1 - dampening) d``, at ``first`` ``v = d``; ``p = p - lr v``.

    Without ``v`` the step is along ``d``, with ``nesterov`` along ``d + momentum v``.
    """
    for p_, g_, *v_ in blocks(p, g, v):
        t = scratch("step 1", p_.shape, p_.dtype)
        d = direction(p_, g_, weight_decay, maximize)
        for w in v_:
            if first:
                w[...] = d
            else:
                w *= momentum
                w += np.multiply(d, 1 - dampening, out=t) if dampening else d
            d = np.add(d, np.multiply(w, momentum, out=t), out=t) if nesterov else w
        p_ -= np.multiply(d, lr, out=t)


@has_twin
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
    """``p = shrink p``; ``d = g + weight_decay p``; ``m`` and ``v`` become the running means of ``d`` and ``d^2``.

    Then ``p = p - rate m / (sqrt(v) + floor)``, with ``largest``, the maximum of all ``v`` so far, in the place of
    ``v`` where it is given.
    """
    for p_, g_, m_, v_, *largest_ in blocks(p, g, m, v, largest):
        if shrink != 1:
            p_ *= shrink
        d = direction(p_, g_, weight_decay, maximize)
        t = scratch("step 1", p_.shape, p_.dtype)
        average(m_, d, beta1, t)
        average_square(v_, d, beta2, t)
        for top in largest_:
            v_ = np.maximum(top, v_, out=top)
        np.sqrt(v_, out=t)
        t += floor
        np.divide(m_, t, out=t)
        t *= rate
        p_ -= t


def direction(p: NDArray, g: NDArray, weight_decay: float, maximize: bool) -> NDArray:
    """Return ``g + weight_decay p``, of ``-g`` with ``maximize``: ``g`` itself, or the scratch "step 0"."""
    if not (maximize or weight_decay):
        return g
    s = scratch("step 0", p.shape, p.dtype)
    if not weight_decay:
        return np.negative(g, out=s)
    np.multiply(p, weight_decay, out=s)
    return np.subtract(s, g, out=s) if maximize else np.add(g, s, out=s)


def average(m: NDArray, d: NDArray, beta: float, t: NDArray) -> None:
    """``m = beta m + (1 - beta) d``; ``t`` is scratch."""
    m *= beta
    m += np.multiply(d, 1 - beta, out=t)


def average_square(v: NDArray, d: NDArray, beta: float, t: NDArray) -> None:
    """``v = beta v + (1 - beta) d^2``; ``t`` is scratch."""
    v *= beta
    np.multiply(d, d, out=t)
    t *= 1 - beta
    v += t


def blocks(*arrays: NDArray | None) -> Iterator[tuple[NDArray, ...]]:
    """Matching pieces of the arrays that are there: each fits the cache, so many steps read memory once.

    >>> [a.size for a, in blocks(np.zeros((3, BLOCK // 2)), None)] == [BLOCK, BLOCK // 2]
    True
    """
    given = tuple(a for a in arrays if a is not None)
    size = given[0].size
    if size <= BLOCK or not all(a.flags.c_contiguous for a in given):
        yield given
        return
    flat = [a.reshape(-1) for a in given]
    for start in range(0, size, BLOCK):
        yield tuple(a[start : start + BLOCK] for a in flat)
