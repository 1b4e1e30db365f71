"""Learning rates that follow a schedule: call ``scheduler.step()`` after the epoch's (or batch's) optimizer steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tensorgrad.errors import describe
from tensorgrad.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: a subclass says in :meth:`get_lr` what the learning rates of the groups are now.

    ``base_lrs`` are the groups' rates at the start (kept in the groups as "initial_lr"), ``last_epoch`` counts the
    calls of :meth:`step` from 0. Give ``last_epoch`` to resume with groups that were loaded (else ValueError).
    Source: ``torch.optim.lr_scheduler.LRScheduler``.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an Optimizer, got {describe(optimizer)}")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: last_epoch={last_epoch} resumes a schedule, but group {i} has no "
                    "'initial_lr'; load the optimizer's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._last_lr: list[float] = []
        self.step()

    def get_lr(self) -> list[float]:
        """The learning rate of each group at ``last_epoch``."""
        raise NotImplementedError(f"{type(self).__name__}: write a get_lr method")

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group as the last :meth:`step` set it."""
        return self._last_lr

    def step(self) -> None:
        """Go to the next epoch and set the learning rates."""
        self._step_count += 1
        self.last_epoch += 1
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = float(lr)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _current(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, which has a state of its own."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned; ValueError when something is missing (nothing is changed)."""
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        if missing:
            raise ValueError(f"load_state_dict of {type(self).__name__}: the state lacks {', '.join(missing)}")
        vars(self).update({name: state_dict[name] for name in own})


class LambdaLR(LRScheduler):
    """``lr = base_lr * lr_lambda(epoch)``; one function, or a list of one for each group (else ValueError).

    Functions are not part of ``state_dict``; the fields of callable objects are.
    Source: ``torch.optim.lr_scheduler.LambdaLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> scheduler.step(); scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas: list[Any] = _per_group(optimizer, lr_lambda, "lr_lambda", "LambdaLR")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The base rates times the functions' values."""
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """The state; of the functions only the fields of callable objects."""
        fields = [None if hasattr(f, "__code__") else dict(vars(f)) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": fields}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the functions stay, the fields of callable objects are set."""
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        for f, fields in zip(functions, self.lr_lambdas, strict=True):
            if fields:
                vars(f).update(fields)
        self.lr_lambdas = functions


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
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates now, times ``gamma`` at a milestone."""
        factor = self.gamma ** self.milestones.count(self.last_epoch)
        return [lr * factor for lr in self._current()]

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
        return [lr * self.gamma if self.last_epoch > 0 else lr for lr in self._current()]


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


class OneCycleLR(LRScheduler):
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
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(f"{name}: cycle_momentum needs an optimizer with momentum or betas")
        rates = _per_group(optimizer, max_lr, "max_lr", name)
        low = _per_group(optimizer, base_momentum, "base_momentum", name)
        high = _per_group(optimizer, max_momentum, "max_momentum", name)
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

    def step(self) -> None:
        """Go to the next step and set rates and momenta; ValueError after the last one."""
        if self.last_epoch + 1 > self.total_steps:
            raise ValueError(f"OneCycleLR: the cycle of {self.total_steps} steps is over; step() once per batch")
        super().step()
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self._values("momentum"), strict=True):
                if self.use_beta1:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

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


def _per_group(optimizer: Optimizer, value: Any, name: str, scheduler: str) -> list[Any]:
    """One value for each group from one for all or a list."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{scheduler}: expected {count} values of {name}, one for each group, got {len(values)}")
    return values


__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "MultiStepLR", "OneCycleLR", "StepLR",
]  # fmt: skip
