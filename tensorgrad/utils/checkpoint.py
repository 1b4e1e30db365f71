"""Checkpoints: forget what the graph of a function saved, and run the function again when backward needs it.

Memory for time: a network of n blocks keeps the inputs of the blocks instead of everything inside them. The graph
itself stays, only its arrays are dropped; the second run makes a twin of each node, in the same order, from which
the arrays are taken. So gradients, higher derivatives and nested checkpoints need no treatment of their own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.autograd import lent
from tensorgrad.autograd.in_place import written_since
from tensorgrad.autograd.node import Node, Packed, clock
from tensorgrad.autograd.primitive import TENSOR_CLASSES, Primitive, wrap
from tensorgrad.autograd.watch import Watcher, watching
from tensorgrad.errors import describe
from tensorgrad.pytree import tree_map
from tensorgrad.state import per_thread

_DROPPED: Any = ("dropped",)  # stands for a value that the second run brings back


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    debug: bool = False,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)`` that keeps its inputs only; backward runs it once more for all that it needs.

    Gradients are the same bits with and without. With ``preserve_rng_state`` the second run draws the same random
    numbers (dropout); buffers that modules update in forward (batch norm) are updated by the first run only.
    ``use_reentrant``, ``determinism_check`` and ``debug`` are accepted for PyTorch's sake and change nothing. Backward
    raises RuntimeError when the second run records something else than the first, or when an input was written
    meanwhile. Source: ``torch.utils.checkpoint.checkpoint``; Chen et al. 2016.

    >>> import tensorgrad as tg
    >>> from tensorgrad.utils.checkpoint import checkpoint
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = checkpoint(lambda x: (x.exp() * x).sin(), x)
    >>> y.sum().backward(); x.grad
    tensor([ -4.9567, -13.2549])
    """
    if not per_thread.state.recording:
        return function(*args, **kwargs)
    frame = _Frame(function, args, kwargs, preserve_rng_state)
    dropper = _Dropper(frame)
    with watching(dropper):
        result = function(*args, **kwargs)
    frame.complete = True
    dropper.drop_extras()
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """The functions one after the other, in ``segments`` parts of which all but the last are checkpoints.

    ``functions`` is an ``nn.Sequential`` or a list. Raises ValueError unless 1 <= segments <= number of functions.
    Source: ``torch.utils.checkpoint.checkpoint_sequential``.

    >>> import tensorgrad as tg
    >>> from tensorgrad.utils.checkpoint import checkpoint_sequential
    >>> x = tg.tensor(0.5, requires_grad=True)
    >>> checkpoint_sequential([tg.sin, tg.exp, tg.tanh], 2, x).backward(); x.grad
    tensor(0.2075)
    """
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(f"checkpoint_sequential: segments must be from 1 to {len(steps)}, got {segments}")
    size = len(steps) // segments
    for start in range(0, size * (segments - 1), size):
        part = _chain(steps[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return _chain(steps[size * (segments - 1) :])(input)


def _chain(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run


class _Frame:
    """One checkpointed call: how to run it again, and what it recorded."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, preserve_rng_state: bool) -> None:
        self.arrays: list[np.ndarray] = []  # of the arguments: alive as long as the frame
        self.seals: lent.Seals = []  # of what NumPy code could change before the second run
        self.function = function
        self.args, self.kwargs = tree_map(self._hold, args), tree_map(self._hold, kwargs)
        state = per_thread.state
        self.module, self.module_path = state.module, state.module_path
        self.rng_state = random.get_rng_state() if preserve_rng_state else None
        self.number = next(clock)
        self.complete = False
        self.records: list[tuple[Any, ...]] = []
        self.modules: dict[int, Any] = {}  # those that recorded something: their buffers are put back
        self.needed: set[int] = set()
        self.twins: dict[int, Node] = {}

    def _hold(self, value: Any) -> Any:
        """An argument for the second run, cut off from what made it."""
        if type(value) not in TENSOR_CLASSES:
            return value
        if value.view_of is not None:
            value.view_of.refresh(value)
        self.arrays.append(value._data)
        self.seal(value._data)
        if value.node is None and value.requires_grad:
            return value
        held = wrap(value._data)
        held.requires_grad = value.requires_grad
        return held

    def seal(self, array: np.ndarray) -> None:
        """Remember the values of an array that the second run reads again, if NumPy code can reach it."""
        if lent.is_lent(array):
            self.seals += lent.sealed([array])

    def note(self, node: Node) -> int:
        """Enter a node of the first run; returns its place in the order."""
        self.seals += getattr(node, "seals", [])
        for edge in node.edges:
            if edge is not None and type(edge) is not Node:
                self.seal(edge._data)
        self.records.append(_signature(node))
        module = per_thread.state.module
        if module is not None:
            self.modules[id(module)] = module
        return len(self.records) - 1

    def twin(self, place: int) -> Node:
        """The node that the second run recorded at ``place``, with its values; handed out once."""
        if place not in self.twins:
            nodes = self._run_again()
            self.twins = {i: nodes[i] for i in self.needed if i < len(nodes)}
        return self.twins.pop(place)

    def _run_again(self) -> list[Node]:
        for array in self.arrays:
            self.check_unwritten(array, "an argument")
        state = per_thread.state
        before = state.recording, state.module, state.module_path
        rng_before = random.get_rng_state()
        buffers = [(b, b._data, b._data.copy()) for m in self.modules.values() for _, b in m._own_buffers(False)]
        collector = _Collector(self)
        try:
            state.recording, state.module, state.module_path = True, self.module, self.module_path
            if self.rng_state is not None:
                random.set_rng_state(self.rng_state)
            with watching(collector):
                self.function(*self.args, **self.kwargs)
        finally:
            state.recording, state.module, state.module_path = before
            if self.rng_state is not None:
                random.set_rng_state(rng_before)
            for buffer, array, values in buffers:
                buffer._data = array
                array[...] = values
        found = len(collector.nodes)
        if found < len(self.records) or (self.complete and found > len(self.records)):
            self._differs(f"{found} operators", f"{len(self.records)}")
        return collector.nodes

    def compare(self, place: int, node: Node) -> None:
        """RuntimeError unless the second run records at ``place`` what the first one did."""
        if place < len(self.records) and _signature(node) != self.records[place]:
            op, shape, dtype, *_ = self.records[place]
            self._differs(f"{node!r} as number {place}", f"<{op.name} -> {dtype}{shape}>")

    def check_unwritten(self, array: np.ndarray, what: str) -> None:
        """RuntimeError when the second run would not see the values of the first."""
        change = lent.changed_since(array, self.number, self.seals)
        if change is not None:
            raise RuntimeError(
                f"{self}: {what} was {change} after the forward that backward must repeat; call backward before the "
                "write, or write into a copy"
            )

    def _differs(self, now: str, before: str) -> None:
        raise RuntimeError(
            f"{self}: run again for backward, the function recorded {now}, the first time {before}; it must compute "
            "the same both times: no state that changes, no randomness but that of tensorgrad.random"
        )

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", None) or type(self.function).__name__
        return f"checkpoint of {name}"


def _signature(node: Node) -> tuple[Any, ...]:
    return node.op, tuple(node.shape), node.dtype, tuple([None if e is None else tuple(e.shape) for e in node.edges])


class _Dropper(Watcher):
    """Watches the first run: drops what is saved, as soon as it is."""

    def __init__(self, frame: _Frame) -> None:
        self.frame = frame
        self.nodes: list[weakref.ref[Node]] = []

    def forward(self, op: Primitive, operands: list[Any], result: Any, node: Node | None) -> None:
        """Note the node and drop its arrays; an inner block that packed them already is overruled."""
        if node is None:
            return
        place = self.frame.note(node)
        self.nodes.append(weakref.ref(node))
        inner = node.saved
        if isinstance(inner, Packed) and not isinstance(inner, _Repeatable):
            kept, output = [_DROPPED] * len(node.edges), True
        else:
            saved, output = (inner.kept, inner.output) if isinstance(inner, _Repeatable) else (inner, False)
            kept = [_DROPPED if self._droppable(v, i, node) else v for i, v in enumerate(saved)]
            output = output or node.value is not None
        if output or any(v is _DROPPED for v in kept):
            self._replace(node, place, kept, output)

    def drop_extras(self) -> None:
        """After the run: drop the arrays among the static values too (masks, positions), which forwards read."""
        for place, reference in enumerate(self.nodes):
            node = reference()
            if node is None or not any(isinstance(v, np.ndarray) for v in node.static.values()):
                continue
            if not isinstance(node.saved, Packed):
                self._replace(node, place, node.saved, False)
            elif not isinstance(node.saved, _Repeatable) or node.saved.frame is not self.frame:
                continue
            node.saved.drop_extras(node)

    def _replace(self, node: Node, place: int, kept: Sequence[Any], output: bool) -> None:
        self.frame.needed.add(place)
        node.saved, node.value = _Repeatable(self.frame, place, kept, output), None

    def _droppable(self, value: Any, i: int, node: Node) -> bool:
        """True for an array that nobody else keeps alive anyway: no leaf, no argument, no constant of the graph."""
        if not isinstance(value, np.ndarray):
            return value is _DROPPED
        edge = node.edges[i] if type(node.edges[i]) is not Node else None
        holder = edge if edge is not None else (node.constants or {}).get(i)
        return not (holder is not None and holder._data is value) and not any(value is a for a in self.frame.arrays)


class _Collector(Watcher):
    """Watches the second run: keeps its nodes, in order."""

    def __init__(self, frame: _Frame) -> None:
        self.frame = frame
        self.nodes: list[Node] = []

    def forward(self, op: Primitive, operands: list[Any], result: Any, node: Node | None) -> None:
        """Compare the node with that of the first run, and keep it."""
        if node is None:
            return
        self.frame.compare(len(self.nodes), node)
        for edge in node.edges:
            if edge is not None and type(edge) is not Node:
                self.frame.check_unwritten(edge._data, f"a leaf of shape {tuple(edge.shape)} ({describe(edge)})")
        for array in node.saved:
            if lent.is_broken(array, self.frame.seals):
                self.frame.check_unwritten(array, f"an operand of {node.op.name}")
        self.nodes.append(node)


class _Repeatable(Packed):
    """What a node of the first run saved: some values that live anyway, the others to be computed again."""

    __slots__ = ("extras", "frame", "kept", "output", "place")

    def __init__(self, frame: _Frame, place: int, kept: Sequence[Any], output: bool) -> None:
        self.frame, self.place, self.kept, self.output = frame, place, kept, output
        self.extras: list[str] = []

    def open(self, node: Node) -> None:
        twin = self.frame.twin(self.place)
        if isinstance(twin.saved, Packed):
            twin.saved.open(twin)
        node.saved = [_own(t, twin, node) if k is _DROPPED else k for k, t in zip(self.kept, twin.saved, strict=True)]
        node.value = _own(twin.value, twin, node) if self.output else None
        for name in self.extras:
            node.static[name] = twin.static[name]

    def close(self, node: Node) -> None:
        node.saved, node.value = self, None
        self.drop_extras(node)

    def drop_extras(self, node: Node) -> None:
        """Drop the arrays among the static values."""
        self.extras = [name for name, value in node.static.items() if isinstance(value, np.ndarray)]
        for name in self.extras:  # a drawing shows dtype and shape
            node.static[name] = f"{node.static[name].dtype}{node.static[name].shape}"


def _own(value: Any, twin: Node, node: Node) -> Any:
    """The value of the twin for ``node``, which is older: a write between the two must not look like one after it."""
    change = written_since(value, node.number)
    return value.copy() if change is not None and change.number < twin.number else value


__all__ = ["checkpoint", "checkpoint_sequential"]
