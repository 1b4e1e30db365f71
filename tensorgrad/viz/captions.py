"""The lines of text in a box and in the title of a cluster."""

from __future__ import annotations

from tensorgrad.viz.labels import count_text
from tensorgrad.viz.model import GraphModule, GraphNode


def box_lines(node: GraphNode, title: str | None = None) -> list[str]:
    """What a box says, below the ``title`` of the module it stands for alone."""
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
    if node.grad_norm is not None:
        lines.append(f"|grad| {node.grad_norm:.4g}")
    if not node.trainable:
        lines.append("frozen")
    return lines


def module_title(module: GraphModule) -> str:
    """The name of a module and its class.

    >>> module_title(GraphModule("Net.conv", "Net.conv", "Conv2d")), module_title(GraphModule("Net", "Net", "Net"))
    ('conv: Conv2d', 'Net')
    """
    return module.name if module.cls in ("", module.name) else f"{module.name}: {module.cls}"


def cluster_lines(module: GraphModule, total: int) -> list[str]:
    """The title of a cluster: the module, and its parameters unless an earlier call of it has said them.

    >>> cluster_lines(GraphModule("Net.fc", "Net.fc", "Linear", parameters=30), 60)
    ['fc: Linear', '30 parameters, 50%']
    """
    if not module.parameters or module.id != module.path:
        return [module_title(module)]
    share = 100 * module.parameters / total if total else 100
    percent = f"{share:.0f}%" if share >= 9.95 or share == 0 else f"{share:.2g}%"
    return [module_title(module), f"{count_text(module.parameters)}, {percent}"]
