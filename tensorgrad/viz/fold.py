"""Big graphs to module level: what happens inside a module becomes one box."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

from tensorgrad.viz.model import Graph, GraphEdge, GraphNode

#: More operators than this are folded unless the caller says otherwise.
OPERATORS = 60


def fold(graph: Graph, depth: int | None = None) -> Graph:
    """A copy in which module calls at ``depth``, and calls that contain no others, are one box each.

    Depth 0 is the outermost module, 1 its children, and so on; None folds the innermost calls only. Operators
    outside every module stay. Inputs stay; parameters, buffers and constants go where all their users went.
    Raises ValueError for a negative depth.
    """
    if depth is not None and depth < 0:
        raise ValueError(f"fold: depth counts module levels from 0, the outermost; got {depth}")
    chains = graph.chains()
    parents = {module.parent for module in graph.modules}
    box_of: dict[str, str] = {}  # id of a node: id of the module call that swallows it

    for node in graph.nodes:
        chain = chains.get(node.module or "", ())
        if node.kind == "op" and chain:
            if depth is not None and len(chain) > depth:
                box_of[node.id] = chain[depth]
            elif chain[-1] not in parents:
                box_of[node.id] = chain[-1]
    users: dict[str, set[str | None]] = {}
    for edge in graph.edges:
        users.setdefault(edge.source, set()).add(box_of.get(edge.target))
    for node in graph.nodes:
        if node.kind in ("parameter", "buffer", "constant") and None not in (boxes := users.get(node.id, {None})):
            box_of[node.id] = min(str(box) for box in boxes)
    return _folded(graph, box_of) if box_of else graph


def fold_to_fit(graph: Graph, most: int = OPERATORS) -> Graph:
    """The graph itself when it has at most ``most`` operators, else the finest folding that has."""
    if graph.operators <= most or not graph.modules:
        return graph
    deepest = max(len(chain) for chain in graph.chains().values()) - 1
    folded = graph
    for depth in range(deepest, -1, -1):
        folded = fold(graph, depth)
        if sum(node.kind in ("op", "module") for node in folded.nodes) <= most:
            break
    return folded


def _folded(graph: Graph, box_of: dict[str, str]) -> Graph:
    calls = {module.id: module for module in graph.modules}
    chains = graph.chains()
    operators = {node.id for node in graph.nodes if node.kind == "op"}
    seen_outside = {edge.source for edge in graph.edges if box_of.get(edge.source) != box_of.get(edge.target)}
    members: dict[str, list[GraphNode]] = {}
    last: dict[str, str] = {}  # of every box the operator whose result leaves it, or simply its last
    for node in graph.nodes:
        call = box_of.get(node.id)
        if call is not None:
            members.setdefault(call, []).append(node)
            if node.kind == "op" and (node.id in seen_outside or last.get(call) not in seen_outside):
                last[call] = node.id

    nodes: list[GraphNode] = []
    taken = {node.id for node in graph.nodes if node.id not in box_of}
    names: dict[str, str] = {}
    for node in graph.nodes:
        call = box_of.get(node.id)
        if call is None:
            nodes.append(node)
        elif node.id == last[call]:  # where the result appears, so that nodes stay in creation order
            box = _box(calls[call].name, calls[call].cls, calls[call].parent, members[call], node)
            box.id = names[call] = f"{call}~" if call in taken else call
            nodes.append(box)

    edges: list[GraphEdge] = []
    ports: Counter[str] = Counter()
    linked: set[tuple[str, str]] = set()
    for edge in graph.edges:
        source, target = box_of.get(edge.source), box_of.get(edge.target)
        if source is not None and (source == target or edge.source not in operators):
            continue  # inside one box; or a parameter that two boxes share
        ends = names[source] if source else edge.source, names[target] if target else edge.target
        if target is None:
            edges.append(GraphEdge(*ends, edge.position))
        elif ends not in linked:
            linked.add(ends)
            edges.append(GraphEdge(*ends, ports[target]))
            ports[target] += 1

    used = {call for node in nodes if node.module is not None for call in chains[node.module]}
    modules = [module for module in graph.modules if module.id in used]
    count = sum(node.operators for group in members.values() for node in group)
    note = (
        f"{count:,} of {graph.operators:,} operators are folded into {len(members):,} "
        f'module{"s" * (len(members) != 1)}; detail="op" draws every one, depth= chooses the level'
    )
    return Graph(nodes, edges, modules, graph.parameters, [*graph.notes, note])


def _box(name: str, cls: str, parent: str | None, group: list[GraphNode], last: GraphNode) -> GraphNode:
    inside = [node for node in group if node.kind == "op"]
    kinds = Counter(node.label.partition(" = ")[0] for node in inside)
    families = {node.family for node in inside}
    saved = [node.saved_bytes for node in inside]
    parameters = [node for node in group if node.kind == "parameter"]
    what = [f"{label} ×{times}" if times > 1 else label for label, times in kinds.items()]
    short = inside[0].attributes if len(inside) == 1 and inside[0].attributes else ", ".join(what[:3])
    return dataclasses.replace(
        last,
        kind="module",
        label=name if cls in ("", name) else f"{name}: {cls}",
        operator=cls,
        family=_main_family(families),
        attributes=short + (f" and {len(what) - 3} more" if len(what) > 3 else ""),
        static={"operators": ", ".join(what)},
        module=parent,
        parameters=sum(node.parameters for node in parameters),
        trainable=not parameters or any(node.trainable for node in parameters),
        saved_bytes=None if None in saved else sum(size or 0 for size in saved),
        source=None,
        value=None,
        grad=None,
        grad_norm=_joint_norm(parameters),
        operators=len(inside),
    )


def _joint_norm(parameters: list[GraphNode]) -> float | None:
    """The norm of all gradients together; None before backward."""
    norms = [abs(norm) for node in parameters for norm in (node.grad, node.grad_norm) if norm is not None]
    return math.hypot(*norms) if norms else None


def _main_family(families: set[str]) -> str:
    """The family that tells what a module is for; mixed ones are just modules."""
    telling = families - {"elementwise, reduce", "pool, shape"} or families
    return telling.pop() if len(telling) == 1 else "module"
