"""Making tensors: from data, from constants, from random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.autograd.between import of_values, reads_shapes
from tensorgrad.autograd.primitive import wrap
from tensorgrad.device import check_device
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import as_int, loose, supported
from tensorgrad.tensor import Tensor, as_array

_FLOAT = np.dtype(np.float32)


def _finish(array: np.ndarray, dtype: Any, device: Any, requires_grad: bool, op: str) -> Tensor:
    check_device(device, op)
    if dtype is not None:
        array = array.astype(supported(dtype, op), copy=False)
    return owned(array, requires_grad)


def _dtype(dtype: Any, op: str, default: np.dtype[Any] = _FLOAT) -> np.dtype[Any]:
    """The dtype that was asked for, or the default; TypeError for one that tensors cannot have."""
    return default if dtype is None else supported(dtype, op)


def owned(array: np.ndarray, requires_grad: bool = False) -> Tensor:
    """A tensor around an array that nobody else has."""
    out: Tensor = wrap(array)
    return out.requires_grad_() if requires_grad else out


def _size(sizes: tuple[Any, ...], size: Any, op: str) -> tuple[int, ...]:
    """``f(2, 3)``, ``f((2, 3))`` and ``f(size=(2, 3))`` alike."""
    return loose(sizes if size is None else (size,), op)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """A tensor with a copy of ``data``: a number, nested lists, an array or a tensor.

    Python floats become float32, integers int64, arrays keep their dtype. ``name`` is the tensor's ``.name``, which
    drawings show. Raises TypeError for complex numbers, ragged lists raise ValueError. Source: ``torch.tensor``.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tg.tensor(3.0, requires_grad=True, name="x").name
    'x'
    """
    out = _finish(np.array(as_array(data, exact=dtype is not None)), dtype, device, requires_grad, "tensor")
    out.name = name
    return out


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As :func:`tensor`, sharing the memory of an array where the dtype allows. Source: ``torch.as_tensor``.

    >>> import numpy as np, tensorgrad as tg
    >>> a = np.zeros(2); t = tg.as_tensor(a); a[0] = 5
    >>> t.tolist()
    [5.0, 0.0]
    """
    check_device(device, "as_tensor")
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if not hasattr(data, "__array__"):
        return tensor(data, dtype=dtype)  # there is nothing to share
    shared = Tensor(data)
    return shared if dtype is None else shared.to(dtype)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the memory of ``array``.

    Raises TypeError for anything else, and for the byte order of another machine, which cannot be shared.
    Source: ``torch.from_numpy``.

    >>> import numpy as np, tensorgrad as tg
    >>> a = np.zeros(2); t = tg.from_numpy(a); a[0] = 5
    >>> t.tolist()
    [5.0, 0.0]
    """
    if not isinstance(array, np.ndarray):
        raise op_error(TypeError, "from_numpy", f"expected an ndarray, got {type(array).__name__}")
    if not array.dtype.isnative:
        advice = "copy it with tg.tensor(array)"
        raise op_error(TypeError, "from_numpy", f"memory of dtype {array.dtype.str} cannot be shared; {advice}")
    return Tensor(array)


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros, float32 unless said otherwise. Source: ``torch.zeros``.

    >>> import tensorgrad as tg
    >>> tg.zeros(2, 3).shape
    (2, 3)
    """
    return _finish(np.zeros(_size(sizes, size, "zeros"), _dtype(dtype, "zeros")), None, device, requires_grad, "zeros")


def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones, float32 unless said otherwise. Source: ``torch.ones``.

    >>> import tensorgrad as tg
    >>> tg.ones(2)
    tensor([1., 1.])
    """
    return _finish(np.ones(_size(sizes, size, "ones"), _dtype(dtype, "ones")), None, device, requires_grad, "ones")


def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory. Source: ``torch.empty``."""
    return _finish(np.empty(_size(sizes, size, "empty"), _dtype(dtype, "empty")), None, device, requires_grad, "empty")


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``fill_value`` everywhere; its type decides the dtype. Source: ``torch.full``.

    >>> import tensorgrad as tg
    >>> tg.full((2,), 7)
    tensor([7, 7])
    """
    value = as_array(fill_value, exact=dtype is not None)
    array = np.full(loose((size,), "full"), value, _dtype(dtype, "full", value.dtype))
    return _finish(array, None, device, requires_grad, "full")


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``start, start + step, ...`` below ``end``; integers when all three are. Source: ``torch.arange``.

    >>> import tensorgrad as tg
    >>> tg.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    first, last = (0, start) if end is None else (0 if start is None else start, end)
    if last is None:
        raise op_error(TypeError, "arange", "expected an end, or a start and an end")
    numbers = [v.item() if isinstance(v, Tensor) else v for v in (first, last, step)]
    if numbers[2] == 0 or (numbers[1] - numbers[0]) * numbers[2] < 0:
        raise op_error(ValueError, "arange", f"step {numbers[2]} does not lead from {numbers[0]} to {numbers[1]}")
    array = np.arange(*numbers)
    if array.dtype.kind == "f" and dtype is None:
        array = array.astype(_FLOAT)
    return _finish(array, dtype, device, requires_grad, "arange")


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` evenly spaced values from ``start`` to ``end``, both included. Source: ``torch.linspace``.

    >>> import tensorgrad as tg
    >>> tg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    count = as_int(steps, "linspace", "steps")
    if count < 0:
        raise op_error(ValueError, "linspace", f"steps must not be negative, got {count}")
    return _finish(np.linspace(start, end, count), dtype or _FLOAT, device, requires_grad, "linspace")


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere. Source: ``torch.eye``.

    >>> import tensorgrad as tg
    >>> tg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _finish(np.eye(n, m, dtype=_dtype(dtype, "eye")), None, device, requires_grad, "eye")


def rand(
    *sizes: Any,
    size: Any = None,
    generator: np.random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform in [0, 1). Source: ``torch.rand``."""
    shape = _size(sizes, size, "rand")
    return _random("random", shape, generator, dtype, device, requires_grad, "rand")


def randn(
    *sizes: Any,
    size: Any = None,
    generator: np.random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal with mean 0 and deviation 1. Source: ``torch.randn``."""
    shape = _size(sizes, size, "randn")
    return _random("standard_normal", shape, generator, dtype, device, requires_grad, "randn")


def _random(
    name: str,
    size: tuple[int, ...],
    generator: np.random.Generator | None,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    op: str,
) -> Tensor:
    """A draw by the method ``name`` of ``generator``, or of the package's, which know two of the dtypes."""
    wanted = _dtype(dtype, op)
    if wanted.kind != "f":
        raise op_error(TypeError, op, f"dtype must be a float, got {wanted}")
    known = wanted if wanted in (np.float32, np.float64) else _FLOAT
    array = _draw(name, size, known, generator) if generator else of_values(_draw, name, size, known)
    return _finish(array, wanted, device, requires_grad, op)


def _draw(name: str, size: tuple[int, ...], dtype: Any, generator: np.random.Generator | None = None) -> np.ndarray:
    return np.asarray(getattr(generator or random.generator(), name)(size, dtype=dtype))


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: np.random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Integers from ``low`` (0 when only one bound is given) to ``high - 1``. Source: ``torch.randint``.

    >>> import tensorgrad as tg
    >>> tg.randint(3, (2, 2)).shape
    (2, 2)
    """
    if size is None:
        low, high, size = 0, low, high
    if size is None or not low < high:
        raise op_error(ValueError, "randint", f"expected low < high and a size, got {low}, {high}, {size}")
    drawn = (generator or random.generator()).integers(low, high, loose((size,), "randint"))
    return _finish(drawn, dtype, device, False, "randint")


def randperm(n: int, *, generator: np.random.Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers 0 to ``n - 1`` in random order. Source: ``torch.randperm``.

    >>> import tensorgrad as tg
    >>> sorted(tg.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    order = (generator or random.generator()).permutation(as_int(n, "randperm", "n"))
    return _finish(order, dtype, device, False, "randperm")


def is_tensor(obj: Any) -> bool:
    """True for a tensor. Source: ``torch.is_tensor``."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """True for a float dtype. Source: ``torch.is_floating_point``."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """The number of elements. Source: ``torch.numel``."""
    return input.numel()


def zeros_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros of the shape and dtype of ``input``. Source: ``torch.zeros_like``."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones of the shape and dtype of ``input``. Source: ``torch.ones_like``."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


@reads_shapes
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """``fill_value`` in the shape and dtype of ``input``. Source: ``torch.full_like``."""
    like = as_array(input)
    return _finish(
        np.full(like.shape, fill_value, _dtype(dtype, "full_like", like.dtype)),
        None,
        device,
        requires_grad,
        "full_like",
    )


@reads_shapes
def empty_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Uninitialised memory of the shape and dtype of ``input``. Source: ``torch.empty_like``."""
    like = as_array(input)
    return _finish(
        np.empty(like.shape, _dtype(dtype, "empty_like", like.dtype)), None, device, requires_grad, "empty_like"
    )


@reads_shapes
def rand_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Uniform in [0, 1), in the shape and dtype of ``input``. Source: ``torch.rand_like``."""
    like = as_array(input)
    return rand(like.shape, dtype=dtype or like.dtype, device=device, requires_grad=requires_grad)


@reads_shapes
def randn_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Normal, in the shape and dtype of ``input``. Source: ``torch.randn_like``."""
    like = as_array(input)
    return randn(like.shape, dtype=dtype or like.dtype, device=device, requires_grad=requires_grad)


__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "is_floating_point",
    "is_tensor", "linspace", "numel", "ones", "ones_like", "rand", "rand_like", "randint", "randn", "randn_like",
    "randperm", "tensor", "zeros", "zeros_like",
]  # fmt: skip
