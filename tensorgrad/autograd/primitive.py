"""`primitive`: an operator is one function over raw arrays, with one backward rule per input beside it.

    exp = primitive(lambda g, y, x: g * y)(np.exp)
    mul = primitive(lambda g, y, a, b: g * b,
                    lambda g, y, a, b: g * a, name="mul")(np.multiply)

Positional arguments are arrays, keyword arguments are static. A primitive called without a Tensor among its
inputs returns the raw array. Therefore the *same* rule runs at NumPy speed in an ordinary backward pass, where
it gets arrays, and records itself under ``create_graph=True``, where it gets Tensors: exact higher derivatives
of every operator, and no second implementation.

What `operator` does at heart:

    def op(*args, **static):
        raw = [a.data if is_tensor(a) else a for a in args]                       # 1. unwrap
        y = forward(*raw, **static)                                               # 2. compute
        if not any(is_tensor(a) for a in args):
            return y
        out = Tensor(y)
        if recording and any(a.requires_grad for a in args):                      # 3. record
            edges = [a.node or a if a.requires_grad else None for a in args]
            out.node = Node(op, edges, saved=what_the_rules_mention(raw, y), static=static)
        return out

The rest of it are dtypes, views, NumPy's own arrays, plans that wait, and errors that say where they come from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import asarray, generic, ndarray, ufunc

from tensorgrad.autograd import in_place, lent
from tensorgrad.autograd.mentions import mentions
from tensorgrad.autograd.mistakes import check_rules, fail, refuse_arguments
from tensorgrad.autograd.node import Node, clock
from tensorgrad.autograd.out import compute_into
from tensorgrad.autograd.planned import plan_or_array, planned_class, wait
from tensorgrad.autograd.view import View, is_view
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.traced import Traced
from tensorgrad.state import per_thread

Rule = Callable[..., Any]
Plan = tuple[bool, tuple[int, ...], tuple[None, ...] | None]

#: Every primitive by name. A test demands that each has its row in the table of cases.
REGISTRY: dict[str, Primitive] = {}

#: Classes whose instances are traced: Tensor and its subclasses, entered by `Tensor.__init_subclass__`.
TENSOR_CLASSES: set[type] = set()

_new: Callable[[type], Any] = object.__new__
_tensor_class: type
_planned_class: type
_FLOAT32 = np.dtype(np.float32)
_ARRAYS = frozenset({ndarray, Traced})


def bind_tensor_class(cls: type) -> None:
    """Tell the engine which class results are made of (tensor.py does, once)."""
    global _planned_class, _tensor_class
    _tensor_class = cls
    TENSOR_CLASSES.add(cls)
    _planned_class = planned_class(cls)


def wrap(data: ndarray, node: Node | None = None) -> Any:
    """A Tensor around ``data``: a constant, or the output of ``node``."""
    out = _new(_tensor_class)
    out._data = data
    out._grad = out.name = out.hooks = out.view_of = out.cut = None
    out.node = node
    out._requires_grad = node is not None
    return out


class Primitive:
    """The declaration of an operator: its forward on raw arrays and the rules of its inputs.

    ``rules[i](g, y, *inputs, **static)`` is the gradient with respect to input ``i`` when ``g`` is the one with
    respect to the output ``y``; None where an input is not differentiable. ``joint(wanted, g, y, *inputs,
    **static)`` returns the gradients of all inputs at once, for operators whose gradients share work.
    """

    def __init__(self, name: str, forward: Callable[..., Any], rules: tuple[Rule | None, ...], joint: Rule | None):
        self.name = name
        self.forward = forward
        self.rules = rules
        self.joint = joint
        self.differentiable = joint is not None or any(rule is not None for rule in rules)
        self.plans: dict[Any, Plan] = {}

    def plan(self, unwanted: int, arity: int) -> Plan:
        """What to save when the inputs outside the bit mask ``unwanted`` need gradients.

        Returns whether the output is saved, the positions of the inputs that are not, and what stands for the inputs
        when none is (else None). Remembered, since reading bytecode takes a while.
        """
        wanted = [i for i in range(arity) if not unwanted >> i & 1]
        if self.joint is not None:
            found = [mentions(self.joint, leading=2, arity=arity)]
        else:
            rules = [self.rules[i] for i in wanted if i < len(self.rules)]
            found = [mentions(rule, leading=1, arity=arity) for rule in rules if rule is not None]
        # an input that needs no gradient has no edge to ask for its shape: keep the array itself
        kept = {i for i in range(arity) if any(i in m.inputs or (i in m.shapes and i not in wanted) for m in found)}
        drop = tuple(i for i in range(arity) if i not in kept)
        plan = any(m.output for m in found), drop, None if kept else (None,) * arity
        self.plans[unwanted if self.joint is None else (unwanted, arity)] = plan
        return plan

    def gradients(self, g: Any, y: Any, inputs: Any, edges: Sequence[Any], static: dict[str, Any]) -> list[Any]:
        """The gradient for every input that has an edge, by the rules; None for the others."""
        if self.joint is not None:
            wanted = tuple([edge is not None for edge in edges])
            return list(self.joint(wanted, g, y, *inputs, **static))
        found = []
        for edge, rule in zip(edges, self.rules):
            found.append(None if edge is None or rule is None else rule(g, y, *inputs, **static))
        return found

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def primitive(
    *rules: Rule | None,
    joint: Rule | None = None,
    name: str | None = None,
    promote: Callable[[list[Any]], list[Any]] | None = None,
    saves: bool = False,
    views: bool = False,
    plans_results: bool = False,
    takes_plans: bool = False,
    elementwise: bool = False,
    formula: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an operator: ``primitive(rule_of_input_0, rule_of_input_1, ...)(forward)``.

    - ``rules``: one backward rule per positional input, ``rule(g, y, *inputs, **static)``, or None.
    - ``joint``: instead of rules, one for all inputs: ``joint(wanted, g, y, *inputs, **static) -> tuple``.
    - ``name``: how graphs and errors call it; the forward's name when not given.
    - ``promote``: for operators on mixed dtypes, brings the raw operands to one dtype (PyTorch's rules).
    - ``saves``: the forward returns ``(y, dict)``; the dictionary's entries reach the rules as keyword
      arguments. They must not depend on the inputs in a differentiable way (positions of maxima, masks).
    - ``views``: the result may share the first input's memory, so that writes into one reach the other.
    - ``plans_results``: the forward returns a plan that may wait (see `autograd.planned`); no rule may read ``y``.
    - ``takes_plans``: the forward knows what to do with a plan in the place of an operand; no rule may read that.
    - ``elementwise``: the forward and the rules treat every number alike, so that large arrays may be cut (see
      `kernels.formula`).
    - ``formula``: of a public function of every number ``x``, or of ``a`` and ``b``: its documentation is made of it.

    The rules use operators and primitives only, so that they work on arrays and on Tensors alike. Raises TypeError for
    another number of rules than of inputs, ValueError for a name that is taken.

    >>> import numpy as np, tensorgrad as tg
    >>> from tensorgrad.autograd.primitive import primitive, REGISTRY
    >>> cube = primitive(lambda g, y, x: 3 * g * x * x, name="doctest_cube")(lambda x: x * x * x)
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> (dx,) = tg.autograd.grad(cube(x), x, create_graph=True)
    >>> dx.item(), tg.autograd.grad(dx, x)[0].item()
    (12.0, 12.0)
    >>> del REGISTRY["doctest_cube"]
    """

    def declare(forward: Callable[..., Any]) -> Callable[..., Any]:
        called, gradients = name or forward.__name__.strip("_"), rules
        if elementwise:
            forward, gradients = one_pass(forward), tuple([rule and one_pass(rule) for rule in rules])
        prim = Primitive(called, forward, gradients, joint)
        check_rules(prim)
        if prim.name in REGISTRY:
            raise ValueError(f"primitive: an operator named {prim.name!r} is declared already; choose another name")
        REGISTRY[prim.name] = prim
        how = {"saves": saves, "views": views, "plans_results": plans_results, "takes_plans": takes_plans}
        return operator(prim, promote=promote, formula=formula, **how)

    return declare


def operator(
    prim: Primitive,
    *,
    promote: Callable[[list[Any]], list[Any]] | None = None,
    saves: bool = False,
    views: bool = False,
    plans_results: bool = False,
    takes_plans: bool = False,
    formula: str | None = None,
) -> Callable[..., Any]:
    """The function that runs a primitive on arrays, and on Tensors records it: the one call path of all operators."""
    forward = prim.forward
    differentiable = prim.differentiable
    plans = prim.plans
    fixed = prim.joint is None  # the number of inputs; joint rules may take any number
    declared = inspect.unwrap(forward)
    inputs = declared.nin if isinstance(declared, ufunc) else len(prim.rules) if formula else None

    def on_arrays(raw: Any, static: dict[str, Any]) -> ndarray:
        try:
            y = forward(*raw, **static)
        except Exception as error:
            fail(error, prim, raw)
        if saves:
            y = y[0]
        return y if type(y) in _ARRAYS else asarray(y)

    def op(*args: Any, **static: Any) -> Any:
        # --- the arguments by position, as the rules have them
        if static:
            if "other" in static:  # PyTorch's names for the first and the second operand
                args = (*args, static.pop("other"))
            if "input" in static:
                args = (static.pop("input"), *args)
            if "out" in static:
                return compute_into(static.pop("out"), op, args, static, prim.name)
        if inputs is not None and (static or len(args) != inputs):
            refuse_arguments(prim.name, inputs, args, static)
        for a in args:
            if type(a) is not ndarray:
                break
        else:  # most often a rule at work in an ordinary backward pass
            return on_arrays(args, static)
        # --- 1. unwrap: raw operands, and the edges to where they came from
        raw: list[Any] = []
        edges: list[Any] = []
        constants: dict[int, Any] | None = None
        unwanted = 0  # bit i: input i needs no gradient
        scalars = arrays = narrow = False  # narrow: a constant of less than 4 bytes a number
        for a in args:
            kind = type(a)
            if kind is _tensor_class or kind in TENSOR_CLASSES:
                if a.view_of is not None and a.view_of.number < in_place.last_write:
                    a.view_of.refresh(a)
                raw.append(plan_or_array(a, promote is None) if takes_plans and kind is _planned_class else a._data)
                if a._requires_grad:
                    edges.append(a.node or a)
                    continue
                if constants is None:
                    constants = {}
                constants[len(edges)] = a
                if kind is _tensor_class and a._data.itemsize < 4:
                    narrow = True
            elif kind is float or a is None:
                raw.append(a)
            else:
                raw.append(a if kind is ndarray else _operand(a, prim.name))
                if isinstance(a, ndarray):
                    arrays, narrow = True, narrow or a.itemsize < 4
                scalars = scalars or isinstance(a, generic)
            unwanted |= 1 << len(edges)
            edges.append(None)
        wanted = not unwanted or unwanted + 1 < 1 << len(edges)
        if not wanted and constants is None:
            return on_arrays(raw, static)
        if scalars:
            # NumPy scalars are weak: a float32 tensor times np.sqrt(2) stays float32
            raw = [v.item() if isinstance(a, generic) else v for v, a in zip(raw, args, strict=True)]
        # --- 2. compute, in the dtype that the operands promote to
        state = per_thread.state
        try:
            if views:  # nothing is computed, so there is nothing that NumPy could warn of
                y = forward(*raw, **static)
            else:
                y = state.run_quietly(forward, *raw, **static) if static else state.run_quietly(forward, *raw)
            if saves:
                y, extra = y
                static |= extra
            waits = False
            if type(y) is not ndarray:
                waits = (
                    plans_results
                    and hasattr(y, "reads")
                    and not (arrays or state.watchers or (lent.loans and any(map(lent.is_lent, y.reads))))
                )
                if not waits:
                    y = asarray(y)
            dtype = y.dtype
            if promote is not None and (dtype is not _FLOAT32 or narrow):
                # a float32 result is never wrongly promoted, so the hot path pays one comparison; only bytes and their
                # like must not stay what they are, in a formula of several steps and in the rules they wrap around
                promoted = promote(raw)
                if promoted is not raw:
                    raw = promoted
                    y, waits = asarray(state.run_quietly(forward, *raw, **static)), False
                    dtype = y.dtype
        except Exception as error:
            if state.entered_before():
                return state.call_inside(op, args, static)
            fail(error, prim, raw)
        # --- 3. record
        if waits:
            out = _new(_planned_class)
            wait(out, y)
        else:
            out = _new(_tensor_class)
            out._data = y
        out._grad = out.name = out.hooks = out.view_of = out.cut = None
        if wanted and differentiable and state.recording:
            out._requires_grad = True
            out.node = node = _new(Node)
            key = unwanted if fixed else (unwanted, len(raw))
            try:
                keep_output, drop, nothing = plans[key]
            except KeyError:
                keep_output, drop, nothing = prim.plan(unwanted, len(raw))
            node.op = prim
            node.edges = edges
            if nothing is None and drop:
                node.saved = raw.copy()
                for i in drop:
                    node.saved[i] = None
            else:
                node.saved = nothing or raw
            node.value = y if keep_output else None
            node.static = static
            node.shape = y.shape
            node.dtype = dtype
            node.number = next(clock)
            node.module_path = state.module_path
            node.hooks = None
            node.constants = constants
            if arrays or lent.loans:
                lent.seal(node, args if arrays else ())
        else:
            out._requires_grad = False
            out.node = None
            if wanted and differentiable:
                out.cut = state.cut_line
            elif constants is not None:  # made from tensors that were cut off: say so on
                for a in constants.values():
                    if a.cut is not None:
                        out.cut = a.cut
        # --- who else wants to know
        if state.watchers:
            for watcher in state.watchers:
                watcher.forward(prim, raw, y, out.node)
        if state.tape is not None:
            state.tape.operator(op, promote, args, raw, y, static, extra if saves else {}, out)
        if views and is_view(y, raw[0]):
            out.view_of = view = _new(View)
            view.source, view.op, view.static, view.number = args[0], op, static, in_place.last_write
        return out

    op.__name__ = op.__qualname__ = prim.name
    op.__doc__ = declared.__doc__ if isinstance(declared, type(op)) else f"The operator ``{prim.name}``."
    op.__module__ = getattr(declared, "__module__", __name__) or __name__
    op.primitive = prim  # type: ignore[attr-defined]
    op.plans_results = plans_results  # type: ignore[attr-defined]
    if formula is not None:
        _document(op, formula, inputs)
    return op


_UNARY, _BINARY = (
    inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])
    for names in (["input"], ["input", "other"])
)


def _document(op: Any, formula: str, inputs: int | None) -> None:
    """Give a public operator its signature, and the documentation that its formula makes."""
    each = "each number x of ``input``" if inputs == 1 else "each a of ``input`` and b of ``other``, which broadcast"
    op.__doc__ = f"``{formula}``, for {each}. Source: ``torch.{op.__name__}``."
    op.__module__ = "tensorgrad"
    op.__signature__ = _UNARY if inputs == 1 else _BINARY


def _operand(value: Any, operator: str) -> Any:
    """A raw operand from something that is neither a Tensor nor an array."""
    if isinstance(value, generic):
        return asarray(value)
    if isinstance(value, (bool, int, float, ndarray)):
        return value
    if isinstance(value, (list, tuple)):
        value = asarray(value)
        if value.dtype == np.float64:  # a list of Python floats, by this package's default dtype
            return value.astype(_FLOAT32)
        if value.dtype.kind in "biu":
            return value
    raise op_error(TypeError, operator, f"expected a tensor, an array or a number, got {describe(value)}")
