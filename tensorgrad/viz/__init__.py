"""Drawings of the live graph, and the summary of a model.

Nothing here is imported by the core, and graphviz only when something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorgrad.viz.fold import fold, fold_to_fit
from tensorgrad.viz.model import Graph, GraphEdge, GraphModule, GraphNode
from tensorgrad.viz.render import RendererNotFound
from tensorgrad.viz.summary import LayerRow, Summary, summary
from tensorgrad.viz.tape import read_tape

if TYPE_CHECKING:
    from tensorgrad.viz.drawing import Drawing

__all__ = [
    "Drawing",
    "Graph",
    "GraphEdge",
    "GraphModule",
    "GraphNode",
    "LayerRow",
    "RendererNotFound",
    "Summary",
    "graph",
    "summary",
]


def graph(
    outputs: Any,
    params: Any = None,
    *,
    depth: int | None = None,
    detail: str | None = None,
    rankdir: str = "TB",
) -> Drawing:
    """The graph that made ``outputs``, before or after backward: a graphviz.Digraph which also carries its model.

    Parameters: ``outputs``, a tensor, or several in a list, a tuple or a dictionary of names; ``params``, a Module, or
    names and tensors in a dictionary or as pairs (``net.named_parameters()``), which gives leaves (and intermediate
    results) their names; ``detail``, "op" for every operator, "module" for one box a layer, None for operators up to
    60 of them and modules beyond; ``depth``, the level of modules that become one box: 0 the outermost, 1 its
    children; ``rankdir``, "TB" or "LR".
    Where their tensor is known (leaves, outputs, named ones and those that called ``retain_grad()``), scalars show
    ``data | grad`` and larger tensors ``|grad|``, the norm of their gradient, once they have one.
    Raises TypeError for other outputs and params, ValueError for other options.

    >>> import tensorgrad as tg, tensorgrad.viz
    >>> a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    >>> loss = a * b + a
    >>> loss.backward()
    >>> g = tg.viz.graph(loss, params={"a": a, "b": b})
    >>> [(node.id, node.value, node.grad) for node in g.model.nodes if node.kind == "parameter"]
    [('a', 2.0, 4.0), ('b', 3.0, 2.0)]
    """
    if detail not in (None, "op", "module"):
        raise ValueError(f'graph: detail must be "op", "module" or None, got {detail!r}')
    if detail == "op" and depth is not None:
        raise ValueError('graph: detail="op" draws every operator and depth= folds them; give one of the two')
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ValueError(f'graph: rankdir must be "TB", "LR", "BT" or "RL", got {rankdir!r}')
    model = read_tape(outputs, params)
    if detail == "module" or depth is not None:
        model = fold(model, depth)
    elif detail is None:
        model = fold_to_fit(model)
    from tensorgrad.viz.drawing import Drawing  # here, because it imports graphviz

    return Drawing("tensorgrad", model=model, rankdir=rankdir)


def __getattr__(name: str) -> Any:
    if name == "Drawing":
        from tensorgrad.viz.drawing import Drawing

        return Drawing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
