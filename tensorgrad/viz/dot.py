"""From the model to DOT. Text is escaped by the graphviz package; only our own words are HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import graphviz

from tensorgrad.viz.captions import box_lines, cluster_lines, module_title
from tensorgrad.viz.labels import visible
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
from tensorgrad.viz.rows import room_for_titles, rows_of


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
    rows = rows_of(graph)
    clusters = {module.id for module in graph.modules} - set(named)
    room = room_for_titles(graph, rows, clusters) if rankdir == "TB" else {}
    titles = {node.id: module_title(named[node.module]) for node in graph.nodes if node.module in named}
    for node in inside.get(None, ()):
        _node(dot, node, titles)
    dot.body.extend(_clusters(graph, inside, below, titles, rows, room))

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
    room: dict[str, float],
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
        scratch.attr(
            label=label_of(cluster_lines(item, graph.parameters), "\\l"), labelloc="t", labeljust="l", fontsize="10"
        )
        scratch.attr(style="rounded,dashed", color="#9aa9bd", bgcolor=_shade(depth), margin="10")
        for node in inside.get(item.id, ()):
            _node(scratch, node, titles)
            if node.id in rows:
                scratch.body.append(_row(rows[node.id], node.id))
            if node.id in room:
                scratch.body.append(_spacer(rows.get(node.id, [node.id]), room[node.id]))
        yield f"{pad}subgraph {_quoted(f'cluster_{name_of(item.id)}')} {{\n"
        yield from (pad + line for line in scratch.body)
        todo.append(depth)
        todo.extend(reversed(below.get(item.id, [])))
        depth += 1


def _shade(depth: int) -> str:
    return ("#f7f9fc", "#f0f4f9")[(depth - 1) % 2]


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
    dot.node(name_of(node.id), label_of(box_lines(node, titles.get(node.id))), tooltip=label_of(hint), **attributes)


def _row(row: list[str], operator: str) -> str:
    """The statement that puts nodes beside each other.

    Graphviz keeps a single node right of the operator, two only when invisible edges hold them there.
    """
    names = [_quoted(name_of(id)) for id in row]
    right = names[row.index(operator) :]
    hold = f" {' -> '.join(right)} [style=invis];" if len(right) > 2 else ""
    return f"\t{{rank=same; {'; '.join(names)};{hold}}}\n"


def _spacer(row: list[str], width: float) -> str:
    """The statement that keeps ``width`` points free left of a row."""
    empty, first = _quoted(f"%left of {name_of(row[0])}"), _quoted(name_of(row[0]))
    size = f'label="", width={width / 72:.2f}, height=0.1'
    return f"\t{empty} [style=invis, {size}] {{rank=same; {empty}; {first}; {empty} -> {first} [style=invis]}}\n"


# --- text that is not ours --------------------------------------------------------------------------------------------


def label_of(lines: list[str], end: str = "\\n") -> str:
    """Lines of any text as one DOT label that shows exactly this text; ``end`` is r"\\l" for lines at the left.

    >>> print(label_of(["a<b>", r"back\\slash", "new\\nline"]))
    a<b>\\nback\\\\slash\\nnew\\\\nline
    """
    text = end.join(graphviz.escape(visible(line).replace("&", "&amp;")) for line in lines)
    return graphviz.nohtml(text + end if end == "\\l" else text)


def _quoted(name: str) -> str:
    return str(graphviz.quoting.quote(name))


def name_of(id: str) -> str:
    """A node id as a DOT name: the colon means a port there, the backslash an escape, and "&" an entity.

    >>> name_of("Net.conv1/conv2d#0"), name_of("a:b")
    ('Net.conv1/conv2d#0', 'a%3Ab')
    """
    return "".join(c if c.isprintable() and c not in _AWKWARD else f"%{ord(c):X}" for c in id) or "%"


_AWKWARD = frozenset('%:"\\<>&')
