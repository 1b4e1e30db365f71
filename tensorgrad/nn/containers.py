"""Modules that hold modules: in a row, in a list, in a dictionary.

The children of a container are ordinary attributes, called "0", "1", ... or by their keys: that is all it takes for
them to be found, saved, printed and named in errors as PyTorch's are.
"""

from __future__ import annotations

import inspect
import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, TypeVar

from tensorgrad.errors import describe
from tensorgrad.nn.module import Module

C = TypeVar("C", bound="_Container")
N = TypeVar("N", bound="_Numbered")


class Identity(Module):
    """Returns its input; takes and ignores any arguments. Source: ``torch.nn.Identity``.

    >>> import tensorgrad as tg
    >>> tg.nn.Identity()(tg.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


def _no_module(value: Any, container: Module) -> str:
    """What came in the place of a module, and how to make one of it."""
    if isinstance(value, type) and issubclass(value, Module):
        return f"the class {value.__name__}; make one: {_call(value)}"
    if isinstance(value, (list, tuple, Iterator)) and isinstance(container, Sequential):
        what = type(value).__name__
        return f"{what}; unpack the {what}: Sequential(*layers)"
    if callable(value) and hasattr(value, "__name__") and not isinstance(value, type):
        from tensorgrad import nn

        wanted = value.__name__.replace("_", "").lower()
        classes = [c for c in vars(nn).values() if isinstance(c, type) and issubclass(c, Module)]
        found = [_call(c) for c in classes if c.__name__.lower() == wanted]
        advice = f"the module is {found[0]}" if found else "write a Module whose forward calls it"
        return f"{value.__name__}: a function is no module; {advice}"
    return describe(value)


def _call(cls: type[Module]) -> str:
    """How a module of that class is made."""
    required = [
        p for p in inspect.signature(cls).parameters.values() if p.default is p.empty and p.kind < p.VAR_POSITIONAL
    ]
    where = "nn." if cls.__module__.startswith("tensorgrad.nn.") else ""
    return f"{where}{cls.__name__}({'...' if required else ''})"


class _Container(Module):
    """What the containers share: their children are the attributes that are modules, in order of assignment."""

    def _by_name(self) -> dict[str, Module]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def _adopt(self, name: str, module: Any) -> None:
        """Enter ``module`` under ``name``; TypeError for anything else, KeyError for a name that cannot be one."""
        kind = type(self).__name__
        if not isinstance(module, Module):
            raise TypeError(f"{kind}: expected a Module for {name!r}, got {_no_module(module, self)}")
        if not isinstance(name, str):
            raise TypeError(f"{kind}: expected a string as name of a module, got {name!r}")
        taken = hasattr(type(self), name) or name in self._RESERVED
        if not name or "." in name or taken or not isinstance(vars(self).get(name, module), Module):
            raise KeyError(f"{kind}: {name!r} cannot name a module: it is empty, has a dot, or is an attribute already")
        setattr(self, name, module)

    def _set_children(self: C, named: Iterable[tuple[str, Any]]) -> C:
        """Exchange all children."""
        named = list(named)
        for name in self._by_name():
            delattr(self, name)
        for name, module in named:
            self._adopt(name, module)
        return self

    def __len__(self) -> int:
        return len(self._by_name())


def _numbered(modules: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((str(i), module) for i, module in enumerate(modules))


class _Numbered(_Container):
    """A container that is used like a list; taking modules out or putting them in between numbers all anew."""

    def __iter__(self) -> Iterator[Module]:
        return iter(self._by_name().values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(list(self._by_name().items())[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, module: Module) -> None:
        self._adopt(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._set_children(_numbered(modules))

    def __add__(self: N, other: Iterable[Module]) -> N:
        return type(self).__new__(type(self))._set_children(_numbered([*self, *other]))

    def __iadd__(self: N, other: Iterable[Module]) -> N:
        return self.extend(other)

    def _part(self, named: list[tuple[str, Module]]) -> Any:
        raise NotImplementedError

    def _name_at(self, index: int) -> str:
        names = list(self._by_name())
        try:
            return names[operator.index(index)]
        except IndexError:
            raise IndexError(f"{type(self).__name__}: no module {index}, there are {len(names)}") from None

    def append(self: N, module: Module) -> N:
        """Add a module at the end."""
        self._adopt(str(len(self)), module)
        return self

    def extend(self: N, modules: Iterable[Module]) -> N:
        """Add modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: N, index: int, module: Module) -> N:
        """Put a module before the one at ``index``."""
        modules: list[Any] = list(self)
        modules.insert(index, module)
        return self._set_children(_numbered(modules))

    def pop(self, index: int = -1) -> Module:
        """Take a module out and return it."""
        module: Module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """Passes its input through the modules one after the other: ``f_n(... f_1(f_0(x)))``.

    Takes modules, or one ordered dictionary of named modules. Behaves as a list: indices, slices (a Sequential of
    the same modules), ``len``, ``+``, ``append``, ``extend``, ``insert``, ``pop``. Raises TypeError for what is not a
    module. Source: ``torch.nn.Sequential``.

    >>> from tensorgrad import nn
    >>> nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    Sequential(
      (0): Linear(in_features=4, out_features=2, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], Mapping) else _numbered(args)
        self._set_children(named)

    def forward(self, input: Any) -> Any:
        """The input after all modules."""
        for value in tuple(vars(self).values()):
            if isinstance(value, Module):
                input = value(input)
        return input

    def _part(self, named: list[tuple[str, Module]]) -> Sequential:
        return Sequential(OrderedDict(named))


class ModuleList(_Numbered):
    """A list of modules that a network finds; it has no ``forward`` of its own. Source: ``torch.nn.ModuleList``.

    >>> from tensorgrad import nn
    >>> nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self._set_children(_numbered(modules or ()))

    def _part(self, named: list[tuple[str, Module]]) -> ModuleList:
        return ModuleList(module for _, module in named)

    def __repr__(self) -> str:
        """As PyTorch's: a run of modules that print alike takes one line."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        body = "".join("\n  " + line.replace("\n", "\n  ") for line in lines)
        return f"{type(self).__name__}({body}\n)" if lines else f"{type(self).__name__}()"


class ModuleDict(_Container):
    """A dictionary of modules that a network finds, in order of insertion. Source: ``torch.nn.ModuleDict``.

    Raises KeyError for a key that is empty, has a dot or is the name of a method.

    >>> from tensorgrad import nn
    >>> heads = nn.ModuleDict({"act": nn.ReLU()})
    >>> heads["out"] = nn.Linear(2, 1)
    >>> list(heads)
    ['act', 'out']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        return self._by_name()[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self._adopt(key, module)

    def __delitem__(self, key: str) -> None:
        del vars(self)[self._checked(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __contains__(self, key: object) -> bool:
        return key in self._by_name()

    def _checked(self, key: str) -> str:
        if key not in self:
            raise KeyError(key)
        return key

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._by_name().keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._by_name().values()

    def items(self) -> ItemsView[str, Module]:
        """``(name, module)`` pairs."""
        return self._by_name().items()

    def update(self, modules: Any) -> None:
        """Enter the modules of a mapping, or of an iterable of pairs."""
        for key, module in list(modules.items() if hasattr(modules, "items") else modules):
            self._adopt(key, module)

    def pop(self, key: str) -> Module:
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take all modules out."""
        self._set_children(())


__all__ = ["Identity", "ModuleDict", "ModuleList", "Sequential"]
