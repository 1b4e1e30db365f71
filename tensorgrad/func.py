"""Transforms of functions: grad, vjp, jvp, Jacobians, Hessians, vmap. They take and return functions, and nest.

Every transform works on pytrees: nested tuples, lists and dictionaries of tensors.
Source: ``torch.func``, and JAX, where the ideas come from.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tensorgrad.autograd.backward import grad as _reverse
from tensorgrad.autograd.mode import enable_grad
from tensorgrad.creation import zeros, zeros_like
from tensorgrad.errors import describe, op_error
from tensorgrad.ops.join import stack
from tensorgrad.ops.shape import reshape
from tensorgrad.pytree import flatten, tree_map
from tensorgrad.tensor import Tensor

Function = Callable[..., Any]


def _positions(argnums: int | tuple[int, ...], args: tuple[Any, ...], op: str) -> tuple[int, ...]:
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    for i in chosen:
        if not -len(args) <= i < len(args):
            raise op_error(ValueError, op, f"argnums {i} is out of range for {len(args)} arguments")
    return tuple(i % len(args) for i in chosen)


class _Variable(Tensor):
    """A leaf that a transform differentiates with respect to; ``active`` while the transform's function runs."""

    active = True


def _fresh(leaf: Any, op: str) -> Tensor:
    """The point to differentiate at: connected to what made it, so that transforms nest, but a variable of its own."""
    if not isinstance(leaf, Tensor) or leaf.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected floating-point tensors to differentiate with respect to, got {describe(leaf)}")
    if leaf.requires_grad:
        return leaf.clone()
    return _Variable(leaf.data, requires_grad=True)


class _Trace:
    """A function run once with fresh variables in place of some of its arguments."""

    def __init__(self, function: Function, args: tuple[Any, ...], argnums: Any, kwargs: Any, has_aux: bool, op: str):
        self.op = op
        self.single = not isinstance(argnums, tuple)
        places = _positions(argnums, args, op)
        arguments = list(args)
        self.variables: list[Tensor] = []
        self.builders: list[tuple[int, Callable[[list[Any]], Any]]] = []
        with enable_grad():
            for i in places:
                leaves, build = flatten(args[i])
                fresh = [_fresh(leaf, op) for leaf in leaves]
                arguments[i] = build(fresh)
                self.variables += fresh
                self.builders.append((len(fresh), build))
            try:
                result = function(*arguments, **kwargs)
            finally:
                for variable in self.variables:
                    if isinstance(variable, _Variable):
                        variable.active = False
        self.aux = None
        if has_aux:
            result, self.aux = result
        self.output = result

    def scalar(self) -> Tensor:
        """The output, which must be one number."""
        if not isinstance(self.output, Tensor) or self.output.numel() != 1:
            raise op_error(ValueError, self.op, f"the function must return one number, got {describe(self.output)}")
        return self.output.reshape(())

    def gradients(self, outputs: list[Tensor], cotangents: list[Any], create_graph: bool) -> list[Tensor]:
        """One gradient for each variable; zero where the outputs do not depend on it."""
        live = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if isinstance(y, Tensor) and y.requires_grad]
        if not live:
            return [zeros_like(v.detach()) for v in self.variables]
        found = _reverse(
            [y for y, _ in live], self.variables, [g for _, g in live],
            retain_graph=True, create_graph=create_graph, allow_unused=True,
        )  # fmt: skip
        return [zeros_like(v.detach()) if g is None else g for g, v in zip(found, self.variables, strict=True)]

    def arranged(self, gradients: list[Any]) -> Any:
        """Gradients in the structure of the arguments they belong to."""
        parts, start = [], 0
        for count, build in self.builders:
            parts.append(build(gradients[start : start + count]))
            start += count
        return parts[0] if self.single else tuple(parts)


def _detached(tree: Any) -> Any:
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of the scalar function ``func``.

    ``argnums`` says with respect to which arguments; with ``has_aux`` the function returns ``(scalar, anything)`` and
    the gradient function ``(gradient, anything)``. Raises ValueError unless the result is one number.
    Source: ``torch.func.grad``.

    >>> import tensorgrad as tg
    >>> tg.func.grad(tg.func.grad(lambda x: x ** 3))(tg.tensor(2.0)).item()
    12.0
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        result, value = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns ``(gradient, value)`` of ``func``. Source: ``torch.func.grad_and_value``."""

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace(func, args, argnums, kwargs, has_aux, "grad")
        output = trace.scalar()
        gradients = trace.gradients([output], [None], create_graph=True)
        value = (output, trace.aux) if has_aux else output
        return _cut_unless_outer(trace.arranged(gradients)), _cut_unless_outer(value)

    return both


def _cut_unless_outer(tree: Any) -> Any:
    """Results stay in the graph only for somebody who differentiates outside of this transform."""
    return tree if _belongs_outside(tree) else _detached(tree)


def _belongs_outside(tree: Any) -> bool:
    """True when a result depends on a leaf of the user's, or on the variable of a transform that is still running."""
    seen: set[Any] = set()
    stack: list[Any] = [x.node or x for x in flatten(tree)[0] if isinstance(x, Tensor) and x.requires_grad]
    while stack:
        edge = stack.pop()
        if isinstance(edge, _Variable):
            if edge.active:
                return True
        elif isinstance(edge, Tensor):
            return True
        elif edge not in seen:
            seen.add(edge)
            stack += [e for e in edge.edges if e is not None]
    return False


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

    Source: ``torch.func.vjp``.

    >>> import tensorgrad as tg
    >>> y, pull = tg.func.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> pull(tg.ones(2))[0].tolist()
    [2.0, 4.0]
    """
    trace = _Trace(func, primals, tuple(range(len(primals))), {}, has_aux, "vjp")
    outputs, _ = flatten(trace.output)

    def pull(cotangents: Any) -> tuple[Any, ...]:
        vectors, _ = flatten(cotangents)
        if len(vectors) != len(outputs):
            raise op_error(ValueError, "vjp", f"expected {len(outputs)} cotangents, one per output, got {len(vectors)}")
        gradients = trace.gradients(outputs, vectors, create_graph=True)
        return tuple(_cut_unless_outer(trace.arranged(gradients)))

    output = _cut_unless_outer(trace.output)
    return (output, pull, trace.aux) if has_aux else (output, pull)


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], has_aux: bool = False) -> Any:
    """``(output, derivative of the output along tangents)``: a Jacobian-vector product.

    The vjp is linear in its cotangent, and differentiating it with respect to that gives the jvp: two reverse
    passes, exact. Source: ``torch.func.jvp``; the double-vjp trick is by J. Townsend (2017).

    >>> import tensorgrad as tg
    >>> y, dy = tg.func.jvp(lambda x: x * x, (tg.tensor([1.0, 2.0]),), (tg.tensor([1.0, 0.0]),))
    >>> dy.tolist()
    [2.0, 0.0]
    """
    if len(primals) != len(tangents):
        raise op_error(ValueError, "jvp", f"expected one tangent per primal, got {len(tangents)} for {len(primals)}")
    trace = _Trace(func, tuple(primals), tuple(range(len(primals))), {}, has_aux, "jvp")
    outputs, build = flatten(trace.output)
    directions, _ = flatten(tuple(tangents))
    for variable, direction in zip(trace.variables, directions, strict=True):
        if not isinstance(direction, Tensor) or direction.shape != variable.shape:
            raise op_error(ValueError, "jvp", f"expected a tangent of shape {variable.shape}, got {describe(direction)}")
    dummies = [_inactive(zeros(y.shape, dtype=y.dtype)) for y in outputs]
    pulled = trace.gradients(outputs, dummies, create_graph=True)
    live = [(p, t) for p, t in zip(pulled, directions, strict=True) if p.requires_grad]
    if live:
        moved = _reverse(
            [p for p, _ in live], dummies, [t for _, t in live], create_graph=True, retain_graph=True, allow_unused=True
        )
    else:
        moved = (None,) * len(dummies)
    derivative = build([zeros_like(y.detach()) if d is None else d for d, y in zip(moved, outputs, strict=True)])
    result = _cut_unless_outer(trace.output), _cut_unless_outer(derivative)
    return (*result, trace.aux) if has_aux else result


def _inactive(value: Tensor) -> Tensor:
    variable = _Variable(value.data, requires_grad=True)
    variable.active = False
    return variable


def _one_hots(y: Tensor) -> list[Tensor]:
    """The standard basis in the shape of ``y``."""
    return [Tensor(row) for row in np.eye(y.numel(), dtype=y.dtype).reshape(y.numel(), *y.shape)]


def jacrev(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that returns the Jacobian, shape (*output, *input), one reverse pass per output element.

    Source: ``torch.func.jacrev``.

    >>> import tensorgrad as tg
    >>> tg.func.jacrev(lambda x: x * x)(tg.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace(func, args, argnums, kwargs, has_aux, "jacrev")
        outputs, build = flatten(trace.output)
        blocks = []
        for y in outputs:
            rows = [trace.gradients([y], [e], create_graph=True) for e in _one_hots(y)]
            parts = [
                reshape(stack(list(column)), (*y.shape, *v.shape)) if column else zeros(*y.shape, *v.shape, dtype=v.dtype)
                for v, column in zip(trace.variables, list(zip(*rows, strict=True)) or [()] * len(trace.variables), strict=True)
            ]
            blocks.append(trace.arranged(parts))
        result = _cut_unless_outer(build(blocks))
        return (result, trace.aux) if has_aux else result

    return jacobian


def jacfwd(func: Function, argnums: int = 0, has_aux: bool = False) -> Function:
    """The function that returns the Jacobian, one jvp per input element. Source: ``torch.func.jacfwd``.

    >>> import tensorgrad as tg
    >>> tg.func.jacfwd(lambda x: x.sum() * x)(tg.tensor([1.0, 2.0])).tolist()
    [[4.0, 1.0], [2.0, 5.0]]
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        (place,) = _positions(argnums, args, "jacfwd")
        x = args[place]
        if not isinstance(x, Tensor):
            raise op_error(TypeError, "jacfwd", f"expected a tensor to differentiate with respect to, got {describe(x)}")

        def of_one(value: Any) -> Any:
            return func(*args[:place], value, *args[place + 1 :], **kwargs)

        aux = None
        columns = []
        for e in _one_hots(x):
            out = jvp(of_one, (x,), (e,), has_aux=has_aux)
            columns.append(flatten(out[1]))
            aux = out[2] if has_aux else None
        if not columns:
            raise op_error(ValueError, "jacfwd", "the input has no elements")
        build = columns[0][1]
        stacked = [stack(list(parts), dim=-1) for parts in zip(*[leaves for leaves, _ in columns], strict=True)]
        result = build([reshape(s, (*s.shape[:-1], *x.shape)) for s in stacked])
        return (result, aux) if has_aux else result

    return jacobian


def hessian(func: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that returns the Hessian of a scalar function, shape (*input, *input).

    Source: ``torch.func.hessian``.

    >>> import tensorgrad as tg
    >>> tg.func.hessian(lambda x: (x ** 3).sum())(tg.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """``(value, Hessian times tangents)`` of a scalar function, without building the Hessian.

    Source: ``torch.autograd.functional.hvp``.

    >>> import tensorgrad as tg
    >>> x, v = tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0])
    >>> tg.func.hvp(lambda x: (x ** 3).sum(), (x,), (v,))[1][0].tolist()
    [6.0, 12.0]
    """
    value_of = grad_and_value(func, tuple(range(len(primals))))

    def gradients(*args: Any) -> Any:
        found, value = value_of(*args)
        return found, value

    _, product, value = jvp(gradients, primals, tangents, has_aux=True)
    return value.detach() if isinstance(value, Tensor) else value, product


def vmap(func: Function, in_dims: Any = 0, out_dims: Any = 0) -> Function:
    """The function mapped over a batch dimension of its arguments: a loop over samples and a stack, always right.

    ``in_dims`` is the batch dimension of every argument (an int, or one per argument; None: the same for all
    samples); ``out_dims`` where the batch stands in the results. Differentiable, nests with every transform.
    Source: ``torch.func.vmap``.

    >>> import tensorgrad as tg
    >>> per_sample = tg.func.vmap(tg.func.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))
    >>> per_sample(tg.tensor([1.0, 1.0]), tg.tensor([[1.0, 0.0], [0.0, 3.0]])).tolist()
    [[2.0, 0.0], [0.0, 18.0]]
    """

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        dims = list(in_dims) if isinstance(in_dims, (tuple, list)) else [in_dims] * len(args)
        if len(dims) != len(args):
            raise op_error(ValueError, "vmap", f"in_dims has {len(dims)} entries for {len(args)} arguments")
        sizes = {
            leaf.shape[dim]
            for arg, dim in zip(args, dims, strict=True)
            if dim is not None
            for leaf in flatten(arg)[0]
            if isinstance(leaf, Tensor)
        }
        if len(sizes) != 1:
            raise op_error(ValueError, "vmap", f"the batch dimensions must have one common size, got {sorted(sizes)}")
        size = sizes.pop()
        if size == 0:
            raise op_error(ValueError, "vmap", "the batch is empty")

        def sample(arg: Any, dim: int | None, i: int) -> Any:
            if dim is None:
                return arg
            return tree_map(lambda leaf: leaf[(slice(None),) * (dim % leaf.ndim) + (i,)], arg)

        results = [
            flatten(func(*[sample(a, d, i) for a, d in zip(args, dims, strict=True)], **kwargs)) for i in range(size)
        ]
        build = results[0][1]
        columns = list(zip(*[leaves for leaves, _ in results], strict=True))
        places = list(out_dims) if isinstance(out_dims, (tuple, list)) else [out_dims] * len(columns)
        return build([stack(list(c), dim=p) for c, p in zip(columns, places, strict=True)])

    return mapped


def functional_call(module: Any, parameters_and_buffers: Mapping[str, Any], args: Any = (), kwargs: Any = None) -> Any:
    """Call ``module`` with other values for the named parameters and buffers; the module is left as it was.

    Source: ``torch.func.functional_call``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(1, 1)
    >>> new = {"weight": tg.tensor([[3.0]]), "bias": tg.tensor([1.0])}
    >>> tg.func.functional_call(layer, new, (tg.tensor([[2.0]]),)).item()
    7.0
    """
    known = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    unknown = [name for name in parameters_and_buffers if name not in known]
    if unknown:
        raise op_error(ValueError, "functional_call", f"{type(module).__name__} has no {', '.join(unknown)}")
    replaced = {id(known[name]): value for name, value in parameters_and_buffers.items()}
    before: list[tuple[Any, Any, Any]] = []
    try:
        for part in module.modules():
            _replace(vars(part), replaced, before)
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for container, key, value in reversed(before):
            container[key] = value


def _replace(container: Any, replaced: dict[int, Any], before: list[tuple[Any, Any, Any]]) -> None:
    """Exchange tensors in attributes and in plain lists and dictionaries below them, remembering what was there."""
    items = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
    for key, value in items:
        if id(value) in replaced:
            before.append((container, key, value))
            container[key] = replaced[id(value)]
        elif type(value) in (list, dict):
            _replace(value, replaced, before)


def stack_module_state(models: list[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and buffers of several models of one kind, stacked along a new first dimension.

    Source: ``torch.func.stack_module_state``.
    """
    params = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: stack([p[name].detach() for p in params]).requires_grad_() for name in params[0]},
        {name: stack([b[name] for b in buffers]) for name in buffers[0]},
    )


__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "stack_module_state",
    "value_and_grad", "vjp", "vmap",
]  # fmt: skip
