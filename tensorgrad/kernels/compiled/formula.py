"""Formulas of every number as compiled loops: the steps that a trace has noted, one number after the other.

The source of a loop is written from its trace and compiled under a name that tells its steps, so that Numba finds it on
disk in the next process, as it finds every other loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import formula as kernel
from tensorgrad.kernels.compiled.formula_source import CALL, CALLS, NAMES, STAMPS, STEPS, source_of
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import MOST
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.formula import Formula, Operands
from tensorgrad.kernels.operands import ONE, WHOLE
from tensorgrad.kernels.traced import name_of

F = np.float32
_NUMBERS = frozenset({int, float, F})
LITTLE = 1 << 14  # steps of NumPy's; fewer are taken sooner than a loop is started
CHOICES = frozenset({"where", "maximum", "minimum", "sign"})  # each takes NumPy as long as four other steps
REMEMBERED = 4096  # plans
TASK = 1 << 17  # steps of a task, and numbers read and written: some 20 us


class Loop(NamedTuple):
    """A formula's steps as a compiled loop, the dtype of its result, the operands that it reads, and its work."""

    run: Callable[..., None]
    dtype: np.dtype[Any]
    operands: tuple[int | str, ...]
    work: int  # for one number: steps, and what is read and written
    saved: int  # steps that NumPy would take


class Plan(NamedTuple):
    """How a loop runs on arguments of some shapes: what it reads, and into how many pieces the work is cut."""

    run: Callable[..., None]
    dtype: np.dtype[Any]
    model: int  # the argument whose shape and memory order the result has
    operands: tuple[tuple[int | str, Any], ...]  # each argument, and the index of its numbers; None for all of them
    columns: int
    pieces: int


_plans: dict[Any, Plan | None] = {}
_loops: dict[Any, Loop | None] = {}


def over_large(formula: Formula, args: tuple[Any, ...], static: dict[str, Any]) -> NDArray | None:
    """See `kernels.formula.over_large`; numbers among the arguments are operands too, and floats among ``static``."""
    key = formula, *[_kind(a) for a in args], *_settings(static)
    try:
        plan = _plans[key]
    except KeyError:
        if len(_plans) >= REMEMBERED:
            _plans.clear()
        plan = _plans[key] = _plan(formula, args, static)
    except TypeError:  # something that cannot be a key, and decides over the steps
        plan = None
    if plan is None:
        return kernel.over_large.numpy(formula, args, static)  # type: ignore[attr-defined]
    y = np.empty_like(args[plan.model], dtype=plan.dtype)
    read = [_numbers(args[at] if isinstance(at, int) else static[at], index) for at, index in plan.operands]
    plan.run(plan.pieces, y.ravel(order="K"), plan.columns, *read)
    return y


def _kind(value: Any) -> Any:
    """Return what of an argument decides over the plan: of an array or a number all but the values.

    Other numbers are constants of a formula. What else stands in the place of an argument, it does not read.
    """
    kind = type(value)
    if kind is np.ndarray:
        return value.dtype, value.shape, value.strides
    return (kind, value) if isinstance(value, (bool, np.generic)) and kind not in _NUMBERS else kind


def _settings(static: dict[str, Any]) -> list[Any]:
    """Return the same of what is given by name: all but the values of floats, which are operands."""
    return [(name, type(value), None if type(value) is float else value) for name, value in static.items()]


def _numbers(value: Any, index: Any) -> Any:
    """Return an operand as the loop takes it: a vector of memory, or one number."""
    if type(value) is not np.ndarray:
        return F(value)
    if index is None:
        return value.ravel(order="K")
    part = value[index]
    return part.ravel(order="K") if part.ndim else F(part)


def _plan(formula: Formula, args: tuple[Any, ...], static: dict[str, Any]) -> Plan | None:
    """Return the plan for arguments like these; None where loops take no such steps, or are no faster."""
    operands = kernel.operands_of(args)
    if operands is None or args[operands.model].dtype != F:
        return None
    kinds = [a.dtype if type(a) is np.ndarray else _kind(a) for a in operands.args]
    layout = operands.layout
    key = formula, *kinds, layout.kinds, *_settings(static)
    if key not in _loops:
        _loops[key] = _loop(formula, operands, static)
    loop, size = _loops[key], args[operands.model].size
    if loop is None or size * loop.saved < LITTLE:
        return None
    indices: dict[int | str, Any] = {at: (0,) * a.ndim for at, a in enumerate(args) if type(a) is np.ndarray}
    for at, kind, index in zip(operands.places, layout.kinds, layout.indices, strict=True):
        indices[at] = None if kind is WHOLE else index
    read = tuple([(at, indices.get(at)) for at in loop.operands])
    pieces = max(1, min(MOST, size * loop.work // TASK, size // layout.columns))
    return Plan(loop.run, loop.dtype, operands.model, read, layout.columns, pieces)


def _loop(formula: Formula, operands: Operands, static: dict[str, Any]) -> Loop | None:
    """Return the loop that takes the steps of ``formula``; None where it has other ones."""
    steps = kernel.steps_of(formula, operands, static)
    if (
        steps is None
        or not steps.steps  # the result is one of the operands
        or steps.dtype not in (np.dtype(F), np.dtype(np.bool_))
        or any(s.function not in STEPS for s in steps.steps)
    ):
        return None
    kinds: dict[int | str, str] = dict(zip(operands.places, operands.layout.kinds, strict=True))
    source, constants = source_of(steps, {name_of(at): kinds.get(at, ONE) for at in steps.operands})
    name = f"formula_{hashlib.sha256(repr((source, constants, STAMPS)).encode()).hexdigest()[:16]}"
    space: dict[str, Any] = {"__name__": __name__, **NAMES, **constants}
    exec(compile(source.replace("formula", name, 1), __file__, "exec"), space)
    taken = [s.function for s in steps.steps]
    work = 1 + len(steps.operands) + sum(CALL if each in CALLS else 1 for each in taken)
    saved = sum(CALL if each in CALLS else 4 if each in CHOICES else 1 for each in taken)
    return Loop(shared(jit(space[name])), steps.dtype, steps.operands, work, saved)
