"""Schedules that follow a cosine."""

from __future__ import annotations

import math

from tensorgrad.optim.lr_scheduler.base import LRScheduler
from tensorgrad.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """``lr = eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2``: down in ``T_max`` epochs, then up again.

    Source: ``torch.optim.lr_scheduler.CosineAnnealingLR``; Loshchilov and Hutter 2016.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=2)
    >>> scheduler.step(); round(scheduler.get_last_lr()[0], 12)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be at least 1, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates on the cosine; at the start those of the groups."""
        if self.last_epoch == 0:
            return self._current()
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


__all__ = ["CosineAnnealingLR"]
