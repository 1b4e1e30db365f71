"""From the model to DOT. Text is escaped by the graphviz package; only our own words are HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import graphviz

from tensorgrad.viz.labels import count_text, visible
from tensorgrad.viz.look import (
    EDGE,
    FAMILY_STYLE,
    FONT,
    INK,
    KIND_ATTRIBUTES,
    KIND_STYLE,
    LINE,
    SIDE_EDGE,
    SOFT,
    legend,
)
from tensorgrad.viz.model import Graph, GraphModule, GraphNode


def digraph(graph: Graph, *, rankdir: str = "TB", into: graphviz.Digraph | None = None) -> graphviz.Digraph:
    """Write the model into a graphviz.Digraph: a new one, or ``into``."""
    dot = graphviz.Digraph("tensorgrad") if into is None else into
    dot.attr(
        "graph",
        rankdir=rankdir,
        fontname=FONT,
        fontcolor=SOFT,
        fontsize="10",
        bgcolor="white",
        pad="0.3",
        nodesep="0.28",
        ranksep="0.34",
        newrank="false",
        labelloc="b",
        label=legend(graph),
    )
    dot.attr("node", shape="box", fontname=FONT, fontsize="11", fontcolor=INK, margin="0.14,0.07", height="0.3")
    dot.attr("edge", color=LINE, arrowsize="0.65", penwidth="1.1")

    inside: dict[str | None, list[GraphNode]] = {}
    for node in graph.nodes:
        inside.setdefault(node.module, []).append(node)
    below: dict[str | None, list[GraphModule]] = {}
    named = _modules_of_one_box(graph)
    for module in graph.modules:
        if module.id in named:
            inside.setdefault(module.parent, []).extend(inside.pop(module.id))
        else:
            below.setdefault(module.parent, []).append(module)
    rows = _rows(graph)
    titles = {node.id: _title(named[node.module]) for node in graph.nodes if node.module in named}
    for node in inside.get(None, ()):
        _node(dot, node, titles)
    dot.body.extend(_clusters(graph, inside, below, titles, rows))

    side = {node.id for node in graph.nodes if node.kind in ("parameter", "buffer", "constant")}
    leftwards = {(right, left) for row in rows.values() for left, right in pairwise(row)}
    for edge in graph.edges:
        attributes = SIDE_EDGE if edge.source in side else EDGE
        if (edge.source, edge.target) in leftwards:
            attributes = {**SIDE_EDGE, "weight": "0"}  # else Graphviz would put its source to the left
        dot.edge(name_of(edge.source), name_of(edge.target), **attributes)
    return dot


def _clusters(
    graph: Graph,
    inside: dict[str | None, list[GraphNode]],
    below: dict[str | None, list[GraphModule]],
    titles: dict[str, str],
    rows: dict[str, list[str]],
) -> Iterator[str]:
    """The lines of all module clusters, nested; with a stack, since nesting has no limit."""
    todo: list[GraphModule | int] = list(reversed(below.get(None, [])))
    depth = 1
    while todo:
        item = todo.pop()
        if isinstance(item, int):
            depth = item
            yield "\t" * depth + "}\n"
            continue
        pad = "\t" * depth
        scratch = graphviz.Digraph()
        scratch.attr(label=_cluster_label(item, graph.parameters), labelloc="t", labeljust="l", fontsize="10")
        scratch.attr(style="rounded,dashed", color="#9aa9bd", bgcolor=_shade(depth), margin="10")
        for node in inside.get(item.id, ()):
            _node(scratch, node, titles)
            if node.id in rows:
                scratch.body.append(_row(rows[node.id], node.id))
        yield f"{pad}subgraph {_quoted(f'cluster_{name_of(item.id)}')} {{\n"
        yield from (pad + line for line in scratch.body)
        todo.append(depth)
        todo.extend(reversed(below.get(item.id, [])))
        depth += 1


def _shade(depth: int) -> str:
    return ("#f7f9fc", "#f0f4f9")[(depth - 1) % 2]


def _rows(graph: Graph) -> dict[str, list[str]]:
    """For operators in modules the nodes that stand in one row with them: their parameters, left and right.

    Parameters above an operator would push the data aside; beside it they leave it a straight way down. An operator
    that only prepares a parameter (batch norm's reshape) stands between the two.
    """
    sources: dict[str, list[str]] = {}
    uses: Counter[str] = Counter()
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
        uses[edge.source] += 1
    nodes = {node.id: node for node in graph.nodes}
    rows: dict[str, list[str]] = {}
    placed: set[str] = set()
    for node in reversed(graph.nodes):  # newest first: what prepares a parameter is placed by its user
        if node.kind != "op" or node.module is None or node.id in placed:
            continue
        branches = []
        for source in sources.get(node.id, ()):
            branch = [source]
            if nodes[source].kind == "op" and len(sources.get(source, ())) == 1:
                branch = [sources[source][0], source]
            single = all(uses[id] == 1 and nodes[id].module == node.module for id in branch)
            if single and nodes[branch[0]].kind in ("parameter", "buffer"):
                branches.append(branch)
        if 0 < len(branches) <= 2 and len(branches) < len(sources[node.id]):
            left, right = branches[0], branches[1][::-1] if len(branches) == 2 else []
            rows[node.id] = [*left, node.id, *right]
            placed.update(rows[node.id])
    return rows


def _row(row: list[str], operator: str) -> str:
    """The statement that puts nodes beside each other.

    Graphviz keeps a single node right of the operator, two only when invisible edges hold them there.
    """
    names = [_quoted(name_of(id)) for id in row]
    right = names[row.index(operator) :]
    hold = f" {' -> '.join(right)} [style=invis];" if len(right) > 2 else ""
    return f"\t{{rank=same; {'; '.join(names)};{hold}}}\n"


def _modules_of_one_box(graph: Graph) -> dict[str, GraphModule]:
    """Module calls that hold a single box, such as ReLU: the box says their name, and no cluster surrounds it."""
    holds = Counter(node.module for node in graph.nodes if node.module is not None)
    parents = {module.parent for module in graph.modules}
    return {module.id: module for module in graph.modules if holds[module.id] == 1 and module.id not in parents}


def _node(dot: graphviz.Digraph, node: GraphNode, titles: dict[str, str]) -> None:
    style = KIND_STYLE.get(node.kind) or FAMILY_STYLE.get(node.family, FAMILY_STYLE["elementwise, reduce"])
    attributes = {"fillcolor": style.fill, "color": style.line, **KIND_ATTRIBUTES[node.kind]}
    if not node.trainable:
        attributes["style"] += ",dashed"
    hint = [node.id] if node.source is None else [node.id, node.source]
    dot.node(name_of(node.id), label_of(_lines(node, titles.get(node.id))), tooltip=label_of(hint), **attributes)


def _lines(node: GraphNode, title: str | None = None) -> list[str]:
    lines = [node.label] if title is None else [title, node.label]
    if node.attributes:
        lines.append(node.attributes)
    dtype = "" if node.dtype == "float32" else f"{node.dtype} "
    if node.value is None:
        lines.append(f"{dtype}{node.shape}" if node.shape else f"{dtype}scalar")
    else:
        lines.append(f"data {node.value:.4g}" + ("" if node.grad is None else f" | grad {node.grad:.4g}"))
    if node.kind == "parameter" and node.value is None:
        lines[-1] += f" = {node.parameters:,}"
    if node.kind == "module" and node.parameters:
        lines.append(count_text(node.parameters))
    if not node.trainable:
        lines.append("frozen")
    return lines


def _title(module: GraphModule) -> str:
    return module.name if module.cls in ("", module.name) else f"{module.name}: {module.cls}"


def _cluster_label(module: GraphModule, total: int) -> str:
    name = _title(module)
    if module.parameters:
        share = 100 * module.parameters / total if total else 100
        percent = f"{share:.0f}%" if share >= 9.95 or share == 0 else f"{share:.2g}%"
        name += f" ({count_text(module.parameters)}, {percent})"
    return label_of([name])


# --- text that is not ours --------------------------------------------------------------------------------------------


def label_of(lines: list[str]) -> str:
    """Lines of any text as one DOT label that shows exactly this text.

    >>> print(label_of(["a<b>", r"back\\slash", "new\\nline"]))
    a<b>\\nback\\\\slash\\nnew\\\\nline
    """
    return graphviz.nohtml("\\n".join(graphviz.escape(visible(line).replace("&", "&amp;")) for line in lines))


def _quoted(name: str) -> str:
    return str(graphviz.quoting.quote(name))


def name_of(id: str) -> str:
    """A node id as a DOT name: the colon means a port there and the backslash an escape.

    >>> name_of("Net.conv1/conv2d#0"), name_of("a:b")
    ('Net.conv1/conv2d#0', 'a%3Ab')
    """
    return "".join(c if c.isprintable() and c not in _AWKWARD else f"%{ord(c):X}" for c in id) or "%"


_AWKWARD = frozenset('%:"\\<>')
