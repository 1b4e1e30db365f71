"""From the tape to the model: one walk without recursion, which changes nothing."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tensorgrad.autograd.hooks import RetainGrad
from tensorgrad.autograd.node import Node
from tensorgrad.nn.module import Module
from tensorgrad.tensor import Tensor
from tensorgrad.viz import labels
from tensorgrad.viz.model import Graph, GraphEdge, GraphModule, GraphNode
from tensorgrad.viz.names import Names, is_one_number, repeats_one_number, root_of
from tensorgrad.viz.roles import roles_of


def read_tape(outputs: Any, params: Any = None) -> Graph:
    """The graph that made ``outputs``, operator by operator.

    Parameters: ``outputs``, a tensor, or several in a list, a tuple or a dictionary of names; ``params``, a Module,
    names and tensors (or modules) in a dictionary or as pairs, or None: what leaves are called.
    Raises TypeError for anything else.

    >>> import tensorgrad as tg
    >>> w = tg.ones(3, requires_grad=True)
    >>> for node in read_tape((w * tg.ones(3)).sum(), {"w": w}).nodes:
    ...     print(node.id, node.kind, node.shape)
    w parameter (3,)
    input#0 input (3,)
    mul#0 op (3,)
    sum#0 op ()
    output#0 output ()
    """
    named = _named_outputs(outputs)
    return _Reader(Names(params)).read(named)


class _Reader:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.graph = Graph()
        self.used: set[str] = set()
        self.counts: Counter[tuple[str | None, str]] = Counter()
        self.calls: Counter[str] = Counter()
        self.roots: dict[str, Any] = {}  # id of a module call: the module whose call is around it
        self.ids: dict[int, str] = {}  # id of a Node or of a leaf: id of its GraphNode
        self.leaves: dict[str, GraphNode] = {}
        self.roles: dict[int, str] = {}  # id of a leaf: what it is to its operator

    def read(self, outputs: list[tuple[str | None, Tensor]]) -> Graph:
        """Fill the graph, oldest operator first."""
        tape = _reachable([tensor.node for _, tensor in outputs if tensor.node is not None])
        known = {id(tensor.node): tensor for _, tensor in outputs if tensor.node is not None}
        self.roles = roles_of(tape)
        chain: tuple[str, ...] = ()
        for node in tape:
            chain = self._chain(node.module_path, chain)
            self._operator(node, chain[-1] if chain else None, known.get(id(node)))
        for name, tensor in outputs:
            self._output(name, tensor, alone=len(outputs) == 1)
        if not any(tensor.requires_grad for _, tensor in outputs):
            self.graph.notes.append("nothing was recorded: no_grad, detach, or nothing that requires gradients went in")
        self._place_leaves()
        self._describe_modules()
        return self.graph

    def _id(self, name: str) -> str:
        """``name``, or with a number behind it when another node has it already."""
        unique, again = name, 1
        while unique in self.used:
            again += 1
            unique = f"{name}~{again}"
        self.used.add(unique)
        return unique

    def _numbered(self, path: str | None, what: str) -> str:
        number = self.counts[path, what]
        self.counts[path, what] += 1
        return self._id(f"{path}/{what}#{number}" if path else f"{what}#{number}")

    # --- operators ------------------------------------------------------------------------------------------------

    def _operator(self, node: Node, module: str | None, output: Tensor | None) -> None:
        operator = node.op.name
        label = labels.display_name(operator, node.static, node.shape)
        sources = [self._source(node, position) for position in range(len(node.edges))]
        drawn = GraphNode(
            id=self._numbered(self.names.path_of(node.module_path), label),
            kind="op",
            label=label,
            shape=tuple(node.shape),
            dtype=_dtype_name(node.dtype),
            bytes=_size(node.shape) * node.dtype.itemsize,
            operator=operator,
            family=labels.family(node.op),
            attributes=labels.short(operator, node.static, _kernel(node)),
            static=labels.summaries(node.static),
            module=module,
            saved_bytes=_saved_bytes(node),
            source=getattr(node, "source", None),
            operators=1,
        )
        named = self.names.results.get(id(node))
        if named is not None:
            drawn.label = f"{label} = {named[0]}"
        _show_values(drawn, output if output is not None else named[1] if named else _retained(node))
        self.ids[id(node)] = drawn.id
        self.graph.nodes.append(drawn)
        for position, source in enumerate(sources):
            if source is not None:
                self.graph.edges.append(GraphEdge(source, drawn.id, position))

    def _source(self, node: Node, position: int) -> str | None:
        """Id of the node behind an input; None for plain arrays and numbers, which the tape does not keep."""
        edge = node.edges[position]
        if edge is None:
            edge = (node.constants or {}).get(position)
        if edge is None:
            return None
        return self.ids.get(id(edge)) or self._leaf(edge, self.names.path_of(node.module_path))

    def _output(self, name: str | None, tensor: Tensor, alone: bool) -> None:
        source = self._leaf(tensor, None) if tensor.node is None else self.ids[id(tensor.node)]
        number = self.counts[None, "output"]
        self.counts[None, "output"] += 1
        drawn = _tensor_node(self._id(name or f"output#{number}"), "output", tensor)
        drawn.label = name or ("output" if alone else f"output {number}")
        self.graph.nodes.append(drawn)
        self.graph.edges.append(GraphEdge(source, drawn.id))

    # --- leaves -----------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Tensor, path: str | None) -> str:
        """Id of the node of a leaf, drawn when it is first met."""
        name, kind, tensor = self.names.find(leaf)
        if id(tensor) not in self.ids:
            role = self.roles.get(id(leaf), kind)
            part = kind == "input" and name is None and not tensor.requires_grad and role != kind
            if part:  # what a layer made itself: a state of zeros, a scale from its buffers
                kind = "constant"
            if kind != "parameter":
                role = kind
            drawn = _tensor_node("", kind, tensor)
            drawn.id = self._id(name) if name else self._numbered(path if kind == "parameter" else None, role)
            drawn.label = name or _spoken(drawn.id, role != kind)
            if kind == "constant" and (repeats_one_number(tensor) or (part and is_one_number(tensor))):
                drawn.attributes = f"all {labels.value_text(tensor._data.flat[0].item())}"
            self.ids[id(tensor)] = drawn.id
            self.leaves[drawn.id] = drawn
            self.graph.nodes.append(drawn)
        self.ids[id(leaf)] = self.ids[id(tensor)]
        return self.ids[id(leaf)]

    def _place_leaves(self) -> None:
        """Parameters, buffers and constants stand in the innermost module call that has all their users."""
        chains = self.graph.chains()
        homes: dict[str, tuple[str, ...]] = {}
        module_of = {node.id: node.module for node in self.graph.nodes}
        for edge in self.graph.edges:
            leaf = self.leaves.get(edge.source)
            if leaf is not None and leaf.kind in ("parameter", "buffer", "constant"):
                chain = chains.get(module_of[edge.target] or "", ())
                homes[leaf.id] = _common(homes[leaf.id], chain) if leaf.id in homes else chain
        for name, chain in homes.items():
            self.leaves[name].module = chain[-1] if chain else None

    # --- modules ----------------------------------------------------------------------------------------------------

    def _chain(self, recorded: str | None, previous: tuple[str, ...]) -> tuple[str, ...]:
        """The module calls around an operator: those of the operator before it as far as the paths agree.

        The tape knows paths, not calls; operators of one path that follow each other are taken for one call.
        Calls are then intervals of the creation order, so folding them to one box each never makes a circle.
        """
        path = self.names.path_of(recorded)
        if path is None:
            return ()
        root = root_of(recorded)
        parts = path.split(".")
        chain: list[str] = []
        # two networks of one class that have no name have one path
        same = not previous or id(root) in self.names.called or self.roots[previous[0]] is root
        for depth in range(len(parts)):
            prefix = ".".join(parts[: depth + 1])
            if same and depth < len(previous) and _path_of(previous[depth]) == prefix:
                chain.append(previous[depth])
                continue
            same = False
            number = self.calls[prefix]
            self.calls[prefix] += 1
            call = f"{prefix}#{number}" if number else prefix
            self.graph.modules.append(GraphModule(call, prefix, parent=chain[-1] if chain else None))
            self.roots[call] = root
            chain.append(call)
        return tuple(chain)

    def _describe_modules(self) -> None:
        chains = self.graph.chains()
        seen: Counter[str] = Counter()
        for leaf in self.leaves.values():
            if leaf.kind == "parameter":
                seen.update(dict.fromkeys(chains.get(leaf.module or "", ()), leaf.parameters))
        total = sum(leaf.parameters for leaf in self.leaves.values() if leaf.kind == "parameter")
        self.graph.parameters = self.names.parameters or total
        for call in self.graph.modules:
            module = self.names.module_at(call.path, self.roots[call.id])
            if module is not None:
                call.cls = type(module).__name__
            else:
                call.cls = call.path if call.parent is None else ""
            if module is not None and id(module) in self.names.counted:
                call.parameters = sum(p._data.size for p in module.parameters())
            else:
                call.parameters = seen[call.id]


# --- helpers ----------------------------------------------------------------------------------------------------------


def _named_outputs(outputs: Any) -> list[tuple[str | None, Tensor]]:
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(outputs, Mapping):
        pairs = outputs.items()
    elif isinstance(outputs, (list, tuple)):
        pairs = ((None, tensor) for tensor in outputs)
    else:
        pairs = [(None, outputs)]
    named = []
    for name, tensor in pairs:
        if isinstance(tensor, Module):
            what = type(tensor).__name__
            raise TypeError(f"graph: draw what a model computes: graph(net(x), params=net); got the model, a {what}")
        if not isinstance(tensor, Tensor):
            raise TypeError(f"graph: outputs must be a tensor or several, got {type(tensor).__name__}")
        if tensor.view_of is not None:
            tensor.view_of.refresh(tensor)  # what it shares memory with may have been written since
        named.append((str(name) if name is not None else tensor.name, tensor))
    if not named:
        raise TypeError("graph: outputs must be a tensor or several, got none")
    return named


def _reachable(roots: list[Node]) -> list[Node]:
    """All nodes that the roots were made from, oldest first."""
    seen = {id(node): node for node in roots}
    stack = list(seen.values())
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, Node) and id(edge) not in seen:
                seen[id(edge)] = edge
                stack.append(edge)
    return sorted(seen.values(), key=lambda node: node.number)


def _tensor_node(name: str, kind: str, tensor: Tensor) -> GraphNode:
    drawn = GraphNode(
        id=name,
        kind=kind,
        label=name,
        shape=tuple(tensor.shape),
        dtype=_dtype_name(tensor.dtype),
        bytes=tensor._data.nbytes,
    )
    if kind == "parameter":
        drawn.parameters, drawn.trainable = tensor._data.size, tensor.requires_grad
    _show_values(drawn, tensor)
    return drawn


def _show_values(drawn: GraphNode, tensor: Tensor | None) -> None:
    """The number and the gradient of a scalar, the norm of the gradient of anything larger."""
    if tensor is None:
        return
    if tensor._data.size == 1:
        drawn.value = float(tensor._data.item())
        drawn.grad = None if tensor.grad is None else float(tensor.grad._data.item())
    elif tensor.grad is not None:
        drawn.grad_norm = float(np.sqrt(np.sum(np.square(tensor.grad._data, dtype=np.float64))))


def _spoken(id: str, role: bool) -> str:
    """The label of a leaf without a name: "input 0"; of a parameter whose role is known "weight", then "weight 1"."""
    word, _, number = id.rpartition("/")[2].partition("#")
    return word if role and number == "0" else f"{word} {number}"


def _retained(node: Node) -> Tensor | None:
    """The output of a node, when the user asked to keep its gradient."""
    for hook in (node.hooks or {}).values():
        if isinstance(hook, RetainGrad):
            return hook.tensor()
    return None


def _kernel(node: Node) -> tuple[int, ...] | None:
    """The kernel of a convolution, from its weight's shape."""
    if node.op.name not in ("conv", "conv_input_grad"):
        return None
    weight = node.edges[1] if node.edges[1] is not None else (node.constants or {}).get(1)
    return None if weight is None else tuple(weight.shape[2:])


def _saved_bytes(node: Node) -> int | None:
    """Bytes that the node keeps for its rules; parameters are kept anyway. None once they are gone."""
    if node.freed:
        return None
    held: list[Any] = [node.value, node.saved, node.static]
    arrays: dict[int, int] = {}
    while held:
        value = held.pop()
        if isinstance(value, np.ndarray):
            arrays[id(value)] = value.nbytes
        elif isinstance(value, (list, tuple)):
            held.extend(value)
        elif isinstance(value, dict):
            held.extend(value.values())
        elif isinstance(value, Tensor):
            held.append(value._data)
    if arrays:
        for edge in node.edges:
            if isinstance(edge, Tensor):
                arrays.pop(id(edge._data), None)
    return sum(arrays.values())


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _path_of(call: str) -> str:
    head, mark, number = call.rpartition("#")
    return head if mark and number.isdigit() else call


#: NumPy builds the name anew each time, which takes longer than everything else about a small node.
_dtype_name = functools.cache(str)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
