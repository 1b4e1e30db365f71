"""Schedules of so many epochs, for warming up and running out: a constant factor, a line, a power."""

from __future__ import annotations

from tensorgrad.optim.lr_scheduler.base import LRScheduler
from tensorgrad.optim.optimizer import Optimizer


class FactorScheduler(LRScheduler):
    """Base class: ``lr = base_lr f(epoch)``, where ``f`` changes for ``total_iters`` epochs.

    Each step multiplies by ``f(epoch) / f(epoch - 1)``, so that such schedules work together.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int, last_epoch: int = -1) -> None:
        if not total_iters >= 0:
            raise ValueError(f"{type(self).__name__}: total_iters must be at least 0, got {total_iters}")
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, share: float) -> float:
        """``f`` where ``share`` of ``total_iters`` is over, from 0 to 1."""
        raise NotImplementedError

    def _factor_at(self, epoch: int) -> float:
        """``f(epoch)``; without any epochs the first value stays."""
        return self._factor(min(epoch, self.total_iters) / self.total_iters if self.total_iters else 0.0)

    def get_lr(self) -> list[float]:
        """The rates now, times what the factor grew by."""
        now = self._factor_at(self.last_epoch)
        if self.last_epoch == 0:
            return [lr * now for lr in self._current()]
        before = self._factor_at(self.last_epoch - 1)
        if now == before or self._rates_hold():
            return self._current()
        if before == 0:  # nothing can be told from a rate of 0
            return [base * now for base in self.base_lrs]
        return [lr * (now / before) for lr in self._current()]


class ConstantLR(FactorScheduler):
    """``lr = base_lr factor`` for ``total_iters`` epochs, then ``base_lr``.

    Raises ValueError unless ``factor`` is in [0, 1] and ``total_iters`` at least 0.
    Source: ``torch.optim.lr_scheduler.ConstantLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = ConstantLR(optimizer, factor=0.25, total_iters=2)
    >>> for _ in range(3): print(scheduler.get_last_lr()); scheduler.step()
    [0.25]
    [0.25]
    [1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor must be in [0, 1], got {factor}")
        self.factor = factor
        super().__init__(optimizer, total_iters, last_epoch)

    def _factor(self, share: float) -> float:
        return self.factor if share < 1 else 1.0


class LinearLR(FactorScheduler):
    """From ``base_lr start_factor`` along a line to ``base_lr end_factor``, which is reached at epoch ``total_iters``.

    Raises ValueError unless ``start_factor`` is in (0, 1], ``end_factor`` in [0, 1] and ``total_iters`` at least 0.
    Source: ``torch.optim.lr_scheduler.LinearLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> for _ in range(4): print(scheduler.get_last_lr()); scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        super().__init__(optimizer, total_iters, last_epoch)

    def _factor(self, share: float) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * share


class PolynomialLR(FactorScheduler):
    """``lr = base_lr (1 - epoch / total_iters)^power``, and 0 from epoch ``total_iters`` on.

    Raises ValueError unless ``total_iters`` is at least 0. Source: ``torch.optim.lr_scheduler.PolynomialLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = PolynomialLR(optimizer, total_iters=2, power=2.0)
    >>> for _ in range(3): print(scheduler.get_last_lr()); scheduler.step()
    [1.0]
    [0.25]
    [0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.power = power
        super().__init__(optimizer, total_iters, last_epoch)

    def _factor(self, share: float) -> float:
        return float((1 - share) ** self.power)


__all__ = ["ConstantLR", "LinearLR", "PolynomialLR"]
