"""The elementwise part of a step of the long short-term memory: a few rows stay in cache for all that is done.

Each loop writes one vector and reads a few: only then does the compiler check that none overlaps, and use registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import lstm as kernel
from tensorgrad.kernels.compiled.exponential import exponential
from tensorgrad.kernels.compiled.jit import fused, jit
from tensorgrad.kernels.compiled.pieces import piece, pieces_of, put_row
from tensorgrad.kernels.compiled.threads import shared

WORK = 16  # times that of reading a number of the memory, about, in either direction

F = np.float32
ONE, TWO = F(1), F(2)
SMALL = F(0.625)  # below, tanh is an odd polynomial of degree 11 (Cephes, Moshier 1992): 1 - e^-2x would lose digits
T11, T9, T7 = F(-5.70498872745e-3), F(2.06390887954e-2), F(-5.37397155531e-2)
T5, T3 = F(1.33314422036e-1), F(-3.33332819422e-1)


def step(x: NDArray, u: NDArray, c: NDArray, gates: NDArray) -> tuple[NDArray, NDArray]:
    """See `kernels.lstm.step`. NumPy's loops for float64 run in vector registers, and those of here would not."""
    if not x.dtype == u.dtype == c.dtype == gates.dtype == F:
        return kernel.step.numpy(x, u, c, gates)  # type: ignore[attr-defined]
    x, u, c = map(np.ascontiguousarray, (x, u, c))
    c_new, m = np.empty_like(c), np.empty_like(c)
    _step(_tasks(c), x, u, c.reshape(-1), gates.reshape(5, -1), c_new.reshape(-1), m.reshape(-1))
    return c_new, m


def step_back(dm: NDArray, dc: NDArray, gates: NDArray, c: NDArray, dz: NDArray) -> NDArray:
    """See `kernels.lstm.step_back`."""
    if not dm.dtype == dc.dtype == gates.dtype == c.dtype == F:
        return kernel.step_back.numpy(dm, dc, gates, c, dz)  # type: ignore[attr-defined]
    dm, dc, c = map(np.ascontiguousarray, (dm, dc, c))
    kept = np.empty_like(c)
    _step_back(_tasks(c), dm, dc, gates, c, dz, kept)
    return kept


def _tasks(c: NDArray) -> int:
    return pieces_of(len(c), WORK * c.size)


@fused
def _sigmoid_of(z: Any) -> None:
    for j in range(z.size):
        e = exponential(-abs(z[j]))
        z[j] = (ONE if z[j] >= 0 else e) / (ONE + e)


@fused
def _tanh_of(z: Any) -> None:
    for j in range(z.size):
        x = z[j]
        e, s = exponential(-TWO * abs(x)), x * x
        large = np.copysign((ONE - e) / (ONE + e), x)
        small = ((((T11 * s + T9) * s + T7) * s + T5) * s + T3) * s * x + x
        z[j] = small if abs(x) < SMALL else large


@jit
def _part(x: Any, k: Any, size: Any) -> Any:
    """Return the vector's numbers from ``k size`` on that are before ``(k + 1) size``."""
    return x[k * size : (k + 1) * size]


@shared
@jit
def _step(at: Any, x: Any, u: Any, c: Any, gates: Any, c_new: Any, m: Any) -> None:
    (first, last), size = piece(at, len(x)), x.shape[1] // 4
    for r in range(first, last):
        for k in range(4):
            z, a, b = _part(gates[k], r, size), _part(x[r], k, size), _part(u[r], k, size)
            for j in range(size):
                z[j] = a[j] + b[j]
    start, stop = first * size, last * size
    i, f, n = gates[0, start:stop], gates[1, start:stop], gates[2, start:stop]
    o, t = gates[3, start:stop], gates[4, start:stop]
    c, c_new, m = c[start:stop], c_new[start:stop], m[start:stop]
    _sigmoid_of(i)
    _sigmoid_of(f)
    _tanh_of(n)
    _sigmoid_of(o)
    for j in range(t.size):
        t[j] = f[j] * c[j] + i[j] * n[j]
    put_row(t, c_new)
    _tanh_of(t)
    for j in range(t.size):
        m[j] = o[j] * t[j]


@shared
@jit
def _step_back(at: Any, dm: Any, dc: Any, gates: Any, c: Any, dz: Any, kept: Any) -> None:
    size = c.shape[1]
    for r in range(*piece(at, len(c))):
        i, f, n, o, t = gates[0, r], gates[1, r], gates[2, r], gates[3, r], gates[4, r]
        to_i, to_f = _part(dz[r], 0, size), _part(dz[r], 1, size)
        to_n, to_o = _part(dz[r], 2, size), _part(dz[r], 3, size)
        out, memory, before, d = dm[r], dc[r], c[r], kept[r]
        for j in range(size):
            to_o[j] = out[j] * t[j] * o[j] * (ONE - o[j])
        for j in range(size):
            d[j] = memory[j] + out[j] * o[j] * (ONE - t[j] * t[j])
        for j in range(size):
            to_i[j] = d[j] * n[j] * i[j] * (ONE - i[j])
        for j in range(size):
            to_n[j] = d[j] * i[j] * (ONE - n[j] * n[j])
        for j in range(size):
            d[j] *= f[j]
        for j in range(size):
            to_f[j] = d[j] * before[j] * (ONE - f[j])
