"""How drawings look: colours by family of operators, outlines by kind of node, and the legend that says so."""

from __future__ import annotations

from typing import NamedTuple

from tensorgrad.viz.labels import FAMILIES, count_text, visible
from tensorgrad.viz.model import Graph

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
KIND_ATTRIBUTES = {
    "input": {"style": "filled", "penwidth": "2.4"},
    "parameter": {"style": "filled,rounded", "fontsize": "10"},
    "buffer": {"style": "filled,rounded,dashed", "fontsize": "10"},
    "constant": {"style": "filled,dotted", "fontsize": "10"},
    "output": {"style": "filled,rounded", "penwidth": "2.4"},
    "module": {"style": "filled", "peripheries": "2"},
    "op": {"style": "filled"},
}
#: Data flows down a straight trunk; parameters join from the side.
EDGE = {"weight": "8"}
SIDE_EDGE = {"color": "#b8c4d0", "arrowsize": "0.5"}
_LEGEND = {
    "input": "input: bold",
    "parameter": "parameter: rounded",
    "buffer": "buffer: dashed",
    "constant": "constant: dotted",
    "output": "output: bold, rounded",
    "module": "folded module: double outline",
}


# --- legend -----------------------------------------------------------------------------------------------------------


def legend(graph: Graph) -> str:
    """One line with the colours that occur, one with the totals, and what was left out. HTML, of our own words only."""
    families = {node.family for node in graph.nodes if node.kind in ("op", "module")}
    kinds = {node.kind for node in graph.nodes}
    operators = [(FAMILY_STYLE[name], _LEGEND.get(name, name)) for name in (*FAMILIES, "module") if name in families]
    tensors = [(style, _LEGEND[kind]) for kind, style in KIND_STYLE.items() if kind in kinds]
    total = f"{graph.operators:,} operator{'s' * (graph.operators != 1)}, {count_text(graph.parameters)}"
    if any(node.attributes.startswith(("k", "s")) and " p" in node.attributes for node in graph.nodes):
        total += "; k kernel, s stride, p padding, d dilation, g groups"
    texts = [total, *(part for note in graph.notes for part in note.split("; "))]
    rows = [row for row in (operators, tensors) if row]
    widest = max([*map(_width, rows), *map(len, texts)])
    lines = [_swatches(row, (widest - _width(row)) * _CHARACTER // 2) for row in rows]
    lines += [f"<TR><TD>{_html(text)}</TD></TR>" for text in texts]
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(lines)}</TABLE>>'


#: Width of an average character of the legend, in points.
_CHARACTER = 5


def _width(cells: list[tuple[Style, str]]) -> int:
    """Of a row of the legend, in characters, roughly."""
    return sum(len(text) + 7 for _, text in cells)


def _swatches(cells: list[tuple[Style, str]], margin: int) -> str:
    """A row of the legend: coloured squares with their meaning.

    Graphviz spreads a table over the width that the widest row needs; the ``margin`` at both ends takes it instead.
    """
    row = "".join(
        f'<TD BGCOLOR="{style.fill}" COLOR="{style.line}" BORDER="1" WIDTH="16" HEIGHT="12" FIXEDSIZE="TRUE"></TD>'
        f'<TD ALIGN="LEFT">{_html(text)}  </TD>'
        for style, text in cells
    )
    empty = f'<TD WIDTH="{margin}"></TD>' if margin > 0 else ""
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="2"><TR>{empty}{row}{empty}</TR></TABLE>'
    return f"<TR><TD>{table}</TD></TR>"


def _html(text: str) -> str:
    return visible(text, 200).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
