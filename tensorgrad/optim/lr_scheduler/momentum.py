"""Schedules that move the momentum too, down while the learning rate goes up."""

from __future__ import annotations

from typing import Any

from tensorgrad.optim.lr_scheduler.base import LRScheduler, checked_optimizer
from tensorgrad.optim.optimizer import Optimizer


class MomentumScheduler(LRScheduler):
    """Base class: with ``cycle_momentum``, :meth:`_momenta` says what each group's momentum (Adam's first beta) is."""

    cycle_momentum: bool
    use_beta1: bool

    def _cycle_momentum(self, optimizer: Optimizer, cycle_momentum: bool) -> None:
        """Find where the optimizer keeps its momentum, ValueError if it has none."""
        kind = type(self).__name__
        self.cycle_momentum = cycle_momentum
        defaults = checked_optimizer(optimizer, kind).defaults
        if cycle_momentum:
            self.use_beta1 = "betas" in defaults
            if not self.use_beta1 and "momentum" not in defaults:
                raise ValueError(
                    f"{kind}: cycle_momentum needs an optimizer with momentum or betas, {type(optimizer).__name__} has "
                    "neither; give cycle_momentum=False"
                )

    def _momenta(self) -> list[float]:
        """The momentum of each group at ``last_epoch``."""
        raise NotImplementedError

    def _apply(self) -> None:
        super()._apply()
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self._momenta(), strict=True):
                self._set_momentum(group, momentum)

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


__all__ = ["MomentumScheduler"]
