"""``out=``: a function computes as ever, and its result is written into tensors that are there already.

One mechanism for all: primitives come here from their call path, the composed functions at the public door
(:func:`accept_out`), NumPy's functions from its protocols. The result is complete before it is written, so ``out`` may
be an operand.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.errors import describe, op_error
from tensorgrad.state import per_thread

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}


def compute_into(out: Any, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], name: str) -> Any:
    """Write ``function(*args, **kwargs)`` into ``out``, a tensor or a tuple of them, and return ``out``.

    RuntimeError while recording when an operand or ``out`` requires grad; ValueError for another shape (an empty
    ``out`` takes the result's), TypeError for a dtype that would lose the fraction or the number.
    """
    targets = out if isinstance(out, (tuple, list)) else (out,)
    if per_thread.state.recording and any(_requires_grad(v) for v in (*args, *kwargs.values(), *targets)):
        raise op_error(
            RuntimeError,
            name,
            "functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad; leave out= away, or compute under tg.no_grad()",
        )
    result = function(*args, **kwargs)
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(targets) or not all(isinstance(_array(t), np.ndarray) for t in targets):
        raise op_error(
            TypeError, name, f"out must be {len(results)} tensor{'s' * (len(results) > 1)}, got {describe(out)}"
        )
    arrays = [np.asarray(_array(r)) for r in results]
    for target, array in zip(targets, arrays, strict=True):
        _check(target, array, name)
    for target, array in zip(targets, arrays, strict=True):
        _write(target, array)
    return type(result)(*targets) if hasattr(result, "_fields") else out


def _array(value: Any) -> Any:
    """The array of a tensor, which is known by its slot: this file is below the class."""
    return getattr(value, "_data", value)


def _requires_grad(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_requires_grad, value))
    return bool(getattr(value, "_requires_grad", False))


def _check(target: Any, array: np.ndarray, name: str) -> None:
    """Raise unless the result ``array`` fits into ``target``."""
    into = _array(target)
    if into.shape != array.shape and (into.size or into is target):
        raise op_error(ValueError, name, f"out must have the result's shape {array.shape}, got {describe(target)}")
    if _RANK[array.dtype.kind] > _RANK[into.dtype.kind]:
        raise op_error(TypeError, name, f"a result of {array.dtype} cannot be written into out, a {describe(target)}")
    if in_place.refuses(into):
        raise op_error(RuntimeError, name, f"out, a {describe(target)}, is expanded or read-only: pass out.clone()")


def _write(target: Any, array: np.ndarray) -> None:
    into = _array(target)
    if into.shape != array.shape:  # empty: it takes the result's shape
        target._data = array.astype(into.dtype)
        return
    in_place.write(into)
    into[...] = array


def with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with one more keyword argument, ``out``."""

    @functools.wraps(function)
    def wrapper(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if out is None else compute_into(out, function, args, kwargs, name)

    name = function.__name__
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    place = len(parameters) - (bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    parameters.insert(place, inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any"))
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return wrapper


def accept_out(namespace: dict[str, Any], names: str) -> None:
    """Give the functions of these names in a module their ``out``; aliases stay the same object."""
    wrapped: dict[int, Callable[..., Any]] = {}
    for name in names.split():
        function = namespace[name]
        if id(function) not in wrapped:
            wrapped[id(function)] = with_out(function)
        namespace[name] = wrapped[id(function)]
