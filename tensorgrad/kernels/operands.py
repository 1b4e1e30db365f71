"""How the operands of a formula lie beside the largest of them, read as rows of memory.

whole    as many numbers, in the same order
row      one row, the same for all: the bias of a layer
column   one number for each row: the mean of a sample
one      a single number
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

from numpy.typing import NDArray

WHOLE, ROW, COLUMN, ONE = "whole", "row", "column", "one"

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """How each operand lies, the length of a row (1 if all are whole), and the index that makes a vector of each."""

    kinds: tuple[str, ...]
    columns: int
    indices: tuple[tuple[int | slice, ...], ...]

    def vectors(self, operands: list[NDArray]) -> list[NDArray]:
        """The numbers of each operand, each of them once and in memory order."""
        return [
            a.ravel(order="K") if kind is WHOLE else a[index].ravel(order="K")
            for kind, index, a in zip(self.kinds, self.indices, operands, strict=True)
        ]


def layout(model: NDArray, operands: list[NDArray]) -> Layout | None:
    """Return how operands lie beside ``model``; None where the model has gaps, or one lies in another way."""
    return _layout(model.shape, _steps(model), tuple([(a.shape, _steps(a)) for a in operands]))


def _steps(a: NDArray) -> Shape:
    size = a.itemsize
    return tuple([step // size for step in a.strides])


@functools.lru_cache(4096)
def _layout(shape: Shape, steps: Shape, operands: tuple[tuple[Shape, Shape], ...]) -> Layout | None:
    order = sorted((axis for axis, n in enumerate(shape) if n > 1), key=lambda axis: -steps[axis])
    sizes = [shape[axis] for axis in order]
    dense = _dense(sizes)
    if [steps[axis] for axis in order] != dense:
        return None
    kinds, splits, indices = [], set(), []
    for other, its in operands:
        beside = _beside(shape, other, its)
        if beside is None:
            return None
        along = [beside[axis] for axis in order]
        kind, split = _kind(along, sizes, dense)
        if kind is None:
            return None
        kinds.append(kind)
        splits |= {split} - {None}
        first = len(shape) - len(other)
        indices.append(tuple([slice(None) if beside[first + axis] else 0 for axis in range(len(other))]))
    if len(splits) > 1:
        return None
    split = splits.pop() if splits else len(sizes)
    return Layout(tuple(kinds), math.prod(sizes[split:]), tuple(indices))


def _dense(sizes: list[int]) -> list[int]:
    return list(itertools.accumulate([1, *sizes[:0:-1]], lambda a, b: a * b))[::-1] if sizes else []


def _beside(shape: Shape, other: Shape, steps: Shape) -> list[int] | None:
    """Return the steps of an operand along the axes of ``shape``, 0 where it is repeated; None if it does not fit."""
    missing = len(shape) - len(other)
    if missing < 0 or any(n not in (1, m) for n, m in zip(other, shape[missing:], strict=True)):
        return None
    return [0] * missing + [0 if n == 1 else step for n, step in zip(other, steps, strict=True)]


def _kind(along: list[int], sizes: list[int], dense: list[int]) -> tuple[str | None, int | None]:
    """Return how an operand lies that has these steps, and before which axis its rows begin."""
    if along == dense:
        return WHOLE, None
    if not any(along):
        return ONE, None
    moving = [axis for axis, step in enumerate(along) if step]
    first, last = moving[0], moving[-1] + 1
    if along[first:] == dense[first:]:
        return ROW, first
    if first == 0 and along[:last] == _dense(sizes[:last]):
        return COLUMN, last
    return None, None
