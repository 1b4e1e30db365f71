"""Adagrad."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.adaptive import adagrad
from tensorgrad.optim.optimizer import Optimizer, Update, next_step, refuse_differentiable, slot


class Adagrad(Optimizer):
    """``s = s + g^2``, ``p = p - lr' g / (sqrt(s) + eps)``: all past gradients count, and steps only grow shorter.

    ``lr' = lr / (1 + (t - 1) lr_decay)`` at step ``t``; ``s`` starts at ``initial_accumulator_value``. ``weight_decay``
    is added to the gradient (``g + weight_decay p``); ``maximize`` climbs. ``foreach`` and ``fused`` are accepted and
    change nothing. Ranges: all numbers at least 0, no ``differentiable``, else ValueError.
    Source: ``torch.optim.Adagrad``; Duchi et al. 2011.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adagrad([p], lr=0.1)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.9000], requires_grad=True)
    """

    _array_slots: ClassVar = ("sum",)
    _number_slots: ClassVar = {"step": int}
    _not_negative: ClassVar = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_differentiable("Adagrad", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
                "maximize": maximize,
            },
        )

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("step", "sum")

    def _update(self, group: dict[str, Any]) -> Update:
        lr, lr_decay, decay, first, eps = (float(group[k]) for k in self._not_negative)
        maximize = bool(group["maximize"])

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            rate = lr / (1 + (next_step(state) - 1) * lr_decay)
            adagrad(p, g, slot(state, "sum", p, first), rate=rate, eps=eps, weight_decay=decay, maximize=maximize)

        return update


__all__ = ["Adagrad"]
