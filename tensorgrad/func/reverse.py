"""Transforms that pull gradients back: grad, vjp, jacrev, hessian."""

from __future__ import annotations

import functools
from typing import Any

from tensorgrad.creation import zeros
from tensorgrad.func.trace import Function, Trace, basis, matched
from tensorgrad.ops.join import stack
from tensorgrad.ops.shape import reshape


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of the scalar function ``func``.

    ``argnums`` says with respect to which arguments; with ``has_aux`` the function returns ``(scalar, anything)`` and
    the gradient function ``(gradient, anything)``. Raises ValueError unless the result is one number, TypeError for
    arguments that are no floating-point tensors. Source: ``torch.func.grad``.

    >>> import tensorgrad as tg
    >>> tg.func.grad(tg.func.grad(lambda x: x ** 3))(tg.tensor(2.0)).item()
    12.0
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(func, args, argnums, kwargs, has_aux, "grad")
        return trace.result(trace.arranged(trace.gradients([trace.scalar()], [None])), has_aux=has_aux)

    return gradient


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns ``(gradient, value)`` of ``func``; with ``has_aux`` the value is ``(value, aux)``.

    Source: ``torch.func.grad_and_value``.

    >>> import tensorgrad as tg
    >>> gradient, value = tg.func.grad_and_value(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    >>> gradient.tolist(), value.item()
    ([2.0, 4.0], 5.0)
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(func, args, argnums, kwargs, has_aux, "grad")
        found = trace.arranged(trace.gradients([trace.scalar()], [None]))
        gradient, value, *aux = trace.result(found, trace.output, has_aux=has_aux)
        return gradient, (value, *aux) if has_aux else value

    return both


def value_and_grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns ``(value, gradient)``, in JAX's order.

    >>> import tensorgrad as tg
    >>> value, gradient = tg.func.value_and_grad(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    >>> value.item(), gradient.tolist()
    (5.0, [2.0, 4.0])
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def swapped(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return value, gradient

    return swapped


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """``(output, pull)`` where ``pull(cotangents)`` is the vector-Jacobian product at ``primals``, one per primal.

    ``cotangents`` have the structure of the output (None: 1 for one number). With ``has_aux``:
    ``(output, pull, aux)``. Raises ValueError for cotangents of another structure or shape.
    Source: ``torch.func.vjp``.

    >>> import tensorgrad as tg
    >>> y, pull = tg.func.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> pull(tg.ones(2))[0].tolist()
    [2.0, 4.0]
    """
    trace = Trace(func, primals, tuple(range(len(primals))), {}, has_aux, "vjp")

    def pull(cotangents: Any = None) -> Any:
        if cotangents is None:
            trace.scalar()
            vectors = [None]
        else:
            vectors = matched(trace.output, cotangents, "cotangent", "vjp")
        return trace.result(trace.arranged(trace.gradients(trace.leaves, vectors)), has_aux=False)

    output, *aux = trace.result(trace.output, None, has_aux=has_aux)
    return (output, pull, aux[-1]) if has_aux else (output, pull)


def jacrev(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns the Jacobian, shape (*output, *input), one reverse pass per output element.

    Source: ``torch.func.jacrev``.

    >>> import tensorgrad as tg
    >>> tg.func.jacrev(lambda x: x * x)(tg.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(func, args, argnums, kwargs, has_aux, "jacrev")
        blocks = []
        for y in trace.leaves:
            rows = [trace.gradients([y], [e]) for e in basis(y)]
            columns = list(zip(*rows, strict=True)) or [()] * len(trace.variables)
            parts = [
                reshape(stack(list(column)), (*y.shape, *x.shape))
                if column
                else zeros(*y.shape, *x.shape, dtype=x.dtype)
                for x, column in zip(trace.variables, columns, strict=True)
            ]
            blocks.append(trace.arranged(parts))
        return trace.result(trace.build(blocks), has_aux=has_aux)

    return jacobian


def hessian(func: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that returns the Hessian of a scalar function, shape (*input, *input).

    Source: ``torch.func.hessian``.

    >>> import tensorgrad as tg
    >>> tg.func.hessian(lambda x: (x ** 3).sum())(tg.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    return jacrev(jacrev(func, argnums), argnums)
