"""One cycle for a whole training: up to a large learning rate, and down to a very small one."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.autograd.between import leaves_traces
from tensorgrad.optim.lr_scheduler.base import per_group
from tensorgrad.optim.lr_scheduler.momentum import MomentumScheduler
from tensorgrad.optim.optimizer import Optimizer


class OneCycleLR(MomentumScheduler):
    """From ``max_lr / div_factor`` up to ``max_lr``, down to ``1 / final_div_factor`` of the start; a step is a batch.

    The rise takes ``pct_start`` of ``total_steps`` (or ``epochs * steps_per_epoch``); with ``three_phase`` the fall to
    the start takes as long, and a third phase ends the cycle. ``anneal_strategy`` is "cos" or "linear". Meanwhile
    ``cycle_momentum`` moves the momentum (Adam's first beta) from ``max_momentum`` to ``base_momentum`` and back.
    Raises ValueError for arguments out of range, and for stepping more than ``total_steps`` times.
    Source: ``torch.optim.lr_scheduler.OneCycleLR``; Smith and Topin 2017.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.Adam([tg.ones(1, requires_grad=True)])
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> for _ in range(2): scheduler.step()
    >>> scheduler.get_last_lr(), optimizer.param_groups[0]["betas"]
    ([1.0], (0.85, 0.999))
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        name = "OneCycleLR"
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(f"{name}: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1 or int(total_steps) != total_steps:
            raise ValueError(f"{name}: the number of steps must be a positive integer, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"{name}: pct_start must lie in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{name}: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps = int(total_steps)
        self._schedule_phases = _one_cycle_phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        self._cycle_momentum(optimizer, cycle_momentum)
        rates = per_group(optimizer, max_lr, "max_lr", name)
        low = per_group(optimizer, base_momentum, "base_momentum", name)
        high = per_group(optimizer, max_momentum, "max_momentum", name)
        if last_epoch == -1:
            for group, rate, least, most in zip(optimizer.param_groups, rates, low, high, strict=True):
                start = rate / div_factor
                group.update(initial_lr=start, max_lr=rate, min_lr=start / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=most, base_momentum=least)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates on the cycle."""
        return self._values("lr")

    @leaves_traces
    def step(self) -> None:
        """Go to the next step and set rates and momenta; ValueError after the last one."""
        if self.last_epoch + 1 > self.total_steps:
            raise ValueError(f"OneCycleLR: the cycle of {self.total_steps} steps is over; step() once per batch")
        super().step()

    def _momenta(self) -> list[float]:
        return self._values("momentum")

    def _values(self, what: str) -> list[float]:
        """Where each group's ``what`` is between the ends of the phase that runs now."""
        begin = 0.0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if self.last_epoch <= end or phase is self._schedule_phases[-1]:
                break
            begin = end
        done = (self.last_epoch - begin) / (end - begin) if end != begin else 1.0
        share = done if self._anneal_func_type == "linear" else (1 - math.cos(math.pi * done)) / 2
        start, stop = phase[f"start_{what}"], phase[f"end_{what}"]
        return [group[start] + (group[stop] - group[start]) * share for group in self.optimizer.param_groups]


def _one_cycle_phases(total_steps: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """When each phase ends, and between which of a group's settings it moves: rates rise as momenta fall."""
    peak = float(pct_start * total_steps) - 1
    turns: list[tuple[float, str, str, str, str]] = [(peak, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
    if three_phase:
        turns.append((2 * peak, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
        turns.append((total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
    else:
        turns.append((total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"))
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(names, turn, strict=True)) for turn in turns]


__all__ = ["OneCycleLR"]
