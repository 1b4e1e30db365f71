"""Module: the base class of layers and networks. Parameters and submodules are found, not declared."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.between import writes_arguments
from tensorgrad.creation import zeros_like
from tensorgrad.device import check_device, names_device
from tensorgrad.errors import describe
from tensorgrad.nn.hooks import BackwardHooks, Hooked, after_forward, before_forward
from tensorgrad.nn.parameter import Parameter
from tensorgrad.nn.path import ModulePath
from tensorgrad.ops._arguments import supported
from tensorgrad.state import per_thread
from tensorgrad.tensor import Tensor, as_array

M = TypeVar("M", bound="Module")


class LoadResult(NamedTuple):
    """What :meth:`Module.load_state_dict` did not find, and what it did not know."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(Hooked):
    """A part of a network: parameters, buffers and submodules are its attributes, ``forward`` is its computation.

    Parameters and modules are found by plain assignment, also inside lists, tuples and dictionaries.
    Source: ``torch.nn.Module``.

    >>> import tensorgrad as tg
    >>> class Line(tg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.slope = tg.nn.Parameter(tg.tensor(2.0))
    ...     def forward(self, x):
    ...         return self.slope * x
    >>> Line()(tg.tensor(3.0)).item()
    6.0
    """

    training: bool
    _buffer_names: dict[str, bool]
    _path: tuple[int | None, ModulePath | None, ModulePath | None]
    _TABLES = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    _RESERVED = frozenset({"training", "_buffer_names", "_path", *_TABLES})

    def __new__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        """Set up what every module has."""
        # here and not in __init__, so that a subclass which forgets super().__init__() works all the same
        self = super().__new__(cls)
        self.__dict__.update(
            training=True,
            _buffer_names={},
            _path=(None, None, None),
            **{table: {} for table in cls._TABLES},
        )
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: write a forward method")

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's line in ``repr``."""
        return ""

    # --- calling --------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks and :meth:`forward`; operators recorded meanwhile know this module's path."""
        state = per_thread.state
        parent, parent_path = state.module, state.module_path
        known_parent, known_path, path = self._path
        if path is None or known_parent != id(parent) or known_path is not parent_path:
            path = self._path_below(parent, parent_path)
        state.module_path = path
        state.module = self
        try:
            if self._forward_pre_hooks:
                args, kwargs = before_forward(self, args, kwargs)
            ends = None
            if (self._backward_hooks or self._backward_pre_hooks) and state.recording:
                ends = BackwardHooks(self)
                args = ends.enter(args)
            result = self.forward(*args, **kwargs)
            if self._forward_hooks:
                result = after_forward(self, args, kwargs, result)
            return result if ends is None else ends.leave(result)
        finally:
            state.module, state.module_path = parent, parent_path

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; TypeError where a parameter or a module would be lost for something that is neither."""
        known = vars(self).get(name)
        for kind in (Parameter, Module):
            if isinstance(known, kind) and not (value is None or isinstance(value, kind)):
                advice = f"; to change its values, {name}.data = ..." if kind is Parameter else ""
                raise TypeError(
                    f"{type(self).__name__}.{name} is a {kind.__name__}: expected another one or None, "
                    f"got {describe(value)}{advice}"
                )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Take an attribute away; modules in it no longer go by its name."""
        for _, module in _inside(vars(self).get(name), Module, name):
            module.__dict__["_path"] = (None, None, None)
        super().__delattr__(name)

    def _path_below(self, parent: Any, parent_path: Any) -> ModulePath:
        """``Net.features.0``: the caller's path and the name under which it holds this module.

        Remembered, and by all that the caller holds: to search its tree for each of a thousand layers takes seconds.
        """
        if parent is None:
            return self._remember(parent, parent_path, ModulePath(type(self).__name__, weakref.ref(self)))
        held: dict[int, tuple[str, Module]] = {}
        for name, module in parent.named_modules(remove_duplicate=False):
            if name:
                held.setdefault(id(module), (name, module))
        if id(self) not in held:
            held = {id(self): (type(self).__name__, self)}
        for name, module in held.values():
            module._remember(parent, parent_path, ModulePath(f"{parent_path}.{name}", parent_path.root))
        return self._path[2]  # type: ignore[return-value]

    def _remember(self, parent: Any, parent_path: Any, path: ModulePath) -> ModulePath:
        self.__dict__["_path"] = (id(parent), parent_path, path)
        return path

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles take over: all but the path, which a copy finds for itself."""
        return {name: value for name, value in vars(self).items() if name != "_path"}

    # --- what belongs to it -----------------------------------------------------------------------------------------

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """The attributes that may hold parameters and modules; containers say what theirs are called."""
        return ((name, value) for name, value in vars(self).items() if name not in self._RESERVED)

    def _members(self, kind: type) -> Iterator[tuple[str, Any]]:
        for name, value in self._attributes():
            yield from _inside(value, kind, name)

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """``(path, module)`` for this module and all below it, parents first."""
        return self._walk(prefix, set(), remove_duplicate)

    def _walk(self, prefix: str, seen: set[int], remove_duplicate: bool) -> Iterator[tuple[str, Module]]:
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, child in self._members(Module):
            yield from child._walk(f"{prefix}.{name}" if prefix else name, seen, remove_duplicate)
        if not remove_duplicate:
            seen.discard(id(self))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """``(name, module)`` for the modules directly below, each once."""
        seen: set[int] = set()
        for name, child in self._members(Module):
            if id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below."""
        return (child for _, child in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """``(path, parameter)`` for all parameters, each once unless ``remove_duplicate`` is False."""
        yield from self._named(lambda module: module._members(Parameter), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """``(path, tensor)`` for all buffers."""
        yield from self._named(lambda module: module._own_buffers(False), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers: tensors that are state but no parameters."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _own_buffers(self, persistent_only: bool) -> Iterator[tuple[str, Tensor]]:
        for name, persistent in self._buffer_names.items():
            value = getattr(self, name, None)
            if value is not None and (persistent or not persistent_only):
                yield name, value

    def _named(self, own: Any, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in owners:
            for name, value in own(module):
                if remove_duplicate and id(value) in seen:
                    continue
                seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"features.0"``; KeyError when there is none."""
        for name, module in self.named_modules(remove_duplicate=False):
            if name == target:
                return module
        raise KeyError(f"{type(self).__name__} has no submodule {target!r}")

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"conv.weight"``; KeyError when there is none."""
        for name, parameter in self.named_parameters(remove_duplicate=False):
            if name == target:
                return parameter
        raise KeyError(f"{type(self).__name__} has no parameter {target!r}")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make ``tensor`` an attribute that is saved with the parameters but not trained."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name} must be a tensor or None, got {describe(tensor)}")
        self._buffer_names[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``param`` (or None) an attribute: the long form of an assignment."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name} must be a Parameter or None, got {describe(param)}")
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make ``module`` an attribute: the long form of an assignment."""
        setattr(self, name, module)

    register_module = add_module

    # --- changing it ------------------------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set training mode (dropout drops, batch norm uses the batch) here and below."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Set evaluation mode here and below."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    @writes_arguments
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters (or fill them with zeros)."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = zeros_like(parameter)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call ``function`` on every module below and on this one, children first."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self: M, *args: Any, dtype: Any = None, device: Any = None, **_: Any) -> M:
        """Give all floating-point parameters and buffers another dtype; the device must be the CPU."""
        for arg in args:
            if names_device(arg):
                device = arg
            elif not isinstance(arg, bool):
                dtype = arg.dtype if isinstance(arg, Tensor) else arg
        check_device(device, "to")
        if dtype is not None:
            dtype = supported(dtype, "to")
            if dtype.kind != "f":
                raise TypeError(f"to: a module's dtype must be a float, got {dtype}")
            for tensor in [*self.parameters(), *self.buffers()]:
                if tensor.dtype.kind == "f":
                    tensor._data = tensor._data.astype(dtype)
                    tensor.grad = None if tensor.grad is None else tensor.grad.to(dtype)
        return self

    def float(self: M) -> M:
        """All floating-point parameters and buffers as float32."""
        return self.to(np.float32)

    def double(self: M) -> M:
        """All floating-point parameters and buffers as float64."""
        return self.to(np.float64)

    def half(self: M) -> M:
        """All floating-point parameters and buffers as float16."""
        return self.to(np.float16)

    def cpu(self: M) -> M:
        """This module: everything is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Refused: there is no GPU here."""
        return self.to("cuda")

    # --- saving and loading -------------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> OrderedDict[str, Tensor]:
        """Parameters and persistent buffers by path; the tensors share memory with the module's.

        Keys, shapes and layouts are PyTorch's.
        """
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules(remove_duplicate=False):
            for name, value in [*module._members(Parameter), *module._own_buffers(persistent_only=True)]:
                state[prefix + (f"{path}.{name}" if path else name)] = value.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy values into parameters and buffers, all or nothing.

        Everything is checked first: one ValueError names every missing, unexpected and mismatched key, and the module
        is left as it was. ``strict=False`` allows missing and unexpected keys and returns them. Values keep the
        module's dtype. TypeError for what is no dictionary of tensors.
        """
        own = self.state_dict()
        given = _arrays(state_dict, type(self).__name__)
        missing = [key for key in own if key not in given]
        unexpected = [key for key in given if key not in own]
        mismatched = [
            f"{key}: the module has {describe(own[key])}, the state {describe(given[key])}"
            for key in own
            if key in given and (own[key].shape != given[key].shape or _changes_kind(given[key], own[key]))
        ]
        mismatched += [
            f"{key}: the module's lies in read-only or expanded memory"
            for key in own
            if key in given and in_place.refuses(own[key]._data)
        ]
        if mismatched or (strict and (missing or unexpected)):
            lines = [f"load_state_dict of {type(self).__name__}: the state does not fit, nothing was loaded"]
            lines += [f"  missing key: {key}" for key in missing if strict]
            lines += [f"  unexpected key: {key}" for key in unexpected if strict]
            lines += [f"  mismatched {line}" for line in mismatched]
            raise ValueError("\n".join(lines))
        for key, tensor in own.items():
            if key in given:
                in_place.write(tensor._data)
                tensor._data[...] = given[key]
        return LoadResult(missing, unexpected)

    # --- printing ---------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self._members(Module)]
        if not children:
            return f"{type(self).__name__}({', '.join(lines) if len(lines) < 2 else _indented(lines)})"
        return f"{type(self).__name__}({_indented(lines + children)})"


def _arrays(state_dict: Any, module: str) -> dict[str, np.ndarray]:
    """The arrays of a module's state; TypeError that helps for what is none."""
    start = f"load_state_dict of {module}: expected a dictionary of tensors, got"
    if not isinstance(state_dict, Mapping):
        hint = "; load a file first: tg.load(file)" if isinstance(state_dict, (str, PathLike)) else ""
        raise TypeError(f"{start} {describe(state_dict)}{hint}")
    for key, value in state_dict.items():
        if isinstance(value, Mapping):
            raise TypeError(f"{start} one whose {key!r} is a dictionary; load that, or the one of this module")
        if value is None or isinstance(value, str):
            raise TypeError(f"{start} one whose {key!r} is {value!r}")
    return {key: as_array(value) for key, value in state_dict.items()}


def _indented(lines: list[str]) -> str:
    return "\n  " + "\n  ".join(lines) + "\n"


def _changes_kind(value: np.ndarray, tensor: Tensor) -> bool:
    """True when a float would have to become an integer, or the other way round."""
    return (value.dtype.kind == "f") != (tensor.dtype.kind == "f")


def _inside(value: Any, kind: type, path: str) -> Iterator[tuple[str, Any]]:
    """``(path, object)`` for the objects of ``kind`` in ``value``, looking into plain containers only."""
    if isinstance(value, kind):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _inside(item, kind, f"{path}.{i}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(item, kind, f"{path}.{key}")
