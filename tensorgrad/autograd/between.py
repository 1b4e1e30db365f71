"""Code between operators: marks by which a tape knows what it does (see `tensorgrad.replay`).

Operators are all that a tape sees by itself. A function around them that looks only at shapes says so
(`reads_shapes`), one that computes with values says so (`of_values`), and so does one that leaves something behind
(`leaves_traces`: an optimizer's step; `writes_arguments`: a running mean). Without a tape, none of this does anything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.state import per_thread

F = TypeVar("F", bound=Callable[..., Any])

#: The code of the functions that look at nothing of an array but its shape, its dtype and its place in memory.
SHAPE_READERS: set[CodeType] = set()


def reads_shapes(function: F) -> F:
    """Say of a function, or of a property, that it looks at no value of a tensor."""
    SHAPE_READERS.add(getattr(function, "fget", function).__code__)
    return function


def of_values(function: Callable[..., Any], *args: Any) -> Any:
    """``function`` of ``args``, tensors among them as arrays: work on values that is no operator.

    A mask, a checked target, the number of samples that count. The function leaves nothing behind, and returns an
    array, a float or a tuple of them; what the caller makes of these must go into operators as it is.
    """
    raw = [a._data if type(a) in TENSOR_CLASSES else a for a in args]
    tape = per_thread.state.tape
    return function(*raw) if tape is None else tape.of_values(function, args, raw)


def saves_work(condition: bool) -> bool:
    """``condition``, which looks at values and decides only whether something that changes nothing is left out.

    On a tape it is left in, as the values of another call may want it.
    """
    return condition or per_thread.state.tape is not None


def leaves_traces(function: F) -> F:
    """Say of a function that it changes tensors, or other things than tensors, and returns None or a tensor."""
    return _traced(function, anywhere=True)


def writes_arguments(function: F) -> F:
    """The same of a function that writes into no tensors but those that it is given, and into these always."""
    return _traced(function, anywhere=False)


def _traced(function: F, anywhere: bool) -> F:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        tape = per_thread.state.tape
        return function(*args, **kwargs) if tape is None else tape.leave_traces(function, args, kwargs, anywhere)

    return wrapper  # type: ignore[return-value]


SHAPE_READERS.add(of_values.__code__)  # it hands on what it has read to `Tape.of_values`
