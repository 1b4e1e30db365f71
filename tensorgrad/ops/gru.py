"""The gated recurrent unit over a sequence, and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.ops.elementwise import sigmoid, tanh
from tensorgrad.ops.join import cat, stack
from tensorgrad.ops.linalg import _matmul
from tensorgrad.ops.recurrent import columns, is_recorded, outer_sum, states_before, steps, times_transposed
from tensorgrad.ops.reduce import _sum


def _gates(x: Any, u: Any) -> tuple[Any, Any, Any, Any]:
    """Reset, update, what is new, and the state's part in that: (N, 3 H) of the input and of the state as (N, H)."""
    (xr, xz, xn), (ur, uz, un) = (columns(part, part.shape[-1] // 3) for part in (x, u))
    r = sigmoid(xr + ur)
    return r, sigmoid(xz + uz), tanh(xn + r * un), un


def _state_part(h: Any, weight: Any, bias: Any) -> Any:
    """``h W' + b``, (N, 3 H)."""
    u = times_transposed(h, weight)
    return u if bias is None else u + bias


def _gru_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, weight: Any, bias: Any, h0: Any, *, reverse: bool, gates: Any
) -> Any:
    """Back through the steps, from the last: with ``h = (1 - z) n + z h_before`` and ``n = tanh(x_n + r u_n)``

    to the input's part    dx = (dn r u_n (1 - r),  dh z (h_before - n) (1 - z),  dn),  dn = dh (1 - z) (1 - n^2)
    to the state's part    du = the same, but dn r for dn;

    then the step before has ``dh = du W + dh z``.
    """
    h_before = states_before(y, h0, reverse)
    if is_recorded(g, y, x):
        gates = [_gates(x[k], _state_part(h_before[k], weight, bias)) for k in range(len(h_before))]
    dx, du = [None] * len(h_before), [None] * len(h_before)
    dh = 0.0
    for k in reversed(steps(len(h_before), reverse)):
        r, z, n, un = gates[k]
        dh = dh + g[k]
        kept, dn = dh * z, dh * (1 - z) * (1 - n * n)
        dun = dn * r
        dr, dz = dun * un * (1 - r), kept * (h_before[k] - n) * (1 - z)
        dx[k], du[k] = cat([dr, dz, dn], 1), cat([dr, dz, dun], 1)
        dh = _matmul(du[k], weight) + kept
    to_state = stack(du)
    dw = outer_sum(to_state, stack(h_before)) if wanted[1] else None
    return stack(dx), dw, _sum(to_state, dim=(0, 1), keepdim=False) if wanted[2] else None, dh


@primitive(joint=_gru_rule, saves=True)
def gru(x: Any, weight: Any, bias: Any, h: Any, *, reverse: bool) -> Any:
    """``h`` of every step, (T, N, H), of ``x`` (T, N, 3 H), ``weight`` (3 H, H), ``bias`` (3 H) or None."""
    y = np.empty((*x.shape[:2], h.shape[1]), x.dtype)
    gates = np.empty((len(x), 4, *h.shape), x.dtype)
    for k in steps(len(x), reverse):
        _, z, n, _ = np.stack(_gates(x[k], _state_part(h, weight, bias)), out=gates[k])
        h = y[k] = (1 - z) * n + z * h
    return y, {"gates": gates}


__all__ = ["gru"]
