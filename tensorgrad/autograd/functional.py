"""Jacobians, Hessians and products with them, under the names of ``torch.autograd.functional``.

``inputs`` is one tensor or a tuple of tensors, the arguments of ``func``. Results are cut off from the graph unless
``create_graph`` is set and the inputs require grad.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad import func as _func
from tensorgrad.creation import ones_like
from tensorgrad.errors import op_error
from tensorgrad.pytree import tree_map
from tensorgrad.tensor import Tensor


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], Any]:
    """The inputs as a tuple, and the argument numbers in PyTorch's convention: one tensor, or all of a tuple."""
    return (tuple(inputs), tuple(range(len(inputs)))) if isinstance(inputs, (tuple, list)) else ((inputs,), 0)


def _vectors(inputs: Any, v: Any, op: str) -> tuple[Any, ...]:
    """The directions as a tuple; without any, 1 for an input that is one number."""
    args, single = _arguments(inputs)
    if v is not None:
        return (v,) if single == 0 else tuple(v)
    if len(args) == 1 and args[0].numel() == 1:
        return (ones_like(args[0]),)
    raise op_error(ValueError, op, "v may be left out only where there is one number, an input or an output")


def _given(tree: Any, create_graph: bool) -> Any:
    if create_graph:
        return tree
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) and x.requires_grad else x, tree)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian at ``inputs``: ``[i][j]`` is output i by input j, a level is left out where there is only one.

    ``strategy`` is "reverse-mode" (one pass per output element) or "forward-mode" (one per input element);
    ``vectorize`` is accepted and changes nothing, ``strict`` is refused.
    Source: ``torch.autograd.functional.jacobian``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.jacobian(lambda x: x * x, tg.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    if strict:
        raise op_error(ValueError, "jacobian", "strict=True is not supported: independent outputs have zeros")
    if strategy not in ("reverse-mode", "forward-mode"):
        raise op_error(ValueError, "jacobian", f"strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    args, argnums = _arguments(inputs)
    transform = _func.jacrev if strategy == "reverse-mode" else _func.jacfwd
    return _given(transform(func, argnums)(*args), create_graph)


def hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
    """The Hessian of a scalar function at ``inputs``; ``[i][j]`` where there are several.

    Source: ``torch.autograd.functional.hessian``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.hessian(lambda x: (x ** 3).sum(), tg.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    args, argnums = _arguments(inputs)
    return _given(_func.hessian(func, argnums)(*args), create_graph)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """``(output, v' J)``; ``v`` may be left out for a scalar. Source: ``torch.autograd.functional.vjp``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.ones(2))[1].tolist()
    [2.0, 4.0]
    """
    args, single = _arguments(inputs)
    output, pull = _func.vjp(func, *args)
    pulled = pull(v)
    return _given((output, pulled[0] if single == 0 else pulled), create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """``(output, J v)``; ``v`` may be left out for one number. Source: ``torch.autograd.functional.jvp``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.ones(2))[1].tolist()
    [2.0, 4.0]
    """
    args, _ = _arguments(inputs)
    return _given(_func.jvp(func, args, _vectors(inputs, v, "jvp")), create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """``(value, H v)`` of a scalar function. Source: ``torch.autograd.functional.hvp``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.hvp(lambda x: (x ** 3).sum(), tg.tensor([1.0, 2.0]), tg.ones(2))[1].tolist()
    [6.0, 12.0]
    """
    args, single = _arguments(inputs)
    value, product = _func.hvp(func, args, _vectors(inputs, v, "hvp"))
    return _given((value, product[0] if single == 0 else product), create_graph)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """``(value, v' H)``: the same as :func:`hvp`, since the Hessian is symmetric.

    Source: ``torch.autograd.functional.vhp``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.vhp(lambda x: (x ** 3).sum(), tg.tensor([1.0, 2.0]), tg.ones(2))[1].tolist()
    [6.0, 12.0]
    """
    return hvp(func, inputs, v, create_graph)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
