"""Tape: while a function runs, each operator it calls becomes a line of a program.

The engine tells the tape of operators, of backward passes and of results that were made late; code between operators
tells it of itself (`autograd.between`). What the tape cannot vouch for makes it void.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorgrad.autograd.planned import carry_out, waiting
from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.autograd.storage import storage
from tensorgrad.replay.nodes import NodeLine
from tensorgrad.replay.sweep import TapedSweep
from tensorgrad.replay.trap import array_of, check_reader
from tensorgrad.replay.values import Values
from tensorgrad.state import per_thread


class Tape(Values):
    """Notes what one call of a function does; a thread has at most one."""

    def __init__(self, arguments: list[Any]) -> None:
        super().__init__(arguments)
        self.nodes: dict[int, NodeLine] = {}  # by id of a node of the graph: how a line makes one like it
        self.is_paused = False
        self.writes = False  # something is called that leaves traces
        self.steps = 0  # calls that may write into any tensor

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Code that is one line as a whole: nothing within it is noted."""
        state = per_thread.state
        state.tape, self.is_paused = None, True
        try:
            yield
        finally:
            state.tape, self.is_paused = self, False

    @contextmanager
    def _whole(self, function: Callable[..., Any]) -> Iterator[None]:
        """The same for a function that may fail: who catches that would go another way."""
        try:
            with self.paused():
                yield
        except BaseException:
            self.void(f"{function.__name__} meets an error")
            raise

    def _carry_out_what_may_be_written(self) -> None:
        """Make the results that wait and read memory from outside: when the plan runs, that may be what is written."""
        if self.reason is None:
            for tensor in waiting():
                plan = array_of(tensor)
                if self.knows(plan) and any(self.name_of(read)[0] in "aw" for read in plan.reads if self.knows(read)):
                    carry_out(storage(plan.reads[0]))

    def operator(
        self,
        op: Any,
        promote: Any,
        args: Any,
        raw: list[Any],
        result: Any,
        static: dict[str, Any],
        extra: Any,
        out: Any,
    ) -> None:
        """An operator has run on ``args``, whose arrays it brought to ``raw``; ``extra`` is what it saved."""
        if per_thread.state.watchers:
            self.void("somebody watches every operator: anomaly detection, a profile, hooks on saved tensors")
        if self.reason is not None:
            return
        prim = op.primitive
        operands = self._operands(promote, args, raw)
        keywords = self.keywords({name: value for name, value in static.items() if name not in extra})
        text = self.call(prim.forward, prim.name, *operands, *keywords)
        name = self.program.new("v")
        note = prim, operands, per_thread.state.module_path
        if extra:
            saved = self.program.new("v")
            self.program.add(f"{name}, {saved} = {text}", note)
            for key, value in extra.items():
                self.know_parts(value, f"{saved}[{self.program.constant(key)}]")
        else:
            self.program.add(f"{name} = {text}", note)
        if type(result) is np.ndarray and (not result.ndim or op.plans_results):
            self.program.add(f"{name} = {self.call(np.asarray, 'asarray', name)}")
        self.know(result, name)
        if out.node is not None:
            self.nodes[id(out.node)] = NodeLine(self, out.node, args)

    def carried_out(self, plan: Any, array: Any) -> None:
        """A result that waited has been made."""
        check_reader(self, 2)
        if self.reason is None:
            self.know(array, self.assign(self.call(np.asarray, "asarray", self.name_of(plan))))

    def of_values(self, function: Callable[..., Any], args: Any, raw: list[Any]) -> Any:
        """See `autograd.between.of_values`."""
        operands = [self.expression(a) for a in args]
        path = per_thread.state.module_path
        with self._whole(function):
            result = function(*raw)
        parts = result if type(result) is tuple else (result,)
        parts = tuple([part * 1.0 if type(part) is float else part for part in parts])  # a float that is no constant
        name = self.program.function(function, function.__name__)
        if path is not None:  # which errors mention
            name, operands = self.program.function(_inside, "inside"), [self.program.constant(path), name, *operands]
        names = [self.program.new("v") for _ in parts]
        comma = "," if type(result) is tuple else ""
        self.program.add(f"{', '.join(names)}{comma} = {name}({', '.join(operands)})")
        for name, part in zip(names, parts, strict=True):
            if type(part) not in (np.ndarray, float):
                self.void(f"{function.__name__} returned a {type(part).__name__}")
            self.know(part, name)
        return parts if type(result) is tuple else parts[0]

    def leave_traces(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], anywhere: bool) -> Any:
        """See `autograd.between`: ``anywhere`` for `leaves_traces`, else for `writes_arguments`."""
        args = [list(a) if hasattr(a, "__next__") else a for a in args]
        if any(callable(a) and type(a) not in TENSOR_CLASSES for a in (*args[1:], *kwargs.values())):
            self.void(f"{function.__name__} is given a function to call")
        operands = [self.object(a) for a in args] + [f"{name}={self.object(v)}" for name, v in kwargs.items()]
        text = self.call(function, function.__name__, *operands)
        self._carry_out_what_may_be_written()
        with self._whole(function):
            result = function(*args, **kwargs)
        if result is None:
            self.program.add(text)
        else:
            self.know(array_of(result), self.assign(f"{text}._data"))
        self.look_again()
        self.writes = True
        self.steps += anywhere
        return result

    def born(self, tensor: Any, array: Any, filled: bool) -> None:
        """A tensor has been made; ``filled`` with numbers that come from no other array."""
        self._kept.append(tensor)
        self.made.add(id(tensor))
        if filled and isinstance(array, np.ndarray):
            model = self.program.constant(array.copy())  # somebody may write into this one
            self.know(array, self.assign(self.call(np.array, "copied", model)))

    def sweep(self, **how: Any) -> TapedSweep:
        """A backward pass that is noted too."""
        return TapedSweep(self, **how)

    def _operands(self, promote: Any, args: Any, raw: list[Any]) -> list[str]:
        """How a line says the operands, in the dtype to which the operator brought them."""
        texts = [self._operand(a, value) for a, value in zip(args, raw, strict=True)]
        changed = [_is_another(a, value) for a, value in zip(args, raw, strict=True)]
        if any(changed):
            names = [self.program.new("v") for _ in raw]
            text = self.call(promote, "promote", f"[{', '.join(texts)}]")
            self.program.add(f"{', '.join(names)}, = {text}")
            for name, value, is_another in zip(names, raw, changed, strict=True):
                if is_another:
                    self.know(value, name)
            return names
        return texts

    def _operand(self, given: Any, value: Any) -> str:
        if type(given) in TENSOR_CLASSES or isinstance(given, np.ndarray):
            return self.expression(given)
        # of a list or a NumPy scalar, the operator has made an array or a number
        return self.program.constant(value) if isinstance(value, np.ndarray) else self.expression(value)


def _is_another(given: Any, value: Any) -> bool:
    """True where an operator computed with another array than it was given."""
    if type(given) in TENSOR_CLASSES:
        return isinstance(value, np.ndarray) and array_of(given) is not value
    return isinstance(given, np.ndarray) and given is not value


def _inside(path: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function within the module of that path."""
    state = per_thread.state
    before = state.module_path
    state.module_path = path
    try:
        return function(*args)
    finally:
        state.module_path = before
