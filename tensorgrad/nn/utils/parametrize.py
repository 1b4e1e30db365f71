"""Parameters computed from others: whoever reads ``module.weight`` gets ``f(original)``, and ``original`` is trained.

A parametrized module is of a subclass of its class in which the tensor is a property. There is one such class for each
class and names of tensors, made when it is first needed, so that copies of a module can go separate ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from tensorgrad.autograd.mode import no_grad
from tensorgrad.errors import describe
from tensorgrad.nn.containers import ModuleDict, ModuleList
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.tensor import Tensor, as_array


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and what they start from: ``f_n(... f_1(original))``.

    ``original`` has the tensor's place among the parameters (or buffers); a ``right_inverse`` of the first that returns
    several tensors makes it ``original0``, ``original1``, ... :func:`register_parametrization` makes these lists.
    Source: ``torch.nn.utils.parametrize.ParametrizationList``.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            new = self._inverted(original, required=False)
        self.is_tensor = isinstance(new, Tensor)
        parts = list(new) if isinstance(new, (tuple, list)) else [new]
        if not all(isinstance(part, Tensor) for part in parts):
            raise ValueError(f"parametrize: right_inverse must return a tensor or several, got {describe(new)}")
        self.ntensors = len(parts)
        if not unsafe:
            with no_grad():
                _check_same("the parametrization", self._applied(parts), original)
        for name, part in zip(self._names(), parts, strict=True):
            tensor = original
            if not self.is_tensor:
                tensor = Parameter(part.detach(), original.requires_grad) if isinstance(original, Parameter) else part
            _assign(tensor, part)
            _enter(self, name, tensor)

    def forward(self) -> Any:
        """The tensor, computed."""
        return self._applied([getattr(self, name) for name in self._names()])

    def _applied(self, originals: list[Any]) -> Any:
        first, *others = self
        x = first(*originals)
        for parametrization in others:
            x = parametrization(x)
        return x

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the tensor becomes ``value``.

        Raises RuntimeError when a parametrization has no inverse, ValueError when its shape or dtype is another one.
        """
        with no_grad():
            new = self._inverted(value, required=True)
        originals = [getattr(self, name) for name in self._names()]
        parts = [new] if self.is_tensor else list(new)
        if list(map(describe, parts)) != list(map(describe, originals)):
            expected, got = (", ".join(map(describe, tensors)) for tensors in (originals, parts))
            raise ValueError(f"parametrize: the inverse of the value must be {expected}, got {got}")
        for original, part in zip(originals, parts, strict=True):
            _assign(original, part)

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def _inverted(self, value: Any, required: bool) -> Any:
        """``value`` taken back through all parametrizations; one without an inverse is passed over unless required."""
        for parametrization in reversed(list(self)):
            inverse = getattr(parametrization, "right_inverse", None)
            if inverse is not None:
                value = inverse(value)
            elif required:
                name = type(parametrization).__name__
                raise RuntimeError(
                    f"parametrize: {name} has no right_inverse, so its tensor cannot be set; give it one"
                )
        return value


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make ``module.<tensor_name>`` the result of ``parametrization``, a module; returns ``module``.

    What was trained before is ``module.parametrizations.<tensor_name>.original`` from now on, the same Parameter.
    Several parametrizations are applied in the order of registration. A method ``right_inverse`` of the parametrization
    gives the initial original and makes ``module.<tensor_name> = value`` possible; it may return several tensors, which
    are new Parameters for the optimizer. Raises ValueError where there is no such parameter or buffer, or where its
    shape or dtype would change (``unsafe`` allows that), TypeError for what is no Module.
    Source: ``torch.nn.utils.parametrize.register_parametrization``.

    >>> import tensorgrad as tg
    >>> class Symmetric(tg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = tg.nn.utils.parametrize.register_parametrization(tg.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    if not isinstance(module, Module) or not isinstance(parametrization, Module):
        got = f"{describe(module)} and {describe(parametrization)}"
        raise TypeError(
            f"register_parametrization: expected a Module, and one whose forward computes its tensor, got {got}"
        )
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_addition(getattr(module, tensor_name), parametrization)
        known = module.parametrizations[tensor_name]  # type: ignore[attr-defined]
        known.append(parametrization.train(module.training))
        known.unsafe = known.unsafe or unsafe
        return module
    original: Any = vars(module).get(tensor_name)
    if not isinstance(original, Parameter) and (original is None or tensor_name not in module._buffer_names):
        raise ValueError(
            f"register_parametrization: expected the name of a parameter or a buffer of {type(module).__name__}, "
            f"got {tensor_name!r}"
        )
    made = ParametrizationList([parametrization.train(module.training)], original, unsafe)
    delattr(module, tensor_name)
    module._buffer_names.pop(tensor_name, None)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made  # type: ignore[attr-defined]
    _give_class(module)
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of a module, or any of them, is parametrized.

    Source: ``torch.nn.utils.parametrize.is_parametrized``.

    >>> import tensorgrad as tg
    >>> tg.nn.utils.parametrize.is_parametrized(tg.nn.Linear(2, 2))
    False
    """
    known = getattr(module, "__dict__", {}).get("parametrizations")
    return isinstance(known, ModuleDict) and (len(known) > 0 if tensor_name is None else tensor_name in known)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make ``module.<tensor_name>`` an ordinary parameter (or buffer) again; returns ``module``.

    Its value is what was computed last, or the original with ``leave_parametrized=False``. Raises ValueError where
    nothing is parametrized, or where the one original is asked for and there are several. Source:
    ``torch.nn.utils.parametrize.remove_parametrizations``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> tg.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {tensor_name!r} of {type(module).__name__} is not parametrized")
    known = module.parametrizations  # type: ignore[attr-defined]
    originals = [getattr(known[tensor_name], name) for name in known[tensor_name]._names()]
    if len(originals) > 1 and not leave_parametrized:
        raise ValueError(f"remove_parametrizations: {tensor_name!r} has {len(originals)} originals, it cannot be one")
    tensor = originals[0]
    if leave_parametrized:
        value = getattr(module, tensor_name)
        if not known[tensor_name].is_tensor:
            tensor = Parameter(value.detach()) if value.requires_grad else value
        _assign(tensor, value)
    del known[tensor_name]
    _give_class(module)
    if not is_parametrized(module):
        del module.parametrizations  # type: ignore[attr-defined]
    _enter(module, tensor_name, tensor)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class that a module had before any of its tensors was parametrized.

    Source: ``torch.nn.utils.parametrize.type_before_parametrizations``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> type(layer).__name__, tg.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return getattr(type(module), "_before", type(module))


# --- the classes ----------------------------------------------------------------------------------------------------


def _give_class(module: Module) -> None:
    """Give the module the class in which the tensors it has parametrizations for are properties."""
    names = tuple(module.parametrizations)  # type: ignore[attr-defined]
    before: Any = type_before_parametrizations(module)
    module.__class__ = _parametrized(before, names) if names else before
    module.__dict__["_path"] = (None, None, None)  # the name of the class is part of it


@cache
def _parametrized(cls: Any, names: tuple[str, ...]) -> Any:
    """The subclass of ``cls`` in which the tensors ``names`` are computed."""
    members = {name: _computed(name) for name in names}

    def reduce(self: Module) -> Any:
        """Copies and pickles find the class by what it was made of."""
        return _blank, (cls, names), self.__getstate__()

    return type(f"Parametrized{cls.__name__}", (cls,), {**members, "_before": cls, "__reduce__": reduce})


def _blank(cls: Any, names: tuple[str, ...]) -> Module:
    made = _parametrized(cls, names)
    return made.__new__(made)


def _computed(name: str) -> property:
    return property(
        lambda module: module.parametrizations[name](),
        lambda module, value: module.parametrizations[name].right_inverse(value),
    )


# --- tensors and where they are ---------------------------------------------------------------------------------------


def _enter(module: Module, name: str, tensor: Tensor) -> None:
    """Make the tensor a parameter of the module, or a buffer."""
    if isinstance(tensor, Parameter):
        setattr(module, name, tensor)
    else:
        module.register_buffer(name, tensor)


def _assign(tensor: Tensor, value: Tensor) -> None:
    """Give the tensor a value in memory of its own; to the optimizer it stays the same."""
    if value is not tensor:
        tensor._data = as_array(value).copy()


def _check_same(what: str, value: Any, wanted: Tensor) -> None:
    """ValueError unless the value is a tensor of the shape and dtype wanted."""
    if not isinstance(value, Tensor) or (value.shape, value.dtype) != (wanted.shape, wanted.dtype):
        raise ValueError(
            f"register_parametrization: {what} must return {describe(wanted)}, got {describe(value)}; "
            "unsafe=True allows another shape or dtype"
        )


def _check_addition(value: Tensor, parametrization: Module) -> None:
    """A parametrization after others takes and returns the same kind of tensor, and so does its inverse."""
    with no_grad():
        result = parametrization(value)
        _check_same("the parametrization", result, value)
        inverse = getattr(parametrization, "right_inverse", None)
        if inverse is not None:
            _check_same("right_inverse", inverse(result), value)


__all__ = [
    "ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip
