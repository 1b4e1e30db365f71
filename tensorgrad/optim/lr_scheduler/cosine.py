"""Schedules that follow a cosine."""

from __future__ import annotations

import math

from tensorgrad.autograd.between import leaves_traces
from tensorgrad.optim.lr_scheduler.base import LRScheduler
from tensorgrad.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """``lr = eta_min + (base_lr - eta_min) (1 + cos(pi epoch / T_max)) / 2``: down in ``T_max`` epochs, then up again.

    Each step multiplies what the rates are above ``eta_min``, so that it works together with other schedules.
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
        """The rates one step further on the cosine."""
        if self._rates_hold():
            return self._current()
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # up from eta_min, which no factor does
            rise = 1 - _height(1, self.T_max)
            return [lr + (base - self.eta_min) * rise for lr, base in zip(self._current(), self.base_lrs, strict=True)]
        growth = _height(self.last_epoch, self.T_max) / _height(self.last_epoch - 1, self.T_max)
        return [self.eta_min + (lr - self.eta_min) * growth for lr in self._current()]


class CosineAnnealingWarmRestarts(LRScheduler):
    """``lr = eta_min + (base_lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2``, ``T_cur`` epochs after the last restart.

    The first restart comes after ``T_0`` epochs, and each period ``T_i`` is ``T_mult`` times as long as the one before.
    Raises ValueError unless ``T_0`` and ``T_mult`` are integers of at least 1.
    Source: ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``; Loshchilov and Hutter 2016.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> for epoch in range(5): print(epoch, round(scheduler.get_last_lr()[0], 3)); scheduler.step()
    0 1.0
    1 0.5
    2 1.0
    3 0.854
    4 0.5
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"CosineAnnealingWarmRestarts: {name} must be an integer of at least 1, got {value}")
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self._locate(max(last_epoch, 0))
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates on the cosine of this period."""
        height = _height(self.T_cur, self.T_i)
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    @leaves_traces
    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, which may have a fraction: ``epoch + batch / batches``.

        Raises ValueError for one below 0.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch must be at least 0, got {epoch}")
        else:
            self._locate(epoch)
        self.last_epoch = math.floor(epoch)
        self._apply()

    def _begin(self) -> None:
        self.step(0)

    def _locate(self, epoch: float) -> None:
        """Find the period of an epoch and how far in it that is."""
        self.T_i = self.T_0
        self.T_cur = epoch % self.T_0 if self.T_mult == 1 else epoch
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult


def _height(epoch: float, period: int) -> float:
    """From 1 at epoch 0 down to 0 at the end of the period.

    >>> _height(0, 4), _height(4, 4)
    (1.0, 0.0)
    """
    return (1 + math.cos(math.pi * epoch / period)) / 2


__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]
