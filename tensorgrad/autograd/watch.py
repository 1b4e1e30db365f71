"""Watchers: tools that look at every operator while it runs, without the engine knowing what for.

A watcher sees each operator call on tensors (``forward``) and each step of a backward pass (``backward``) of the
thread that installed it. Anomaly detection, saved-tensor hooks and profiles are watchers; none of them is in the
engine, which pays one comparison per call when there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tensorgrad.state import per_thread

if TYPE_CHECKING:
    from tensorgrad.autograd.node import Node
    from tensorgrad.autograd.primitive import Primitive


class Watcher:
    """Base class: override what is of interest."""

    def forward(self, op: Primitive, operands: list[Any], result: Any, node: Node | None) -> None:
        """``op`` made ``result`` (an array) of the raw ``operands``; ``node`` is its record, None if not recorded."""

    def before_backward(self, node: Node, gradient: Any) -> None:
        """The rules of ``node`` are about to be called with ``gradient``."""

    def backward(self, node: Node, gradient: Any, found: list[Any]) -> None:
        """The rules of ``node`` turned ``gradient`` into the gradients ``found`` of its inputs."""


@contextmanager
def watching(watcher: Watcher) -> Iterator[Watcher]:
    """Install ``watcher`` on this thread for the duration of the block."""
    state = per_thread.state
    before = state.watchers
    state.watchers = (watcher, *before)  # the innermost block's first
    try:
        yield watcher
    finally:
        state.watchers = before
