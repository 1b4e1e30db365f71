"""Writing in place: ``x[index] = v``, ``x += y``, ``x.relu_()``. Each write is recorded at the tensor that owns the
memory, so that its gradient, and that of every view of it, is the one of the values that are there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.between import reads_shapes, writes_arguments
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import in_dtype, is_tensor, raw
from tensorgrad.ops.index import plain_index
from tensorgrad.ops.scatter import _index_put, _put_rule
from tensorgrad.state import per_thread

F = TypeVar("F", bound=Callable[..., Any])


@primitive(lambda g, y, x, v, *, index: _index_put(g, 0.0, index=index), _put_rule, name="setitem")
def _setitem(x: Any, v: Any, *, index: Any) -> Any:
    """As ``index_put``, but the forward writes into its input; only this file calls it."""
    x[index] = v
    return x


def setitem(x: Any, index: Any, value: Any) -> None:
    """``x[index] = value`` by NumPy's rules, recorded: the overwritten values get no gradient any more.

    A value may have leading dimensions of size 1 that the place has not: a (1, 3) fits where a (3,) does.
    Raises RuntimeError for a leaf that requires grad and for expanded tensors, IndexError and ValueError as NumPy.

    >>> import tensorgrad as tg
    >>> x, v = tg.zeros(3), tg.tensor(2.0, requires_grad=True)
    >>> x[1] = v
    >>> x.sum().backward(); x.tolist(), v.grad.item()
    ([0.0, 2.0, 0.0], 1.0)
    """
    index = plain_index(index)
    if is_tensor(value) or isinstance(value, np.ndarray):
        value = _without_leading_ones(value, x._data[index].ndim)
    assign(x, index, value, "setitem")


def _without_leading_ones(value: Any, ndim: int) -> Any:
    """``value`` without the leading dimensions of size 1 that are more than ``ndim``."""
    spare = value.ndim - ndim
    return value.reshape(value.shape[spare:]) if spare > 0 and set(value.shape[:spare]) == {1} else value


def assign(x: Any, index: Any, value: Any, op: str) -> None:
    """:func:`setitem` under the name ``op``, for an index without tensors."""
    if not is_tensor(value) and not isinstance(value, (bool, int, float, np.ndarray, np.generic, list, tuple)):
        raise op_error(TypeError, op, f"expected a tensor, an array or a number, got {describe(value)}")
    _write(x, index, value, op)


def _write(x: Any, index: Any, value: Any, op: str) -> None:
    """Write ``value`` at ``index`` of ``x`` and record it at the base of ``x``."""
    _check_writable(x, op)
    if x.view_of is not None:
        x.view_of.refresh(x)
    base = x if x.view_of is None else x.view_of.base()
    values = np.asarray(raw(value))
    if values.dtype.kind not in "fiub":
        raise op_error(TypeError, op, f"{values.dtype} values cannot be written into {describe(x)}")
    try:
        np.broadcast_to(values, x._data[index].shape)
    except ValueError as error:
        raise op_error(ValueError, op, f"{error}; the place has shape {x._data[index].shape}") from None
    values = in_dtype(values, x.dtype)
    wanted = base._requires_grad or (is_tensor(value) and value._requires_grad and base.dtype.kind == "f")
    if not (wanted and per_thread.state.recording):
        in_place.write(x._data)
        x._data[index] = values
        return
    source = value if is_tensor(value) else values
    if x.view_of is not None:
        index = tuple(place[index] for place in x.view_of.positions())
        if not index:  # a view of a single number
            source = source.reshape(())
    number = in_place.write(base._data)
    out = _setitem(base, source, index=index)
    base.node, base._requires_grad = out.node, True
    if x.view_of is not None:
        x.view_of.number = number - 1
        x.view_of.refresh(x)


@reads_shapes
def _check_writable(x: Any, op: str) -> None:
    """RuntimeError where a write would corrupt a gradient or reach several elements at once."""
    if per_thread.state.recording:
        owner = x if x.view_of is None else x.view_of.base()
        if owner.node is None and owner._requires_grad:
            which = "a leaf" if owner is x else "a view of a leaf"
            raise op_error(
                RuntimeError,
                op,
                f"{which} tensor that requires grad cannot be written in place; write into x.clone(), or use "
                "`with tg.no_grad():` to change a parameter",
            )
    if in_place.refuses(x._data):
        raise op_error(
            RuntimeError, op, f"the tensor {describe(x)} is expanded or read-only: write into x.clone() instead"
        )


def in_place_form(op: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The method ``x.name_(...)`` that computes ``op(x, ...)`` and writes the result into ``x``."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _put(self, op(self, *args, **kwargs), name)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place form of ``{op.__name__}``: writes the result into this tensor and returns it."
    return method


def with_inplace(function: F) -> F:
    """Give the argument ``inplace`` of ``function`` its meaning: the result is written into the input."""
    place = list(inspect.signature(function).parameters).index("inplace")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        inplace = kwargs.pop("inplace", False)
        if len(args) > place:
            inplace, args = args[place], args[:place] + args[place + 1 :]
        result = function(*args, **kwargs)
        return _put(args[0] if args else kwargs["input"], result, function.__name__) if inplace else result

    return wrapper  # type: ignore[return-value]


@reads_shapes
def _put(x: Any, result: Any, name: str) -> Any:
    """Write ``result`` into ``x``, which then has its values and its history; returns ``x``."""
    if result is x:
        return x
    if tuple(result.shape) != tuple(x.shape):
        raise op_error(ValueError, name, f"the result of shape {tuple(result.shape)} does not fit into {describe(x)}")
    if result.dtype.kind == "f" and x.dtype.kind != "f":
        raise op_error(TypeError, name, f"a {result.dtype} result cannot be written into {describe(x)}")
    if result.node is not None and any(saved is x._data for saved in result.node.saved):
        # x *= y needs the values that x had: what the rule mentions is copied before it is overwritten
        result.node.saved = [s.copy() if s is x._data else s for s in result.node.saved]
    _overwrite(x, result, name)
    return x


@writes_arguments
def _copy(source: Any, target: Any) -> None:
    """Write the values of one tensor into the memory of another one."""
    in_place.write(target._data)
    target._data[...] = in_dtype(source._data, target.dtype)


def _overwrite(x: Any, result: Any, op: str) -> None:
    """Give ``x`` the values and the history of ``result``."""
    if x.view_of is not None:
        _write(x, Ellipsis, result, op)
        return
    _check_writable(x, op)
    _copy(result, x)
    if per_thread.state.recording:
        x.node, x._requires_grad = result.node, result._requires_grad


__all__ = ["assign", "in_place_form", "setitem", "with_inplace"]
