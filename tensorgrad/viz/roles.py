"""What a leaf without a name is to the operator that uses it: its weight, its bias or its first state."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.autograd.node import Node
from tensorgrad.nn.parameter import Parameter
from tensorgrad.tensor import Tensor
from tensorgrad.viz.labels import family

_WEIGHT_AND_BIAS = {1: "weight", 2: "bias"}

#: By operator the roles of its inputs, by position.
_ROLES = {
    "batch_norm": _WEIGHT_AND_BIAS,
    "conv": _WEIGHT_AND_BIAS,
    "conv_input_grad": {1: "weight"},
    "embedding": {0: "weight"},
    "group_norm": _WEIGHT_AND_BIAS,
    "gru": {1: "weight", 2: "bias", 3: "state"},
    "layer_norm": _WEIGHT_AND_BIAS,
    "linear": _WEIGHT_AND_BIAS,
    "lstm": {1: "weight", 2: "state", 3: "state", 4: "weight"},
    "matmul": {0: "weight", 1: "weight"},
    "prelu": {1: "weight"},
    "rnn": {1: "weight", 2: "state"},
    "standardize": {2: "weight", 3: "bias"},
}


def roles_of(tape: list[Node]) -> dict[int, str]:
    """By id of a node or a leaf its role for the newest operator that uses it, where that is known.

    What only prepares an input (batch norm's reshape of its weight) passes the role on. What is added to the result of
    one of these operators, as a transposed convolution's bias is, is its bias.
    """
    roles: dict[int, str] = {}
    for node in reversed(tape):
        own = _ROLES.get(node.op.name, {})
        if not own and id(node) in roles and _prepares(node):
            own = dict.fromkeys(range(len(node.edges)), roles[id(node)])
        if node.op.name == "add" and _weighs(node.edges[0]) and _size(_input(node, 1)) < _size(node):
            own = {1: "bias"}
        for position, role in own.items():
            edge = _input(node, position)
            if edge is not None and not (node.op.name == "matmul" and _is_data(edge)):
                roles.setdefault(id(edge), role)
    return roles


def _input(node: Node, position: int) -> Any:
    """The node or the leaf that is input ``position``; None when it is no tensor."""
    edge = node.edges[position] if position < len(node.edges) else None
    return (node.constants or {}).get(position) if edge is None else edge


def _is_data(edge: Any) -> bool:
    """True for a leaf that is no parameter: either factor of a product may be one."""
    return isinstance(edge, Tensor) and not (edge.requires_grad or isinstance(edge, Parameter))


def _prepares(node: Node) -> bool:
    """True when a node changes the shape or the scale of a single input."""
    single = sum(edge is not None for edge in node.edges) == 1
    return single and (node.op.name == "mul" or family(node.op) == "pool, shape")


def _size(tensor: Any) -> int:
    return math.prod(tensor.shape) if tensor is not None else 0


def _weighs(edge: Any) -> bool:
    """True for the result of an operator with a weight, reshaped or not."""
    while isinstance(edge, Node) and edge.op.name == "reshape":
        edge = edge.edges[0]
    return isinstance(edge, Node) and edge.op.name in ("conv_input_grad", "matmul")
