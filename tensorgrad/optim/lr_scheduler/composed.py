"""Schedules made of others: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tensorgrad.autograd.between import leaves_traces
from tensorgrad.errors import describe
from tensorgrad.optim.lr_scheduler.base import LRScheduler, checked_optimizer, listed
from tensorgrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tensorgrad.optim.optimizer import Optimizer


class ComposedScheduler(LRScheduler):
    """Base class: the parts, all of one optimizer, whose states are saved and loaded with it."""

    def _take_parts(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        """Check the parts and keep them."""
        kind = type(self).__name__
        self._schedulers = listed(schedulers, "schedulers", kind)
        if not self._schedulers:
            raise ValueError(f"{kind}: expected at least one scheduler, got none")
        for i, part in enumerate(self._schedulers):
            if not isinstance(part, LRScheduler):
                raise TypeError(f"{kind}: expected schedulers, got {describe(part)} at index {i}")
            if isinstance(part, ReduceLROnPlateau):
                raise ValueError(f"{kind}: ReduceLROnPlateau (at index {i}) steps with a metric; step it on its own")
            optimizer = part.optimizer if optimizer is None else optimizer
            if part.optimizer is not checked_optimizer(optimizer, kind):
                raise ValueError(f"{kind}: {type(part).__name__} at index {i} belongs to another optimizer")
            self.optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """The state, with a list of the parts' states."""
        return {**super().state_dict(), "_schedulers": [part.state_dict() for part in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state and those of the parts; ValueError when one does not fit (nothing is changed)."""
        parts = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = parts
        for part, state in zip(parts, state_dict["_schedulers"], strict=True):
            part.load_state_dict(state)

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        states = state_dict["_schedulers"]
        if not isinstance(states, (list, tuple)) or len(states) != len(self._schedulers):
            raise self._misfit(f"the states of {len(self._schedulers)} schedulers", states)
        for part, state in zip(self._schedulers, states, strict=True):
            part._check_state(state)


class SequentialLR(ComposedScheduler):
    """One schedule after the other: at each of the ``milestones`` the next begins at its epoch 0, from the base rates.

    ``last_epoch`` resumes by going through all epochs again. Raises ValueError for no schedulers, another number of
    milestones than one less, one above the next, schedulers of another optimizer, and :class:`ReduceLROnPlateau`.
    Source: ``torch.optim.lr_scheduler.SequentialLR``.

    >>> import tensorgrad as tg
    >>> from tensorgrad.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> parts = [ConstantLR(optimizer, factor=0.1), ExponentialLR(optimizer, gamma=0.5)]
    >>> scheduler = SequentialLR(optimizer, parts, milestones=[2])
    >>> for _ in range(5): print(scheduler.get_last_lr()); scheduler.step()
    [0.1]
    [0.1]
    [1.0]
    [0.5]
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._take_parts(schedulers, optimizer)
        self._milestones = listed(milestones, "milestones", "SequentialLR")
        if len(self._milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(self._schedulers)} schedulers need {len(self._schedulers) - 1} milestones, "
                f"got {len(self._milestones)}"
            )
        if self._milestones != sorted(self._milestones):
            raise ValueError(f"SequentialLR: milestones must not decrease, got {self._milestones}")
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]  # the parts took their first step when they were made
        self._begin()
        for _ in range(last_epoch + 1):
            self.step()

    @leaves_traces
    def step(self) -> None:
        """Go to the next epoch and set the learning rates."""
        self.last_epoch += 1
        part = self._running()
        if self.last_epoch in self._milestones:
            part._restart()
        else:
            part.step()
        self._last_lr = part.get_last_lr()

    def _running(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)]

    def _begin(self) -> None:
        self.last_epoch = 0
        self._running()._begin()
        self._last_lr = self._current()

    def _restart(self) -> None:
        self.last_epoch = 0
        self._running()._restart()
        self._last_lr = self._current()


class ChainedScheduler(ComposedScheduler):
    """All schedules at once: a step is one of each, in their order, and those that multiply the rates work together.

    ``optimizer`` is the schedulers' if it is not given. Raises ValueError for no schedulers, schedulers of different
    optimizers, and :class:`ReduceLROnPlateau`. Source: ``torch.optim.lr_scheduler.ChainedScheduler``.

    >>> import tensorgrad as tg
    >>> from tensorgrad.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> parts = [ConstantLR(optimizer, factor=0.1, total_iters=2), ExponentialLR(optimizer, gamma=0.5)]
    >>> scheduler = ChainedScheduler(parts)
    >>> for _ in range(3): print(scheduler.get_last_lr()); scheduler.step()
    [0.1]
    [0.05]
    [0.25]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take_parts(schedulers, optimizer)
        self._last_lr = self._current()

    @leaves_traces
    def step(self) -> None:
        """Step every schedule, in order."""
        for part in self._schedulers:
            part.step()
        self._last_lr = self._current()

    def _begin(self) -> None:
        for part in self._schedulers:
            part._begin()
        self._last_lr = self._current()

    def _restart(self) -> None:
        self._set_rates([group["initial_lr"] for group in self.optimizer.param_groups])
        self._begin()


__all__ = ["ChainedScheduler", "SequentialLR"]
