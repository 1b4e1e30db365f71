"""A compiled module: a module around another one, whose call is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorgrad.nn.module import Module
from tensorgrad.replay.compiled import Compiled
from tensorgrad.replay.plan import Plan


class CompiledModule(Module):
    """What :func:`tensorgrad.compile` makes of a module; parameters, modes and attributes are those of the module.

    As in PyTorch the module is the part ``_orig_mod``, which names of parameters begin with. ``plans`` and ``reason``
    are those of :class:`Compiled`.
    """

    _orig_mod: Module
    _compiled: Compiled

    def __init__(self, module: Module, fullgraph: bool) -> None:
        super().__init__()
        vars(self).update(_orig_mod=module, _compiled=Compiled(module, fullgraph))

    @property
    def plans(self) -> list[Plan]:
        """The plans, one for each kind of arguments and of surroundings."""
        return self._compiled.plans

    @property
    def reason(self) -> str | None:
        """Why the last call that ran as Python could not be noted."""
        return self._compiled.reason

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks of this module, and the plan for these arguments, or the module."""
        if any(getattr(self, table) for table in self._TABLES):
            return super().__call__(*args, **kwargs)
        return self._compiled(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The same."""
        return self._compiled(*args, **kwargs)

    def __len__(self) -> int:
        """The number of parts of a container."""
        return len(self._orig_mod)  # type: ignore[arg-type]

    def __getitem__(self, index: Any) -> Any:
        """A part of a container."""
        return self._orig_mod[index]  # type: ignore[index]

    def __iter__(self) -> Iterator[Any]:
        """The parts of a container."""
        return iter(self._orig_mod)  # type: ignore[call-overload]

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        """What the module has."""
        if name == "_orig_mod":  # not yet there: a copy is being made
            raise AttributeError(name)
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the module, too if both have it."""
        setattr(self._orig_mod, name, value)
        if name in vars(self):
            super().__setattr__(name, value)


__all__ = ["CompiledModule"]
