"""From the model to DOT. Text is escaped by the graphviz package; only our own words are HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import graphviz

from tensorgrad.viz.labels import FAMILIES, count_text
from tensorgrad.viz.model import Graph, GraphModule, GraphNode

# --- the look ---------------------------------------------------------------------------------------------------------

INK, SOFT, LINE = "#1f2933", "#52606d", "#7b8794"
FONT = "Helvetica"  # what Graphviz knows the widths of; it names the fallbacks itself


class Style(NamedTuple):
    """Fill and outline."""

    fill: str
    line: str


#: Colour is never the only sign: operators carry their name, and tensors differ in outline too.
FAMILY_STYLE = {
    "conv, linear": Style("#8fbcea", "#2f6fb3"),
    "activation": Style("#fbd38d", "#c27a1a"),
    "normalise, dropout": Style("#8fd6cc", "#23877b"),
    "pool, shape": Style("#c3d2c5", "#66806c"),
    "loss": Style("#e6a3c2", "#a83a72"),
    "elementwise, reduce": Style("#e8ebee", "#8b96a2"),
    "module": Style("#d3dcec", "#5d739b"),
}
KIND_STYLE = {
    "input": Style("#ffffff", "#1f2933"),
    "parameter": Style("#e3f0fc", "#7fb0dd"),
    "buffer": Style("#f1f5f9", "#94a3b8"),
    "constant": Style("#ffffff", "#9aa5b1"),
    "output": Style("#bde5b8", "#3f8f3a"),
}
_KIND_ATTRIBUTES = {
    "input": {"style": "filled", "penwidth": "2.4"},
    "parameter": {"style": "filled,rounded", "fontsize": "10"},
    "buffer": {"style": "filled,rounded,dashed", "fontsize": "10"},
    "constant": {"style": "filled,dotted", "fontsize": "10"},
    "output": {"style": "filled,rounded", "penwidth": "2.4"},
    "module": {"style": "filled", "peripheries": "2"},
    "op": {"style": "filled"},
}
#: Data flows down a straight trunk; parameters join from the side.
_EDGE = {"weight": "8"}
_SMALL_EDGE = {"color": "#b8c4d0", "arrowsize": "0.5"}
_LEGEND = {
    "input": "input: bold",
    "parameter": "parameter: rounded",
    "buffer": "buffer: dashed",
    "constant": "constant: dotted",
    "output": "output: bold, rounded",
    "module": "folded module: double outline",
}


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
        label=_legend(graph),
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
    titles = {node.id: _title(named[node.module]) for node in graph.nodes if node.module in named}
    for node in inside.get(None, ()):
        _node(dot, node, titles)
    dot.body.extend(_clusters(graph, inside, below, titles))

    small = {node.id for node in graph.nodes if node.kind in ("parameter", "buffer", "constant")}
    for edge in graph.edges:
        attributes = _SMALL_EDGE if edge.source in small else _EDGE
        dot.edge(name_of(edge.source), name_of(edge.target), **attributes)
    return dot


def _clusters(
    graph: Graph,
    inside: dict[str | None, list[GraphNode]],
    below: dict[str | None, list[GraphModule]],
    titles: dict[str, str],
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
        quoted = graphviz.quoting.quote(f"cluster_{name_of(item.id)}")
        yield f"{pad}subgraph {quoted} {{\n"
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
    attributes = {"fillcolor": style.fill, "color": style.line, **_KIND_ATTRIBUTES[node.kind]}
    if not node.trainable:
        attributes["style"] += ",dashed"
    dot.node(name_of(node.id), label_of(_lines(node, titles.get(node.id))), tooltip=label_of([node.id]), **attributes)


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

_LONGEST = 60


def label_of(lines: list[str]) -> str:
    """Lines of any text as one DOT label that shows exactly this text.

    >>> print(label_of(["a<b>", r"back\\slash", "new\\nline"]))
    a<b>\\nback\\\\slash\\nnew\\\\nline
    """
    return graphviz.nohtml("\\n".join(graphviz.escape(_visible(line)) for line in lines))


def _visible(text: str) -> str:
    """Control characters by their escapes, too long a text shortened, ``&`` safe from entities."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return text.replace("&", "&amp;")


def name_of(id: str) -> str:
    """A node id as a DOT name: the colon means a port there and the backslash an escape.

    >>> name_of("Net.conv1/conv2d#0"), name_of("a:b")
    ('Net.conv1/conv2d#0', 'a%3Ab')
    """
    return "".join(c if c.isprintable() and c not in _AWKWARD else f"%{ord(c):X}" for c in id) or "%"


_AWKWARD = frozenset('%:"\\<>')


# --- legend -----------------------------------------------------------------------------------------------------------


def _legend(graph: Graph) -> str:
    """One line with the colours that occur, one with the totals, and what was left out. HTML, of our own words only."""
    families = {node.family for node in graph.nodes if node.kind in ("op", "module")}
    kinds = {node.kind for node in graph.nodes}
    operators = [(FAMILY_STYLE[name], _LEGEND.get(name, name)) for name in (*FAMILIES, "module") if name in families]
    tensors = [(style, _LEGEND[kind]) for kind, style in KIND_STYLE.items() if kind in kinds]
    total = f"{graph.operators:,} operator{'s' * (graph.operators != 1)}, {count_text(graph.parameters)}"
    if any(node.attributes.startswith(("k", "s")) and " p" in node.attributes for node in graph.nodes):
        total += " · k kernel, s stride, p padding, d dilation, g groups"
    rows = [_swatches(row) for row in (operators, tensors) if row]
    rows += [f"<TR><TD>{_html(text)}</TD></TR>" for text in (total, *graph.notes)]
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(rows)}</TABLE>>'


def _swatches(cells: list[tuple[Style, str]]) -> str:
    """A row of the legend: coloured squares with their meaning."""
    row = "".join(
        f'<TD BGCOLOR="{style.fill}" COLOR="{style.line}" BORDER="1" WIDTH="16" HEIGHT="12" FIXEDSIZE="TRUE"></TD>'
        f'<TD ALIGN="LEFT">{_html(text)}  </TD>'
        for style, text in cells
    )
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="2"><TR>{row}</TR></TABLE>'
    return f"<TR><TD>{table}</TD></TR>"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
