"""The graph: one Node for every recorded operator call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tensorgrad.autograd.handle import PostHook, PreHook, RemovableHandle, add_hook
from tensorgrad.errors import place

if TYPE_CHECKING:
    from tensorgrad.autograd.primitive import Primitive

#: Creation numbers. A node's inputs are older than the node, so newest first *is* reverse topological order.
#: In-place writes take a number from the same clock, so "changed since it was recorded" is one comparison.
clock = itertools.count(1)

#: Stands in ``Node.saved`` once backward has used the saved values up.
FREED: Any = ("freed",)


class Packed:
    """Stands in ``Node.saved`` while the saved values are elsewhere: packed by hooks, or dropped by a checkpoint."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        """No values: none of them is here."""
        return iter(())

    def open(self, node: Node) -> None:
        """Bring the values of ``node`` back: its rules are about to be called."""
        raise NotImplementedError

    def close(self, node: Node) -> None:
        """Put the values of ``node`` away again: the graph is retained."""
        raise NotImplementedError


class Node:
    """One recorded call: the operator, the edges to where its inputs came from, and what its rules need.

    A node never holds its own output tensor: tensors point to nodes, nodes to older nodes, so there is no
    cycle and a graph dies by reference count, as soon as the last tensor made from it does.
    """

    __slots__ = (
        "__weakref__",
        "constants",  # None, or {position: input tensor that needs no gradient}; for drawings only
        "dtype",  # of the output
        "edges",  # per input: Node, leaf Tensor, or None when no gradient is wanted there
        "hooks",  # None, or callables that see (and may replace) the output's gradient
        "module_path",  # of the module whose forward made the call: "Net.features.0"
        "number",  # creation number, see `clock`
        "op",  # the Primitive
        "saved",  # the inputs' values that the rules mention (None where they mention only the shape)
        "seals",  # fingerprints of saved arrays that NumPy code can reach; set where there are any
        "shape",  # of the output
        "source",  # file:line of the call, set by watchers that want it
        "static",  # keyword arguments of the call, and what the forward saved for the rules
        "value",  # the output's value when a rule mentions it
    )

    op: Primitive
    edges: list[Any]
    saved: Any
    static: dict[str, Any]
    value: np.ndarray | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    number: int
    module_path: str | None
    hooks: Any
    constants: dict[int, Any] | None
    source: str
    seals: Any

    @property
    def ndim(self) -> int:
        """Number of dimensions of the output."""
        return len(self.shape)

    @property
    def place(self) -> str:
        """The operator, and the module whose forward called it: ``conv2d (in Net.features.0)``."""
        return place(self.op.name, self.module_path)

    @property
    def origin(self) -> str:
        """The same, and the line of the call where ``detect_anomaly`` has remembered it."""
        source = getattr(self, "source", None)
        return f"{self.place}, called at {source}" if source else self.place

    @property
    def freed(self) -> bool:
        """True once backward has used up the saved values."""
        return self.saved is FREED

    def register_hook(self, hook: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after the rules; a tuple that it returns replaces the former.

        ``grad_inputs`` has one entry for each input, None where no gradient is wanted; ``grad_outputs`` has one.
        Raises ValueError when shapes change. Source: ``torch.autograd.graph.Node.register_hook``.

        >>> import tensorgrad as tg
        >>> x = tg.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> handle = y.grad_fn.register_hook(lambda grad_inputs, grad_outputs: (grad_inputs[0] * 100, grad_inputs[1]))
        >>> y.backward(); x.grad.item()
        303.0
        """
        return self._register(hook, PostHook(hook))

    def register_prehook(self, hook: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before the rules; a tuple that it returns takes their place.

        Source: ``torch.autograd.graph.Node.register_prehook``.
        """
        return self._register(hook, PreHook(hook))

    def _register(self, hook: Any, entry: Any) -> RemovableHandle:
        if self.hooks is None:
            self.hooks = {}
        return add_hook(self.hooks, hook, entry)

    def free(self) -> None:
        """Drop the saved values; the structure stays, so that the graph can still be drawn."""
        self.saved = FREED
        self.value = None
        if self.static:  # a mask, an index, moments: what the forward saved for the rules
            held = [name for name, value in self.static.items() if _holds_an_array(value)]
            if held:
                self.static = {**self.static, **{name: _faded(self.static[name]) for name in held}}

    def __repr__(self) -> str:
        path = f" in {self.module_path}" if self.module_path else ""
        return f"<{self.op.name}{path} -> {self.dtype}{self.shape}>"


class Faded(NamedTuple):
    """What is left of an array that was freed: all that a drawing shows of it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def _holds_an_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (type(value) is tuple and np.ndarray in map(type, value))


def _faded(value: Any) -> Any:
    """An argument without the arrays in it."""
    if isinstance(value, np.ndarray):
        return Faded(value.dtype, value.shape)
    return tuple(map(_faded, value)) if type(value) is tuple else value
