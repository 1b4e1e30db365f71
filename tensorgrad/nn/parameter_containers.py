"""Modules that hold parameters: in a list, in a dictionary."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from tensorgrad.errors import describe
from tensorgrad.nn.container import Container, Keyed, Numbered, numbered
from tensorgrad.nn.parameter import Parameter
from tensorgrad.tensor import Tensor


class _OfParameters(Container):
    """A container whose children are parameters; a tensor becomes one."""

    _holds: ClassVar = Parameter

    def _child(self, name: Any, value: Any) -> Parameter:
        if not isinstance(value, Tensor):
            raise TypeError(f"{type(self).__name__}: expected a tensor for {name!r}, got {describe(value)}")
        return value if isinstance(value, Parameter) else Parameter(value)

    def extra_repr(self) -> str:
        """The parameters, by name."""
        return "\n".join(f"({name}): Parameter {describe(value)}" for name, value in self._by_name().items())


class ParameterList(_OfParameters, Numbered):
    """A list of parameters that a module finds; tensors become parameters. Source: ``torch.nn.ParameterList``.

    Behaves as a list: indices, slices, ``len``, ``+``, ``append``, ``extend``, ``insert``, ``pop``. Raises TypeError
    for what is not a tensor.

    >>> import tensorgrad as tg
    >>> tg.nn.ParameterList([tg.zeros(2), tg.ones(3)])
    ParameterList(
      (0): Parameter float32(2,)
      (1): Parameter float32(3,)
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._set_children(numbered(values or ()))

    def _part(self, named: list[tuple[str, Any]]) -> ParameterList:
        return ParameterList(value for _, value in named)


class ParameterDict(_OfParameters, Keyed):
    """A dictionary of parameters that a module finds; tensors become parameters. Source: ``torch.nn.ParameterDict``.

    A plain dict's are entered in the order of their names, an OrderedDict's and pairs in their own: as in PyTorch,
    so that parameters have the same numbers in an optimizer's state. Raises KeyError for a key that is empty, has a dot
    or is the name of a method, TypeError for what is not a tensor.

    >>> import tensorgrad as tg
    >>> weights = tg.nn.ParameterDict({"left": tg.zeros(2)})
    >>> weights["right"] = tg.ones(2)
    >>> [name for name, _ in weights.named_parameters()]
    ['left', 'right']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def update(self, values: Any) -> None:
        """Enter those of a mapping, a plain one sorted, or of an iterable of pairs."""
        if isinstance(values, Mapping) and not isinstance(values, OrderedDict):
            values = sorted(values.items(), key=lambda item: str(item[0]))
        super().update(values)

    def __or__(self, other: Any) -> ParameterDict:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def copy(self) -> ParameterDict:
        """Another dictionary of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of that name; ``default`` is entered first when there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Take the last one out and return it with its name; KeyError when there is none."""
        for key in reversed(self):
            return key, self.pop(key)
        raise KeyError("popitem: the ParameterDict is empty")

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of that name, or ``default`` when there is none."""
        return self._by_name().get(key, default)


__all__ = ["ParameterDict", "ParameterList"]
