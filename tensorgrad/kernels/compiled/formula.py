"""Formulas of every number as compiled loops: the steps that a trace has noted, one number after the other.

The source of a loop is written from its trace and compiled under a name that tells its steps, so that Numba finds it on
disk in the next process, as it finds every other loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import formula as kernel
from tensorgrad.kernels.compiled import functions
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import MOST, piece
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.formula import Formula
from tensorgrad.kernels.slices import flat
from tensorgrad.kernels.traced import Trace, Untraceable, trace

F = np.float32
TASK = 1 << 16  # steps of a task, some 20 us
#: Each function of NumPy's that a loop can take a step of, as Python; {0} and so on are its operands.
STEPS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "absolute": "abs({0})",
    "square": "{0} * {0}",
    "sqrt": "sqrt({0})",
    "sign": "number({0} > zero) - number({0} < zero)",
    "maximum": "{0} if ({0} > {1}) | ({0} != {0}) else {1}",
    "minimum": "{0} if ({0} < {1}) | ({0} != {0}) else {1}",
    "equal": "{0} == {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "isnan": "{0} != {0}",
    "bitwise_and": "{0} & {1}",
    "bitwise_or": "{0} | {1}",
    "where": "{1} if {0} else {2}",
    "exp": "exp({0})",
    "expm1": "expm1({0})",
    "log": "log({0})",
    "log1p": "log1p({0})",
    "tanh": "tanh({0})",
    "erf": "erf({0})",
    "logaddexp": "logaddexp({0}, {1})",
}
CALLS = frozenset({"exp", "expm1", "log", "log1p", "tanh", "erf", "logaddexp"})
CALL = 12  # steps that one of these takes
NAMES = {"sqrt": np.sqrt, "number": F, "zero": F(0), "piece": piece} | {
    name: getattr(functions, name) for name in CALLS
}

_loops: dict[Any, tuple[Callable[..., None], Trace, int] | None] = {}


def evaluate(
    formula: Formula, model: NDArray, args: tuple[Any, ...], places: list[int], static: dict[str, Any]
) -> NDArray | None:
    """See `kernels.formula.evaluate`; numbers among the arguments are operands too, and floats among ``static``."""
    if model.dtype != F:
        return kernel.evaluate.numpy(formula, model, args, places, static)  # type: ignore[attr-defined]
    kinds = [a.dtype if type(a) is np.ndarray else type(a) for a in args]
    key = formula, *kinds, *[(name, type(v) if type(v) is float else v) for name, v in static.items()]
    try:
        found = _loops[key]
    except KeyError:
        found = _loops[key] = _loop(formula, args, places, static)
    if found is None:
        return kernel.evaluate.numpy(formula, model, args, places, static)  # type: ignore[attr-defined]
    loop, steps, work = found
    y = np.empty_like(model, dtype=steps.dtype)
    vectors = [args[at] for at in steps.operands if at in places]
    numbers = [F(args[at] if isinstance(at, int) else static[at]) for at in steps.operands if at not in places]
    loop(max(1, min(MOST, y.size * work // TASK)), *flat(y, *vectors), *numbers)
    return y


def _loop(
    formula: Formula, args: tuple[Any, ...], places: list[int], static: dict[str, Any]
) -> tuple[Callable[..., None], Trace, int] | None:
    """Return the loop that takes the steps of ``formula``, these, and their number; None where it has other ones."""
    dtypes: dict[int | str, Any] = {at: args[at].dtype for at in places}
    dtypes |= {at: F for at, a in enumerate(args) if type(a) in (int, float)}
    dtypes |= {name: F for name, value in static.items() if type(value) is float}
    try:
        steps = trace(formula, args, static, dtypes)
    except Untraceable:
        return None
    if steps.dtype not in (np.dtype(F), np.dtype(np.bool_)) or any(s.function not in STEPS for s in steps.steps):
        return None
    source, constants = _source(steps, places)
    name = f"formula_{hashlib.sha256(repr((source, constants)).encode()).hexdigest()[:16]}"
    space: dict[str, Any] = {"__name__": __name__, **NAMES, **constants}
    exec(compile(source.replace("formula", name, 1), __file__, "exec"), space)
    work = sum(CALL if s.function in CALLS else 1 for s in steps.steps)
    return shared(jit(space[name])), steps, work


def _source(steps: Trace, places: list[int]) -> tuple[str, dict[str, Any]]:
    """Return the text of the loop, and the constants that it names."""
    constants: dict[str, Any] = {}

    def named(operand: str | float) -> str:
        if isinstance(operand, str):
            return operand
        return next((n for n, v in constants.items() if v == operand), None) or _new(operand)

    def _new(value: float) -> str:
        name = f"c{len(constants)}"
        constants[name] = F(value)
        return name

    vectors = [f"x{at}" for at in steps.operands if at in places]
    numbers = [f"x{at}" if isinstance(at, int) else at for at in steps.operands if at not in places]
    lines = [f"def formula(at, y, {', '.join([f'v{x}' for x in vectors] + numbers)}):"]
    lines.append("    start, stop = piece(at, y.size)")
    lines += [f"    {v} = {v}[start:stop]" for v in ["y", *[f"v{x}" for x in vectors]]]
    lines.append("    for i in range(y.size):")
    lines += [f"        {x} = v{x}[i]" for x in vectors]
    lines += [f"        {s.result} = {STEPS[s.function].format(*map(named, s.operands))}" for s in steps.steps]
    lines.append(f"        y[i] = {steps.result}")
    return "\n".join(lines), constants
