"""Formulas of every number as compiled loops: the steps that a trace has noted, one number after the other.

The source of a loop is written from its trace and compiled under a name that tells its steps, so that Numba finds it on
disk in the next process, as it finds every other loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import formula as kernel
from tensorgrad.kernels import special
from tensorgrad.kernels.compiled import exponential, functions, trigonometry
from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import MOST, piece
from tensorgrad.kernels.compiled.simd import whole_registers
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.formula import Formula, Operands
from tensorgrad.kernels.operands import COLUMN, ONE, ROW, WHOLE
from tensorgrad.kernels.traced import Trace, name_of

F = np.float32
TASK = 1 << 17  # steps of a task, and numbers read and written: some 20 us
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
    "fmax": "{0} if ({0} > {1}) | ({1} != {1}) else {1}",
    "fmin": "{0} if ({0} < {1}) | ({1} != {1}) else {1}",
    "copysign": "with_sign_of({1}, {0})",
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
    "sin": "sin({0})",
    "cos": "cos({0})",
    "tan": "tan({0})",
    "tanh": "tanh({0})",
    "erf": "erf({0})",
    "logaddexp": "logaddexp({0}, {1})",
}
TURNS = frozenset({"sin", "cos", "tan"})
CALLS = frozenset({"exp", "expm1", "log", "log1p", "tanh", "erf", "logaddexp"}) | TURNS
CALL = 12  # steps that one of these takes
NAMES = {name: getattr(trigonometry if name in TURNS else functions, name) for name in CALLS}
NAMES |= {f"{name}_of_any": getattr(trigonometry, f"{name}_of_any") for name in TURNS} | {"far": trigonometry.FAR}
NAMES |= {"with_sign_of": functions.with_sign_of, "sqrt": np.sqrt, "number": F, "zero": F(0), "piece": piece, "whole_registers": whole_registers}
#: what a loop is made of beside its text; Numba itself knows only the date of the file that it finds the loop in
STAMPS = [Path(str(part.__file__)).stat().st_mtime_ns for part in (functions, trigonometry, exponential, special)]


class Loop(NamedTuple):
    """A formula's steps as a compiled loop, the dtype of its result, the operands that it reads, and its work."""

    run: Callable[..., None]
    dtype: np.dtype[Any]
    operands: tuple[int | str, ...]
    work: int  # for one number: steps, and what is read and written


_loops: dict[Any, Loop | None] = {}


def evaluate(formula: Formula, operands: Operands, static: dict[str, Any]) -> NDArray | None:
    """See `kernels.formula.evaluate`; numbers among the arguments are operands too, and floats among ``static``."""
    model, args, places, layout = operands
    if model.dtype != F:
        return kernel.evaluate.numpy(formula, operands, static)  # type: ignore[attr-defined]
    kinds = [a.dtype if type(a) is np.ndarray else type(a) for a in args]
    named = [(name, type(value), None if type(value) is float else value) for name, value in static.items()]
    key = formula, *kinds, layout.kinds, *named
    try:
        loop = _loops[key]
    except KeyError:
        loop = _loops[key] = _loop(formula, operands, static)
    except TypeError:  # something that cannot be a key, and decides over the steps
        loop = None
    if loop is None:
        return kernel.evaluate.numpy(formula, operands, static)  # type: ignore[attr-defined]
    y = np.empty_like(model, dtype=loop.dtype)
    vectors = dict(zip(places, operands.vectors(), strict=True))
    read = [
        vectors[at] if at in vectors else F(args[at] if isinstance(at, int) else static[at]) for at in loop.operands
    ]
    columns = layout.columns
    pieces = max(1, min(MOST, y.size * loop.work // TASK, y.size // columns))
    loop.run(pieces, y.ravel(order="K"), columns, *read)
    return y


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
    source, constants = _source(steps, {name_of(at): kinds.get(at, ONE) for at in steps.operands})
    name = f"formula_{hashlib.sha256(repr((source, constants, STAMPS)).encode()).hexdigest()[:16]}"
    space: dict[str, Any] = {"__name__": __name__, **NAMES, **constants}
    exec(compile(source.replace("formula", name, 1), __file__, "exec"), space)
    work = 1 + len(steps.operands) + sum(CALL if s.function in CALLS else 1 for s in steps.steps)
    return Loop(shared(jit(space[name])), steps.dtype, steps.operands, work)


def _source(steps: Trace, operands: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the text of the loop over operands that lie as they do, and the constants that it names."""
    constants: dict[str, Any] = {}

    def named(operand: str | float) -> str:
        if isinstance(operand, str):
            return operand
        return constants.setdefault(repr(operand), (f"c{len(constants)}", F(operand)))[0]

    taken = [(s, [*map(named, s.operands)]) for s in steps.steps]
    lies = {kind: [x for x, each in operands.items() if each is kind] for kind in (WHOLE, ROW, COLUMN, ONE)}
    parameters = [x if kind is ONE else f"of_{x}" for x, kind in operands.items()]
    if lies[ROW] or lies[COLUMN]:
        over, cut = ["    for row in range(*piece(at, of_y.size // columns)):"], "row * columns : (row + 1) * columns"
        inside = " " * 8
    else:
        over, cut, inside = ["    start, stop = piece(at, of_y.size)"], "start:stop", " " * 4
    body = [f"{x} = of_{x}[row]" for x in lies[COLUMN]]
    body += [f"some_{x} = of_{x}[{cut}]" for x in ["y", *lies[WHOLE]]]
    body += [f"some_{x} = of_{x}[: some_y.size]" for x in lies[ROW]]
    loads = [f"{x} = some_{x}[i]" for x in lies[WHOLE] + lies[ROW]]

    def loop(lines: list[str]) -> list[str]:
        return ["for i in range(some_y.size):", *["    " + line for line in [*loads, *lines]]]

    plain = [f"{s.result} = {STEPS[s.function].format(*given)}" for s, given in taken]
    stored = f"some_y[i] = {steps.result}"
    turns = [given[0] for s, given in taken if s.function in TURNS]
    if turns:  # and where one of the angles is far off, everything again
        again = [f"{s.result} = {_of_any(s.function).format(*given)}" for s, given in taken]
        body += ["found = False", *loop([*plain, *[f"found |= abs({x}) > far" for x in turns], stored])]
        body += ["if found:", *["    " + line for line in loop([*again, stored])]]
    else:
        body += loop([*plain, stored])
    lines = [f"def formula(at, of_y, columns, {', '.join(parameters)}):", "    whole_registers()", *over, *[inside + line for line in body]]
    return "\n".join(lines), dict(constants.values())


def _of_any(function: str) -> str:
    """Return the text of a step whose operands may be of any size."""
    return STEPS[function].replace("(", "_of_any(", 1) if function in TURNS else STEPS[function]
