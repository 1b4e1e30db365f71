"""Jacobians and Hessians under the names of ``torch.autograd.functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad import func as _func


def _all(inputs: Any) -> tuple[tuple[Any, ...], Any]:
    """The inputs as a tuple, and the argument numbers in PyTorch's convention: one tensor, or all of a tuple."""
    return (tuple(inputs), tuple(range(len(inputs)))) if isinstance(inputs, tuple) else ((inputs,), 0)


def jacobian(func: Callable[..., Any], inputs: Any) -> Any:
    """The Jacobian at ``inputs`` (a tensor, or a tuple of them). Source: ``torch.autograd.functional.jacobian``.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.jacobian(lambda x: x * x, tg.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    args, argnums = _all(inputs)
    return _func.jacrev(func, argnums)(*args)


def hessian(func: Callable[..., Any], inputs: Any) -> Any:
    """The Hessian of a scalar function at ``inputs``. Source: ``torch.autograd.functional.hessian``."""
    args, argnums = _all(inputs)
    return _func.hessian(func, argnums)(*args)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None) -> Any:
    """``(output, v' J)``; ``v`` may be left out for a scalar. Source: ``torch.autograd.functional.vjp``."""
    args, _ = _all(inputs)
    output, pull = _func.vjp(func, *args)
    pulled = pull(v)
    return output, pulled if isinstance(inputs, tuple) else pulled[0]


def jvp(func: Callable[..., Any], inputs: Any, v: Any) -> Any:
    """``(output, J v)``. Source: ``torch.autograd.functional.jvp``."""
    args, _ = _all(inputs)
    return _func.jvp(func, args, v if isinstance(inputs, tuple) else (v,))


def hvp(func: Callable[..., Any], inputs: Any, v: Any) -> Any:
    """``(value, H v)``. Source: ``torch.autograd.functional.hvp``."""
    args, _ = _all(inputs)
    value, product = _func.hvp(func, args, v if isinstance(inputs, tuple) else (v,))
    return value, product if isinstance(inputs, tuple) else product[0]


def vhp(func: Callable[..., Any], inputs: Any, v: Any) -> Any:
    """``(value, v' H)``, which is ``H v`` transposed: the Hessian is symmetric."""
    return hvp(func, inputs, v)
