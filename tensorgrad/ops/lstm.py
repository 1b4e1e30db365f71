"""The long short-term memory over a sequence, and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.kernels import lstm as kernel
from tensorgrad.ops.elementwise import sigmoid, tanh
from tensorgrad.ops.join import cat, stack
from tensorgrad.ops.linalg import _matmul
from tensorgrad.ops.recurrent import columns, is_recorded, outer_sum, states_before, steps, times_transposed


def _gates(z: Any) -> tuple[Any, Any, Any, Any]:
    """How much to let in, to keep, what is new, and how much to let out: (N, 4 H) as four (N, H)."""
    i, f, n, o = columns(z, z.shape[-1] // 4)
    return sigmoid(i), sigmoid(f), tanh(n), sigmoid(o)


def _step_back(dm: Any, dc: Any, gates: Any, c_before: Any) -> tuple[Any, Any]:
    """``dz``, and ``dc`` of the step before: the operators' version of `kernels.lstm.step_back`."""
    i, f, n, o, t = gates
    let_out = dm * o
    dc = dc + let_out * (1 - t * t)
    let_in, kept = dc * i, dc * f
    to_gates = let_in * n * (1 - i), kept * c_before * (1 - f), let_in * (1 - n * n), let_out * t * (1 - o)
    return cat(to_gates, 1), kept


def _lstm_rule(
    wanted: tuple[bool, ...],
    g: Any,
    y: Any,
    x: Any,
    weight: Any,
    h0: Any,
    c0: Any,
    projection: Any,
    *,
    reverse: bool,
    gates: Any,
) -> Any:
    """Back through the steps, from the last: with ``m = o tanh(c)``, ``h = m P'`` and ``c = f c_before + i n``

    dm = dh P,  dc = dc + dm o (1 - tanh^2 c),  and to the four gates before their activations

    dz = (dc i n (1 - i),  dc f c_before (1 - f),  dc i (1 - n^2),  dm o tanh(c) (1 - o));

    then the step before has ``dh = dz W`` and ``dc = dc f``.
    """
    size = h0.shape[1]
    h, c = [row[:, :size] for row in y], [row[:, size:] for row in y]
    h_before, c_before = states_before(h, h0, reverse), states_before(c, c0, reverse)
    recorded = is_recorded(g, y, x)
    if recorded:
        gates = [(*_gates(x[k] + times_transposed(h_before[k], weight)), tanh(c[k])) for k in range(len(h))]
    dz: Any = [None] * len(h) if recorded else np.empty(x.shape, x.dtype)
    dhs, ms = [None] * len(h), [None] * len(h)
    dh: Any = 0.0
    dc: Any = 0.0
    for k in reversed(steps(len(h), reverse)):
        dm = dh = dh + g[k][:, :size]
        dc = dc + g[k][:, size:]
        if projection is not None:
            *_, o, t = gates[k]
            dhs[k], ms[k], dm = dh, o * t, _matmul(dh, projection)
        if recorded:
            dz[k], dc = _step_back(dm, dc, gates[k], c_before[k])
        else:
            dc = kernel.step_back(dm, dc, gates[k], c_before[k], dz[k])
        dh = _matmul(dz[k], weight)
    dx = stack(dz) if recorded else dz
    dw = outer_sum(dx, stack(h_before)) if wanted[1] else None
    return dx, dw, dh, dc, outer_sum(stack(dhs), stack(ms)) if wanted[4] else None


@primitive(joint=_lstm_rule, saves=True)
def lstm(x: Any, weight: Any, h: Any, c: Any, projection: Any, *, reverse: bool) -> Any:
    """``h`` and ``c`` of every step side by side, (T, N, P + H), of ``x`` (T, N, 4 H), ``weight`` (4 H, P).

    ``projection`` is (P, H), or None and P = H.
    """
    y = np.empty((*x.shape[:2], h.shape[1] + c.shape[1]), x.dtype)
    gates = np.empty((len(x), 5, *c.shape), x.dtype)
    for k in steps(len(x), reverse):
        c, m = kernel.step(x[k], times_transposed(h, weight), c, gates[k])
        h = m if projection is None else times_transposed(m, projection)
        np.concatenate((h, c), axis=1, out=y[k])
    return y, {"gates": gates}


__all__ = ["lstm"]
