"""Arguments that many operators take: dimensions, NumPy's spellings of them, sizes given loose or as a tuple."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.lent import lend
from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.autograd.promotion import result_type
from tensorgrad.autograd.structural import cast
from tensorgrad.errors import RETURNED_NOTHING, describe, op_error

F = TypeVar("F", bound=Callable[..., Any])
#: All dimensions of a tensor of so many; NumPy's arrays have 64 at most.
ALL_DIMS = [tuple(range(ndim)) for ndim in range(65)]
#: Of dtypes that tensors may have: floats, integers with and without sign, booleans.
SUPPORTED_KINDS = "fiub"
_SPELLINGS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim", "a": "input", "x": "input"}


def numpy_spelling(function: F) -> F:
    """Let ``axis=`` and ``keepdims=`` stand for ``dim=`` and ``keepdim=``."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return function(*args)
        for theirs in ("axis", "keepdims"):
            if theirs in kwargs:
                ours = _SPELLINGS[theirs]
                if ours in kwargs:
                    raise op_error(TypeError, function.__name__, f"got both {ours}= and {theirs}=; give one")
                kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def is_tensor(value: Any) -> bool:
    """True for a Tensor or an instance of a subclass."""
    return type(value) in TENSOR_CLASSES


def raw(value: Any) -> Any:
    """The array of a Tensor, anything else as it is."""
    return value._data if type(value) in TENSOR_CLASSES else value


def static_array(value: Any) -> np.ndarray:
    """The array of an argument that no gradient flows to: positions, labels, a mask.

    Backward reads it again, so an array of the user's is noted as lent.
    """
    return lend(value, ours=False) if isinstance(value, np.ndarray) else np.asarray(raw(value))


def positions_given(value: Any) -> Any:
    """An argument that no gradient flows to, for :func:`of_values`: a tensor as it is, else :func:`static_array`."""
    return value if is_tensor(value) else static_array(value)


def operand(value: Any, op: str) -> Any:
    """A Tensor or an array (in this machine's byte order) as it is; lists and numbers as an array."""
    if type(value) in TENSOR_CLASSES:
        return value
    if isinstance(value, np.ndarray):
        return value if value.dtype.isnative else value.astype(value.dtype.type)
    if isinstance(value, (bool, int, float, list, tuple, np.generic)):
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype == np.float64 and not isinstance(value, np.generic) else array
    advice = RETURNED_NOTHING if value is None else ""
    if hasattr(value, "forward"):
        advice = "; a module is made first and then called with the tensor: nn.ReLU()(x)"
    raise op_error(TypeError, op, f"expected a tensor, got {describe(value)}{advice}")


def supported(dtype: Any, op: str) -> np.dtype[Any]:
    """The dtype in the byte order of this machine, or TypeError for complex numbers, strings, objects and dates."""
    found = np.dtype(dtype)
    if found.kind not in SUPPORTED_KINDS:
        raise op_error(TypeError, op, f"tensors hold real floats, integers or booleans, not {found}")
    return found if found.isnative else np.dtype(found.type)


def in_dtype(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The array with that dtype: a NaN becomes some integer, and what is too large infinity, without a warning."""
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        return array.astype(dtype)


@reads_shapes
def alike(op: str, *operands: Any) -> list[Any]:
    """The operands in their common dtype, for formulas of several steps; numbers stay numbers."""
    values = [
        v.item() if isinstance(v, np.generic) else v if isinstance(v, (int, float)) else operand(v, op)
        for v in operands
    ]
    dtype = result_type([raw(v) for v in values])
    return [v if isinstance(v, (int, float)) or v.dtype == dtype else cast(v, dtype=dtype) for v in values]


def as_int(value: Any, op: str, name: str) -> int:
    """A Python integer; floats and booleans are refused."""
    if type(value) is int:
        return value
    if isinstance(value, (bool, np.bool_)):
        raise op_error(TypeError, op, f"{name} must be an integer, got {value!r}")
    try:
        return operator.index(raw(value))
    except TypeError:
        raise op_error(TypeError, op, f"{name} must be an integer, got {value!r}") from None


def one_dim(dim: Any, ndim: int, op: str) -> int:
    """``dim`` counted from the front; a 0-d tensor accepts 0 and -1."""
    index = dim if type(dim) is int else as_int(dim, op, "dim")
    span = ndim or 1
    if not -span <= index < span:
        raise op_error(
            IndexError,
            op,
            f"dim {index} is out of range for {ndim} dimensions, expected {-span} to {span - 1}",
        )
    return index % span


def many_dims(dim: Any, ndim: int, op: str) -> tuple[int, ...]:
    """Sorted dimensions from an int or a sequence; None and () mean all of them."""
    if dim is None:
        return ALL_DIMS[ndim]
    if type(dim) is int and ndim:
        return (one_dim(dim, ndim, op),)
    if isinstance(dim, (tuple, list)) and not dim:
        return ALL_DIMS[ndim]
    dims = [one_dim(d, ndim, op) for d in dim] if isinstance(dim, (tuple, list)) else [one_dim(dim, ndim, op)]
    if len(set(dims)) < len(dims):
        raise op_error(ValueError, op, f"dim {tuple(dim)} names a dimension twice")
    return tuple(sorted(d for d in dims if d < ndim))


def loose(values: tuple[Any, ...], op: str, name: str = "size") -> tuple[int, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` alike: the integers as a tuple."""
    if len(values) == 1 and isinstance(raw(values[0]), (tuple, list)):
        values = tuple(values[0])
    for value in values:
        if type(value) is not int:
            return tuple(as_int(v, op, name) for v in values)
    return values


def kept_shape(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with 1 at the reduced dimensions."""
    return tuple(1 if i in dims else n for i, n in enumerate(shape))
