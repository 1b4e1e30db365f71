"""The engine: nodes, primitives, backward. It knows no operator by name but the four that gradients need."""

from typing import Any

from tensorgrad.autograd import graph
from tensorgrad.autograd.anomaly import AnomalyError, detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from tensorgrad.autograd.backward import backward, grad
from tensorgrad.autograd.function import Function
from tensorgrad.autograd.mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tensorgrad.autograd.node import Node
from tensorgrad.autograd.primitive import primitive

#: What builds on tensors and their operators is loaded when it is first named.
_LATER = {
    "Variable": "tensorgrad.legacy",
    "explain_grad": "tensorgrad.autograd.explain",
    "gradcheck": "tensorgrad.autograd.gradient_check",
    "gradgradcheck": "tensorgrad.autograd.gradient_check",
}


def __getattr__(name: str) -> Any:
    """The tools that build on the whole package."""
    import importlib

    if name == "functional":
        return importlib.import_module("tensorgrad.autograd.functional")
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'tensorgrad.autograd' has no attribute {name!r}")


__all__ = [
    "AnomalyError",
    "Function",
    "Node",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "explain_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "primitive",
    "set_detect_anomaly",
    "set_grad_enabled",
]
