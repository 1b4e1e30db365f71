"""Formulas of every number, over large arrays: one pass through memory for all steps, on all threads.

    silu_rule = one_pass(lambda g, y, x: g * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))))

A formula is a function of arrays that treats every number alike. Small arrays are given to it as they are. Of large
ones it gets slices that stay in the cache, if it has many steps; with Numba, its steps (see `traced`) become one loop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray, ufunc
from numpy.typing import NDArray

from tensorgrad.kernels.operands import ONE, WHOLE, Layout, layout
from tensorgrad.kernels.slices import SHARED_FLOATS
from tensorgrad.kernels.threads import get_num_threads, parallel, split
from tensorgrad.kernels.traced import Trace, Untraceable, trace
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 11  # numbers; below, one call after another costs less than to look at what is given
IN_CACHE = 1 << 15  # numbers of a slice: some arrays of them stay in the second cache
MANY = 10  # steps of a formula that NumPy takes faster in slices
LARGE_FOR_ONE_STEP = 1 << 16  # where the formula is one call of NumPy's, so that only other threads are a gain
_FLOATS = frozenset(np.dtype(kind) for kind in "fd")

Formula = Callable[..., Any]


def one_pass(formula: Formula) -> Formula:
    """Return ``formula`` for arrays of any size: a function of the same arguments."""
    one_step = isinstance(formula, ufunc)

    @functools.wraps(formula)
    def run(*args: Any, **static: Any) -> Any:
        for a in args[:2]:
            if type(a) is ndarray and a.size >= (LARGE_FOR_ONE_STEP if one_step else LARGE):
                y = over_large(formula, args, static)
                return formula(*args, **static) if y is None else y
        return formula(*args, **static)

    return run


class Operands(NamedTuple):
    """The arguments of a formula: the place of the largest array, all of them, where arrays are, and how these lie.

    In the place of an array that repeats one number is that number.
    """

    model: int
    args: tuple[Any, ...]
    places: list[int]
    layout: Layout

    def vectors(self) -> list[NDArray]:
        """The arrays as vectors of memory."""
        return self.layout.vectors([self.args[i] for i in self.places])


def operands_of(args: tuple[Any, ...]) -> Operands | None:
    """Return the operands where all arrays are of one dtype, or conditions, and lie in rows; None otherwise."""
    places = [i for i, a in enumerate(args) if type(a) is ndarray]
    floats = [i for i in places if args[i].dtype in _FLOATS]
    if not floats:
        return None
    place = max(floats, key=lambda i: _numbers(args[i]))
    model = args[place]
    if any(args[i].dtype not in (model.dtype, np.bool_) for i in places):
        return None
    found = layout(model, [args[i] for i in places])
    if found is None:
        return None
    if ONE in found.kinds:
        given = list(args)
        for i, kind in zip(places, found.kinds, strict=True):
            if kind is ONE:
                if args[i].dtype == np.bool_:  # a trace would take it for a constant
                    return None
                given[i] = args[i][(0,) * args[i].ndim]
        return operands_of(tuple(given))
    return Operands(place, args, places, found)


def _numbers(a: NDArray) -> int:
    """Return how many numbers an array has, not counting repetitions of a single one."""
    return a.size if any(a.strides) else 1


def steps_of(formula: Formula, operands: Operands, static: dict[str, Any]) -> Trace | None:
    """Return the steps that a formula takes for one number; None where it does anything else.

    Its operands are the arrays, and also the numbers among the arguments and the floats among ``static``.
    """
    dtype = operands.args[operands.model].dtype
    dtypes: dict[int | str, Any] = {at: operands.args[at].dtype for at in operands.places}
    dtypes |= {at: dtype for at, a in enumerate(operands.args) if type(a) in (int, float, dtype.type)}
    dtypes |= {name: dtype for name, value in static.items() if type(value) is float}
    try:
        return trace(formula, operands.args, static, dtypes)
    except Untraceable:
        return None


_numbers_of_steps: dict[Formula, int] = {}


def _number_of_steps(formula: Formula, operands: Operands, static: dict[str, Any]) -> int:
    """Return how many steps a formula takes, of those that it has taken first; 1 if it is no chain of steps."""
    if isinstance(formula, ufunc):
        return 1
    if formula not in _numbers_of_steps:
        found = steps_of(formula, operands, static)
        _numbers_of_steps[formula] = 1 if found is None else len(found.steps)
    return _numbers_of_steps[formula]


@has_twin
def over_large(formula: Formula, args: tuple[Any, ...], static: dict[str, Any]) -> NDArray | None:
    """Return the formula's result for large arrays; None where that is no faster than the formula itself."""
    if all(type(a) is not ndarray or a.size <= IN_CACHE for a in args):
        return None
    operands = operands_of(args)
    if operands is None or {*operands.layout.kinds} != {WHOLE}:
        return None
    model = args[operands.model]
    shared = model.size >= SHARED_FLOATS
    steps = _number_of_steps(formula, operands, static)
    if not steps or not (shared or steps >= MANY):  # none: the result is one of the operands
        return None
    vectors = operands.vectors()

    def result(start: int, stop: int) -> Any:
        some = list(operands.args)
        for i, v in zip(operands.places, vectors, strict=True):
            some[i] = v[start:stop]
        return formula(*some, **static)

    y = np.empty_like(model, dtype=result(0, 1).dtype)
    out = y.ravel(order="K")

    def run(at: tuple[int, int]) -> None:
        if isinstance(formula, ufunc):
            formula(*[v[at[0] : at[1]] for v in vectors], out=out[at[0] : at[1]])
            return
        step = IN_CACHE if steps >= MANY else at[1] - at[0]
        for start in range(*at, step):
            stop = min(start + step, at[1])
            out[start:stop] = result(start, stop)

    if shared:
        parallel(run, split(model.size, get_num_threads()))
    else:
        run((0, model.size))
    return y
