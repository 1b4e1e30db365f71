"""What the transforms share: a function that runs once on variables of its own, and who needs the result's graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd.backward import grad as _reverse
from tensorgrad.autograd.mode import enable_grad
from tensorgrad.autograd.primitive import wrap
from tensorgrad.creation import zeros_like
from tensorgrad.errors import describe, op_error
from tensorgrad.pytree import flatten, flatten_like, tree_map
from tensorgrad.tensor import Tensor

Function = Callable[..., Any]


class Variable(Tensor):
    """A leaf that a transform differentiates with respect to; ``active`` while the transform's function runs."""

    active = True


class Trace:
    """A function run once with fresh variables in place of some of its arguments.

    ``variables`` are their leaves, ``leaves`` those of the output, which ``build`` puts together again.
    """

    def __init__(self, function: Function, args: tuple[Any, ...], argnums: Any, kwargs: Any, has_aux: bool, op: str):
        self.op = op
        self.single = not isinstance(argnums, (tuple, list))
        arguments = list(args)
        self.variables: list[Tensor] = []
        self.builders: list[tuple[int, Callable[[list[Any]], Any]]] = []
        with enable_grad():
            for i in positions(argnums, args, op):
                leaves, build = flatten(args[i])
                fresh = [_fresh(leaf, op) for leaf in leaves]
                arguments[i] = build(fresh)
                self.variables += fresh
                self.builders.append((len(fresh), build))
            try:
                output = function(*arguments, **kwargs)
            finally:
                for variable in self.variables:
                    if isinstance(variable, Variable):
                        variable.active = False
        self.aux = None
        if has_aux:
            if not isinstance(output, tuple) or len(output) != 2:
                raise op_error(ValueError, op, "with has_aux the function must return (output, anything)")
            output, self.aux = output
        self.output = output
        self.leaves, self.build = flatten(output)
        for leaf in self.leaves:
            if not isinstance(leaf, Tensor):
                raise op_error(TypeError, op, f"the function must return tensors, got {describe(leaf)}")

    def scalar(self) -> Tensor:
        """The output, which must be one number."""
        if not isinstance(self.output, Tensor) or self.output.numel() != 1:
            found = describe(self.output) if isinstance(self.output, Tensor) else type(self.output).__name__
            raise op_error(ValueError, self.op, f"the function must return one number, got {found}")
        return self.output

    def gradients(self, outputs: list[Tensor], cotangents: list[Any], create_graph: bool | None = None) -> list[Tensor]:
        """One gradient for each variable; zero where the outputs do not depend on it.

        They are recorded (``create_graph``) when somebody outside of this transform differentiates.
        """
        live = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if y.requires_grad]
        if create_graph is None:
            create_graph = belongs_outside([*outputs, *cotangents])
        return derivatives([y for y, _ in live], self.variables, [g for _, g in live], create_graph)

    def arranged(self, gradients: list[Any]) -> Any:
        """Gradients in the structure of the arguments they belong to."""
        parts, start = [], 0
        for count, build in self.builders:
            parts.append(build(gradients[start : start + count]))
            start += count
        return parts[0] if self.single else tuple(parts)

    def result(self, *derivatives: Any, has_aux: bool) -> Any:
        """What the transform returns: its results, and the aux value behind them."""
        results = [cut_unless_outer(tree) for tree in derivatives]
        if has_aux:
            results.append(cut_unless_outer(self.aux))
        return results[0] if len(results) == 1 else tuple(results)


def derivatives(outputs: list[Tensor], inputs: Sequence[Tensor], seeds: list[Any], create_graph: bool) -> list[Tensor]:
    """Gradients of ``outputs``, zeros for inputs that they do not depend on; the graph stays for another time."""
    if not outputs or not inputs:
        return [zeros_like(x.detach()) for x in inputs]
    found = _reverse(outputs, inputs, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True)
    return [zeros_like(x.detach()) if g is None else g for g, x in zip(found, inputs, strict=True)]


def positions(argnums: Any, args: tuple[Any, ...], op: str) -> tuple[int, ...]:
    """The argument numbers as a tuple of numbers >= 0; ValueError when one is out of range or there twice."""
    chosen = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in chosen:
        if isinstance(i, bool) or not isinstance(i, int):
            raise op_error(TypeError, op, f"argnums must be integers, got {i!r}")
        if not -len(args) <= i < len(args):
            raise op_error(ValueError, op, f"argnums {i} is out of range for {len(args)} arguments")
    found = tuple(i % len(args) for i in chosen)
    if len(set(found)) < len(found):
        raise op_error(ValueError, op, f"argnums {chosen} names an argument twice")
    return found


def _fresh(leaf: Any, op: str) -> Tensor:
    """The point to differentiate at: connected to what made it, so that transforms nest, but a variable of its own."""
    if not isinstance(leaf, Tensor) or leaf.dtype.kind != "f":
        raise op_error(
            TypeError, op, f"expected floating-point tensors to differentiate with respect to, got {describe(leaf)}"
        )
    return leaf.clone() if leaf.requires_grad else Variable(leaf, requires_grad=True)


def matched(like: Any, tree: Any, what: str, op: str) -> list[Any]:
    """The leaves of ``tree``, which must have structure and shapes of ``like``."""
    try:
        leaves = flatten_like(like, tree)
    except ValueError as error:
        raise op_error(ValueError, op, f"the {what}s do not have the structure they belong to: {error}") from None
    for own, leaf in zip(flatten(like)[0], leaves, strict=True):
        if not isinstance(leaf, Tensor) or leaf.shape != own.shape:
            raise op_error(ValueError, op, f"expected a {what} of shape {tuple(own.shape)}, got {describe(leaf)}")
    return leaves


def basis(x: Tensor) -> list[Tensor]:
    """The unit vectors in the shape of ``x``."""
    return [wrap(row) for row in np.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)]


# --- who differentiates outside ---------------------------------------------------------------------------------------


def cut_unless_outer(tree: Any) -> Any:
    """Results stay in the graph only for somebody who differentiates outside of this transform."""
    if belongs_outside(tree):
        return tree
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) and x.requires_grad else x, tree)


def belongs_outside(tree: Any) -> bool:
    """True when a tensor depends on a leaf of the user's, or on the variable of a transform that is still running."""
    seen: set[Any] = set()
    stack: list[Any] = [x.node or x for x in flatten(tree)[0] if isinstance(x, Tensor) and x.requires_grad]
    while stack:
        edge = stack.pop()
        if isinstance(edge, Variable):
            if edge.active:
                return True
        elif isinstance(edge, Tensor):
            return True
        elif edge not in seen:
            seen.add(edge)
            stack += [e for e in edge.edges if e is not None]
    return False
