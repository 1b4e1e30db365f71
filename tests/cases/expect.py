"""Literal expectations: the value of a call and the gradient of its sum, as a table writes them down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def assert_equal(actual: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Equal numbers, shapes included; NaN equals NaN, and where -0.0 is expected 0.0 is not enough."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)
    negative_zero = (expected == 0) & np.signbit(expected)
    assert np.signbit(actual)[negative_zero].all(), f"expected -0.0: {actual}"


def value_and_gradients(function: Callable[..., Any], *inputs: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """The value of `function` at float64 `inputs`, and the gradient of its sum with respect to each."""
    tensors = [tg.tensor(np.array(x, np.float64), requires_grad=True) for x in inputs]
    output = function(*tensors)
    gradients = tg.autograd.grad(output.sum(), tensors, allow_unused=True)
    zeros = [np.zeros(x.shape) for x in tensors]
    arrays = [zero if g is None else g.numpy() for g, zero in zip(gradients, zeros, strict=True)]
    return output.detach().numpy(), arrays


def check(
    function: Callable[..., Any], inputs: Sequence[Any], value: Any, *gradients: Any, rtol: float = 1e-12
) -> None:
    """The value, and the gradient of its sum with respect to each input; None stands for "not said"."""
    actual, derivatives = value_and_gradients(function, *inputs)
    if value is not None:
        assert_equal(actual, value, rtol)
    for derivative, gradient in zip(derivatives, gradients, strict=True):
        if gradient is not None:
            assert_equal(derivative, np.broadcast_to(gradient, derivative.shape), rtol)


def rows(*table: Sequence[Any]) -> list[Any]:
    """Parameters of a test from rows whose first entry is the label."""
    return [pytest.param(*row, id=label) for label, *row in table]
