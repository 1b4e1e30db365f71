"""The model of a drawing: plain dataclasses, from which every writer (DOT, JSON, text) works."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

#: Of the JSON form. Files of another version are refused.
VERSION = 1

#: What a node can be.
KINDS = ("input", "parameter", "buffer", "constant", "op", "module", "output")


@dataclass(slots=True)
class GraphNode:
    """One box. ``id`` is the same in every process: module path, operator and ordinal, or the tensor's name."""

    id: str
    kind: str  # one of KINDS
    label: str  # the operator as users call it ("conv2d"), the tensor's name, or "path: Class"
    shape: tuple[int, ...]
    dtype: str
    bytes: int = 0  # of the tensor
    operator: str = ""  # the primitive's own name ("conv"); of a folded module: its class
    family: str = ""  # of the operator, which is its colour; see `labels.FAMILIES`
    attributes: str = ""  # "k3 s1 p1 g1"
    static: dict[str, str] = field(default_factory=dict)  # every static argument, arrays summarised
    module: str | None = None  # id of the innermost module call it belongs to
    parameters: int = 0  # elements of a parameter; parameters inside a folded module
    trainable: bool = True  # False for a frozen parameter
    saved_bytes: int | None = 0  # kept for backward, without parameters; None once freed
    value: float | None = None  # of a scalar, where its tensor is known
    grad: float | None = None  # of a scalar, where it is known
    grad_norm: float | None = None  # of a larger tensor, where it has a gradient
    source: str | None = None  # file:line of the call, where it was recorded
    operators: int = 0  # recorded calls: 1 for an operator, more for a folded module


@dataclass(slots=True)
class GraphEdge:
    """``source`` is input number ``position`` of ``target``."""

    source: str
    target: str
    position: int = 0


@dataclass(slots=True)
class GraphModule:
    """One call of a module. ``id`` is its path, with ``#1``, ``#2`` for later calls of the same module."""

    id: str
    path: str  # "Net.features.0"
    cls: str = ""  # class name, "" where it is not known
    parent: str | None = None  # id of the call it happened in
    parameters: int = 0  # of the module and all below it

    @property
    def name(self) -> str:
        """The path below the outermost module; that module's class for itself."""
        return self.path.partition(".")[2] or self.path


@dataclass
class Graph:
    """What was recorded: nodes in creation order, edges, and the tree of module calls around them.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.tape import read_tape
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> graph = read_tape(x * x, params={"x": x})
    >>> [node.id for node in graph.nodes], [(edge.source, edge.target) for edge in graph.edges]
    (['x', 'mul#0', 'output#0'], [('x', 'mul#0'), ('x', 'mul#0'), ('mul#0', 'output#0')])
    >>> Graph.from_json(graph.to_json()) == graph
    True
    """

    nodes: list[GraphNode] = field(default_factory=list)
    edges: list[GraphEdge] = field(default_factory=list)
    modules: list[GraphModule] = field(default_factory=list)
    parameters: int = 0  # distinct elements of the model's parameters
    notes: list[str] = field(default_factory=list)  # what the drawing leaves out

    @property
    def operators(self) -> int:
        """How many recorded operator calls it shows, folded ones included."""
        return sum(node.operators for node in self.nodes)

    def chains(self) -> dict[str, tuple[str, ...]]:
        """For every module call the ids from the outermost call down to it."""
        chains: dict[str, tuple[str, ...]] = {}
        for module in self.modules:  # parents stand before their children
            chains[module.id] = (*(chains[module.parent] if module.parent else ()), module.id)
        return chains

    # --- the one source of every writer -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; fields at their default are left out."""
        return {
            "version": VERSION,
            "parameters": self.parameters,
            "notes": list(self.notes),
            "modules": [_plain(module) for module in self.modules],
            "nodes": [_plain(node) for node in self.nodes],
            "edges": [_plain(edge) for edge in self.edges],
        }

    def to_json(self) -> str:
        """The same bytes for the same program in every process: sorted keys, one node a line."""
        lines = []
        for key, value in sorted(self.to_dict().items()):
            if isinstance(value, list) and value:
                rows = ",\n".join("    " + json.dumps(row, sort_keys=True, allow_nan=False) for row in value)
                lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
            else:
                lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Graph:
        """The graph that :meth:`to_dict` wrote; ValueError for another version or anything else."""
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise ValueError(f"Graph.from_dict: expected a graph of version {VERSION}, as Graph.to_dict writes it")
        return cls(
            nodes=[GraphNode(**_typed(row)) for row in data["nodes"]],
            edges=[GraphEdge(**row) for row in data["edges"]],
            modules=[GraphModule(**row) for row in data["modules"]],
            parameters=data["parameters"],
            notes=list(data["notes"]),
        )

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """The graph that :meth:`to_json` wrote."""
        return cls.from_dict(json.loads(text))

    def to_text(self) -> str:
        """One line for every node: id, attributes, shape, and where its inputs come from."""
        return "\n".join(self._text_lines()) + "\n"

    def _text_lines(self) -> Iterator[str]:
        sources: dict[str, list[str]] = {}
        for edge in self.edges:
            sources.setdefault(edge.target, []).append(edge.source)
        for node in self.nodes:
            what = node.kind if node.kind not in ("op", "module") else node.attributes
            shape = f"{node.dtype}{list(node.shape)}"
            origin = f" <- {', '.join(sources[node.id])}" if node.id in sources else ""
            yield _one_line("  ".join(part for part in (node.id, what, shape) if part) + origin)
        yield from self.notes


def _plain(item: GraphNode | GraphEdge | GraphModule) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, default in _DEFAULTS[type(item)]:
        value = getattr(item, name)
        if value != default:
            row[name] = _jsonable(value)
    return row


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN
    return value


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    row = {**row, "shape": tuple(row["shape"])}
    for key in ("value", "grad", "grad_norm"):
        if row.get(key) is not None:
            row[key] = float(row[key])
    return row


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


_REQUIRED = object()
_DEFAULTS: dict[type, list[tuple[str, Any]]] = {
    cls: [
        (f.name, {} if f.name == "static" else _REQUIRED if f.name in ("id", "kind", "shape") else f.default)
        for f in fields(cls)
    ]
    for cls in (GraphNode, GraphEdge, GraphModule)
}
