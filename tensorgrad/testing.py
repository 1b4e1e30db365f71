"""Helpers for people who add operators: one call that checks everything an operator promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.autograd.backward import grad
from tensorgrad.autograd.gradient_check import GradcheckError, gradcheck, gradgradcheck
from tensorgrad.errors import describe
from tensorgrad.tensor import Tensor


def assert_gradients(
    op: Callable[..., Any],
    *inputs: Any,
    reference: Callable[..., Any] | None = None,
    second: bool = True,
    linear: bool = False,
    eps: float = 1e-5,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    float32: float | None = 1e-4,
) -> None:
    """Check that ``op(*inputs)`` has the right value and gradients, in every dtype and memory order.

    ``inputs`` are arrays, tensors or numbers; floats are taken as float64 and differentiated, integers and booleans
    are not. ``reference``: the same function on arrays, for the value. ``linear``: differences over 1, exact for
    functions affine in each input taken alone. ``second=False`` leaves the second derivative out, ``float32`` is how
    far float32 may be from float64, relative to the largest value (None: do not look). The sum of an operator's
    outputs is checked, each with weights of its own. Raises AssertionError that says which promise is broken.

    >>> import numpy as np, tensorgrad as tg
    >>> from tensorgrad.testing import assert_gradients
    >>> assert_gradients(tg.matmul, np.random.rand(2, 3), np.random.rand(3, 2), reference=np.matmul, linear=True)
    >>> assert_gradients(lambda x: x.detach() * x, np.array([1.0, 2.0]))
    Traceback (most recent call last):
    AssertionError: <lambda>: the first derivative is wrong: ...
    """
    name = getattr(op, "__name__", type(op).__name__)
    arrays = [_frozen(x) for x in inputs]
    before = [x.copy() if isinstance(x, np.ndarray) else x for x in arrays]
    _check_values(op, name, arrays, reference)
    _check_derivatives(op, name, arrays, second, {"eps": eps, "atol": atol, "rtol": rtol, "linear": linear})
    _check_layouts(op, name, arrays)
    if float32 is not None:
        _check_float32(op, name, arrays, float32)
    for i, (x, was) in enumerate(zip(arrays, before, strict=True)):
        if isinstance(x, np.ndarray) and not np.array_equal(x, was, equal_nan=x.dtype.kind == "f"):
            raise AssertionError(f"{name}: it modified input {i}")


def _frozen(x: Any) -> Any:
    """A copy as float64 that cannot be written to: an operator that writes into its inputs fails at once."""
    if not isinstance(x, (Tensor, np.ndarray, np.generic, list)):
        return x
    array = np.array(x._data if isinstance(x, Tensor) else x)
    array = array.astype(np.float64) if array.dtype.kind == "f" else array
    array.flags.writeable = False
    return array


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _tensors(arrays: list[Any]) -> list[Any]:
    return [Tensor(x, requires_grad=_is_float(x)) if isinstance(x, np.ndarray) else x for x in arrays]


def _outputs(op: Callable[..., Any], name: str, tensors: list[Any]) -> list[Tensor]:
    result = op(*tensors)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    for y in outputs:
        if not isinstance(y, Tensor):
            raise AssertionError(f"{name}: it must return tensors, got {describe(y)}")
    return outputs


def _gradients(op: Callable[..., Any], name: str, arrays: list[Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Values of all outputs, and the gradients of a weighted sum of the differentiable ones."""
    tensors = _tensors(arrays)
    outputs = _outputs(op, name, tensors)
    live = [y for y in outputs if y.requires_grad]
    variables = [x for x in tensors if isinstance(x, Tensor) and x.requires_grad]
    if not live or not variables:
        return [y._data for y in outputs], []
    seeds = [Tensor(np.cos(np.arange(y.numel())).reshape(y.shape).astype(y.dtype)) for y in live]
    found = grad(live, variables, seeds, allow_unused=True)
    return [y._data for y in outputs], [
        np.zeros(x.shape) if g is None else g._data for g, x in zip(found, variables, strict=True)
    ]


def _check_values(op: Callable[..., Any], name: str, arrays: list[Any], reference: Callable[..., Any] | None) -> None:
    if reference is None:
        return
    expected = reference(*arrays)
    expected = list(expected) if isinstance(expected, (tuple, list)) else [expected]
    for y, value in zip(_outputs(op, name, _tensors(arrays)), expected, strict=True):
        if y.shape != np.shape(value) or not np.allclose(y._data, value, 1e-12, 1e-12, equal_nan=True):
            raise AssertionError(f"{name}: the value is wrong: expected\n{value}\ngot\n{y._data}")


def _check_derivatives(op: Callable[..., Any], name: str, arrays: list[Any], second: bool, options: Any) -> None:
    if not any(map(_is_float, arrays)) or not any(y.requires_grad for y in _outputs(op, name, _tensors(arrays))):
        return
    for order, check in (("first", gradcheck), ("second", gradgradcheck)):
        try:
            if order == "first" or second:
                check(op, tuple(_tensors(arrays)), **options)
        except GradcheckError as error:
            raise AssertionError(f"{name}: the {order} derivative is wrong: {error}") from None


def _check_layouts(op: Callable[..., Any], name: str, arrays: list[Any]) -> None:
    values, gradients = _gradients(op, name, arrays)
    for what, moved in _layouts(arrays):
        others, other_gradients = _gradients(op, name, moved)
        for kind, expected, found in (("value", values, others), ("gradient", gradients, other_gradients)):
            for a, b in zip(expected, found, strict=True):
                if a.shape != b.shape or not np.allclose(a, b, 1e-12, 1e-12, equal_nan=True):
                    raise AssertionError(f"{name}: the {kind} depends on the memory order of the inputs ({what})")


def _layouts(arrays: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """The same inputs in other memory orders."""

    def everywhere(function: Callable[[np.ndarray], np.ndarray]) -> list[Any]:
        return [function(x) if isinstance(x, np.ndarray) and x.ndim else x for x in arrays]

    yield "Fortran order", everywhere(np.asfortranarray)
    yield "every second element", everywhere(lambda x: np.repeat(x, 2, axis=-1)[..., ::2])
    yield "negative strides", everywhere(lambda x: np.flip(np.flip(x).copy()))


def _check_float32(op: Callable[..., Any], name: str, arrays: list[Any], tolerance: float) -> None:
    wide = _gradients(op, name, arrays)
    narrow = _gradients(op, name, [x.astype(np.float32) if _is_float(x) else x for x in arrays])
    for kind, expected, found in zip(("value", "gradient"), wide, narrow, strict=True):
        for a, b in zip(expected, found, strict=True):
            if a.dtype == np.float64 and b.dtype != np.float32 and any(map(_is_float, arrays)):
                raise AssertionError(f"{name}: a {kind} of float32 inputs must be float32, got {b.dtype}")
            finite = a[np.isfinite(a)]
            scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
            if not np.allclose(a, b, tolerance, tolerance * scale, equal_nan=True):
                raise AssertionError(f"{name}: the {kind} in float32 is far from that in float64")


__all__ = ["assert_gradients"]
