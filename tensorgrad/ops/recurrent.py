"""What the recurrent operators share: steps in either direction, and sums over all of them.

An operator runs a layer over a whole sequence. It is given the input's part of every step, which takes one product
for all steps, and adds the state's part step by step: ``z_t = x_t + h_(t-1) W'``. Its rule goes through the steps
the other way round, and is made of operators, so that it can be differentiated again.

The gates that the forward computed are at hand in an ordinary backward pass. As numbers they are constants: where the
rule itself is recorded, they are computed again, from what they depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import wrap
from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.linalg import _matmul, swap_last
from tensorgrad.ops.shape import _reshape


def steps(count: int, reverse: bool) -> Sequence[int]:
    """The steps in the order in which they are taken."""
    return range(count - 1, -1, -1) if reverse else range(count)


def states_before(states: Any, first: Any, reverse: bool) -> list[Any]:
    """The state from which each step starts: its predecessor's, or the first one."""
    found: list[Any] = [None] * len(states)
    for k in steps(len(states), reverse):
        found[k], first = first, states[k]
    return found


def columns(x: Any, width: int) -> list[Any]:
    """Blocks of ``width`` columns."""
    return [x[..., start : start + width] for start in range(0, x.shape[-1], width)]


def times_transposed(x: Any, weight: Any) -> Any:
    """``x W'``."""
    return _matmul(x, swap_last(weight))


def outer_sum(left: Any, right: Any) -> Any:
    """``sum_t left_t' right_t`` for the matrices of all steps (T, N, ...), in one product."""
    a, b = (_reshape(x, shape=(-1, x.shape[-1])) for x in (left, right))
    return _matmul(swap_last(a), b)


def is_recorded(*values: Any) -> bool:
    """True where a rule works on Tensors, because it is going to be differentiated itself."""
    return not all(isinstance(value, np.ndarray) for value in values)


def first_state(state: Any, shape: tuple[int, ...], dtype: Any, op: str, name: str) -> Any:
    """The state to start from: zeros for None, else ``state`` if it has that shape and dtype.

    ValueError for another shape, TypeError for another dtype.
    """
    if state is None:
        return wrap(np.zeros(shape, dtype))  # as an array it would count as somebody's, to be watched for writes
    state = operand(state, op)
    if tuple(state.shape) != shape:
        raise op_error(ValueError, op, f"{name} must have shape {shape}, got {describe(state)}")
    if state.dtype != dtype:
        raise op_error(TypeError, op, f"{name} must have the weights' dtype, {dtype}, got {describe(state)}")
    return state
