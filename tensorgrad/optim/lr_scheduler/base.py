"""What every schedule is: an epoch that counts up, and a learning rate for each group at each epoch."""

from __future__ import annotations

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


def per_group(optimizer: Optimizer, value: Any, name: str, scheduler: str) -> list[Any]:
    """One value for each group from one for all or a list."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{scheduler}: expected {count} values of {name}, one for each group, got {len(values)}")
    return values


__all__ = ["LRScheduler"]
