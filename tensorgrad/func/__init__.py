"""Transforms of functions: grad, vjp, jvp, Jacobians, Hessians, vmap. They take and return functions, and nest.

Every transform works on pytrees: nested tuples, lists and dictionaries of tensors. What it returns is cut off from
the graph, unless somebody outside still differentiates: a transform around it, or a leaf that requires grad.
Source: ``torch.func``, and JAX, where the ideas come from.
"""

from tensorgrad.func.batch import vmap
from tensorgrad.func.forward import hvp, jacfwd, jvp, linearize
from tensorgrad.func.modules import functional_call, stack_module_state
from tensorgrad.func.reverse import grad, grad_and_value, hessian, jacrev, value_and_grad, vjp

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
