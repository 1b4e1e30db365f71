"""Learning rates that go up and down again and again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tensorgrad.errors import describe
from tensorgrad.optim.lr_scheduler.base import per_group
from tensorgrad.optim.lr_scheduler.functions import fields_fit, fields_of, set_fields
from tensorgrad.optim.lr_scheduler.momentum import MomentumScheduler
from tensorgrad.optim.optimizer import Optimizer

MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(MomentumScheduler):
    """From ``base_lr`` up to ``max_lr`` in ``step_size_up`` steps, down in ``step_size_down`` (as many), and again.

    A step is a batch. The height ``max_lr - base_lr`` is multiplied by 1 ("triangular"), by ``1 / 2^(cycle - 1)``
    ("triangular2"), by ``gamma^step`` ("exp_range"), or by ``scale_fn(x)``, where ``x`` is the number of the cycle from
    1, or with ``scale_mode="iterations"`` that of the step. ``cycle_momentum`` moves the momentum (Adam's first beta)
    from ``max_momentum`` to ``base_momentum`` and back. Rates and momenta are numbers or lists of one for each group.
    Raises ValueError for arguments out of range, and for an optimizer without a momentum to move.
    Source: ``torch.optim.lr_scheduler.CyclicLR``; Smith 2015.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=0.5, max_lr=1.5, step_size_up=2)
    >>> for _ in range(5): print(scheduler.get_last_lr()); scheduler.step()
    [0.5]
    [1.0]
    [1.5]
    [1.0]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        name = "CyclicLR"
        base_lrs = per_group(optimizer, base_lr, "base_lr", name)
        self.max_lrs = per_group(optimizer, max_lr, "max_lr", name)
        down = step_size_up if step_size_down is None else step_size_down
        if not (step_size_up > 0 and down > 0):
            raise ValueError(f"{name}: step_size_up and step_size_down must be above 0, got {step_size_up} and {down}")
        if scale_fn is None and mode not in MODES:
            raise ValueError(f"{name}: mode must be one of {', '.join(MODES)}, or give scale_fn; got {mode!r}")
        if not (scale_fn is None or callable(scale_fn)):
            raise TypeError(f"{name}: scale_fn must be a function, got {describe(scale_fn)}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"{name}: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom: Any = scale_fn
        if scale_fn is None:
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode
        self._cycle_momentum(optimizer, cycle_momentum)
        if cycle_momentum:
            self.base_momentums = per_group(optimizer, base_momentum, "base_momentum", name)
            self.max_momentums = per_group(optimizer, max_momentum, "max_momentum", name)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """What the height is multiplied by in cycle ``x``, or at step ``x``."""
        if self._scale_fn_custom is not None:
            return float(self._scale_fn_custom(x))
        if self.mode == "triangular":
            return 1.0
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return float(self.gamma**x)

    def get_lr(self) -> list[float]:
        """The rates on the cycle."""
        share = self._share()
        return [base + (most - base) * share for base, most in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _momenta(self) -> list[float]:
        share = self._share()
        pairs = zip(self.base_momentums, self.max_momentums, strict=True)
        return [most - (most - base) * share for base, most in pairs]

    def _share(self) -> float:
        """How far up between the two rates it is, from 0 to 1, scaled."""
        done = self.last_epoch / self.total_size
        cycle = math.floor(1 + done)
        x = 1 + done - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        return height * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """The state; of ``scale_fn`` only the fields of a callable object."""
        return {**super().state_dict(), "_scale_fn_custom": fields_of(self._scale_fn_custom)}

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        if not fields_fit([self._scale_fn_custom], [state_dict["_scale_fn_custom"]]):
            raise self._misfit("the fields of this scale_fn", state_dict["_scale_fn_custom"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; ``scale_fn`` stays, the fields of a callable object are set."""
        function = self._scale_fn_custom
        super().load_state_dict(state_dict)
        set_fields(function, self._scale_fn_custom)
        self._scale_fn_custom = function


__all__ = ["CyclicLR"]
