"""Formulas of every number, over large arrays: one pass through memory for all steps, on all threads.

    silu_rule = one_pass(lambda g, y, x: g * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))))

A formula is a function of arrays that treats every number alike. Small arrays are given to it as they are. Of large
ones it gets slices that stay in the cache from step to step; with Numba, its steps (see `traced`) become one loop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray, ufunc
from numpy.typing import NDArray

from tensorgrad.kernels.slices import SHARED_FLOATS, flat, lie_alike
from tensorgrad.kernels.threads import get_num_threads, parallel, split
from tensorgrad.kernels.twin import has_twin

IN_CACHE = 1 << 13  # numbers of a slice: some arrays of them stay in the second cache
LARGE = IN_CACHE + 1  # numbers; below, one call after another costs less than to look at what is given
_FLOATS = frozenset(np.dtype(kind) for kind in "fd")

Formula = Callable[..., Any]


def one_pass(formula: Formula) -> Formula:
    """Return ``formula`` for arrays of any size: a function of the same arguments."""

    @functools.wraps(formula)
    def run(*args: Any, **static: Any) -> Any:
        first = args[0]
        if type(first) is ndarray and first.size >= LARGE:
            y = _over_large(formula, args, static)
            if y is not None:
                return y
        return formula(*args, **static)

    return run


def _over_large(formula: Formula, args: tuple[Any, ...], static: dict[str, Any]) -> NDArray | None:
    """Return the result where all arrays are of one shape, dtype and memory order; None otherwise."""
    places = [i for i, a in enumerate(args) if type(a) is ndarray]
    model = next((args[i] for i in places if args[i].dtype in _FLOATS), None)
    if model is None or not model.flags.forc:
        return None
    for i in places:
        if args[i].dtype not in (model.dtype, np.bool_) or not lie_alike(args[i], model):
            return None
    return evaluate(formula, model, args, places, static)


@has_twin
def evaluate(
    formula: Formula, model: NDArray, args: tuple[Any, ...], places: list[int], static: dict[str, Any]
) -> NDArray | None:
    """Return ``formula(*args, **static)``; the arguments at ``places`` are arrays that lie like ``model``.

    None where that is no faster than the formula itself.
    """
    shared = model.size >= SHARED_FLOATS
    simple = isinstance(formula, ufunc)
    if simple and not shared:
        return None
    vectors = flat(*[args[i] for i in places])
    size = model.size
    first = _of_range(formula, args, places, vectors, static, 0, 1)
    y = np.empty_like(model, dtype=first.dtype)
    out = y.ravel(order="K")

    def run(at: tuple[int, int]) -> None:
        step = at[1] - at[0] if simple else IN_CACHE
        for start in range(*at, step):
            stop = min(start + step, at[1])
            if simple:
                formula(*[v[start:stop] for v in vectors], out=out[start:stop])
            else:
                out[start:stop] = _of_range(formula, args, places, vectors, static, start, stop)

    if shared:
        parallel(run, split(size, get_num_threads()))
    else:
        run((0, size))
    return y


def _of_range(formula: Formula, args: Any, places: Any, vectors: Any, static: Any, start: int, stop: int) -> Any:
    """Return the formula's result for a range of its arrays."""
    some = list(args)
    for i, v in zip(places, vectors, strict=True):
        some[i] = v[start:stop]
    return formula(*some, **static)
