"""Writing down what a formula does with numbers: it runs once on arrays of one number that note every step.

    steps of  lambda g, y, x: g * (1 - y * y):      t0 = multiply(x1, x1)
                                                    t1 = subtract(1, t0)
                                                    t2 = multiply(x0, t1)

So that a compiled loop may do all steps for one number after the other, while the formula stays the only text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

SAMPLE = 0.5  # what every operand is while steps are noted


class Untraceable(Exception):
    """The formula does something that is no step for one number."""


class Step(NamedTuple):
    """``result = function(*operands)``: names of operands, of earlier results, or constants."""

    result: str
    function: str
    operands: tuple[str | float, ...]


class Trace(NamedTuple):
    """The steps of a formula, the name of the last one's result and its dtype, and which operands they read."""

    steps: tuple[Step, ...]
    result: str
    dtype: np.dtype[Any]
    operands: tuple[int | str, ...]


class Traced(np.ndarray):
    """One number that notes what is done with it."""

    name: str
    steps: list[Step]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Note one of NumPy's functions."""
        if method != "__call__" or options or ufunc.nout != 1:
            raise Untraceable(ufunc.__name__)
        return self.note(ufunc.__name__, inputs, ufunc)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Note a choice or a clip; nothing else is done with single numbers."""
        if function is np.where and len(args) == 3 and not options:
            return self.note("where", args, np.where)
        if function is np.clip and len(args) == 3 and not options:
            return np.minimum(np.maximum(args[0], args[1]), args[2])
        raise Untraceable(getattr(function, "__name__", "a function"))

    def note(self, name: str, operands: Iterable[Any], function: Callable[..., Any]) -> Traced:
        """Note ``function`` under a name, and return its result."""
        operands = tuple(operands)
        value = function(*[o.view(np.ndarray) if isinstance(o, Traced) else o for o in operands])
        step = Step(f"t{len(self.steps)}", name, tuple([_reference(o) for o in operands]))
        self.steps.append(step)
        return _traced(value, step.result, self.steps)

    def _refuse(self, *_: Any) -> Any:
        raise Untraceable("a decision by a number's value")

    __bool__ = __int__ = __float__ = __index__ = __iter__ = __getitem__ = __setitem__ = _refuse
    astype = reshape = ravel = copy = sum = mean = max = min = item = tolist = _refuse  # type: ignore[assignment]


def _traced(value: Any, name: str, steps: list[Step]) -> Traced:
    result = np.asarray(value).view(Traced)
    result.name, result.steps = name, steps
    return result


def _reference(operand: Any) -> str | float:
    """The name of an operand, or its value if it is a constant."""
    if isinstance(operand, Traced):
        return operand.name
    if isinstance(operand, (bool, int, float, np.generic)):
        return float(operand)
    raise Untraceable("an array that is no operand")


def trace(formula: Callable[..., Any], args: tuple[Any, ...], static: dict[str, Any], dtypes: dict[Any, Any]) -> Trace:
    """Return the steps of ``formula(*args, **static)``.

    The operands are at the places, and under the names, of ``dtypes``, each of its dtype; what else is given is a
    constant of the formula. Raises Untraceable where it does more than one step after the other for each number.
    """
    steps: list[Step] = []
    samples = {at: _traced(np.full((), SAMPLE).astype(dtype), name_of(at), steps) for at, dtype in dtypes.items()}
    try:
        with np.errstate(all="ignore"):
            result = formula(
                *[samples.get(i, a) for i, a in enumerate(args)],
                **{name: samples.get(name, value) for name, value in static.items()},
            )
    except (AttributeError, TypeError, ValueError) as error:  # a method, a conversion that one number does not have
        raise Untraceable(str(error)) from error
    if not isinstance(result, Traced):
        raise Untraceable("a constant result")
    read = {operand for each in steps for operand in each.operands} | {result.name}
    return Trace(tuple(steps), result.name, result.dtype, tuple([at for at in dtypes if name_of(at) in read]))


def name_of(at: int | str) -> str:
    """What a trace calls the operand at a place, or of a name."""
    return f"x{at}" if isinstance(at, int) else at


def step(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function of every number, made of several of NumPy's, be one step of a trace."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(x: Any) -> Any:
            return x.note(name, (x,), function) if isinstance(x, Traced) else function(x)

        run.__doc__, run.__name__ = function.__doc__, name
        return run

    return declare
