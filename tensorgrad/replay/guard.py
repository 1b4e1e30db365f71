"""Guard: what a function reads beside its arguments, and whether all of that is still what it was.

Watched is what user code can reach by the names that it mentions: globals, closures, defaults, attributes, and what
lists, tuples and dictionaries among them hold, wherever that leads. Things are compared by identity, numbers and
strings by value too, tensors by what they are, not by their numbers: a plan reads those anew. Of a kind of thing whose
changes cannot be seen, an iterator say, there is no plan if the code mentions it.
"""

from __future__ import annotations

import enum
import functools
import types
from collections import defaultdict, deque
from collections.abc import Callable
from operator import is_
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.nn.module import Module
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.replay.kinds import is_fixed, is_harmless, is_open, is_pure
from tensorgrad.replay.places import is_ours, is_users_class, is_users_code, is_users_module
from tensorgrad.replay.snapshots import (
    ABSENT,
    Instance,
    Scope,
    alike,
    entries_of,
    items_of,
    kind_of_tensor,
    of_cell,
    of_function,
    parts_of,
    slot_of,
    slots_of,
)
from tensorgrad.tensor import Tensor

_ALONE = (Optimizer, LRScheduler)  # whose attributes are guarded by a trap while a tape runs
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_WRAPPERS = (types.MethodType, functools.partial, classmethod, staticmethod, property)
_WRAPPED = ("__self__", "__func__", "func", "args", "keywords", "fget")
#: Who mentions these may read attributes, and call functions, that it does not name.
_DYNAMIC = frozenset(["getattr", "vars", "dir", "attrgetter", "methodcaller", "__dict__", "__getattribute__"])
_LARGE = 10_000  # entries of a list that are looked at one by one
_SMALL = 4096  # bytes of an array that are compared


class Guard:
    """Snapshots, taken when something is first seen."""

    def __init__(self, arguments: list[Any]) -> None:
        self.problem: str | None = None
        self._arguments = set(map(id, arguments))
        self._seen: dict[Any, Any] = {}  # what is watched already, held so that its id is its own
        self._mentioned: set[str] = set()
        self._tensors: list[tuple[Any, Any]] = []
        self._scopes: dict[int, Scope] = {}
        self._modules: list[types.ModuleType] = []  # that are reached, but not by a global name
        self._dynamic = False  # names are made while the code runs
        self._suspects: list[tuple[str | None, str]] = []  # under which name something is that cannot be watched
        self._reasons: dict[int, str] = {}  # the same, by id of the thing
        self._empty: list[Any] = []  # containers without an entry
        self._instances: list[Instance] = []
        self._classes: list[tuple[Any, Any, Any]] = []  # of modules: what is called
        #: How to list the parts, of what, and what they were.
        self._checks: list[tuple[Callable[[Any], Any], Any, tuple[Any, ...]]] = []

    def holds(self) -> bool:
        """True when nothing has changed."""
        if any(self._empty):
            return False
        for tensor, kind in self._tensors:
            if kind_of_tensor(tensor) != kind:
                return False
        for scope in self._scopes.values():
            if not scope.holds():
                return False
        for instance in self._instances:
            if not instance.holds():
                return False
        for cls, forward, call in self._classes:
            if cls.forward is not forward or cls.__call__ is not call:
                return False
        for listed, holder, before in self._checks:
            now = listed(holder)
            if (len(now) != len(before) or not all(map(is_, now, before))) and not alike(now, before):
                return False
        return True

    def finish(self) -> str | None:
        """Why what was seen does not make a guard, if it does not; after the function has run."""
        for module in self._modules:
            self._watch_module(module, frozenset(self._mentioned))
        for name, reason in self._suspects:
            if name is None or self._dynamic or name in self._mentioned:
                self.problem = self.problem or reason
        if self.problem is None and not self.holds():
            for instance in self._instances:
                if not instance.holds():
                    return f"it changes an attribute that it reads, of a {type(instance.value).__name__}"
            for listed, holder, before in self._checks:
                if not alike(listed(holder), before):
                    return f"it changes something that it reads, in a {type(holder).__name__}"
            return "it changes a tensor or a name that it reads, or a list or a dictionary that was empty"
        return self.problem

    def has_seen(self, value: Any) -> bool:
        """True for something that is watched."""
        return id(value) in self._seen

    # --- what code mentions -------------------------------------------------------------------------------------------

    def mention(self, names: Any) -> None:
        """Attributes, and other names, that code of the user's mentions."""
        self._mentioned.update(names)
        self._dynamic = self._dynamic or not _DYNAMIC.isdisjoint(names)

    def watch_name(self, scope: dict[str, Any], name: str, attributes: Any = ()) -> None:
        """A global name, or one of a module, that is mentioned together with ``attributes``."""
        self._mentioned.add(name)
        known = self._scopes.setdefault(id(scope), Scope(scope))
        if name not in known.values:
            known.values[name] = value = scope.get(name, ABSENT)
            self.watch(value, name)
        value = scope.get(name)
        if type(value) is types.ModuleType:
            self._watch_module(value, attributes)

    def _watch_module(self, module: types.ModuleType, attributes: Any) -> None:
        """``settings.rate``: of a module, the attributes that stand in the same code."""
        name = vars(module).get("__name__")
        if not is_harmless(module):
            self.problem = self.problem or f"it mentions the module {name}"
        key = id(module), frozenset(attributes)
        if key not in self._seen:
            self._seen[key] = module
            if name == "numpy" and "random" in attributes:
                self.problem = self.problem or "it mentions numpy.random"
            for attribute in attributes:
                if attribute in vars(module):
                    self.watch_name(vars(module), attribute, attributes)

    # --- what it reaches ----------------------------------------------------------------------------------------------

    def ignore(self, value: Any) -> None:
        """Something that is made meanwhile, and so is no state."""
        self._seen[id(value)] = value

    def watch_argument(self, value: Any) -> None:
        """Something that a function was given. Lists and the like may have been made meanwhile, and are left alone.

        If they were not, they are reached by a name or an attribute too.
        """
        kind = type(value)
        made = issubclass(kind, _CONTAINERS) or hasattr(kind, "__next__")
        if not made and id(value) not in self._arguments:
            self.watch(value)

    def watch_free(self, value: Any, name: str) -> None:
        """A variable of an enclosing function, which may run at this moment and have the arguments in it."""
        parts = value if type(value) in (list, tuple) else value.values() if type(value) is dict else ()
        if not self._arguments.intersection(map(id, (value, *parts))):
            self.watch(value, name)

    def watch(self, value: Any, name: str | None = None) -> None:
        """Anything that user code can reach, under that name if it has one; its parts are watched too."""
        kind = type(value)
        if id(value) in self._arguments:
            self.problem = self.problem or "it reaches one of its arguments in another way too"
        if is_fixed(kind):
            return
        if id(value) in self._seen:
            if id(value) in self._reasons:  # under another name
                self._suspects.append((name, self._reasons[id(value)]))
            return
        self._seen[id(value)] = value
        if kind in TENSOR_CLASSES or issubclass(kind, Tensor):
            self._tensors.append((value, kind_of_tensor(value)))
            self._attributes(value, name)
        elif issubclass(kind, np.ndarray):
            self._array(value, name)
        elif issubclass(kind, _CONTAINERS):
            self._container(value, name)
        elif kind is types.MappingProxyType:
            self._add(items_of, value, name)
        elif kind is types.ModuleType:
            if is_users_module(value):
                self._check(items_of, vars(value))
            self._modules.append(value)
        elif kind is types.CellType:
            self._add(of_cell, value, name)
        elif issubclass(kind, type):
            self._class(value)
        elif kind is types.FunctionType:
            self._function(value)
        elif kind is types.BuiltinFunctionType:
            self._builtin(value, name)
        elif issubclass(kind, _WRAPPERS):
            parts = [object.__getattribute__(value, part) for part in _WRAPPED if hasattr(kind, part)]
            for part in parts:
                self.watch(part, name)
        elif kind.__name__ == "Compiled" and is_ours(kind):
            self.watch(value._function, name)
        else:
            self._instance(value, name)

    def _suspect(self, value: Any, name: str | None, reason: str) -> None:
        self._reasons[id(value)] = reason
        self._suspects.append((name, reason))

    def _array(self, array: Any, name: str | None) -> None:
        if type(array) is np.ndarray and array.nbytes <= _SMALL and array.dtype.kind in "biuf":
            self._check(lambda array: (array.tobytes(), array.shape, array.dtype), array)
        else:
            self._suspect(array, name, "it can reach an array of NumPy's, whose numbers may change")

    def _container(self, value: Any, name: str | None) -> None:
        kind = type(value)
        if kind in (list, dict, set) and not value:
            self._empty.append(value)
        elif len(value) > _LARGE:
            self._suspect(value, name, f"it can reach a {kind.__name__} of {len(value)} entries")
        elif kind is tuple:
            for part in value:
                self.watch(part, name)
        elif issubclass(kind, dict):
            if any(type(key) in TENSOR_CLASSES for key in dict.keys(value)):
                self._suspect(value, name, "it can reach a dictionary whose keys are tensors")
            self._add(entries_of, value, name)
        else:
            if any(type(part) in TENSOR_CLASSES for part in parts_of(value)) and issubclass(kind, (set, frozenset)):
                self._suspect(value, name, "it can reach a set of tensors")
            self._add(parts_of, value, name)
        if kind not in _CONTAINERS:
            if issubclass(kind, defaultdict):
                self.watch(value.default_factory, name)
            self._attributes(value, name)

    def _class(self, cls: type) -> None:
        if is_users_class(cls):
            self._check(items_of, vars(cls))
            for name, part in list(vars(cls).items()):
                self.watch(part, name)
            for base in cls.__bases__:
                self.watch(base)
            self.watch(type(cls))
        elif issubclass(cls, Module):
            self._classes.append((cls, cls.forward, cls.__call__))

    def _function(self, function: Any) -> None:
        code = function.__code__
        if is_users_code(code) or code.co_filename == functools.__file__:  # a wrapper, of a single dispatch say
            self._add(of_function, function, None)
        else:
            self.watch(vars(function).get("__wrapped__"))

    def _builtin(self, function: Any, name: str | None) -> None:
        owner = function.__self__
        if owner is None or type(owner) is types.ModuleType:
            if not is_pure(function):
                self._suspect(function, name, f"it can reach the function {function.__name__}")
        else:
            self.watch(owner, name)

    def _instance(self, value: Any, name: str | None) -> None:
        kind = type(value)
        self.watch(kind)
        if issubclass(kind, Module):
            self._attributes(value, name)
        elif issubclass(kind, _ALONE):
            self._check(lambda value: (type(value), *[name in vars(value) for name in ("step", "zero_grad")]), value)
        elif issubclass(kind, enum.Enum):
            self._attributes(value, name)
        elif not is_open(kind) or not self._attributes(value, name):
            self._suspect(value, name, f"it can reach a {kind.__name__}, whose changes cannot be seen")

    def _attributes(self, value: Any, name: str | None) -> bool:
        """Watch the attributes of an instance; False where it has none that can be seen."""
        kind, found = type(value), False
        slots = [slot for cls in kind.__mro__ for slot in slots_of(cls)]
        attributes = slot_of(value, "__dict__") if kind.__dictoffset__ else ABSENT
        if attributes is not ABSENT:  # a type variable of Python 3.13 has some, and hides them
            if attributes or not issubclass(kind, Tensor):
                self._instances.append(Instance(value, attributes))
            else:
                self._empty.append(attributes)
            for attribute, part in list(dict.items(attributes)):
                self.watch(part, attribute)
            found = True
        if slots and not issubclass(kind, Tensor):
            self._check(lambda value: tuple([slot_of(value, slot) for slot in slots]), value)
            for slot in slots:
                self.watch(slot_of(value, slot), slot)
            found = True
        return found

    def _check(self, listed: Callable[[Any], Any], holder: Any) -> tuple[Any, ...]:
        parts = tuple(listed(holder))
        self._checks.append((listed, holder, parts))
        return parts

    def _add(self, listed: Callable[[Any], Any], holder: Any, name: str | None) -> None:
        for part in self._check(listed, holder):
            self.watch(part, name)
