"""Adamax."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.adaptive import adamax
from tensorgrad.optim.moments import MomentOptimizer
from tensorgrad.optim.optimizer import Update, next_step, refuse_differentiable, slot


class Adamax(MomentOptimizer):
    """``m = b1 m + (1 - b1) g``, ``u = max(b2 u, |g| + eps)``, ``p = p - lr m / (1 - b1^t) / u``: Adam's infinity norm.

    ``t`` counts the steps. ``weight_decay`` is added to the gradient (``g + weight_decay p``); ``maximize`` climbs.
    ``foreach`` and ``capturable`` are accepted and change nothing. Ranges: ``lr``, ``eps``, ``weight_decay`` at
    least 0, ``betas`` in [0, 1), no ``differentiable``, else ValueError.
    Source: ``torch.optim.Adamax``; Kingma and Ba 2014, section 7.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adamax([p], lr=0.1)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.9000], requires_grad=True)
    """

    _array_slots: ClassVar = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        refuse_differentiable("Adamax", differentiable)
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    def _update(self, group: dict[str, Any]) -> Update:
        settings = self._settings(group)
        lr, eps, beta1 = float(group["lr"]), float(group["eps"]), settings["beta1"]

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            rate = lr / (1 - beta1 ** next_step(state))
            m, u = (slot(state, name, p) for name in self._array_slots)
            adamax(p, g, m, u, rate=rate, eps=eps, **settings)

        return update


__all__ = ["Adamax"]
