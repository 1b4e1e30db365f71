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
    for p_, g_, *v_ in _blocks(p, g, v):
        s = scratch("step 0", p_.shape, p_.dtype) if maximize or weight_decay or nesterov else None
        t = scratch("step 1", p_.shape, p_.dtype)
        d = np.negative(g_, out=s) if maximize else g_
        if weight_decay:
            d = np.add(d, np.multiply(p_, weight_decay, out=t), out=s)
        for w in v_:
            if first:
                w[...] = d
            else:
                w *= momentum
                w += np.multiply(d, 1 - dampening, out=t) if dampening else d
            d = np.add(d, np.multiply(w, momentum, out=t), out=s) if nesterov else w
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
    for p_, g_, m_, v_, *largest_ in _blocks(p, g, m, v, largest):
        s, t = (scratch(f"step {i}", p_.shape, p_.dtype) for i in range(2))
        if shrink != 1:
            p_ *= shrink
        d = np.negative(g_, out=s) if maximize else g_
        if weight_decay:
            d = np.add(d, np.multiply(p_, weight_decay, out=t), out=s)
        m_ *= beta1
        m_ += np.multiply(d, 1 - beta1, out=t)
        v_ *= beta2
        np.multiply(d, d, out=t)
        t *= 1 - beta2
        v_ += t
        for top in largest_:
            v_ = np.maximum(top, v_, out=top)
        np.sqrt(v_, out=t)
        t += floor
        np.divide(m_, t, out=t)
        t *= rate
        p_ -= t


def _blocks(*arrays: NDArray | None) -> Iterator[tuple[NDArray, ...]]:
    """Matching pieces of the arrays that are there: each fits the cache, so many steps read memory once.

    >>> [a.size for a, in _blocks(np.zeros((3, BLOCK // 2)), None)] == [BLOCK, BLOCK // 2]
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
