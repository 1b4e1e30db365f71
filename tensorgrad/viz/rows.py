"""What stands beside an operator: its parameters, and room for the titles that the data must not run through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from tensorgrad.viz.captions import box_lines, cluster_lines
from tensorgrad.viz.labels import visible
from tensorgrad.viz.model import Graph, GraphNode

#: Widths in points, roughly: an average character of a box and of a title or a parameter, a box without its text, the
#: gap between two boxes.
_LARGE, _SMALL, _EMPTY, _GAP = 5.8, 5.2, 20.0, 20.0


def rows_of(graph: Graph) -> dict[str, list[str]]:
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


def room_for_titles(graph: Graph, rows: dict[str, list[str]], clusters: Collection[str]) -> dict[str, float]:
    """Points to keep free left of the operators where data enters a cluster, so that it passes beside the title.

    Titles stand at the left of their cluster. Where parameters stand there too, they are mostly wide enough.
    """
    chains = graph.chains()
    modules = {module.id: module for module in graph.modules}
    nodes = {node.id: node for node in graph.nodes}
    beside = {id for row in rows.values() for id in row if id not in rows}
    entered: set[str] = set()
    room: dict[str, float] = {}
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        if source.kind in ("parameter", "buffer", "constant") or target.module is None or target.id in beside:
            continue
        outside = set(chains.get(source.module or "", ()))
        crossed = [id for id in chains[target.module] if id in clusters and id not in outside and id not in entered]
        entered.update(crossed)
        for id in crossed:
            wanted = _width(cluster_lines(modules[id], graph.parameters), _SMALL) + 6
            free = _free_left(target, [nodes[id] for id in rows.get(target.id, [target.id])])
            if wanted > free:
                room[target.id] = max(room.get(target.id, 1.0), wanted - free - _GAP)
    return room


def _free_left(node: GraphNode, row: list[GraphNode]) -> float:
    """From the left end of a row to the middle of an operator in it."""
    left = row[: row.index(node)]
    width = sum(_width(box_lines(other), _SMALL) + _EMPTY + _GAP for other in left)
    return width + (_width(box_lines(node), _LARGE) + _EMPTY) / 2


def _width(lines: list[str], character: float) -> float:
    return max(len(visible(line)) for line in lines) * character
