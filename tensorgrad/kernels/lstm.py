"""The elementwise part of one step of the long short-term memory, and the way back through it.

What a step leaves for the way back are its gates, (5, N, H): i, f, n and o after their activations, and tanh c. Before
the activations, in products with the weight and as gradients, the four lie side by side, (N, 4 H).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.twin import has_twin


@has_twin
def step(x: NDArray, u: NDArray, c: NDArray, gates: NDArray) -> tuple[NDArray, NDArray]:
    """Return the memory ``f c + i n`` and ``m = o tanh(f c + i n)``; the gates, of ``x + u``, go into ``gates``."""
    i, f, n, o, t = gates
    np.add(_by_gate(x), _by_gate(u), out=gates[:4])
    _sigmoid_of(gates[:2])
    np.tanh(n, out=n)
    _sigmoid_of(o)
    c = f * c
    c += np.multiply(i, n, out=t)
    np.tanh(c, out=t)
    return c, o * t


@has_twin
def step_back(dm: NDArray, dc: NDArray, gates: NDArray, c: NDArray, dz: NDArray) -> NDArray:
    """Write the gradient of the gates before their activations into ``dz`` (N, 4 H); return that of ``c``, (N, H).

    ``dm`` and ``dc`` are the gradients of the step's ``m`` and, apart from the way through m, of its new memory;
    ``c`` is the memory that it started from.
    """
    i, f, n, o, t = gates
    to_i, to_f, to_n, to_o = _by_gate(dz)
    a, b = scratch("lstm", (2, *dm.shape), dm.dtype)
    let_out = dm * o
    np.multiply(np.multiply(let_out, t, out=a), np.subtract(1, o, out=b), out=to_o)
    np.multiply(let_out, np.subtract(1, np.multiply(t, t, out=b), out=b), out=a)
    dc = np.add(dc, a, out=let_out)
    np.multiply(dc, i, out=a)
    np.multiply(a, np.subtract(1, np.multiply(n, n, out=b), out=b), out=to_n)
    np.multiply(np.multiply(a, n, out=a), np.subtract(1, i, out=b), out=to_i)
    kept = np.multiply(dc, f, out=dc)
    np.multiply(np.multiply(kept, c, out=a), np.subtract(1, f, out=b), out=to_f)
    return kept


def _by_gate(z: NDArray) -> NDArray:
    """Return (N, 4 H) seen as (4, N, H)."""
    return z.reshape(len(z), 4, z.shape[1] // 4).swapaxes(0, 1)


def _sigmoid_of(z: NDArray) -> None:
    """Write ``1 / (1 + e^-z)`` into z."""
    np.exp(np.negative(z, out=z), out=z)
    z += 1
    np.divide(1, z, out=z)
