"""Schedules that multiply the learning rates by a factor: every so many epochs, at milestones, at each epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tensorgrad.optim.lr_scheduler.base import LRScheduler, listed
from tensorgrad.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """Multiply the rates by ``gamma`` every ``step_size`` epochs: ``lr = base_lr gamma^floor(epoch / step_size)``.

    Source: ``torch.optim.lr_scheduler.StepLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4): scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates now, times ``gamma`` when a period ends."""
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return [lr * self.gamma if due else lr for lr in self._current()]


class MultiStepLR(LRScheduler):
    """Multiply the rates by ``gamma`` at each of the ``milestones`` (once for each time an epoch is named).

    Source: ``torch.optim.lr_scheduler.MultiStepLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(3): scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(listed(milestones, "milestones", "MultiStepLR"))
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates now, times ``gamma`` at a milestone."""
        factor = self.gamma ** self.milestones.count(self.last_epoch)
        return [lr * factor for lr in self._current()]

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        if not isinstance(state_dict["milestones"], (list, tuple, dict)):
            raise self._misfit("a list of milestones", state_dict["milestones"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; PyTorch keeps the milestones as a Counter, which is understood."""
        super().load_state_dict(state_dict)
        self.milestones = sorted(Counter(self.milestones).elements())


class ExponentialLR(LRScheduler):
    """Multiply the rates by ``gamma`` every epoch: ``lr = base_lr gamma^epoch``.

    Source: ``torch.optim.lr_scheduler.ExponentialLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler.step(); scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates now, times ``gamma``."""
        return [lr if self._rates_hold() else lr * self.gamma for lr in self._current()]


__all__ = ["ExponentialLR", "MultiStepLR", "StepLR"]
