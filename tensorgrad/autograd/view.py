"""Views: tensors that share another tensor's memory, and what a write into one means for the others.

A view remembers the tensor it was taken from and the operator that took it. A write into shared memory is recorded
once, at the tensor at the end of that chain, the base; each view is derived from the base anew when it is next used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.state import per_thread


class View:
    """How a tensor was taken from another one: ``op(source, **static)``, up to date as of write ``number``."""

    __slots__ = ("number", "op", "source", "static")

    source: Any
    op: Callable[..., Any]
    static: dict[str, Any]
    number: int

    def refresh(self, tensor: Any) -> None:
        """If the shared memory was written since, give ``tensor`` the history that its values now have."""
        chain = [(self, tensor)]  # newest first: views of views of the base, of any number
        source = self.source
        while source.view_of is not None and source.view_of.number < in_place.last_write:
            chain.append((source.view_of, source))
            source = source.view_of.source
        for view, of in reversed(chain):
            view._derive(of)

    def _derive(self, tensor: Any) -> None:
        """:meth:`refresh`, when the source is up to date."""
        if in_place.written_since(tensor._data, self.number) is not None:
            state = per_thread.state
            before = state.recording
            state.recording = True
            try:
                anew = self.op(self.source, **self.static)
            finally:
                state.recording = before
            tensor.node, tensor._requires_grad = anew.node, anew._requires_grad
        self.number = in_place.last_write

    def base(self) -> Any:
        """The tensor at the end of the chain of views: the one whose values these are."""
        source = self.source
        while source.view_of is not None:
            source = source.view_of.source
        return source

    def positions(self) -> Any:
        """An index into the base that names the elements of this view, as integer arrays."""
        steps: list[View] = []
        view: View | None = self
        while view is not None:
            steps.append(view)
            view = view.source.view_of
        shape = steps[-1].source.shape
        flat = np.arange(int(np.prod(shape))).reshape(shape)
        for step in reversed(steps):
            flat = step.op(flat, **step.static)
        return np.unravel_index(flat, shape) if shape else ()  # a single number has no indices


def is_view(array: np.ndarray, source: np.ndarray) -> bool:
    """True when ``array``, made from ``source``, shares its storage."""
    base = array.base
    return base is source or (
        base is not None and (base is source.base or in_place.storage(array) is in_place.storage(source))
    )
