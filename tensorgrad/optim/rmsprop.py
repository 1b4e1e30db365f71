"""RMSprop."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.adaptive import rmsprop
from tensorgrad.optim.optimizer import Optimizer, Update, next_step, refuse_differentiable, slot


class RMSprop(Optimizer):
    """``v = alpha v + (1 - alpha) g^2``, ``p = p - lr g / (sqrt(v) + eps)``.

    ``centered`` subtracts from ``v`` the square of the gradient's running mean, which leaves its variance (never
    below 0). With ``momentum`` the step is ``b = momentum b + g / (sqrt(v) + eps)``. ``weight_decay`` is added to the
    gradient (``g + weight_decay p``); ``maximize`` climbs. ``capturable`` and ``foreach`` are accepted and change
    nothing. Ranges: all numbers at least 0, no ``differentiable``, else ValueError.
    Source: ``torch.optim.RMSprop``; Tieleman and Hinton 2012; Graves 2013.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.RMSprop([p], lr=0.1, alpha=0.75)
    >>> (p * p).backward(); optimizer.step(); p
    tensor([0.8000], requires_grad=True)
    """

    _array_slots: ClassVar = ("square_avg", "momentum_buffer", "grad_avg")
    _number_slots: ClassVar = {"step": int}
    _not_negative: ClassVar = ("lr", "alpha", "eps", "momentum", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable("RMSprop", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        used = (True, group["momentum"], group["centered"])
        return ("step", *(name for name, here in zip(self._array_slots, used, strict=True) if here))

    def _update(self, group: dict[str, Any]) -> Update:
        settings = {k: float(group[k]) for k in self._not_negative}
        centered, maximize = group["centered"], bool(group["maximize"])

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            next_step(state)
            v = slot(state, "square_avg", p)
            mean = slot(state, "grad_avg", p) if centered else None
            buffer = slot(state, "momentum_buffer", p) if settings["momentum"] else None
            rmsprop(p, g, v, mean, buffer, maximize=maximize, **settings)

        return update


__all__ = ["RMSprop"]
