"""What a formula mentions is what is saved.

A rule such as ``lambda g, y, a, b: g * b`` needs the value of ``b`` but neither ``y`` nor ``a``; a rule such as
``lambda g, y, x: broadcast_to(g, x.shape)`` needs only the shape of ``x``. The bytecode of the rule says which,
so that no operator keeps alive an array which its derivative will not read, and no list has to be kept in
step with the formulas by hand.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

#: Reading one of these does not need the array itself: a graph edge answers it just as well.
METADATA = frozenset({"shape", "dtype", "ndim"})


class Mentions(NamedTuple):
    """What a rule reads: the output's value, the inputs' values, and of which inputs only the shape or dtype."""

    output: bool
    inputs: frozenset[int]
    shapes: frozenset[int]


def mentions(rule: Callable[..., Any], *, leading: int, arity: int) -> Mentions:
    """Read off ``rule(..., g, y, *inputs, **static)`` what it mentions.

    ``leading`` is the position of ``y``. Anything that is not a plain Python function mentions everything.

    >>> mentions(lambda g, y, a, b: g * b, leading=1, arity=2)
    Mentions(output=False, inputs=frozenset({1}), shapes=frozenset())
    >>> mentions(lambda g, y, x: g.reshape(x.shape), leading=1, arity=1)
    Mentions(output=False, inputs=frozenset(), shapes=frozenset({0}))
    """
    rule = inspect.unwrap(rule)
    if not inspect.isfunction(rule):
        return Mentions(True, frozenset(range(arity)), frozenset())
    code = rule.__code__
    values, shapes = _loaded(code)
    names: list[str | None] = list(code.co_varnames[: code.co_argcount])
    if code.co_flags & inspect.CO_VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        names += [rest] * (leading + 1 + arity - len(names))
    inputs = names[leading + 1 :]
    return Mentions(
        len(names) > leading and names[leading] in values,
        frozenset(i for i, name in enumerate(inputs) if name in values),
        frozenset(i for i, name in enumerate(inputs) if name in shapes and name not in values),
    )


def _loaded(code: Any) -> tuple[set[str], set[str]]:
    """Names whose value some instruction uses, and names of which some instruction reads the metadata."""
    values: set[str] = set()
    shapes: set[str] = set()
    pending: str | None = None  # loaded last; the next instruction decides what of it is read
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("CACHE", "EXTENDED_ARG"):
            continue
        if pending is not None:
            metadata = instruction.opname == "LOAD_ATTR" and instruction.argval in METADATA
            (shapes if metadata else values).add(pending)
        pending = None
        argument = instruction.argval
        if "LOAD_FAST" in instruction.opname or instruction.opname.startswith("LOAD_DEREF"):
            # from Python 3.13 on one instruction may load two names, or store one and load another
            names = argument if isinstance(argument, tuple) else (argument,)
            values.update(names[:-1] if instruction.opname.startswith("LOAD") else ())
            pending = names[-1]
        elif instruction.opname == "MAKE_CELL":  # captured by an inner function
            values.add(argument)
    return values, shapes
