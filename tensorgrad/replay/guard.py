"""Guard: what a function reads beside its arguments, and whether all of that is still what it was.

Watched is what user code can reach by the names that it mentions: globals, closures, defaults, attributes, and what
lists, tuples and dictionaries among them hold, wherever that leads. Things are compared by identity, numbers and
strings by value too, tensors by what they are, not by their numbers: a plan reads those anew. Of a kind of thing whose
changes cannot be seen, an iterator say, there is no plan if the code mentions it.
"""

from __future__ import annotations

import builtins
import datetime
import decimal
import enum
import fractions
import functools
import math
import pathlib
import re
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from operator import is_
from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import TENSOR_CLASSES, Primitive
from tensorgrad.nn.module import Module
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.replay.places import is_ours, is_plain_python, is_users_class, is_users_code, is_users_module
from tensorgrad.tensor import Tensor

PLAIN = (int, float, str, bool, bytes, type(None), complex)
#: Things that never change, and functions and types that are no state.
_FIXED = (
    *PLAIN, np.generic, np.dtype, np.ufunc, type(np.sum), range, slice, type(Ellipsis), type(NotImplemented),
    re.Pattern, pathlib.PurePath, decimal.Decimal, fractions.Fraction, datetime.date, datetime.time, datetime.timedelta,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.ClassMethodDescriptorType, types.MethodWrapperType, types.CodeType, types.GenericAlias, types.UnionType,
    Primitive,
)  # fmt: skip
_ALONE = (Optimizer, LRScheduler)  # whose attributes are guarded by a trap while a tape runs
_WRAPPERS = (types.MethodType, functools.partial, classmethod, staticmethod, property)
_WRAPPED = ("__self__", "__func__", "func", "args", "keywords", "fget")
_STANDARD_MODULES = frozenset(
    [
        "math",
        "operator",
        "functools",
        "itertools",
        "typing",
        "collections",
        "dataclasses",
        "enum",
        "abc",
        "contextlib",
        "types",
        "copy",
        "__future__",
        "warnings",
        "builtins",
        "numbers",
    ]
)
#: Who mentions these may read attributes, and call functions, that it does not name.
_DYNAMIC = frozenset(["getattr", "vars", "dir", "attrgetter", "methodcaller", "__dict__", "__getattribute__"])
_LARGE = 10_000  # entries of a list that are looked at one by one
_SMALL = 4096  # bytes of an array that are compared
_CACHE = "_path"  # an attribute of modules that changes without meaning anything
_ABSENT: Any = types.SimpleNamespace()  # stands for what a name without a value stands for
_CACHED = type(functools.lru_cache(len))
_BASES = frozenset(
    {object, list, tuple, dict, set, frozenset, deque, defaultdict, OrderedDict, BaseException, Exception}
)


class _Scope:
    """Names of a module, global for its code, and what they stood for."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.values: dict[str, Any] = {}
        self._known = 0

    def holds(self) -> bool:
        """True when all names stand for the same, or for the same numbers."""
        if self._known < len(self.values):  # after the last name was added
            self._known = len(self.values)
            self._present = [name for name, value in self.values.items() if value is not _ABSENT]
            self._absent = [name for name, value in self.values.items() if value is _ABSENT]
            self._before = [self.values[name] for name in self._present]
        now = list(map(self.scope.get, self._present))
        if not all(map(is_, now, self._before)) and not _alike(now, self._before):
            return False
        return not self._absent or self.scope.keys().isdisjoint(self._absent)


class _Instance:
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
        return _alike(now, self._values)


class Guard:
    """Snapshots, taken when something is first seen."""

    def __init__(self, arguments: list[Any]) -> None:
        self.problem: str | None = None
        self._arguments = set(map(id, arguments))
        self._seen: dict[Any, Any] = {}  # what is watched already, held so that its id is its own
        self._mentioned: set[str] = set()
        self._tensors: list[tuple[Any, Any]] = []
        self._scopes: dict[int, _Scope] = {}
        self._modules: list[types.ModuleType] = []  # that are reached, but not by a global name
        self._dynamic = False  # names are made while the code runs
        self._suspects: list[tuple[str | None, str]] = []  # under which name something is that cannot be watched
        self._reasons: dict[int, str] = {}  # the same, by id of the thing
        self._empty: list[Any] = []  # containers without an entry
        self._instances: list[_Instance] = []
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
        for parts_of, holder, before in self._checks:
            now = parts_of(holder)
            if (len(now) != len(before) or not all(map(is_, now, before))) and not _alike(now, before):
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
            for parts_of, holder, before in self._checks:
                if not _alike(parts_of(holder), before):
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
        known = self._scopes.setdefault(id(scope), _Scope(scope))
        if name not in known.values:
            known.values[name] = value = scope.get(name, _ABSENT)
            self.watch(value, name)
        value = scope.get(name)
        if type(value) is types.ModuleType:
            self._watch_module(value, attributes)

    def _watch_module(self, module: types.ModuleType, attributes: Any) -> None:
        """``settings.rate``: of a module, the attributes that stand in the same code."""
        name = str(vars(module).get("__name__")).partition(".")[0]
        if not is_users_module(module) and name not in _STANDARD_MODULES and name not in ("tensorgrad", "numpy"):
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
        made = issubclass(kind, (list, tuple, dict, set, frozenset, deque)) or hasattr(kind, "__next__")
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
        elif issubclass(kind, (list, tuple, dict, set, frozenset, deque)):
            self._container(value, name)
        elif kind is types.MappingProxyType:
            self._add(_items, value, name)
        elif kind is types.ModuleType:
            if is_users_module(value):
                self._check(_items, vars(value))
            self._modules.append(value)
        elif kind is types.CellType:
            self._add(_of_cell, value, name)
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
            self._add(_entries, value, name)
        else:
            if any(type(part) in TENSOR_CLASSES for part in _parts(value)) and issubclass(kind, (set, frozenset)):
                self._suspect(value, name, "it can reach a set of tensors")
            self._add(_parts, value, name)
        if kind not in (list, tuple, dict, set, frozenset, deque):
            if issubclass(kind, defaultdict):
                self.watch(value.default_factory, name)
            self._attributes(value, name)

    def _class(self, cls: type) -> None:
        if is_users_class(cls):
            self._check(_items, vars(cls))
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
            self._add(_of_function, function, None)
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
        elif not _is_open(kind) or not self._attributes(value, name):
            self._suspect(value, name, f"it can reach a {kind.__name__}, whose changes cannot be seen")

    def _attributes(self, value: Any, name: str | None) -> bool:
        """Watch the attributes of an instance; False where it has none that can be seen."""
        kind, found = type(value), False
        slots = [slot for cls in kind.__mro__ for slot in _slots_of(cls)]
        if kind.__dictoffset__:
            attributes = object.__getattribute__(value, "__dict__")
            if attributes or not issubclass(kind, Tensor):
                self._instances.append(_Instance(value, attributes))
            else:
                self._empty.append(attributes)
            for attribute, part in list(dict.items(attributes)):
                self.watch(part, attribute)
            found = True
        if slots and not issubclass(kind, Tensor):
            self._check(lambda value: tuple([_slot(value, slot) for slot in slots]), value)
            for slot in slots:
                self.watch(_slot(value, slot), slot)
            found = True
        return found

    def _check(self, parts_of: Callable[[Any], Any], holder: Any) -> tuple[Any, ...]:
        parts = tuple(parts_of(holder))
        self._checks.append((parts_of, holder, parts))
        return parts

    def _add(self, parts_of: Callable[[Any], Any], holder: Any, name: str | None) -> None:
        for part in self._check(parts_of, holder):
            self.watch(part, name)


_PURE_MODULES = frozenset({"math", "_operator", "operator", "itertools", "_functools", "_collections", "_abc"})
_PURE_BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bin",
        "bool",
        "callable",
        "chr",
        "dir",
        "divmod",
        "getattr",
        "hasattr",
        "hex",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "max",
        "min",
        "oct",
        "ord",
        "pow",
        "repr",
        "round",
        "setattr",
        "sorted",
        "sum",
        "vars",
    ]
)


def is_fixed(kind: type) -> bool:
    """True for the class of things that never change: numbers, strings, dates, and what a class is made of."""
    return issubclass(kind, _FIXED) and not issubclass(kind, np.void) and not is_users_class(kind)


def is_pure(function: Any) -> bool:
    """True for a built-in function that looks at nothing but its arguments."""
    module = getattr(function, "__module__", None)
    if module == "builtins":
        return function.__name__ in _PURE_BUILTINS and getattr(builtins, function.__name__, None) is function
    return module in _PURE_MODULES


@reads_shapes
def kind_of_tensor(tensor: Any) -> tuple[Any, ...]:
    """What a plan depends on of a tensor from outside."""
    data = tensor._data
    return (
        data.flags.writeable,
        data.shape, data.strides, data.dtype, tensor._requires_grad, tensor.hooks, tensor.node, tensor.view_of,
        tensor.name,
    )  # fmt: skip


def _is_open(kind: type) -> bool:
    """True for instances that keep all they have in attributes: of a class of the user's, or of plain Python."""
    if kind is types.SimpleNamespace:
        return True
    if hasattr(kind, "__next__") or is_ours(kind) or kind is _CACHED:
        return False
    return all(cls in _BASES or is_users_class(cls) or is_plain_python(cls) for cls in kind.__mro__)


def _alike(now: Any, before: Any) -> bool:
    return len(now) == len(before) and all(map(_same, now, before))


def _same(now: Any, before: Any) -> bool:
    if now is before:
        return True
    if type(now) is not type(before):
        return False
    if type(now) is float:
        return now == before and math.copysign(1, now) == math.copysign(1, before)
    if type(now) is tuple:
        return _alike(now, before)
    return (type(now) in PLAIN or isinstance(now, np.dtype)) and bool(now == before)


def _items(mapping: Any) -> tuple[Any, ...]:
    return (*mapping.keys(), *mapping.values())


def _entries(mapping: Any) -> tuple[Any, ...]:
    return (*dict.keys(mapping), *dict.values(mapping))


def _parts(sequence: Any) -> tuple[Any, ...]:
    base = next(base for base in (list, tuple, set, frozenset, deque) if isinstance(sequence, base))
    return tuple(base.__iter__(sequence))


def _slots_of(cls: type) -> list[str]:
    slots = vars(cls).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [f"_{cls.__name__.lstrip('_')}{n}" if n.startswith("__") and not n.endswith("__") else n for n in names]


def _slot(value: Any, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return _ABSENT


def _of_function(function: Any) -> tuple[Any, ...]:
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    attributes = function.__dict__
    return (function.__code__, *defaults, *(function.__closure__ or ()), *attributes.keys(), *attributes.values())


def _of_cell(cell: Any) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # empty
        return ()
