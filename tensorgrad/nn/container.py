"""What containers have in common: they are used like a list or like a dictionary.

The children of a container are ordinary attributes, called "0", "1", ... or by their keys: that is all it takes for
them to be found, saved, printed and named in errors as PyTorch's are.
"""

from __future__ import annotations

import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from typing import Any, ClassVar, TypeVar

from tensorgrad.nn.module import Module

C = TypeVar("C", bound="Container")
N = TypeVar("N", bound="Numbered")


class Container(Module):
    """What the containers share: their children are the attributes of one kind, in order of assignment."""

    _holds: ClassVar[type]  # Module, or Parameter

    def _child(self, name: Any, value: Any) -> Any:
        """``value`` as a child called ``name``; TypeError for what cannot be one."""
        raise NotImplementedError

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Refused with NotImplementedError: what only holds others computes nothing."""
        kind = type(self).__name__
        advice = "call them in turn, or put them into nn.Sequential" if self._holds is Module else "use them in turn"
        raise NotImplementedError(f"{kind}: it only holds {self._holds.__name__.lower()}s; {advice}")

    def _by_name(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if isinstance(value, self._holds)}

    def _adopt(self, name: str, value: Any) -> None:
        """Enter ``value`` under ``name``; TypeError for anything else, KeyError for a name that cannot be one."""
        kind, what = type(self).__name__, self._holds.__name__.lower()
        child = self._child(name, value)
        if not isinstance(name, str):
            raise TypeError(f"{kind}: expected a string as name of a {what}, got {name!r}")
        taken = hasattr(type(self), name) or name in self._RESERVED
        if not name or "." in name or taken or not isinstance(vars(self).get(name, child), self._holds):
            raise KeyError(f"{kind}: {name!r} cannot name a {what}: it is empty, has a dot, or is an attribute already")
        setattr(self, name, child)

    def _set_children(self: C, named: Iterable[tuple[str, Any]]) -> C:
        """Exchange all children."""
        named = list(named)
        for name in self._by_name():
            delattr(self, name)
        for name, value in named:
            self._adopt(name, value)
        return self

    def __len__(self) -> int:
        return len(self._by_name())


def numbered(values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """The values, each with its number as its name."""
    return ((str(i), value) for i, value in enumerate(values))


class Numbered(Container):
    """A container that is used like a list; taking children out or putting them in between numbers all anew."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._by_name().values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(list(self._by_name().items())[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, value: Any) -> None:
        self._adopt(self._name_at(index), value)

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index]
        self._set_children(numbered(values))

    def __add__(self: N, other: Iterable[Any]) -> N:
        return type(self).__new__(type(self))._set_children(numbered([*self, *other]))

    def __iadd__(self: N, other: Iterable[Any]) -> N:
        return self.extend(other)

    def _part(self, named: list[tuple[str, Any]]) -> Any:
        raise NotImplementedError

    def _name_at(self, index: int) -> str:
        names = list(self._by_name())
        try:
            return names[operator.index(index)]
        except IndexError:
            what = self._holds.__name__.lower()
            raise IndexError(f"{type(self).__name__}: no {what} {index}, there are {len(names)}") from None

    def append(self: N, value: Any) -> N:
        """Add one at the end."""
        self._adopt(str(len(self)), value)
        return self

    def extend(self: N, values: Iterable[Any]) -> N:
        """Add some at the end."""
        for value in list(values):
            self.append(value)
        return self

    def insert(self: N, index: int, value: Any) -> N:
        """Put one before the one at ``index``."""
        values: list[Any] = list(self)
        values.insert(index, value)
        return self._set_children(numbered(values))

    def pop(self, index: int = -1) -> Any:
        """Take one out and return it."""
        value = self[index]
        del self[index]
        return value


class Keyed(Container):
    """A container that is used like a dictionary, in order of insertion."""

    def __getitem__(self, key: str) -> Any:
        return self._by_name()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._adopt(key, value)

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

    def values(self) -> ValuesView[Any]:
        """The children."""
        return self._by_name().values()

    def items(self) -> ItemsView[str, Any]:
        """``(name, child)`` pairs."""
        return self._by_name().items()

    def update(self, values: Any) -> None:
        """Enter those of a mapping, or of an iterable of pairs."""
        for key, value in list(values.items() if hasattr(values, "items") else values):
            self._adopt(key, value)

    def pop(self, key: str) -> Any:
        """Take one out and return it."""
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """Take all out."""
        self._set_children(())
