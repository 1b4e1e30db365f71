"""Values: what goes by which name in a program, and how a line says an operand.

A value is known by the identity of its array. It is the result of a line, an argument of the function, the array of a
tensor from outside, which is looked up whenever the plan runs, or a constant. An array of unknown origin could be made
from others in ways that nobody has seen, and so it ends the attempt.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import TENSOR_CLASSES, wrap
from tensorgrad.errors import describe
from tensorgrad.replay.places import users_line
from tensorgrad.replay.program import Program
from tensorgrad.replay.trap import array_of


class Values:
    """The names of arrays, of plans that wait and of floats that were computed."""

    def __init__(self, arguments: list[Any]) -> None:
        self.program = Program()
        self.reason: str | None = None  # why there will be no plan
        self.given = arguments
        self.arguments = [self.program.new("a") for _ in arguments]
        self.captured: dict[str, Any] = {}  # tensors from outside, by the names of their arrays
        self.made: set[int] = set()  # ids of the tensors that were made meanwhile
        self._by_tensor: dict[int, str] = {}  # names of captured arrays, by id of the tensor
        self._stale: set[str] = set()  # names of captured arrays that are to be looked up again
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        for name, tensor in zip(self.arguments, arguments, strict=True):
            self.know(array_of(tensor), name)

    def void(self, reason: str) -> None:
        """There will be no plan, for this reason. The function that runs does not notice."""
        if self.reason is None:
            self.reason = reason

    def know(self, value: Any, name: str) -> None:
        """From now on, ``value`` goes by ``name``."""
        self._kept.append(value)
        self._names[id(value)] = name

    def know_parts(self, value: Any, text: str) -> None:
        """Give the arrays in a value that lines say as ``text`` names of their own."""
        if type(value) is tuple:
            for i, part in enumerate(value):
                self.know_parts(part, f"{text}[{i}]")
        elif isinstance(value, np.ndarray):
            self.know(value, self.assign(text))

    def knows(self, value: Any) -> bool:
        """True for a value that has a name, and for a tuple, a list or a tensor with such values in it."""
        if type(value) in (tuple, list):
            return any(map(self.knows, value))
        return id(array_of(value) if type(value) in TENSOR_CLASSES else value) in self._names

    def assign(self, text: str) -> str:
        """Add the line that computes ``text``; returns the name of the result."""
        name = self.program.new("v")
        self.program.add(f"{name} = {text}")
        return name

    def call(self, function: Any, name: str, *operands: str) -> str:
        """How a line calls ``function``."""
        return f"{self.program.function(function, name)}({', '.join(operands)})"

    def name_of(self, value: Any) -> str:
        """The name of a value that a line must have made."""
        name = self._names.get(id(value))
        if name is None:
            self.void(f"an array, {describe(value)}, comes from nowhere that is known, at {users_line()}")
            return "None"
        return name

    def expression(self, value: Any) -> str:
        """How a line says an operand: a tensor's array, an array, a float, a tuple of them, or a constant."""
        if type(value) in TENSOR_CLASSES:
            return self._array_of(value)
        if isinstance(value, np.ndarray) or hasattr(value, "reads"):
            return self.name_of(value)
        if type(value) is float and id(value) in self._names:
            return self._names[id(value)]
        if type(value) is tuple and any(self.knows(part) or isinstance(part, np.ndarray) for part in value):
            return f"({', '.join(map(self.expression, value))},)"
        return self.program.constant(value)

    def keywords(self, static: dict[str, Any]) -> list[str]:
        """How a line says keyword arguments: those that vary one by one, the others together."""
        varying = {name for name, value in static.items() if self.knows(value) or _holds_an_array(value)}
        fixed = {name: value for name, value in static.items() if name not in varying}
        texts = [f"{name}={self.expression(static[name])}" for name in static if name in varying]
        return [*texts, f"**{self.program.constant(fixed)}"] if fixed else texts

    def object(self, value: Any) -> str:
        """How a line says an argument that is to come as a tensor, not as an array."""
        if type(value) in TENSOR_CLASSES:
            name = self._names.get(id(array_of(value)))
            if name is not None and name[0] == "v":
                return self.call(wrap, "wrap", name)
            if name is not None and name[0] == "a":
                self.void(f"an argument is handed to what may change it, at {users_line()}")
            return self.program.constant(value)
        if type(value) in (tuple, list) and self.knows(value):
            inner = ", ".join(map(self.object, value))
            return f"({inner},)" if type(value) is tuple else f"[{inner}]"
        return self.expression(value)

    def look_again(self) -> None:
        """Tensors from outside may have other memory from here on."""
        self._stale.update(self.captured)

    def _array_of(self, tensor: Any) -> str:
        name = self._names.get(id(array_of(tensor)))
        captured = name is not None and name[0] == "w" and id(tensor) not in self.made
        if captured:  # two tensors may have one array now, and two when the plan runs
            name = self._by_tensor.get(id(tensor))
        if name is None or name in self._stale:
            return self._capture(tensor)
        if name[0] == "a" and id(tensor) not in self.made and not any(tensor is a for a in self.given):
            self.void("an argument shares its memory with a tensor that is reached in another way")
        return name

    def _capture(self, tensor: Any) -> str:
        """The name of the array of a tensor from outside."""
        if id(tensor) in self.made:
            self.void(
                f"it makes a tensor of data, at {users_line()}; make it outside, or of the arguments by operators"
            )
        problem = why_not(tensor)
        if problem is not None:
            self.void(f"it uses {problem}")
        name = self.program.new("w")
        self.captured[name] = tensor
        self._by_tensor[id(tensor)] = name
        self.program.add(f"{name} = {self.program.constant(tensor)}._data")
        self.know(array_of(tensor), name)
        return name


def why_not(tensor: Any) -> str | None:
    """Why a plan cannot use a tensor from outside."""
    if tensor.node is not None:
        return f"a tensor from outside that {tensor.node.op.name} has computed; detach it, or give it as an argument"
    if tensor.view_of is not None:
        return "a view of another tensor from outside"
    if tensor.hooks:
        return "a tensor with hooks"
    return None


def _holds_an_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (type(value) is tuple and any(map(_holds_an_array, value)))
