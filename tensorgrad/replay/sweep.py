"""A backward pass that is noted on a tape: each call of a rule, each sum of gradients, each leaf that keeps one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import asarray

from tensorgrad.autograd.backward import Sweep, accumulate_grad, alone_on_its_base
from tensorgrad.autograd.node import Node
from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.autograd.structural import add, cast, sum_to
from tensorgrad.kernels.elementwise import add_to
from tensorgrad.replay.values import why_not


class TapedSweep(Sweep):
    """See `Sweep`; the tape learns what it does."""

    def __init__(self, tape: Any, **how: Any) -> None:
        super().__init__(**how)
        self.tape = tape
        self._own: dict[int, str] = {}  # by id of a leaf's gradient: the name of whether nobody else can hold it
        if self.create_graph:
            tape.void("it differentiates a backward pass (create_graph)")
        if self.wanted:
            tape.void("it asks for gradients of computed tensors")

    def seed(self, owner: Any, gradient: Any) -> None:
        """Start from ones, or from a value that the tape knows."""
        tape = self.tape
        if tape.reason is None and not tape.knows(gradient):
            if gradient.base is None and np.all(gradient == 1):  # made for the purpose, and only read
                tape.know(gradient, tape.program.constant(gradient))
            else:
                tape.name_of(gradient)
        super().seed(owner, gradient)

    def run(self) -> dict[Any, Any]:
        """Visit every node; then the leaves keep their gradients."""
        leaves = super().run()
        for leaf, gradient in leaves.items():
            self._leaf(leaf, gradient)
        return leaves

    def _accumulate(self, owner: Any, gradient: Any) -> None:
        tape = self.tape
        if owner not in self.pending or tape.reason is not None:
            super()._accumulate(owner, gradient)
            return
        both = tape.name_of(self.pending[owner]), tape.name_of(gradient)
        if owner in self.owned:
            tape.program.add(tape.call(add_to, "add_to", *both))
            super()._accumulate(owner, gradient)
        else:
            total = tape.assign(tape.call(asarray, "asarray", tape.call(add, "add", *both)))
            super()._accumulate(owner, gradient)
            tape.know(self.pending[owner], total)

    def _gradients(self, node: Node, g: Any, edges: list[Any]) -> list[Any]:
        if node.hooks is not None:
            self.tape.void("a hook looks at a gradient")
        line = self.tape.nodes.get(id(node))
        if line is None:
            self.tape.void(f"it goes back through a graph from outside, {node.origin}")
        elif line.steps != self.tape.steps:
            self.tape.void("it goes back through a graph that is older than a step of an optimizer")
        saved = node.saved
        found = super()._gradients(node, g, edges)
        if self.tape.reason is None:
            inputs = [
                _stand_in(edge) if value is None else value for value, edge in zip(saved, node.edges, strict=True)
            ]
            self._rules(node, g, inputs, edges, found)
        return found

    def _rules(self, node: Node, g: Any, inputs: list[Any], edges: list[Any], found: list[Any]) -> None:
        """The lines that call the rules of ``node``."""
        tape, prim = self.tape, node.op
        operands = [tape.expression(value) for value in inputs]
        y = "None" if node.value is None else tape.name_of(node.value)
        given = [tape.name_of(g), y, *operands]
        arguments = [*given, *tape.keywords(node.static)]
        names = [None if gradient is None else tape.program.new("v") for gradient in found]
        if prim.joint is not None:
            wanted = repr(tuple([edge is not None for edge in edges]))
            text = tape.call(prim.joint, f"{prim.name}_grads", wanted, *arguments)
            tape.program.add(f"{', '.join(name or '_' for name in names)}, = {text}")
        else:
            for i, (name, rule) in enumerate(zip(names, prim.rules, strict=False)):
                if name is not None:
                    tape.program.add(f"{name} = {tape.call(rule, f'{prim.name}_grad{i}', *arguments)}")
        for name, gradient in zip(names, found, strict=True):
            if name is not None:
                tape.know(gradient, name)
        static = [tape.expression(value) for value in node.static.values() if tape.knows(value)]
        for i, (edge, gradient) in enumerate(zip(edges, found, strict=False)):  # a joint rule may return fewer
            if type(edge) in TENSOR_CLASSES and gradient is not None:
                others = [name for j, name in enumerate(names) if name is not None and j != i]
                self._ask_whose(gradient, [*given, *static, *others])

    def _ask_whose(self, gradient: Any, others: list[str]) -> None:
        """Add a line that asks whether nobody else can hold a leaf's gradient: whether none of ``others`` is it."""
        tape = self.tape
        name = tape.program.new("v")
        tape.program.add(f"{name} = {tape.call(_is_own, 'is_own', tape.name_of(gradient), *others)}")
        self._own[id(gradient)] = name

    def _fitted(self, node: Node, edge: Any, gradient: Any) -> Any:
        fitted = super()._fitted(node, edge, gradient)
        tape = self.tape
        if fitted is not gradient and tape.reason is None:
            text = tape.name_of(gradient)
            if gradient.shape != edge.shape:
                text = tape.call(sum_to, "sum_to", text, f"shape={tuple(edge.shape)}")
            if gradient.dtype != edge.dtype:
                text = tape.call(cast, "cast", text, f"dtype={tape.program.constant(edge.dtype)}")
            tape.know(fitted, tape.assign(text))
            self._ask_whose(fitted, [])
        return fitted

    def _leaf(self, leaf: Any, gradient: Any) -> None:
        """The line that adds ``gradient`` to that of ``leaf``."""
        tape = self.tape
        problem = "a tensor that it makes itself" if id(leaf) in tape.made else why_not(leaf)
        if problem is not None:
            tape.void(f"it computes the gradient of {problem}")
        if tape.reason is None:
            # a sum is the sweep's own in any case
            own = self._own.get(id(gradient), "True") if leaf in self.owned else "False"
            operands = tape.program.constant(leaf), tape.name_of(gradient), own, "False"
            tape.program.add(tape.call(accumulate_grad, "accumulate_grad", *operands))


def _is_own(gradient: Any, *others: Any) -> bool:
    """What `autograd.backward` asks of a leaf's gradient too, of all that a rule was given."""
    if type(gradient) is not np.ndarray:
        return False
    for other in others:
        if other is gradient:
            return False
    return gradient.base is None or alone_on_its_base(gradient)


class _Shaped:
    """What stands for an input of which a rule reads only shape and dtype."""

    __slots__ = ("dtype", "ndim", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)


def _stand_in(edge: Any) -> Any:
    return None if edge is None else _Shaped(tuple(edge.shape), edge.dtype)
