"""The argument ``reduction`` of a loss, and the two that it has taken the place of."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from tensorgrad.errors import op_error

F = TypeVar("F", bound=Callable[..., Any])


def check_reduction(reduction: str, op: str) -> None:
    """ValueError unless ``reduction`` is one of PyTorch's three."""
    if reduction not in ("mean", "sum", "none"):
        raise op_error(ValueError, op, f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def refuse_old_reductions(op: str, *settings: Any) -> None:
    """ValueError for a ``size_average`` or ``reduce`` that was given: taken in silence they would change the loss."""
    if any(value is not None for value in settings):
        raise op_error(ValueError, op, "size_average and reduce are gone; use reduction='mean', 'sum' or 'none'")


def takes_reduction(loss: F) -> F:
    """Give ``size_average`` and ``reduce`` of ``loss``, which keep PyTorch's places, their last meaning: an error."""
    place = list(inspect.signature(loss).parameters).index("size_average")

    @functools.wraps(loss)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if len(args) > place or "size_average" in kwargs or "reduce" in kwargs:
            given = (*args[place : place + 2], kwargs.get("size_average"), kwargs.get("reduce"))
            refuse_old_reductions(loss.__name__, *given)
        return loss(*args, **kwargs)

    return wrapper  # type: ignore[return-value]
