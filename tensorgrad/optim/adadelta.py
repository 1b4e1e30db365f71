"""Adadelta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.adaptive import adadelta
from tensorgrad.optim.optimizer import Optimizer, Update, check_range, next_step, refuse_differentiable, slot


class Adadelta(Optimizer):
    """``d = g sqrt(w + eps) / sqrt(v + eps)``, ``p = p - lr d``: steps in the parameter's own unit.

    ``v = rho v + (1 - rho) g^2`` before the step, ``w = rho w + (1 - rho) d^2`` after it. ``weight_decay`` is added to
    the gradient (``g + weight_decay p``); ``maximize`` climbs. ``foreach`` and ``capturable`` are accepted and change
    nothing. Ranges: ``lr``, ``eps``, ``weight_decay`` at least 0, ``rho`` in [0, 1], no ``differentiable``, else
    ValueError. Source: ``torch.optim.Adadelta``; Zeiler 2012.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adadelta([p], rho=0.75, eps=0.01)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.8010], requires_grad=True)
    """

    _array_slots: ClassVar = ("square_avg", "acc_delta")
    _number_slots: ClassVar = {"step": int}
    _not_negative: ClassVar = ("lr", "rho", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable("Adadelta", differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        check_range("rho", "Adadelta", group["rho"], up_to=1.0)

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("step", *self._array_slots)

    def _update(self, group: dict[str, Any]) -> Update:
        settings = {k: float(group[k]) for k in self._not_negative}
        maximize = bool(group["maximize"])

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            next_step(state)
            v, w = (slot(state, name, p) for name in self._array_slots)
            adadelta(p, g, v, w, maximize=maximize, **settings)

        return update


__all__ = ["Adadelta"]
