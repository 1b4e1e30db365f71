"""NAdam."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.adaptive import nadam
from tensorgrad.optim.moments import MomentOptimizer
from tensorgrad.optim.optimizer import Update, next_step, refuse_differentiable, slot


class NAdam(MomentOptimizer):
    """``p = p - lr ((1 - mu_t) g / (1 - M_t) + mu_(t+1) m / (1 - M_(t+1))) / (sqrt(v') + eps)``: Nesterov's Adam.

    ``m``, ``v`` and ``v'`` are those of :class:`Adam`, ``mu_t = b1 (1 - 0.96^(t momentum_decay) / 2)``, and ``M_t`` is
    the product of ``mu_1`` to ``mu_t``. ``weight_decay`` is added to the gradient (``g + weight_decay p``), or with
    ``decoupled_weight_decay`` shrinks ``p`` before the step, as in :class:`AdamW`; ``maximize`` climbs. ``foreach`` and
    ``capturable`` are accepted and change nothing. Ranges: ``lr``, ``eps``, ``weight_decay``, ``momentum_decay`` at
    least 0, ``betas`` in [0, 1), no ``differentiable``, else ValueError. Source: ``torch.optim.NAdam``; Dozat 2016.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.NAdam([p], lr=0.1, betas=(0.0, 0.999))
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.9000], requires_grad=True)
    """

    _number_slots: ClassVar = {"step": int, "mu_product": float}
    _not_negative: ClassVar = ("lr", "eps", "weight_decay", "momentum_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable("NAdam", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    def _update(self, group: dict[str, Any]) -> Update:
        settings = self._settings_of_decay(group, bool(group["decoupled_weight_decay"]))
        lr, eps, momentum_decay = (float(group[k]) for k in ("lr", "eps", "momentum_decay"))
        beta1, beta2 = settings["beta1"], settings["beta2"]

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            step = next_step(state)
            mu, next_mu = (beta1 * (1 - 0.96 ** (t * momentum_decay) / 2) for t in (step, step + 1))
            product = state["mu_product"] = state.get("mu_product", 1.0) * mu
            m, v = (slot(state, name, p) for name in self._array_slots)
            # the correction of v' is moved into three numbers
            correction = math.sqrt(1 - beta2**step)
            gradient_rate = lr * (1 - mu) / (1 - product) * correction
            rate = lr * next_mu / (1 - product * next_mu) * correction
            nadam(p, g, m, v, gradient_rate=gradient_rate, rate=rate, floor=eps * correction, **settings)

        return update


__all__ = ["NAdam"]
