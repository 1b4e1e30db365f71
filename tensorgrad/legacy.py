"""Names of PyTorch's first years that still stand in many programs: ``FloatTensor`` and its kin, ``Variable``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.creation import empty, tensor
from tensorgrad.errors import describe, op_error
from tensorgrad.tensor import Tensor, is_sizes


class _TensorOfDtype(type):
    """A name for the tensors of one dtype: called, it makes one; ``isinstance`` and ``x.type(...)`` know it."""

    dtype: np.dtype[Any]

    def __call__(cls, *data: Any) -> Tensor:
        """``FloatTensor(2, 3)`` is uninitialised memory of that shape, ``FloatTensor(data)`` a copy of data."""
        return empty(*(data or (0,)), dtype=cls.dtype) if is_sizes(data) else tensor(*data, dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


def _named(name: str, dtype: Any) -> _TensorOfDtype:
    doc = f"Tensors of {np.dtype(dtype)}: of the sizes given, uninitialised, or of data. Source: ``torch.{name}``."
    return _TensorOfDtype(name, (), {"dtype": np.dtype(dtype), "__doc__": doc, "__module__": __name__})


FloatTensor = _named("FloatTensor", np.float32)
DoubleTensor = _named("DoubleTensor", np.float64)
HalfTensor = _named("HalfTensor", np.float16)
LongTensor = _named("LongTensor", np.int64)
IntTensor = _named("IntTensor", np.int32)
ShortTensor = _named("ShortTensor", np.int16)
CharTensor = _named("CharTensor", np.int8)
ByteTensor = _named("ByteTensor", np.uint8)
BoolTensor = _named("BoolTensor", np.bool_)


class _AnyTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_AnyTensor):
    """A leaf that shares the memory of a tensor; tensors have been variables themselves since 2018.

    Raises TypeError for what is no tensor. Source: ``torch.autograd.Variable``.

    >>> import tensorgrad as tg
    >>> x = tg.autograd.Variable(tg.ones(2), requires_grad=True)
    >>> x, isinstance(x, tg.autograd.Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False) -> Any:
        """The leaf, a Tensor."""
        if not isinstance(data, Tensor):
            raise op_error(TypeError, "Variable", f"expected a tensor, got {describe(data)}")
        return data.detach().requires_grad_(requires_grad)
