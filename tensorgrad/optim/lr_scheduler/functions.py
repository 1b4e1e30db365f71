"""Schedules that are given as functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.optim.lr_scheduler.base import LRScheduler, per_group
from tensorgrad.optim.optimizer import Optimizer


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
        self.lr_lambdas: list[Any] = per_group(optimizer, lr_lambda, "lr_lambda", "LambdaLR")
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


__all__ = ["LambdaLR"]
