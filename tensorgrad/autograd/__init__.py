"""The engine: nodes, primitives, backward. It knows no operator by name but the four that gradients need."""

from tensorgrad.autograd.backward import backward, grad
from tensorgrad.autograd.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from tensorgrad.autograd.node import Node
from tensorgrad.autograd.primitive import primitive

__all__ = [
    "Node",
    "backward",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "no_grad",
    "primitive",
    "set_grad_enabled",
]
