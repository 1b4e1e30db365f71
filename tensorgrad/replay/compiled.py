"""A function that notes what it does the first time and repeats that, without its Python, from then on."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.autograd.storage import storage
from tensorgrad.pytree import flatten
from tensorgrad.replay.guard import Guard
from tensorgrad.replay.kinds import PLAIN, is_fixed
from tensorgrad.replay.plan import Plan
from tensorgrad.replay.python import Observer, observed
from tensorgrad.replay.tape import Tape
from tensorgrad.replay.trap import lift_trap, set_trap
from tensorgrad.state import per_thread

_ATTEMPTS = 3  # a first call may set something up, so that only the second can be noted
_KINDS = 64  # shapes of arguments, numbers among them, in all combinations
_VARIANTS = 8  # plans for arguments of one kind; more of them, and they are no use


class Compiled:
    """What :func:`compile` returns: it is called like the function, and has the attributes of the function or module.

    ``plans`` are what it can repeat, ``reason`` says why the last call that ran as Python could not be noted.
    """

    def __init__(self, function: Callable[..., Any], fullgraph: bool = False) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._fullgraph = fullgraph
        self._plans: dict[Any, list[Plan]] = {}
        self._failures: dict[Any, list[str]] = {}
        self.reason: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the plan for these arguments; without one, the function itself, while a tape notes what it does."""
        state = per_thread.state
        # an outer function is noted, somebody wants to see operators, or a debugger or profiler the Python
        if state.tape is not None or state.watchers or sys.gettrace() is not None or sys.getprofile() is not None:
            return self._function(*args, **kwargs)
        tensors, key, others = _kind_of(args, kwargs)
        if key is None:
            return self._as_python(args, kwargs, tensors)
        plans = self._plans.get(key, [])
        for plan in plans:
            if plan.fits(tensors):
                return plan.run(tensors)
        if len(plans) >= _VARIANTS:
            return self._as_python(args, kwargs, "what it reads beside its arguments changes again and again")
        if len(self._plans) + len(self._failures) >= _KINDS and key not in self._plans and key not in self._failures:
            return self._as_python(args, kwargs, "its arguments are too often of another kind, or other numbers")
        failures = self._failures.get(key, [])
        if len(failures) >= _ATTEMPTS:
            return self._as_python(args, kwargs, failures[-1])
        return self._record(key, tensors, others, args, kwargs)

    @property
    def plans(self) -> list[Plan]:
        """The plans, one for each kind of arguments and of surroundings."""
        return [plan for plans in self._plans.values() for plan in plans]

    def __getattr__(self, name: str) -> Any:
        """What the function or the module has."""
        if name == "_function":  # not yet there: a copy is being made
            raise AttributeError(name)
        return getattr(self._function, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A compiled method of a class, bound like any other."""
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> Any:
        """Copied or pickled, it has no plans: those know the very tensors of this process."""
        return Compiled, (self._function, self._fullgraph)

    def __repr__(self) -> str:
        return f"compile({self._function!r})"

    def _record(self, key: Any, tensors: list[Any], others: list[Any], args: Any, kwargs: Any) -> Any:
        """Run the function with a tape; if that is not void, there is a plan from now on."""
        state = per_thread.state
        tape, guard = Tape(tensors), Guard(tensors)
        try:
            for thing in (self._function, *others):
                guard.watch(thing)
        except RecursionError:
            tape.void("what it can reach is nested too deeply")
        given = _containers((args, kwargs))
        before = [(container, _contents(container)) for container in given]
        names, recording = [tensor.name for tensor in tensors], state.recording
        state.tape = tape
        set_trap()
        try:
            with observed(Observer(tape, guard)):
                result = self._function(*args, **kwargs)
        finally:
            state.tape = None
            lift_trap()
        if any(_contents(container) != contents for container, contents in before):
            tape.void("it changes a list or a dictionary that it was given")
        returned = _containers(result)
        if any(any(c is g for g in given) or guard.has_seen(c) for c in returned):
            tape.void("it returns a list or a dictionary from outside")
        if not all(map(_is_plain, returned)):
            tape.void("it returns a list or a dictionary of a class of its own")
        if [tensor.name for tensor in tensors] != names:
            tape.void("it names an argument")
        if state.recording is not recording:
            tape.void("it switches gradients on or off")
        plan = Plan(tape, guard, result)
        problem = guard.finish()
        if problem is not None:
            tape.void(problem)
        self.reason = tape.reason
        if tape.reason is None:
            self._plans.setdefault(key, []).append(plan)
        else:
            self._failures.setdefault(key, []).append(tape.reason)
            self._refuse()
        return result

    def _as_python(self, args: Any, kwargs: Any, reason: Any) -> Any:
        result = self._function(*args, **kwargs)
        self.reason = reason
        self._refuse()
        return result

    def _refuse(self) -> None:
        if self._fullgraph:
            name = getattr(self._function, "__name__", type(self._function).__name__)
            raise RuntimeError(
                f"compile: {name} has run, but cannot be repeated without its Python, as fullgraph=True demands: "
                f"{self.reason}"
            )


def _kind_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """The tensors among the arguments, what a plan depends on, and other things that it must watch.

    Where there can be no plan: the reason, None, and nothing.
    """
    state = per_thread.state
    tensors: list[Any] = []
    others: list[Any] = []
    key: list[Any] = [state.recording, state.module_path, state.cut_line, len(args), *kwargs]
    leaves: Any = (*args, *kwargs.values()) if kwargs else args
    for leaf in leaves:
        if isinstance(leaf, (list, tuple, dict)):
            containers = _containers(leaves, tuples=True)
            if not all(map(_is_plain, containers)):
                return "an argument is a list or a dictionary of a class of its own", None, others
            leaves, build = flatten(leaves)
            key += [repr(build([0] * len(leaves))), *map(type, containers)]
            break
    for leaf in leaves:
        kind = type(leaf)
        if kind in TENSOR_CLASSES and not (kind.__dictoffset__ and vars(leaf)):
            if leaf.view_of is not None and leaf.view_of.number < in_place.last_write:
                leaf.view_of.refresh(leaf)
            if leaf._requires_grad:
                return "an argument requires grad; what is to be trained must be reached by name", None, others
            data = leaf._data
            owner = storage(data)
            first = next((i for i, tensor in enumerate(tensors) if storage(tensor._data) is owner), -1)
            same = next((i for i, tensor in enumerate(tensors) if tensor is leaf), -1)
            key.append((type(leaf), data.shape, data.strides, data.dtype, leaf.name, leaf.hooks is None, first, same))
            tensors.append(leaf)
        elif kind is float:
            key.append((float, repr(leaf)))  # -0.0 is another number than 0.0, NaN is the same as NaN
        elif kind in PLAIN or isinstance(leaf, (type, np.dtype)):
            key.append((kind, leaf))
        elif is_fixed(kind):
            key.append((kind, repr(leaf)))
        else:
            key.append(id(leaf))
            others.append(leaf)
    return tensors, tuple(key), others


def _is_plain(container: Any) -> bool:
    """True for a list, a tuple, a dictionary, or a named tuple: those can be made again."""
    kind = type(container)
    return kind in (list, tuple, dict) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _containers(tree: Any, tuples: bool = False) -> list[Any]:
    """The lists, sets and dictionaries in arguments or a result, and the tuples if wanted."""
    found: list[Any] = []
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple, dict, set)):
            if tuples or not isinstance(value, tuple):
                found.append(value)
            stack += value.values() if isinstance(value, dict) else value
    return found


def _contents(container: Any) -> list[Any]:
    return [*map(id, container.values()), *container] if isinstance(container, dict) else list(map(id, container))


__all__ = ["Compiled"]
