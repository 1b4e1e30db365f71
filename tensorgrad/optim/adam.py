"""Adam and AdamW."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.optim import adam
from tensorgrad.optim.moments import MomentOptimizer
from tensorgrad.optim.optimizer import Update, next_step, refuse_differentiable, slot


class Adam(MomentOptimizer):
    """``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g^2``, ``p = p - lr m' / (sqrt(v') + eps)``.

    ``m' = m / (1 - b1^t)`` and ``v' = v / (1 - b2^t)`` after ``t`` steps. ``weight_decay`` is added to the gradient
    (``g + weight_decay p``); ``amsgrad`` divides by the largest ``v`` so far; ``maximize`` climbs. ``foreach``,
    ``fused`` and ``capturable`` are accepted and change nothing. Ranges: ``lr``, ``eps``, ``weight_decay`` at least 0,
    ``betas`` in [0, 1), no ``differentiable``, else ValueError.
    Source: ``torch.optim.Adam``; Kingma and Ba 2014; Reddi et al. 2018.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adam([p], lr=0.1)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.9000], requires_grad=True)
    """

    _array_slots: ClassVar = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    _decoupled: ClassVar[bool] = False

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_differentiable(type(self).__name__, differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("step", *self._array_slots[: 3 if group["amsgrad"] else 2])

    def _update(self, group: dict[str, Any]) -> Update:
        settings = self._settings_of_decay(group, self._decoupled)
        lr, eps, amsgrad = float(group["lr"]), float(group["eps"]), group["amsgrad"]
        beta1, beta2 = settings["beta1"], settings["beta2"]

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            step = next_step(state)
            m, v = (slot(state, name, p) for name in self._array_slots[:2])
            largest = slot(state, self._array_slots[2], p) if amsgrad else None
            # lr m' / (sqrt(v') + eps), with both corrections moved into two numbers
            correction = math.sqrt(1 - beta2**step)
            rate, floor = lr * correction / (1 - beta1**step), eps * correction
            adam(p, g, m, v, largest, rate=rate, floor=floor, **settings)

        return update


class AdamW(Adam):
    """:class:`Adam` with the weight decay apart from the gradient: ``p = (1 - lr weight_decay) p`` before each step.

    Source: ``torch.optim.AdamW``; Loshchilov and Hutter 2017.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (0 * p).backward(); optimizer.step(); p
    tensor([0.9500], requires_grad=True)
    """

    _decoupled: ClassVar[bool] = True

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, differentiable=differentiable
        )


__all__ = ["Adam", "AdamW"]
