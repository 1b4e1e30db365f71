"""Snapshots: what things consist of, and whether that is still the same."""

from __future__ import annotations

import math
import types
from collections import deque
from operator import is_
from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.nn.module import Module
from tensorgrad.replay.kinds import PLAIN

ABSENT: Any = types.SimpleNamespace()  # stands for what a name without a value stands for
_CACHE = "_path"  # an attribute of modules that changes without meaning anything


class Scope:
    """Names of a module, global for its code, and what they stood for."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.values: dict[str, Any] = {}
        self._known = 0

    def holds(self) -> bool:
        """True when all names stand for the same, or for the same numbers."""
        if self._known < len(self.values):  # after the last name was added
            self._known = len(self.values)
            self._present = [name for name, value in self.values.items() if value is not ABSENT]
            self._absent = [name for name, value in self.values.items() if value is ABSENT]
            self._before = [self.values[name] for name in self._present]
        now = list(map(self.scope.get, self._present))
        if not all(map(is_, now, self._before)) and not alike(now, self._before):
            return False
        return not self._absent or self.scope.keys().isdisjoint(self._absent)


class Instance:
    """Attributes of an instance, and what they were."""

    def __init__(self, value: Any, attributes: dict[str, Any]) -> None:
        self.value, self._class = value, type(value)
        self._names, self._values = list(attributes), list(attributes.values())
        self._cache = self._names.index(_CACHE) if issubclass(self._class, Module) and _CACHE in attributes else None

    def holds(self) -> bool:
        """True when all attributes are the same, or the same numbers."""
        attributes = object.__getattribute__(self.value, "__dict__")
        if type(self.value) is not self._class or list(attributes) != self._names:
            return False
        if all(map(is_, attributes.values(), self._values)):
            return True
        now = list(attributes.values())
        if self._cache is not None:
            self._values[self._cache] = now[self._cache]
        return alike(now, self._values)


@reads_shapes
def kind_of_tensor(tensor: Any) -> tuple[Any, ...]:
    """What a plan depends on of a tensor from outside."""
    data = tensor._data
    return (
        data.flags.writeable,
        data.shape, data.strides, data.dtype, tensor._requires_grad, tensor.hooks, tensor.node, tensor.view_of,
        tensor.name,
    )  # fmt: skip


def alike(now: Any, before: Any) -> bool:
    """True where all parts are the same things, or the same numbers, strings and tuples of them."""
    return len(now) == len(before) and all(map(_same, now, before))


def _same(now: Any, before: Any) -> bool:
    if now is before:
        return True
    if type(now) is not type(before):
        return False
    if type(now) is float:
        return now == before and math.copysign(1, now) == math.copysign(1, before)
    if type(now) is tuple:
        return alike(now, before)
    return (type(now) in PLAIN or isinstance(now, np.dtype)) and bool(now == before)


def items_of(mapping: Any) -> tuple[Any, ...]:
    """Names and values."""
    return (*mapping.keys(), *mapping.values())


def entries_of(mapping: Any) -> tuple[Any, ...]:
    """Keys and values of a dictionary, whatever its class makes of them."""
    return (*dict.keys(mapping), *dict.values(mapping))


def parts_of(sequence: Any) -> tuple[Any, ...]:
    """The parts of a list or a set, whatever its class makes of them."""
    base = next(base for base in (list, tuple, set, frozenset, deque) if isinstance(sequence, base))
    return tuple(base.__iter__(sequence))


def slots_of(cls: type) -> list[str]:
    """The names of a class's slots."""
    slots = vars(cls).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [f"_{cls.__name__.lstrip('_')}{n}" if n.startswith("__") and not n.endswith("__") else n for n in names]


def slot_of(value: Any, name: str) -> Any:
    """What is in a slot."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return ABSENT


def of_function(function: Any) -> tuple[Any, ...]:
    """Code, defaults, variables of enclosing functions, attributes."""
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    attributes = function.__dict__
    return (function.__code__, *defaults, *(function.__closure__ or ()), *attributes.keys(), *attributes.values())


def of_cell(cell: Any) -> tuple[Any, ...]:
    """What a variable of an enclosing function holds."""
    try:
        return (cell.cell_contents,)
    except ValueError:  # empty
        return ()
