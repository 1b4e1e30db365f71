"""Stochastic gradient descent."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from tensorgrad.kernels.optim import sgd
from tensorgrad.optim.optimizer import Optimizer, Update, check_range, refuse_differentiable, slot


class SGD(Optimizer):
    """``d = g + weight_decay p``; ``v = momentum v + (1 - dampening) d`` (``v = d`` at first); ``p = p - lr v``.

    With ``nesterov`` the step is ``d + momentum v``; ``maximize`` climbs (-g for g). ``foreach`` and ``fused`` are
    accepted and change nothing. Ranges: ``lr``, ``momentum`` and ``weight_decay`` at least 0; ``nesterov`` needs a
    momentum and no dampening, ``differentiable`` must be False (else ValueError).
    Source: ``torch.optim.SGD``; Sutskever et al. 2013.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([p], lr=0.1)
    >>> (p * p).backward(); optimizer.step(); p.tolist()
    [0.800000011920929]
    """

    _array_slots: ClassVar = ("momentum_buffer",)
    _not_negative: ClassVar = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_differentiable("SGD", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        check_range("dampening", "SGD", group["dampening"], low=-math.inf)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and dampening 0")

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self._array_slots if group["momentum"] else ()

    def _update(self, group: dict[str, Any]) -> Update:
        # Python floats: they leave float32 arrays float32, NumPy's float64 numbers would not
        settings: dict[str, Any] = {k: float(group[k]) for k in ("lr", "momentum", "dampening", "weight_decay")}
        settings |= {k: bool(group[k]) for k in ("nesterov", "maximize")}
        momentum = settings["momentum"]

        def update(state: dict[str, Any], p: np.ndarray, g: np.ndarray) -> None:
            first = "momentum_buffer" not in state
            sgd(p, g, slot(state, "momentum_buffer", p) if momentum else None, first=first, **settings)

        return update


__all__ = ["SGD"]
