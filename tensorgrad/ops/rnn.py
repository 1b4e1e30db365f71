"""The plain recurrent layer over a sequence, and its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.kernels.activation import relu
from tensorgrad.ops._arguments import raw
from tensorgrad.ops.activation import relu_grad
from tensorgrad.ops.join import stack
from tensorgrad.ops.linalg import _matmul
from tensorgrad.ops.recurrent import outer_sum, states_before, steps, times_transposed

#: the nonlinearity f, and beside it dz for h = f(z)
NONLINEARITIES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (np.tanh, lambda dh, h: dh * (1 - h * h)),
    "relu": (relu, lambda dh, h: relu_grad(dh, output=raw(h))),
}


def _rnn_rule(
    wanted: tuple[bool, ...], g: Any, y: Any, x: Any, weight: Any, h0: Any, *, nonlinearity: str, reverse: bool
) -> Any:
    """Back through the steps, from the last: of ``h = f(z)``, ``dz = dh f'(z)``; the step before has ``dh = dz W``."""
    _, derivative = NONLINEARITIES[nonlinearity]
    dz = [None] * x.shape[0]
    dh = 0.0
    for k in reversed(steps(len(dz), reverse)):
        dz[k] = derivative(dh + g[k], y[k])
        dh = _matmul(dz[k], weight)
    dx = stack(dz)
    return dx, outer_sum(dx, stack(states_before(y, h0, reverse))) if wanted[1] else None, dh


@primitive(joint=_rnn_rule)
def rnn(x: Any, weight: Any, h: Any, *, nonlinearity: str, reverse: bool) -> Any:
    """``h = f(x_t + h W')`` of every step, (T, N, H), of ``x`` (T, N, H) and ``weight`` (H, H)."""
    f, _ = NONLINEARITIES[nonlinearity]
    y = np.empty_like(x)
    for k in steps(len(x), reverse):
        h = y[k] = f(x[k] + times_transposed(h, weight))
    return y


__all__ = ["rnn"]
