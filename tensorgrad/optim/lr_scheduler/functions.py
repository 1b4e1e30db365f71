"""Schedules that are given as functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.errors import describe
from tensorgrad.optim.lr_scheduler.base import LRScheduler, per_group
from tensorgrad.optim.optimizer import Optimizer


class FunctionScheduler(LRScheduler):
    """Base class: one function, or a list of one for each group (else ValueError; TypeError for what is no function).

    Functions are not part of ``state_dict``; the fields of callable objects are.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        kind = type(self).__name__
        self.lr_lambdas: list[Any] = per_group(optimizer, lr_lambda, "lr_lambda", kind)
        for f in self.lr_lambdas:
            if not callable(f):
                raise TypeError(f"{kind}: lr_lambda must be a function of the epoch, got {describe(f)}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """The state; of the functions only the fields of callable objects."""
        return {**super().state_dict(), "lr_lambdas": [fields_of(f) for f in self.lr_lambdas]}

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        if not fields_fit(self.lr_lambdas, state_dict["lr_lambdas"]):
            raise self._misfit(f"the fields of {len(self.lr_lambdas)} functions", state_dict["lr_lambdas"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the functions stay, the fields of callable objects are set."""
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        for f, fields in zip(functions, self.lr_lambdas, strict=True):
            set_fields(f, fields)
        self.lr_lambdas = functions


class LambdaLR(FunctionScheduler):
    """``lr = base_lr * lr_lambda(epoch)``; one function, or a list of one for each group (else ValueError).

    Functions are not part of ``state_dict``; the fields of callable objects are.
    Source: ``torch.optim.lr_scheduler.LambdaLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> scheduler.step(); scheduler.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        """The base rates times the functions' values."""
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(FunctionScheduler):
    """``lr = lr * lr_lambda(epoch)`` at each epoch from 1 on; one function, or a list of one for each group.

    As a later part of :class:`SequentialLR` it multiplies at its epoch 0 too, and goes on from the rate that the part
    before it left. Functions are not part of ``state_dict``; the fields of callable objects are. Raises ValueError for
    a list of another length, TypeError for what is no function.
    Source: ``torch.optim.lr_scheduler.MultiplicativeLR``.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> for _ in range(3): scheduler.step()
    >>> round(1 / scheduler.get_last_lr()[0], 12)
    24.0
    """

    def get_lr(self) -> list[float]:
        """The rates now, times the functions' values."""
        return self._current() if self._rates_hold() else self._multiplied()

    def _multiplied(self) -> list[float]:
        return [lr * f(self.last_epoch) for lr, f in zip(self._current(), self.lr_lambdas, strict=True)]

    def _restart(self) -> None:
        self.last_epoch = 0
        self._set_rates(self._multiplied())


def fields_of(function: Any) -> dict[str, Any] | None:
    """What a state keeps of a function: the fields of a callable object, None for what is written as a function."""
    if hasattr(function, "__code__") or not hasattr(function, "__dict__"):
        return None
    return dict(vars(function))


def fields_fit(functions: list[Any], fields: Any) -> bool:
    """Whether these are what :func:`fields_of` found of so many functions."""
    return (
        isinstance(fields, (list, tuple))
        and len(fields) == len(functions)
        and all(
            not kept or (isinstance(kept, dict) and hasattr(function, "__dict__"))
            for function, kept in zip(functions, fields, strict=True)
        )
    )


def set_fields(function: Any, fields: dict[str, Any] | None) -> None:
    """Give a callable object the fields that :func:`fields_of` found."""
    if fields:
        vars(function).update(fields)


__all__ = ["LambdaLR", "MultiplicativeLR"]
