"""The text of a compiled loop, from the trace of a formula.

def formula(at, of_y, columns, of_x0, of_x1):            one task of several; x0 is a whole array, x1 a row
    whole_registers()
    for row in range(*piece(at, of_y.size // columns)):
        some_y = of_y[row * columns : (row + 1) * columns]
        some_x0 = of_x0[row * columns : (row + 1) * columns]
        some_x1 = of_x1[: some_y.size]
        for i in range(some_y.size):
            x0 = some_x0[i]
            x1 = some_x1[i]
            t0 = x0 * x1
            some_y[i] = t0
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tensorgrad.kernels import special
from tensorgrad.kernels.compiled import exponential, functions, simd, trigonometry
from tensorgrad.kernels.compiled.pieces import piece
from tensorgrad.kernels.compiled.simd import whole_registers
from tensorgrad.kernels.operands import COLUMN, ONE, ROW, WHOLE
from tensorgrad.kernels.traced import Trace

F = np.float32
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
NAMES |= {"with_sign_of": functions.with_sign_of, "sqrt": np.sqrt, "number": F, "zero": F(0)}
NAMES |= {"piece": piece, "whole_registers": whole_registers}
#: What a loop is made of beside its text; Numba itself knows only the date of the file that it finds the loop in
STAMPS = [Path(str(part.__file__)).stat().st_mtime_ns for part in (functions, trigonometry, exponential, special, simd)]


def source_of(steps: Trace, operands: dict[str, str]) -> tuple[str, dict[str, Any]]:
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
    head = [f"def formula(at, of_y, columns, {', '.join(parameters)}):", "    whole_registers()"]
    lines = [*head, *over, *[inside + line for line in body]]
    return "\n".join(lines), dict(constants.values())


def _of_any(function: str) -> str:
    """Return the text of a step whose operands may be of any size."""
    return STEPS[function].replace("(", "_of_any(", 1) if function in TURNS else STEPS[function]
