"""Hooks on what a graph saves: where values wait between forward and backward, and in which form."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from tensorgrad.autograd.node import Node, Packed
from tensorgrad.autograd.primitive import TENSOR_CLASSES, Primitive, wrap
from tensorgrad.autograd.watch import Watcher
from tensorgrad.errors import describe, op_error
from tensorgrad.state import per_thread


class saved_tensors_hooks(Watcher):
    """Inside the block, each value saved for backward goes through ``pack_hook``, and back through ``unpack_hook``.

    ``pack_hook(tensor)`` may return anything, a file name for example; ``unpack_hook`` gets that and returns a tensor
    of the same shape and dtype, as often as backward asks for it. The hooks see inputs and outputs that derivatives
    mention, not masks and positions that an operator keeps for itself. Of nested blocks the innermost counts.
    Raises TypeError for hooks that cannot be called, RuntimeError when the unpacked tensor is another one.
    Source: ``torch.autograd.graph.saved_tensors_hooks``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), lambda values: tg.tensor(values)):
    ...     y = x.exp() * x
    >>> y.sum().backward(); x.grad
    tensor([ 5.4366, 22.1672])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        for name, hook in (("pack_hook", pack_hook), ("unpack_hook", unpack_hook)):
            if not callable(hook):
                raise TypeError(f"saved_tensors_hooks: {name} must be callable, got {describe(hook)}")
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._before: list[tuple[Any, ...]] = []

    def __enter__(self) -> None:
        state = per_thread.state
        self._before.append(state.watchers)
        state.watchers = (self, *state.watchers)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        per_thread.state.watchers = self._before.pop()

    def forward(self, op: Primitive, operands: list[Any], result: Any, node: Node | None) -> None:
        """Pack what ``node`` saved."""
        if node is None or isinstance(node.saved, Packed):
            return
        values = [*node.saved, node.value]
        if any(isinstance(value, np.ndarray) for value in values):
            node.saved = _PackedByHooks(_unwatched(self._pack, values), self.unpack_hook)
            node.value = None

    def _pack(self, values: list[Any]) -> list[Any]:
        return [_Parcel(self.pack_hook(wrap(v)), v) if isinstance(v, np.ndarray) else v for v in values]


class _Parcel:
    """One packed value, and what must come out again."""

    __slots__ = ("content", "dtype", "shape")

    def __init__(self, content: Any, array: np.ndarray) -> None:
        self.content, self.shape, self.dtype = content, array.shape, array.dtype


class _PackedByHooks(Packed):
    """The inputs and, last, the output of a node: parcels, and what needs no packing."""

    __slots__ = ("unpack_hook", "values")

    def __init__(self, values: list[Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.values, self.unpack_hook = values, unpack_hook

    def open(self, node: Node) -> None:
        *node.saved, node.value = _unwatched(self._unpack, node)

    def close(self, node: Node) -> None:
        node.saved, node.value = self, None

    def _unpack(self, node: Node) -> list[Any]:
        return [self._open_parcel(v, node) if type(v) is _Parcel else v for v in self.values]

    def _open_parcel(self, parcel: _Parcel, node: Node) -> Any:
        found = self.unpack_hook(parcel.content)
        if type(found) not in TENSOR_CLASSES or found.shape != parcel.shape or found.dtype != parcel.dtype:
            raise op_error(
                RuntimeError,
                f"backward of {node.op.name}",
                f"unpack_hook must return the tensor that was packed, a {parcel.dtype}{tuple(parcel.shape)}, "
                f"got {describe(found)}",
                node.module_path,
            )
        return found._data


def _unwatched(function: Callable[[Any], list[Any]], argument: Any) -> list[Any]:
    """Call a user's hook such that nothing it computes is recorded or packed in turn."""
    state = per_thread.state
    before = state.watchers, state.recording
    state.watchers, state.recording = (), False
    try:
        return function(argument)
    finally:
        state.watchers, state.recording = before


__all__ = ["saved_tensors_hooks"]
