"""Function: an operator written by the user as a pair of static methods, in PyTorch's form.

The two methods become one primitive with a joint rule. A node has exactly one output, so several outputs are laid
out one after the other in a vector, and each is a piece of it; what is saved is entered as further operands of the
node, so that the engine frees it, checks it for writes and packs it like everything else that is saved.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.primitive import TENSOR_CLASSES, Plan, Primitive, operator, wrap
from tensorgrad.errors import describe, op_error
from tensorgrad.state import per_thread


class FunctionCtx:
    """What ``forward`` hands over to ``backward``: saved tensors, and any attribute set on it.

    ``needs_input_grad`` says for each argument of ``apply`` whether backward must give a gradient for it.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._found: tuple[Any, ...] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs, outputs or other tensors (or None) for ``backward``; TypeError for anything else.

        Inputs and outputs stay connected to the graph under ``create_graph``; other tensors are constants there.
        """
        for tensor in tensors:
            if tensor is not None and type(tensor) not in TENSOR_CLASSES:
                raise TypeError(
                    f"save_for_backward: expected tensors or None, got {describe(tensor)}; set other values as "
                    "attributes: ctx.name = value"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` was given; RuntimeError outside of ``backward``."""
        if self._found is None:
            raise RuntimeError("saved_tensors: saved tensors are there while backward runs only")
        return self._found

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say that these outputs are constants (outputs of integer dtype are anyway)."""
        self._constant = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """Accepted and without effect: an output that nothing used has a gradient of zeros."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Refused with NotImplementedError: a forward returns new tensors here."""
        raise NotImplementedError("mark_dirty: forward must not write into its inputs; return a new tensor")


class Function:
    """An operator with a derivative of your own: subclass it and call ``apply``.

    ``forward(ctx, *args)`` computes with tensors, unrecorded; ``backward(ctx, *gradients)``, given one gradient an
    output, returns one gradient (or None) an argument. Written with tensor operators, ``backward`` can be
    differentiated again. The newer form is ``forward(*args)`` with ``setup_context(ctx, inputs, output)``.
    Arguments of ``apply`` that are no tensors go through as they are. Do not keep an output as an attribute of
    ``ctx``, save it: an attribute would make a circle. Raises ValueError and TypeError, which name the class, for a
    wrong number or shape of gradients, methods that are not static, and an array in the place of a result.
    Source: ``torch.autograd.Function``.

    >>> import tensorgrad as tg
    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * g
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y
    tensor(8., grad_fn=<Cube>)
    >>> (dy,) = tg.autograd.grad(y, x, create_graph=True)
    >>> dy.item(), tg.autograd.grad(dy, x)[0].item()
    (12.0, 12.0)
    """

    _operators: ClassVar[dict[Any, Callable[..., Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._operators = {}
        for name in ("forward", "setup_context", "backward"):
            if inspect.isfunction(vars(cls).get(name)):
                raise TypeError(f"{cls.__name__}.{name} must be static: write @staticmethod above it")

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__name__}: a Function is not instantiated; call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass writes its own."""
        raise NotImplementedError("Function: write a static forward method")

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """In the newer form: fill ``ctx`` from what went into ``forward`` and came out."""
        raise NotImplementedError("Function: write a static setup_context method, or a forward that takes ctx")

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Any:
        """The gradients of the arguments; every subclass writes its own."""
        raise NotImplementedError("Function: write a static backward method")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call ``forward`` and record one node for it."""
        ctx = FunctionCtx()
        state = per_thread.state
        tensors = [a for a in args if type(a) in TENSOR_CLASSES]
        ctx.needs_input_grad = tuple(type(a) in TENSOR_CLASSES and a.requires_grad for a in args)
        recording = state.recording
        state.recording = False
        try:
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        finally:
            state.recording = recording
        several = isinstance(result, (tuple, list))
        outputs = [_unshared(y, tensors) for y in (result if several else [result])]
        call = _Call(cls, ctx, args, list(result) if several else [result], outputs)
        if call.packed is None and recording and any(ctx.needs_input_grad):
            _check_returned(cls.__name__, call.constants)
        results = call.unpack(call.record(tensors) if call.packed is not None and tensors else None)
        return tuple(results) if several else results[0]


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a ``backward`` that computes outside of the graph: differentiating it again is a RuntimeError.

    Source: ``torch.autograd.function.once_differentiable``.

    >>> import numpy as np, tensorgrad as tg
    >>> from tensorgrad.autograd.function import once_differentiable
    >>> class Exp(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.array = np.exp(x.numpy(force=True))
    ...         return tg.Tensor(ctx.array.copy())
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return tg.Tensor(g.numpy() * ctx.array)
    >>> x = tg.tensor(0.0, requires_grad=True)
    >>> (g,) = tg.autograd.grad(Exp.apply(x), x, create_graph=True)
    >>> tg.autograd.grad(g, x)
    Traceback (most recent call last):
    RuntimeError: Exp.backward: trying to differentiate twice a function that was marked with @once_differentiable
    """

    @functools.wraps(backward)
    def marked(ctx: FunctionCtx, *gradients: Any) -> Any:
        return backward(ctx, *gradients)

    marked._once = True  # type: ignore[attr-defined]
    return marked


def _unshared(output: Any, tensors: list[Any]) -> Any:
    """The output, copied where it shares memory with an input: a write into it must not reach the input."""
    if type(output) not in TENSOR_CLASSES:
        return output
    owner = in_place.storage(output._data)
    return wrap(output._data.copy()) if any(in_place.storage(t._data) is owner for t in tensors) else output


def _check_returned(name: str, outputs: list[Any]) -> None:
    """Raise for an array that was meant to be the result: no gradient would ever come through it."""
    for y in outputs:
        if isinstance(y, np.ndarray) and y.dtype.kind == "f":
            raise TypeError(f"{name}.forward: returned an array, which carries no gradient; return tg.Tensor(array)")


def _detached(output: Any) -> Any:
    return wrap(output._data) if type(output) in TENSOR_CLASSES and output.requires_grad else output


class _Recorded(Primitive):
    """The primitive of a Function for one pattern of saved operands: what is saved is what the user saved."""

    def __init__(self, name: str, keep_output: bool, keep: tuple[bool, ...]) -> None:
        super().__init__(name, _hand_over, (), _joint_rule)
        self.keep = keep_output, keep

    def plan(self, unwanted: int, arity: int) -> Plan:
        keep_output, keep = self.keep
        drop = tuple([i for i, kept in enumerate(keep) if not kept])
        plan = keep_output, drop, None if any(keep) else (None,) * arity
        self.plans[unwanted, arity] = plan
        return plan


class _Call:
    """One call of ``apply``: how its outputs lie in the node's value, and where saved tensors are found."""

    __slots__ = ("cls", "constants", "ctx", "dtype", "extra", "layout", "packed", "positions", "saved", "single")

    def __init__(self, cls: type[Function], ctx: FunctionCtx, args: Any, returned: list[Any], outputs: list[Any]):
        self.cls, self.ctx = cls, ctx
        self.positions = [i for i, a in enumerate(args) if type(a) in TENSOR_CLASSES]
        constant = {id(t) for t in ctx._constant}
        self.layout: list[tuple[int, tuple[int, ...], np.dtype[Any]] | None] = []  # of each output: start, shape, dtype
        self.constants: list[Any] = []  # outputs without gradient, until they are handed out
        pieces = []
        start = 0
        for before, y in zip(returned, outputs, strict=True):
            differentiable = type(y) in TENSOR_CLASSES and y.dtype.kind == "f" and id(before) not in constant
            self.layout.append((start, tuple(y.shape), y.dtype) if differentiable else None)
            self.constants.append(None if differentiable else _detached(y))
            if differentiable:
                pieces.append(y._data)
                start += y._data.size
        self.single = len(pieces) == 1
        self.packed: np.ndarray | None = None
        if pieces:
            self.packed = pieces[0] if self.single else np.concatenate([p.ravel() for p in pieces])
        self.saved: list[tuple[str, int] | None] = []
        self.extra: list[np.ndarray] = []
        self._place_saved(args, returned)

    def _place_saved(self, args: Any, returned: list[Any]) -> None:
        """Where each saved tensor is found in backward: among the operands, or in the output."""
        for tensor in self.ctx._saved:
            if tensor is None:
                self.saved.append(None)
                continue
            same = [k for k, i in enumerate(self.positions) if args[i] is tensor]
            made = [k for k, y in enumerate(returned) if y is tensor and self.layout[k] is not None]
            if same:
                self.saved.append(("operand", same[0]))
            elif made:
                self.saved.append(("output", made[0]))
            else:
                self.saved.append(("operand", len(self.positions) + len(self.extra)))
                self.extra.append(tensor._data)
        self.ctx._saved = self.ctx._constant = ()

    def record(self, tensors: list[Any]) -> Any:
        """The tensor with the node, by the ordinary path of every operator."""
        places = {place for place in self.saved if place is not None}
        keep = tuple(("operand", k) in places for k in range(len(tensors) + len(self.extra)))
        pattern = any(kind == "output" for kind, _ in places), keep
        op = self.cls._operators.get(pattern)
        if op is None:
            op = self.cls._operators[pattern] = operator(_Recorded(self.cls.__name__, *pattern))
        extra, self.extra = self.extra, []
        return op(*tensors, *extra, call=self)

    def unpack(self, packed: Any) -> list[Any]:
        """The outputs, each a piece of ``packed``; without it (nothing to record), what forward returned."""
        if packed is None:
            packed = None if self.packed is None else wrap(self.packed)
        self.packed = None
        constants, self.constants = self.constants, [_Blank(c) for c in self.constants]
        return [c if self.layout[k] is None else self._piece(packed, k) for k, c in enumerate(constants)]

    def _piece(self, packed: Any, k: int) -> Any:
        place = self.layout[k]
        if self.single or place is None:
            return packed
        start, shape, dtype = place
        piece = packed[start : start + int(np.prod(shape))].reshape(shape)
        return piece if piece.dtype == dtype else piece.to(dtype)

    def gradients_of_outputs(self, g: Any) -> list[Any]:
        """One for each output of forward: zeros for those that are constants."""
        return [c.zeros() if self.layout[k] is None else self._piece(g, k) for k, c in enumerate(self.constants)]

    def find_saved(self, y: Any, operands: list[Any]) -> tuple[Any, ...]:
        """The saved tensors, connected to the graph where they belong to it."""
        found: list[Any] = []
        for place in self.saved:
            if place is None:
                found.append(None)
            else:
                found.append(operands[place[1]] if place[0] == "operand" else self._piece(y, place[1]))
        return tuple(found)


class _Blank:
    """Shape and dtype of an output without gradient."""

    def __init__(self, value: Any) -> None:
        tensor = type(value) in TENSOR_CLASSES
        self.shape = tuple(value.shape) if tensor else None
        self.dtype = value.dtype if tensor else None

    def zeros(self) -> Any:
        return None if self.shape is None else wrap(np.zeros(self.shape, self.dtype))


def _hand_over(*operands: Any, call: _Call) -> Any:
    """The forward of the node: the user's forward has run already, outside of the operator."""
    return call.packed


def _joint_rule(wanted: Any, g: Any, y: Any, *operands: Any, call: _Call) -> list[Any]:
    """Call the user's backward on tensors, connected ones when the gradients are to be recorded."""
    traced = type(g) in TENSOR_CLASSES
    cls, ctx = call.cls, call.ctx
    if cls.backward is Function.backward:
        raise NotImplementedError(f"{cls.__name__}: write a static backward method")
    values = [wrap(v) if isinstance(v, np.ndarray) else v for v in operands]
    state = per_thread.state
    recording = state.recording
    once = traced and getattr(cls.backward, "_once", False)
    if once:
        state.recording = False
    try:
        ctx._found = call.find_saved(wrap(y) if isinstance(y, np.ndarray) else y, values)
        result = cls.backward(ctx, *call.gradients_of_outputs(g if traced else wrap(np.asarray(g))))
    finally:
        ctx._found = None
        state.recording = recording
    gradients = _checked(result, call, wanted, operands)
    if once:
        sources = [g, *[v for v in values if type(v) in TENSOR_CLASSES and v.requires_grad]]
        return [None if d is None else _undifferentiable(d, *sources, name=cls.__name__) for d in gradients]
    # views: the user may hold on to the tensors, so no leaf takes their memory for its own
    return gradients if traced else [None if d is None else d._data.view() for d in gradients]


def _checked(result: Any, call: _Call, wanted: Any, operands: Any) -> list[Any]:
    """One gradient for each operand, from what backward returned for each argument."""
    name = f"{call.cls.__name__}.backward"
    given = list(result) if isinstance(result, (tuple, list)) else [result]
    expected = len(call.ctx.needs_input_grad)
    if len(given) < expected or any(d is not None for d in given[expected:]):
        raise op_error(ValueError, name, f"expected {expected} gradients, one per argument of apply, got {len(given)}")
    gradients: list[Any] = [None] * len(operands)
    for i, d in enumerate(given[:expected]):
        if d is None:
            continue
        if i not in call.positions:
            raise op_error(ValueError, name, f"argument {i} of apply is no tensor, its gradient must be None")
        k = call.positions.index(i)
        if not wanted[k]:
            continue
        if type(d) not in TENSOR_CLASSES:
            raise op_error(TypeError, name, f"gradient {i} must be a tensor or None, got {describe(d)}")
        if not _fits(tuple(d.shape), tuple(operands[k].shape)):
            raise op_error(
                ValueError,
                name,
                f"gradient {i} has shape {tuple(d.shape)}, argument {i} of apply has shape {tuple(operands[k].shape)}",
            )
        gradients[k] = d
    return gradients


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """True when a gradient of ``shape`` can be summed to ``wanted``: broadcasting is undone by the engine."""
    padded = (1,) * (len(shape) - len(wanted)) + wanted
    return len(shape) >= len(wanted) and all(n in (1, m) for m, n in zip(shape, padded, strict=True))


def _refuse(wanted: Any, g: Any, y: Any, *operands: Any, name: str) -> Any:
    raise RuntimeError(
        f"{name}.backward: trying to differentiate twice a function that was marked with @once_differentiable"
    )


_undifferentiable = operator(Primitive("once_differentiable", lambda gradient, *sources, name: gradient, (), _refuse))

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
