"""Nodes: where a function returns tensors that still have a graph, its plan makes the nodes of that graph too.

They are like those that the operators would have made, to the last field, so that backward, second derivatives and
drawings know no difference.
"""

from __future__ import annotations

from typing import Any

from tensorgrad.autograd import lent
from tensorgrad.autograd.node import Node, clock
from tensorgrad.autograd.primitive import wrap


class NodeLine:
    """How a line makes a node like ``node``, written when the operator has run and its operands have names."""

    def __init__(self, tape: Any, node: Node, args: Any) -> None:
        self.node = node
        self._saved_then = node.saved
        self.steps = tape.steps
        self.place = len(tape.program.lines)
        self._leaves = [
            None if edge is None or type(edge) is Node else tape.program.constant(edge) for edge in node.edges
        ]
        saved = None if type(node.saved) is tuple else [tape.expression(value) for value in node.saved]
        self._saved = repr((None,) * len(node.edges)) if saved is None else f"[{', '.join(saved)}]"
        self._value = "None" if node.value is None else tape.name_of(node.value)
        self._static = f"dict({', '.join(tape.keywords(node.static))})"
        self._constants = "None"
        if node.constants is not None:
            parts = [f"{i}: {_tensor(tape, tensor)}" for i, tensor in node.constants.items()]
            self._constants = f"{{{', '.join(parts)}}}"

    @property
    def is_valid(self) -> bool:
        """False when somebody has exchanged what the node saved, hooked it or used it up."""
        return self.node.saved is self._saved_then and not self.node.hooks

    def text(self, tape: Any, names: dict[int, str]) -> str:
        """The call; ``names`` are those of the nodes before."""
        edges = [
            names[id(edge)] if type(edge) is Node else leaf or "None"
            for edge, leaf in zip(self.node.edges, self._leaves, strict=True)
        ]
        model = tape.program.constant(_Model(self.node))
        parts = f"[{', '.join(edges)}]", self._saved, self._value, self._static, self._constants
        return tape.call(_node, "node", model, *parts)


class _Model:
    """The fields of a node that are the same whenever the plan runs."""

    __slots__ = ("dtype", "module_path", "op", "shape")

    def __init__(self, node: Node) -> None:
        self.op, self.shape, self.dtype, self.module_path = node.op, node.shape, node.dtype, node.module_path


def _tensor(tape: Any, tensor: Any) -> str:
    """How a line says an input that needs no gradient: drawings show it under its name."""
    if any(tensor is captured for captured in tape.captured.values()):
        return str(tape.program.constant(tensor))
    return str(tape.call(_input, "input", tape.expression(tensor), tape.program.constant(tensor.name)))


def _input(array: Any, name: str | None) -> Any:
    tensor = wrap(array)
    tensor.name = name
    return tensor


def _like(model: Any, edges: list[Any], saved: Any, value: Any, static: dict[str, Any], constants: Any) -> Node:
    """A new node of the same operator as ``model``, which is another node or its :class:`_Model`."""
    node = object.__new__(Node)
    node.op, node.shape, node.dtype, node.module_path = model.op, model.shape, model.dtype, model.module_path
    node.edges, node.saved, node.value, node.static = edges, saved, value, static
    node.number = next(clock)
    node.hooks = None
    node.constants = constants
    return node


def _node(model: _Model, edges: list[Any], saved: Any, value: Any, static: dict[str, Any], constants: Any) -> Node:
    node = _like(model, edges, saved, value, static, constants)
    if lent.loans:
        lent.seal(node, ())
    return node


def _graph_of(roots: list[Node]) -> list[Node]:
    """All nodes from which the roots were made, oldest first."""
    found: dict[int, Node] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack += [edge for edge in node.edges if type(edge) is Node]
    return sorted(found.values(), key=lambda node: node.number)


def graph_lines(tape: Any, roots: list[Node]) -> dict[int, str]:
    """Put the lines that make all nodes of the roots' graphs into the program; returns their names by id."""
    names: dict[int, str] = {}
    lines: list[tuple[int, str]] = []
    for node in _graph_of(roots):
        line = tape.nodes.get(id(node))
        if line is None or not line.is_valid:
            tape.void(f"the graph of its result holds a node that was changed, or made elsewhere: {node.origin}")
            return {}
        names[id(node)] = name = tape.program.new("n")
        lines.append((line.place, f"{name} = {line.text(tape, names)}"))
    for place, text in reversed(lines):
        tape.program.lines.insert(place, text)
    return names


def without_inputs(root: Node) -> Node:
    """A copy of a graph whose saved values are used up, without the inputs that it still holds for drawings."""
    copies: dict[int, Node] = {}
    for node in _graph_of([root]):
        edges = [copies[id(edge)] if type(edge) is Node else edge for edge in node.edges]
        copies[id(node)] = _like(node, edges, node.saved, node.value, node.static, None)
    return copies[id(root)]


def freed_twin(node: Node) -> Node:
    """A node like one whose saved values are used up."""
    return _like(node, node.edges, node.saved, node.value, node.static, None)
