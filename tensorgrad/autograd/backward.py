"""Reverse mode: walk the graph from the newest node to the oldest, pulling gradients back through the rules.

A node is older than everything made from it, so a heap on creation numbers visits each node exactly once, after
all its consumers: no recursion and no sorting pass, for chains of any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np
from numpy import asarray, ndarray

from tensorgrad.autograd import in_place, lent
from tensorgrad.autograd.hooks import retains_grad, run_hooks, run_post_hooks
from tensorgrad.autograd.node import FREED, Node, Packed
from tensorgrad.autograd.primitive import TENSOR_CLASSES, wrap
from tensorgrad.autograd.structural import add, cast, sum_to
from tensorgrad.errors import describe
from tensorgrad.kernels.copy import copied, write
from tensorgrad.kernels.elementwise import add_to
from tensorgrad.kernels.slices import lie_alike
from tensorgrad.state import per_thread

#: What a rule with a mistake in it raises. What the engine itself refuses is a RuntimeError.
_MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)


class Sweep:
    """One backward pass: gradients wait in ``pending`` until every consumer of their owner has contributed."""

    def __init__(self, *, retain_graph: bool, create_graph: bool, needed: set[Any] | None, wanted: set[Any]) -> None:
        self.retain_graph = retain_graph
        self.create_graph = create_graph
        self.needed = needed  # owners on a path to the wanted ones; None: all
        self.wanted = wanted  # nodes whose gradient the caller asked for
        self.caught: dict[Any, Any] = {}
        self.pending: dict[Any, Any] = {}
        self.owned: set[Any] = set()  # owners whose pending array nobody else can hold
        self.heap: list[tuple[int, Node]] = []
        self.watchers = per_thread.state.watchers

    def seed(self, owner: Any, gradient: Any) -> None:
        """Start from ``owner`` (a node or a leaf) with the given gradient."""
        self._accumulate(owner, gradient)

    def _accumulate(self, owner: Any, gradient: Any) -> None:
        pending = self.pending
        if owner not in pending:
            pending[owner] = gradient
            if type(owner) is Node:
                heappush(self.heap, (-owner.number, owner))
        elif owner in self.owned:
            add_to(pending[owner], gradient)
        elif self.create_graph:
            pending[owner] = add(pending[owner], gradient)
        else:
            pending[owner] = asarray(add(pending[owner], gradient))
            self.owned.add(owner)

    def run(self) -> dict[Any, Any]:
        """Visit every node; returns the gradient of each leaf that was reached."""
        heap, pending, owned, needed = self.heap, self.pending, self.owned, self.needed
        while heap:
            node = heappop(heap)[1]
            g = pending.pop(node)
            if owned:
                owned.discard(node)
            saved = node.saved
            if saved is FREED:
                raise RuntimeError(
                    f"backward of {node.origin}: trying to backward through the graph a second time, but its saved "
                    "values were freed by the first; compute the loss anew (detach what is carried over from step to "
                    "step), or pass retain_graph=True to the first backward to keep them"
                )
            packed = saved if isinstance(saved, Packed) else None
            if packed is not None:
                packed.open(node)
            if node.hooks is not None:
                g = run_hooks(node.hooks, g, node)
            if node in self.wanted:
                self.caught[node] = g
            if node.number < in_place.last_write:
                lent.check_saved(node, node.place)
            edges = node.edges if needed is None else [edge if edge in needed else None for edge in node.edges]
            found = self._gradients(node, g, edges)
            if node.hooks is not None:
                found = self._after_hooks(node, g, edges, found)
            for edge, gradient in zip(edges, found):  # a joint rule may return fewer
                if edge is None or gradient is None:
                    continue
                leaf = type(edge) is not Node
                like = edge._data if leaf else edge
                if gradient.shape != like.shape or gradient.dtype is not like.dtype:
                    gradient = self._fitted(node, edge, gradient)
                if leaf and edge not in pending and _fresh(gradient, g, node, found):
                    owned.add(edge)
                    pending[edge] = gradient
                else:
                    self._accumulate(edge, gradient)
            if not self.retain_graph:
                node.free()
            elif packed is not None:
                packed.close(node)
        return pending

    def _gradients(self, node: Node, g: Any, edges: list[Any]) -> list[Any]:
        """What the rules of ``node`` make of ``g``: the gradients of its inputs, None where there is no edge."""
        for watcher in self.watchers:
            watcher.before_backward(node, g)
        try:
            if self.create_graph:
                found = self._rules_on_tensors(node, g, edges)
            else:
                # where the rule mentions only the shape of an input, its edge stands in for the value
                inputs = (
                    node.edges
                    if type(node.saved) is tuple  # none of them is saved
                    else [e if v is None else v for v, e in zip(node.saved, node.edges)]
                )
                found = node.op.gradients(g, node.value, inputs, edges, node.static)
            for watcher in self.watchers:
                watcher.backward(node, g, found)
        except _MISTAKES as error:
            if type(error) in (ValueError, TypeError, IndexError):
                raise type(error)(f"backward of {node.origin}: {error}") from error
            error.add_note(f"in backward of {node.origin}")  # made of more than a message
            raise
        return found

    def _after_hooks(self, node: Node, g: Any, edges: list[Any], found: list[Any]) -> list[Any]:
        """The gradients of the inputs, in their shapes and dtypes, as the hooks of ``node`` leave them."""
        fitted = [
            None if edge is None or gradient is None else self._fitted(node, edge, gradient)
            for edge, gradient in zip(edges, found)  # a joint rule may return fewer
        ]
        return run_post_hooks(node.hooks, fitted, g, node)

    def _fitted(self, node: Node, edge: Any, gradient: Any) -> Any:
        """``gradient`` in the shape and dtype of the input that it belongs to."""
        if gradient.shape != edge.shape:
            gradient = self._unbroadcast(node, gradient, edge.shape)
        if gradient.dtype != edge.dtype:
            gradient = cast(gradient, dtype=edge.dtype)
        return gradient

    @staticmethod
    def _unbroadcast(node: Node, gradient: Any, shape: tuple[int, ...]) -> Any:
        """Broadcasting is undone here, once for all operators: sum over the axes it added or stretched."""
        try:
            if np.broadcast_shapes(shape, gradient.shape) == gradient.shape:
                return sum_to(gradient, shape=shape)
        except ValueError:
            pass
        raise ValueError(
            f"backward of {node.origin}: a rule returned a gradient of shape {tuple(gradient.shape)} "
            f"for an input of shape {shape}"
        )

    def _rules_on_tensors(self, node: Node, g: Any, edges: Sequence[Any]) -> list[Any]:
        """Apply the rules to Tensors tied to the graph, so that they record themselves.

        What depends on none of them, the zeros of a step function, comes as an array: a constant of the new graph.
        """
        inputs = [
            edge if value is None else wrap(value, edge) if type(edge) is Node else value if edge is None else edge
            for value, edge in zip(node.saved, node.edges, strict=True)
        ]
        y = None if node.value is None else wrap(node.value, node)
        state = per_thread.state
        before = state.module_path
        state.module_path = node.module_path
        try:
            found = node.op.gradients(g, y, inputs, edges, node.static)
        finally:
            state.module_path = before
        return [x if x is None or type(x) in TENSOR_CLASSES else wrap(asarray(x)) for x in found]


def _fresh(gradient: Any, g: Any, node: Node, found: list[Any]) -> bool:
    """True when only this sweep can hold the array, so that a leaf may keep it without a copy.

    A rule makes its result from ``g``, the output and the inputs; if it is none of these, no view of them, and not
    the gradient of a second input too, it is new.
    """
    if type(gradient) is not ndarray or gradient is g or gradient is node.value:
        return False
    if gradient.base is not None and not alone_on_its_base(gradient):
        return False
    for known in node.saved:
        if gradient is known:
            return False
    for known in node.static.values():
        if gradient is known:
            return False
    times = 0
    for other in found:
        times += gradient is other
    return times <= 1


_view = np.empty(1)[:]
_REFERENCES = getrefcount(_view.base)  # to an array that only one view refers to: the view's, and those of asking


def alone_on_its_base(view: ndarray) -> bool:
    """True for a view of all of an array to which nothing else refers: as good as an array of its own."""
    whole = type(view.base) is ndarray and view.base.nbytes == view.nbytes and 0 not in view.strides
    return whole and view.flags.writeable and getrefcount(view.base) == _REFERENCES


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of ``tensors`` to ``.grad`` of every leaf they were made from.

    ``grad_tensors`` are the gradients with respect to ``tensors`` themselves, 1 for a scalar when not given.
    ``retain_graph`` (default: ``create_graph``) keeps the saved values for another backward. With ``create_graph``
    the gradients are recorded and can be differentiated again. ``inputs`` restricts accumulation to these tensors,
    leaves or computed ones. Raises RuntimeError when a tensor needs no gradient or the graph was freed, ValueError on a
    wrong shape.
    Source: ``torch.autograd.backward``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """
    targets = None if inputs is None else _checked(_as_tuple(inputs), "backward")
    if targets == ():
        raise ValueError("backward: inputs must not be empty; leave it away for all leaves")
    gradients, caught = _sweep(_as_tuple(tensors), grad_tensors, retain_graph, create_graph, targets, "backward")
    with _recording(create_graph):
        for leaf, (gradient, owned) in gradients.items():
            accumulate_grad(leaf, gradient, owned, create_graph)
        for x in dict.fromkeys(targets or ()):
            if x.node in caught and not retains_grad(x):  # a computed tensor; one that retains it has it already
                accumulate_grad(x, caught[x.node], False, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    *,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; no ``.grad`` is touched.

    ``inputs`` is a tensor or any iterable of tensors, ``net.parameters()`` too. Raises RuntimeError when one of them
    was not used to make the outputs, unless ``allow_unused`` (then None) or ``materialize_grads`` (then zeros), and
    ValueError for ``only_inputs=False``, which is ``backward``. The other arguments are those of :func:`backward`.
    Source: ``torch.autograd.grad``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (first,) = tg.autograd.grad(x ** 3, x, create_graph=True)
    >>> (second,) = tg.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is gone; use backward(), which adds to .grad of all leaves")
    targets = _checked(_as_tuple(inputs), "grad")
    leaves, caught = _sweep(_as_tuple(outputs), grad_outputs, retain_graph, create_graph, targets, "grad")
    results = []
    for i, x in enumerate(targets):
        if x.node is not None:
            gradient, owned = caught.get(x.node), False
        else:
            gradient, owned = leaves.get(x, (None, False))
        if gradient is None and materialize_grads:
            gradient, owned = np.zeros(x.shape, x.dtype), True
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"grad: inputs[{i}] was not used to make the outputs, or only where their derivative is 0 (the slope "
                "of a ReLU); pass allow_unused=True to get None for it, or materialize_grads=True to get zeros"
            )
        results.append(None if gradient is None else _as_result(gradient, owned, x))
    return tuple(results)


def _sweep(
    roots: tuple[Any, ...],
    seeds: Any,
    retain_graph: bool | None,
    create_graph: bool,
    targets: tuple[Any, ...] | None,
    caller: str,
) -> tuple[dict[Any, tuple[Any, bool]], dict[Any, Any]]:
    """Run backward from ``roots``: gradients of the leaves (with ownership) and of the wanted nodes."""
    given = _as_tuple(seeds) if seeds is not None else (None,) * len(roots)
    if len(given) != len(roots):
        raise ValueError(f"{caller}: expected {len(roots)} output gradients, one per output, got {len(given)}")
    wanted = {x.node for x in targets if x.node is not None} if targets is not None else set()
    tape = per_thread.state.tape
    sweep = (Sweep if tape is None else tape.sweep)(
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        needed=None if targets is None else _on_path(roots, targets),
        wanted=wanted,
    )
    for root, seed in zip(roots, given, strict=True):
        if getattr(root, "view_of", None) is not None:
            root.view_of.refresh(root)
        gradient = _seed(root, seed, create_graph, caller)
        sweep.seed(root.node or root, gradient)
    with _recording(create_graph), np.errstate(all="ignore"):
        leaves = {
            leaf: (g, leaf in sweep.owned) if leaf.hooks is None else (run_hooks(leaf.hooks, g, leaf), False)
            for leaf, g in sweep.run().items()
        }
    return leaves, sweep.caught


@contextmanager
def _recording(on: bool) -> Iterator[None]:
    """Record, or do not, and leave it afterwards as it was."""
    state = per_thread.state
    before = state.recording
    state.recording = on
    try:
        yield
    finally:
        state.recording = before


def _as_tuple(tensors: Any) -> tuple[Any, ...]:
    """One tensor or array, or any iterable of them, as a tuple."""
    one = type(tensors) in TENSOR_CLASSES or isinstance(tensors, np.ndarray) or not isinstance(tensors, Iterable)
    return (tensors,) if one else tuple(tensors)


def _checked(inputs: tuple[Any, ...], caller: str) -> tuple[Any, ...]:
    """The tensors whose gradients are asked for; TypeError or RuntimeError for what can have none."""
    for i, x in enumerate(inputs):
        if type(x) not in TENSOR_CLASSES:
            raise TypeError(f"{caller}: inputs[{i}] must be a tensor, got {describe(x)}")
        if not x.requires_grad:
            raise RuntimeError(f"{caller}: inputs[{i}] does not require grad; set requires_grad=True before it is used")
    return inputs


def _seed(root: Any, seed: Any, create_graph: bool, caller: str) -> Any:
    """The gradient to start from: checked, and a raw array unless it must be differentiable."""
    if type(root) not in TENSOR_CLASSES:
        raise TypeError(f"{caller}: expected a tensor, got {describe(root)}")
    if not root.requires_grad:
        raise RuntimeError(
            f"{caller}: the tensor does not require grad and was not made from one that does; set "
            "requires_grad=True on the inputs, and check that no_grad, detach, item, numpy or argmax does not cut the "
            "graph: tg.autograd.explain_grad(parameter, loss) says where"
        )
    if seed is None:
        if root._data.size != 1:
            raise RuntimeError(
                f"{caller}: a gradient is created by itself only for scalar outputs, this one has shape {root.shape}; "
                "pass the gradient, or reduce the output, for example with .sum()"
            )
        array = np.empty(root.shape, root.dtype)
        array.fill(1)
        return wrap(array) if create_graph else array
    traced = type(seed) in TENSOR_CLASSES
    array = seed._data if traced else asarray(seed)
    if array.shape != root.shape:
        raise ValueError(
            f"{caller}: the gradient has shape {tuple(array.shape)}, expected the output's shape {tuple(root.shape)}"
        )
    if array.dtype != root.dtype:
        array, seed = array.astype(root.dtype), cast(seed, dtype=root.dtype) if traced else seed
    if not create_graph:
        return array
    return seed if traced else wrap(array)


def _on_path(roots: tuple[Any, ...], targets: tuple[Any, ...]) -> set[Any]:
    """The targets and every node between them and the roots."""
    seen: set[Any] = set()
    stack = [root.node for root in roots if getattr(root, "node", None) is not None]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [edge for edge in node.edges if type(edge) is Node]
    needed: set[Any] = {x.node or x for x in targets}
    for node in sorted(seen, key=lambda n: n.number):
        if any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def _as_result(gradient: Any, owned: bool, x: Any) -> Any:
    """The gradient of ``x`` as a Tensor that owns its memory (or is part of the new graph)."""
    return gradient if type(gradient) in TENSOR_CLASSES else wrap(_settled(gradient, owned, x._data))


def _settled(gradient: ndarray, owned: bool, data: ndarray) -> ndarray:
    """``gradient`` in memory of its own, in the order of ``data`` where that has no gaps, else in C order."""
    if not data.flags.c_contiguous:
        dense = np.empty_like(data)  # its axes lie in the order of those of data
        if lie_alike(data, dense):
            if owned and lie_alike(gradient, dense):
                return gradient
            write(gradient, dense)
            return dense
    return gradient if owned and gradient.flags.c_contiguous else copied(gradient)


def accumulate_grad(leaf: Any, gradient: Any, owned: bool, create_graph: bool) -> None:
    """``leaf.grad += gradient``: the first one is kept, later ones are added; in memory of its own in any case."""
    kept = leaf._grad
    if kept is None:
        leaf._grad = gradient.clone() if create_graph else _as_result(gradient, owned, leaf)
    elif create_graph or kept.requires_grad:
        leaf._grad = kept + gradient
    else:
        in_place.write(kept._data)
        np.add(kept._data, gradient, out=kept._data)
