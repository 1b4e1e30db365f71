"""Transforms that push tangents forward: jvp, linearize, jacfwd, hvp.

There is no forward mode in the engine, and none is needed: ``v -> v' J`` is linear in ``v``, so its derivative in
the direction ``t`` is ``J t``. Two reverse passes, exact (J. Townsend, 2017).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tensorgrad.creation import zeros, zeros_like
from tensorgrad.errors import op_error
from tensorgrad.func.reverse import grad_and_value
from tensorgrad.func.trace import Function, Trace, Variable, basis, belongs_outside, derivatives, matched
from tensorgrad.ops.join import stack
from tensorgrad.ops.shape import reshape
from tensorgrad.tensor import Tensor


class _Linear:
    """The derivative of a traced function as a linear function of tangents."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        # v' J as a function of v; at which v is of no importance
        self.v = [_passive(y) if y.requires_grad else None for y in trace.leaves]
        live = [(y, v) for y, v in zip(trace.leaves, self.v, strict=True) if v is not None]
        self.pulled = trace.gradients([y for y, _ in live], [v for _, v in live], create_graph=True)

    def push(self, tangents: list[Tensor]) -> list[Tensor]:
        """One tangent for each leaf of the output."""
        live = [(p, t) for p, t in zip(self.pulled, tangents, strict=True) if p.requires_grad]
        inputs = [v for v in self.v if v is not None]
        create_graph = belongs_outside([self.pulled, tangents])
        moved = iter(derivatives([p for p, _ in live], inputs, [t for _, t in live], create_graph))
        return [
            zeros_like(y.detach()) if v is None else next(moved) for y, v in zip(self.trace.leaves, self.v, strict=True)
        ]


def _passive(y: Tensor) -> Variable:
    variable = Variable(zeros(*y.shape, dtype=y.dtype), requires_grad=True)
    variable.active = False
    return variable


def linearize(func: Function, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``(output, push)`` where ``push(*tangents)`` is the Jacobian-vector product at ``primals``; ``func`` runs once.

    Source: ``torch.func.linearize``.

    >>> import tensorgrad as tg
    >>> y, push = tg.func.linearize(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> push(tg.tensor([1.0, 0.0])).tolist(), push(tg.tensor([0.0, 1.0])).tolist()
    ([2.0, 0.0], [0.0, 4.0])
    """
    trace = Trace(func, primals, tuple(range(len(primals))), {}, False, "linearize")
    linear = _Linear(trace)

    def push(*tangents: Any) -> Any:
        directions = matched(primals, tangents, "tangent", "linearize")
        return trace.result(trace.build(linear.push(directions)), has_aux=False)

    return trace.result(trace.output, has_aux=False), push


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], has_aux: bool = False) -> Any:
    """``(output, derivative of the output along tangents)``: a Jacobian-vector product.

    ``primals`` and ``tangents`` are tuples of the same structure. Raises ValueError when they are not, TypeError for
    what is no tuple. Source: ``torch.func.jvp``.

    >>> import tensorgrad as tg
    >>> y, dy = tg.func.jvp(lambda x: x * x, (tg.tensor([1.0, 2.0]),), (tg.tensor([1.0, 0.0]),))
    >>> dy.tolist()
    [2.0, 0.0]
    """
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, (tuple, list)):
            raise op_error(TypeError, "jvp", f"{name} must be a tuple, one entry per argument; write (x,) for one")
    trace = Trace(func, tuple(primals), tuple(range(len(primals))), {}, has_aux, "jvp")
    directions = matched(tuple(primals), tuple(tangents), "tangent", "jvp")
    moved = trace.build(_Linear(trace).push(directions))
    return trace.result(trace.output, moved, has_aux=has_aux)


def jacfwd(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns the Jacobian, shape (*output, *input), one jvp per input element.

    Source: ``torch.func.jacfwd``.

    >>> import tensorgrad as tg
    >>> tg.func.jacfwd(lambda x: x.sum() * x)(tg.tensor([1.0, 2.0])).tolist()
    [[4.0, 1.0], [2.0, 5.0]]
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(func, args, argnums, kwargs, has_aux, "jacfwd")
        linear = _Linear(trace)
        still = [zeros_like(x.detach()) for x in trace.variables]
        parts: list[list[Any]] = [[] for _ in trace.leaves]  # of each output: one block for each variable
        for i, x in enumerate(trace.variables):
            columns = [linear.push([*still[:i], e, *still[i + 1 :]]) for e in basis(x)]
            for k, y in enumerate(trace.leaves):
                shape = (*y.shape, *x.shape)
                block = stack([c[k] for c in columns], dim=-1) if columns else zeros(*shape, dtype=y.dtype)
                parts[k].append(reshape(block, shape))
        return trace.result(trace.build([trace.arranged(p) for p in parts]), has_aux=has_aux)

    return jacobian


def hvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """``(value, Hessian times tangents)`` of a scalar function, without building the Hessian.

    Source: ``torch.autograd.functional.hvp``.

    >>> import tensorgrad as tg
    >>> x, v = tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0])
    >>> tg.func.hvp(lambda x: (x ** 3).sum(), (x,), (v,))[1][0].tolist()
    [6.0, 12.0]
    """
    _, product, value = jvp(grad_and_value(func, tuple(range(len(primals)))), primals, tangents, has_aux=True)
    return value, product
