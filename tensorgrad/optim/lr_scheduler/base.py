"""What every schedule is: an epoch that counts up, and a learning rate for each group at each epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tensorgrad.autograd.between import leaves_traces
from tensorgrad.errors import describe
from tensorgrad.optim.optimizer import Optimizer


class LRScheduler:
    """Base class: a subclass says in :meth:`get_lr` what the learning rates of the groups are now.

    ``base_lrs`` are the groups' rates at the start (kept in the groups as "initial_lr"), ``last_epoch`` counts the
    calls of :meth:`step` from 0. To resume after ``k`` of them without a ``state_dict``, load the optimizer's state and
    give ``last_epoch=k - 1`` (ValueError for groups that were not loaded): the first step is taken here.
    Source: ``torch.optim.lr_scheduler.LRScheduler``.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(optimizer, type(self).__name__)
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

    @leaves_traces
    def step(self) -> None:
        """Go to the next epoch and set the learning rates."""
        self._step_count += 1
        self.last_epoch += 1
        self._apply()

    def _apply(self) -> None:
        """Set what the groups have at ``last_epoch``."""
        self._set_rates(self.get_lr())

    def _set_rates(self, rates: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = float(lr)
        self._last_lr = self._current()

    def _current(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _rates_hold(self) -> bool:
        """Whether the groups have the rates of ``last_epoch`` already: at epoch 0, and where a schedule resumes."""
        return self.last_epoch == 0 or self._step_count == 1

    # --- as a part of another schedule ------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Go to epoch 0, from the rates that the groups have."""
        self.last_epoch = 0
        self._apply()

    def _restart(self) -> None:
        """Go to epoch 0 after another schedule, from the base rates."""
        self._set_rates(self.base_lrs)
        self._begin()

    # --- saving and loading -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, which has a state of its own."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned; ValueError when it does not fit (nothing is changed)."""
        self._check_state(state_dict)
        vars(self).update({name: state_dict[name] for name in self.state_dict()})

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        """ValueError for a state that does not fit."""
        if not isinstance(state_dict, Mapping):
            raise self._misfit("what state_dict() returned", state_dict)
        missing = [name for name in self.state_dict() if name not in state_dict]
        if missing:
            raise ValueError(f"load_state_dict of {type(self).__name__}: the state lacks {', '.join(missing)}")

    def _misfit(self, expected: str, got: Any) -> ValueError:
        found = f"{type(got).__name__} of {len(got)}" if isinstance(got, (list, tuple)) else describe(got)
        return ValueError(f"load_state_dict of {type(self).__name__}: expected {expected}, got {found}")


def checked_optimizer(optimizer: Any, scheduler: str) -> Optimizer:
    """The optimizer, TypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{scheduler}: expected an Optimizer, got {describe(optimizer)}")
    return optimizer


def listed(values: Any, what: str, scheduler: str) -> list[Any]:
    """The values as a list, TypeError for what has none."""
    if not isinstance(values, Iterable):
        raise TypeError(f"{scheduler}: expected a list of {what}, got {describe(values)}")
    return list(values)


def per_group(optimizer: Optimizer, value: Any, name: str, scheduler: str) -> list[Any]:
    """One value for each group from one for all or a list."""
    count = len(checked_optimizer(optimizer, scheduler).param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{scheduler}: expected {count} values of {name}, one for each group, got {len(values)}")
    return values


__all__ = ["LRScheduler"]
