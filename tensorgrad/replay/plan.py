"""Plan: a tape that was run to its end, ready to run again for other arguments of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.autograd.mistakes import fail
from tensorgrad.autograd.node import clock
from tensorgrad.autograd.primitive import TENSOR_CLASSES, wrap
from tensorgrad.autograd.storage import storage
from tensorgrad.pytree import flatten
from tensorgrad.replay.guard import Guard
from tensorgrad.replay.kinds import PLAIN
from tensorgrad.replay.nodes import freed_twin, graph_lines, without_inputs
from tensorgrad.replay.tape import Tape
from tensorgrad.replay.trap import array_of
from tensorgrad.state import per_thread

#: Makes a leaf of the result from the arguments, what the program returned and is left, and the leaves before.
Maker = Callable[[list[Any], Iterator[Any], list[Any]], Any]


class Plan:
    """The program of one call, what must hold for it to be the right one, and how its results become tensors.

    ``source`` is the program: Python, one line for each kernel.
    """

    def __init__(self, tape: Tape, guard: Guard, result: Any) -> None:
        self._guard = guard
        leaves, self._build = flatten(result)
        tensors = list({id(leaf): leaf for leaf in leaves if type(leaf) in TENSOR_CLASSES}.values())
        graphs = graph_lines(tape, [t.node for t in tensors if t.node is not None and not t.node.freed])
        _refuse_views_of_each_other(tape, tensors)
        returned: list[str] = []
        known: dict[int, int] = {}  # by id of a tensor, where it is first
        self._makers: list[Maker] = []
        for leaf in leaves:
            if type(leaf) in TENSOR_CLASSES and known.setdefault(id(leaf), len(self._makers)) < len(self._makers):
                self._makers.append(_again(known[id(leaf)]))
            else:
                self._makers.append(_maker(tape, leaf, graphs, returned))
        freed = [i for i, leaf in enumerate(leaves) if type(leaf) in TENSOR_CLASSES and _is_freed(leaf)]
        self._freed = sorted(freed, key=lambda i: leaves[i].node.number)
        captured = list({id(tensor): tensor for tensor in tape.captured.values()}.values())
        for tensor in captured:
            guard.watch(tensor)
        self._captured = captured
        theirs = {id(storage(array_of(tensor))) for tensor in captured}
        self._writes = tape.writes
        if tape.writes and any(id(storage(array_of(argument))) in theirs for argument in tape.given):
            tape.void("an argument shares its memory with a tensor that is reached in another way")
        self._shared = _sharing(captured)
        self.source = ""
        if tape.reason is None:
            text = f"({', '.join(returned)},)" if returned else "()"
            self.source = tape.program.source(tape.arguments, text)
            self._run = tape.program.compiled(self.source)
            self._notes = tape.program.notes

    def fits(self, arguments: list[Any]) -> bool:
        """True when everything beside the arguments is as it was, and they have no memory in common with that."""
        guard = self._guard
        if not guard.holds() or _sharing(self._captured) != self._shared:
            return False
        for argument in arguments:
            if guard.has_seen(argument):
                return False
        if not self._writes:
            return True
        theirs = {id(storage(tensor._data)) for tensor in self._captured}
        return not any(id(storage(argument._data)) in theirs for argument in arguments)

    def run(self, arguments: list[Any]) -> Any:
        """Run it; returns what the function would have returned."""
        try:
            with np.errstate(all="ignore"):
                values = iter(self._run(*[tensor._data for tensor in arguments]))
        except Exception as error:
            self._explain(error)
            raise
        leaves: list[Any] = []
        for make in self._makers:
            leaves.append(make(arguments, values, leaves))
        for node in self._freed:  # numbered in the order in which they were made
            leaves[node].node.number = next(clock)
        return self._build(leaves)

    def _explain(self, error: Exception) -> None:
        """Raise what the operator would have raised whose line has failed."""
        trace: Any = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not self._run.__code__:
            trace = trace.tb_next
        note = trace and self._notes.get(self.source.splitlines()[trace.tb_lineno - 1].strip())
        if note:
            prim, operands, path = note
            names = {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals}
            state = per_thread.state
            before = state.module_path
            state.module_path = path
            try:
                fail(error, prim, [eval(text, names) for text in operands])
            finally:
                state.module_path = before


def _is_freed(tensor: Any) -> bool:
    return tensor.node is not None and tensor.node.freed


def _sharing(tensors: list[Any]) -> list[int]:
    """For each tensor, the first one with the same array."""
    first: dict[int, int] = {}
    return [first.setdefault(id(tensor._data), i) for i, tensor in enumerate(tensors)]


def _refuse_views_of_each_other(tape: Tape, tensors: list[Any]) -> None:
    bases = [id(tensor if tensor.view_of is None else tensor.view_of.base()) for tensor in tensors]
    if len(set(bases)) < len(bases):
        tape.void("it returns a tensor and a view of it, or two views")


def _maker(tape: Tape, leaf: Any, graphs: dict[int, str], returned: list[str]) -> Maker:
    """How a leaf of the result is made; what it needs of the program is added to ``returned``."""
    if type(leaf) not in TENSOR_CLASSES:
        if type(leaf) not in PLAIN or tape.knows(leaf):
            tape.void(f"it returns a {type(leaf).__name__}")
        return lambda arguments, values, leaves: leaf
    for i, argument in enumerate(tape.given):
        if argument is leaf:
            return _argument(i)
    if any(leaf is tensor for tensor in tape.captured.values()):
        return lambda arguments, values, leaves: leaf
    name = tape.name_of(array_of(leaf))
    if name[0] != "v" or (leaf.view_of is not None and id(leaf.view_of.base()) not in tape.made):
        tape.void("it returns memory of a tensor from outside; return a copy, x.clone()")
    if leaf.hooks:
        tape.void("it returns a tensor with hooks")
    returned.append(tape.call(np.asarray, "asarray", name))
    if leaf.node is not None and not leaf.node.freed:
        returned.append(graphs.get(id(leaf.node), "None"))
        return _with_graph(leaf.name)
    return _made(leaf)


def _argument(index: int) -> Maker:
    return lambda arguments, values, leaves: arguments[index]


def _again(index: int) -> Maker:
    return lambda arguments, values, leaves: leaves[index]


def _with_graph(name: str | None) -> Maker:
    def make(arguments: list[Any], values: Iterator[Any], leaves: list[Any]) -> Any:
        out = wrap(next(values), next(values))
        out.name = name
        return out

    return make


def _made(model: Any) -> Maker:
    node = None if model.node is None else without_inputs(model.node)
    name, cut = model.name, model.cut

    def make(arguments: list[Any], values: Iterator[Any], leaves: list[Any]) -> Any:
        out = wrap(next(values), None if node is None else freed_twin(node))
        out.name, out.cut = name, cut
        return out

    return make
