"""Hooks: callables that see the gradient of a tensor on its way, and may replace it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import TENSOR_CLASSES, wrap
from tensorgrad.errors import describe

Hook = Callable[[Any], Any]
_ids = itertools.count()


class RemovableHandle:
    """Takes a hook off again: ``handle.remove()``, or at the end of a ``with`` block."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self._hooks = hooks
        self.id = next(_ids)

    def remove(self) -> None:
        """Take the hook off; doing so twice is harmless."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def add_hook(hooks: dict[int, Any], hook: Any) -> RemovableHandle:
    """Enter ``hook`` into an ordered table of hooks."""
    if not callable(hook):
        raise TypeError(f"register_hook: expected a callable, got {describe(hook)}")
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def run_hooks(hooks: dict[int, Hook], gradient: Any, owner: Any) -> Any:
    """Pass ``gradient`` through the hooks in order; a result that is not None takes its place."""
    raw = type(gradient) not in TENSOR_CLASSES
    current = wrap(np.asarray(gradient)) if raw else gradient
    for hook in list(hooks.values()):
        result = hook(current)
        if result is None:
            continue
        if type(result) not in TENSOR_CLASSES or result.shape != current.shape:
            raise ValueError(
                f"hook of {owner!r}: expected a tensor of shape {tuple(current.shape)} or None, got {describe(result)}"
            )
        current = result
    return current._data if raw else current


class RetainGrad:
    """The hook behind ``Tensor.retain_grad``: stores the gradient on a tensor that is no leaf."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, gradient: Any) -> None:
        """Store ``gradient`` on the tensor, if it still exists."""
        tensor = self.tensor()
        if tensor is None:
            return
        if gradient.node is None:
            gradient = wrap(gradient._data.copy())
        tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
