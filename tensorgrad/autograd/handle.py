"""Registering hooks: tables of callables in order, handles that take them off, and the two kinds that nodes have."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tensorgrad.errors import describe

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


def add_hook(hooks: dict[int, Any], hook: Any, entry: Any = None, *, prepend: bool = False) -> RemovableHandle:
    """Enter ``hook`` (or ``entry`` in its place) into an ordered table of hooks, in front with ``prepend``."""
    if not callable(hook):
        raise TypeError(f"register_hook: expected a callable, got {describe(hook)}")
    handle = RemovableHandle(hooks)
    later = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    hooks[handle.id] = hook if entry is None else entry
    hooks.update(later)
    return handle


class PreHook:
    """A hook on a node before its rules run: sees the gradients of its outputs, of which there is one."""

    def __init__(self, hook: Callable[[tuple[Any, ...]], Any]) -> None:
        self.hook = hook

    def __call__(self, gradient: Any) -> Any:
        """The hook of a tensor that does the same."""
        result = self.hook((gradient,))
        return result[0] if isinstance(result, (tuple, list)) and len(result) == 1 else result


class PostHook:
    """A hook on a node after its rules: sees the gradients of the inputs and of the output, may replace the former."""

    def __init__(self, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> None:
        self.hook = hook
