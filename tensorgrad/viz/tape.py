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
from tensorgrad.nn.parameter import Parameter
from tensorgrad.tensor import Tensor
from tensorgrad.viz import labels
from tensorgrad.viz.model import Graph, GraphEdge, GraphModule, GraphNode


def read_tape(outputs: Any, params: Any = None) -> Graph:
    """The graph that made ``outputs``, operator by operator.

    Parameters: ``outputs``, a tensor, or several in a list, a tuple or a dictionary of names; ``params``, a Module,
    a dictionary of names to tensors (or modules), or None: what leaves are called.
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
    return _Reader(_Names(params)).read(named)


class _Names:
    """What the user calls tensors and modules."""

    def __init__(self, params: Any) -> None:
        self.modules: list[tuple[str, Module]] = []
        self.tensors: dict[int, tuple[str, str, Tensor]] = {}  # id of the tensor: name, kind, the tensor
        self.memory: dict[int, tuple[str, str, Tensor]] = {}  # id of the array, for views of buffers and inputs
        self.results: dict[int, tuple[str, Tensor]] = {}  # id of a Node: what its output is called
        if isinstance(params, Module):
            self._add_module("", params)
        elif isinstance(params, Mapping):
            for name, value in params.items():
                if isinstance(value, Module):
                    self._add_module(str(name), value)
                elif isinstance(value, Tensor):
                    self._add(str(name), "parameter" if _is_parameter(value) else "input", value)
                else:
                    raise TypeError(f"graph: params[{name!r}] must be a tensor or a Module, got {type(value).__name__}")
        elif params is not None:
            raise TypeError(
                "graph: params must be a Module, a dictionary of names to tensors, or None, "
                f"got {type(params).__name__}"
            )
        distinct = {id(t): t._data.size for _, kind, t in self.tensors.values() if kind == "parameter"}
        self.parameters = sum(distinct.values())

    def _add_module(self, prefix: str, module: Module) -> None:
        self.modules.append((prefix, module))
        for name, tensor in module.named_parameters(prefix):
            self._add(name, "parameter", tensor)
        for name, buffer in module.named_buffers(prefix):
            self._add(name, "buffer", buffer)

    def _add(self, name: str, kind: str, tensor: Tensor) -> None:
        if tensor.node is not None:
            self.results.setdefault(id(tensor.node), (name, tensor))
            return
        self.tensors.setdefault(id(tensor), (name, kind, tensor))
        if kind != "parameter":
            self.memory.setdefault(id(tensor._data), (name, kind, tensor))

    def find(self, tensor: Tensor) -> tuple[str | None, str, Tensor]:
        """Name and kind of a leaf, and the tensor of that name, of which the leaf may be a view."""
        found = self.tensors.get(id(tensor)) or self.memory.get(id(tensor._data))
        if found is None and tensor._data.base is not None:
            found = self.memory.get(id(tensor._data.base))
        return (tensor.name, _leaf_kind(tensor), tensor) if found is None else found

    def module_at(self, path: str) -> Module | None:
        """The module that recorded ``path``; the first part of a path is the outermost module's class."""
        root, _, below = path.partition(".")
        for _, module in self.modules:
            if type(module).__name__ == root:
                try:
                    return module.get_submodule(below)
                except KeyError:
                    continue
        return None


class _Reader:
    def __init__(self, names: _Names) -> None:
        self.names = names
        self.graph = Graph()
        self.used: set[str] = set()
        self.counts: Counter[tuple[str | None, str]] = Counter()
        self.calls: Counter[str] = Counter()
        self.ids: dict[int, str] = {}  # id of a Node or of a leaf: id of its GraphNode
        self.leaves: dict[str, GraphNode] = {}

    def read(self, outputs: list[tuple[str | None, Tensor]]) -> Graph:
        """Fill the graph, oldest operator first."""
        tape = _reachable([tensor.node for _, tensor in outputs if tensor.node is not None])
        known = {id(tensor.node): tensor for _, tensor in outputs if tensor.node is not None}
        chain: tuple[str, ...] = ()
        for node in tape:
            chain = self._chain(node.module_path, chain)
            self._operator(node, chain[-1] if chain else None, known.get(id(node)))
        for name, tensor in outputs:
            self._output(name, tensor, alone=len(outputs) == 1)
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
            id=self._numbered(node.module_path, label),
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
        _show_scalar(drawn, output if output is not None else named[1] if named else _retained(node))
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
        return self.ids.get(id(edge)) or self._leaf(edge, node.module_path)

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
            drawn = _tensor_node("", kind, tensor)
            drawn.id = self._id(name) if name else self._numbered(path if kind == "parameter" else None, kind)
            drawn.label = name or drawn.id.rpartition("/")[2].replace("#", " ")
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

    def _chain(self, path: str | None, previous: tuple[str, ...]) -> tuple[str, ...]:
        """The module calls around an operator: those of the operator before it as far as the paths agree.

        The tape knows paths, not calls; operators of one path that follow each other are taken for one call.
        Calls are then intervals of the creation order, so folding them to one box each never makes a circle.
        """
        if path is None:
            return ()
        parts = path.split(".")
        chain: list[str] = []
        same = True
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
            module = self.names.module_at(call.path)
            if module is not None:
                call.cls = type(module).__name__
                call.parameters = sum(p._data.size for p in module.parameters())
            else:
                call.cls = call.path if call.parent is None else ""
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
    _show_scalar(drawn, tensor)
    return drawn


def _show_scalar(drawn: GraphNode, tensor: Tensor | None) -> None:
    if tensor is not None and tensor._data.size == 1:
        drawn.value = float(tensor._data.item())
        drawn.grad = None if tensor.grad is None else float(tensor.grad._data.item())


def _retained(node: Node) -> Tensor | None:
    """The output of a node, when the user asked to keep its gradient."""
    for hook in (node.hooks or {}).values():
        if isinstance(hook, RetainGrad):
            return hook.tensor()
    return None


def _is_parameter(tensor: Tensor) -> bool:
    return tensor.requires_grad or isinstance(tensor, Parameter)


def _leaf_kind(tensor: Tensor) -> str:
    if isinstance(tensor, Parameter):
        return "parameter"
    if tensor.requires_grad or tensor.name is not None:
        return "input"
    return "constant" if tensor._data.size == 1 or tensor.dtype == np.bool_ else "input"


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
