"""Modules that hold modules: in a row, in a list, in a dictionary."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from tensorgrad.errors import describe
from tensorgrad.nn.container import Container, Keyed, Numbered, numbered
from tensorgrad.nn.module import Module


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


class _OfModules(Container):
    """A container whose children are modules."""

    _holds: ClassVar = Module

    def _child(self, name: Any, value: Any) -> Module:
        if not isinstance(value, Module):
            kind = type(self).__name__
            raise TypeError(f"{kind}: expected a Module for {name!r}, got {_no_module(value, self)}")
        return value


class Sequential(_OfModules, Numbered):
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
        named = args[0].items() if len(args) == 1 and isinstance(args[0], Mapping) else numbered(args)
        self._set_children(named)

    def forward(self, input: Any) -> Any:
        """The input after all modules."""
        for value in tuple(vars(self).values()):
            if isinstance(value, Module):
                input = value(input)
        return input

    def _part(self, named: list[tuple[str, Module]]) -> Sequential:
        return Sequential(OrderedDict(named))


class ModuleList(_OfModules, Numbered):
    """A list of modules that a network finds; it has no ``forward`` of its own. Source: ``torch.nn.ModuleList``.

    >>> from tensorgrad import nn
    >>> nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self._set_children(numbered(modules or ()))

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


class ModuleDict(_OfModules, Keyed):
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


__all__ = ["Identity", "ModuleDict", "ModuleList", "Sequential"]
