"""What the user calls tensors and modules, and what kind of leaf a tensor without a name is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.nn.path import ModulePath
from tensorgrad.tensor import Tensor


class Names:
    """The names that ``params`` gives: of leaves, of intermediate results, and of the modules around them.

    Parameters: ``params``, a Module; names and tensors (or modules), in a dictionary or as pairs, which is what
    ``named_parameters()`` gives; or None. Raises TypeError for anything else.
    """

    def __init__(self, params: Any) -> None:
        self.modules: dict[str, Module] = {}  # by the user's names
        self.called: dict[int, str] = {}  # id of a module: its name; not the one that was given alone, it has none
        self.counted: set[int] = set()  # ids of the modules of which all parameters are known
        self.tensors: dict[int, tuple[str, str, Tensor]] = {}  # id of the tensor: name, kind, the tensor
        self.memory: dict[int, tuple[str, str, Tensor]] = {}  # id of the array, for views of buffers and inputs
        self.results: dict[int, tuple[str, Tensor]] = {}  # id of a Node: what its output is called
        if isinstance(params, Module):
            self._add_module("", params)
        elif params is not None:
            for name, value in _pairs(params):
                if isinstance(value, Module):
                    self._add_module(str(name), value)
                elif isinstance(value, Tensor):
                    self._add(str(name), "parameter" if _is_parameter(value) else "input", value)
                else:
                    raise TypeError(f"graph: params[{name!r}] must be a tensor or a Module, got {type(value).__name__}")
        distinct = {id(t): t._data.size for _, kind, t in self.tensors.values() if kind == "parameter"}
        self.parameters = sum(distinct.values())

    def _add_module(self, prefix: str, module: Module) -> None:
        for name, part in module.named_modules(prefix, remove_duplicate=False):
            self.counted.add(id(part))
            if name:
                self.modules.setdefault(name, part)
                self.called.setdefault(id(part), name)
        for name, tensor in module.named_parameters(prefix):
            self._add(name, "parameter", tensor)
        for name, buffer in module.named_buffers(prefix):
            self._add(name, "buffer", buffer)

    def _add(self, name: str, kind: str, tensor: Tensor) -> None:
        if tensor.node is not None:
            self.results.setdefault(id(tensor.node), (name, tensor))
            return
        self.tensors.setdefault(id(tensor), (name, kind, tensor))
        if kind != "parameter":
            self.memory.setdefault(id(tensor._data), (name, kind, tensor))

    def find(self, tensor: Tensor) -> tuple[str | None, str, Tensor]:
        """Name and kind of a leaf, and the tensor of that name, of which the leaf may be a view."""
        found = self.tensors.get(id(tensor)) or self.memory.get(id(tensor._data))
        if found is None and tensor._data.base is not None:
            found = self.memory.get(id(tensor._data.base))
        if found is not None:
            return found
        whole = _rearranged(tensor)
        return self.tensors.get(id(whole)) or (whole.name, _leaf_kind(whole), whole)

    def path_of(self, recorded: str | None) -> str | None:
        """The path by which an operator is known: below the user's name of the module that was called, or its class.

        A part of a network that was called by itself goes by its name there; of two networks each by its own.
        """
        root = root_of(recorded)
        name = self.called.get(id(root))
        return recorded if recorded is None or name is None else name + recorded[len(recorded.partition(".")[0]) :]

    def module_at(self, path: str, root: Module | None) -> Module | None:
        """The module at a path as :meth:`path_of` gives it, of an operator whose outermost module is ``root``."""
        if id(root) in self.called:
            return self.modules.get(path)
        try:
            return None if root is None else root.get_submodule(path.partition(".")[2])
        except KeyError:
            return None  # a list, or what is no longer there


def root_of(recorded: str | None) -> Module | None:
    """The module whose call a recorded path begins with, while it is alive."""
    module: Module | None = recorded.root() if isinstance(recorded, ModulePath) else None
    return module


def repeats_one_number(tensor: Tensor) -> bool:
    """True for a tensor that repeats a single number in memory, as what was broadcast from a scalar does.

    >>> import tensorgrad as tg
    >>> repeats_one_number(tg.tensor(2.0).expand(3)), repeats_one_number(tg.full((3,), 2.0))
    (True, False)
    """
    return tensor._data.size > 1 and not any(tensor._data.strides)


def is_one_number(tensor: Tensor) -> bool:
    """True for a tensor of more than one element that all are the same number."""
    return tensor._data.size > 1 and bool((tensor._data == tensor._data.flat[0]).all())


def _pairs(params: Any) -> list[tuple[Any, Any]]:
    if isinstance(params, Mapping):
        return list(params.items())
    if isinstance(params, Iterable) and not isinstance(params, (str, bytes, Tensor, np.ndarray)):
        pairs = list(params)
        if all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
            return pairs
        got = f"{type(params).__name__} of {', '.join(sorted({type(pair).__name__ for pair in pairs}))}"
    else:
        got = type(params).__name__
    raise TypeError(
        "graph: params must be a Module, names and tensors in a dictionary or as pairs (net.named_parameters()), "
        f"or None; got {got}"
    )


def _is_parameter(tensor: Tensor) -> bool:
    return tensor.requires_grad or isinstance(tensor, Parameter)


def _rearranged(tensor: Tensor) -> Tensor:
    """The constant of which ``tensor`` is a view of all elements, a reshaped input for example, or ``tensor``."""
    if tensor.view_of is None or tensor.node is not None:
        return tensor
    base: Tensor = tensor.view_of.base()
    constant = base.node is None and not base.requires_grad
    return base if constant and base._data.size == tensor._data.size else tensor


def _leaf_kind(tensor: Tensor) -> str:
    if isinstance(tensor, Parameter):
        return "parameter"
    if tensor.requires_grad or tensor.name is not None:
        return "input"
    constant = tensor._data.size == 1 or tensor.dtype == np.bool_ or repeats_one_number(tensor)
    return "constant" if constant else "input"
