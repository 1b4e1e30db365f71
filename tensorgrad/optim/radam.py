"""RAdam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.kernels.adaptive import unrectified
from tensorgrad.kernels.optim import adam
from tensorgrad.optim.moments import MomentOptimizer
from tensorgrad.optim.optimizer import Update, next_step, refuse_differentiable, slot


class RAdam(MomentOptimizer):
    """``p = p - lr r m' sqrt(1 - b2^t) / (sqrt(v) + eps)``: Adam, rectified for what ``v`` cannot know at first.

    ``m``, ``v`` and ``m'`` are those of :class:`Adam`. ``v`` averages about ``n = N - 2 t b2^t / (1 - b2^t)`` gradients
    after ``t`` steps and ``N = 2 / (1 - b2) - 1`` in the end; where ``n > 5``,
    ``r^2 = (n - 4) (n - 2) N / ((N - 4) (N - 2) n)``, and before that ``p = p - lr m'``.
    ``weight_decay`` is added to the gradient (``g + weight_decay p``), or with ``decoupled_weight_decay`` shrinks ``p``
    before the step, as in :class:`AdamW`; ``maximize`` climbs. ``foreach`` and ``capturable`` are accepted and change
    nothing. Ranges: ``lr``, ``eps``, ``weight_decay`` at least 0, ``betas`` in [0, 1), no ``differentiable``, else
    ValueError. Source: ``torch.optim.RAdam``; Liu et al. 2019.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.RAdam([p], lr=0.1)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable("RAdam", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    def _update(self, group: dict[str, Any]) -> Update:
        settings = self._settings_of_decay(group, bool(group["decoupled_weight_decay"]))
        lr, eps = float(group["lr"]), float(group["eps"])
        beta1, beta2 = settings["beta1"], settings["beta2"]

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            step = next_step(state)
            m, v = (slot(state, name, p) for name in self._array_slots)
            rate = lr / (1 - beta1**step)
            rectification = _rectification(step, beta2)
            if rectification is None:
                unrectified(p, g, m, v, rate=rate, **settings)
            else:
                rate *= rectification * math.sqrt(1 - beta2**step)
                adam(p, g, m, v, None, rate=rate, floor=eps, **settings)

        return update


def _rectification(step: int, beta2: float) -> float | None:
    """``r`` at a step, None while the second moment is not worth dividing by.

    >>> _rectification(5, 0.999), round(_rectification(6, 0.999), 4), round(_rectification(10**5, 0.999), 4)
    (None, 0.0258, 1.0)
    """
    most = 2 / (1 - beta2) - 1
    n = most - 2 * step * beta2**step / (1 - beta2**step)
    if n <= 5:
        return None
    return math.sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n))


__all__ = ["RAdam"]
