"""Copies by runs of memory, and transposes by squares in registers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.memory import move
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.compiled.transpose import copy_transposed

AXES = 3  # that a loop goes along, beside the run of memory
SIZE = 4  # bytes of the numbers whose squares fit into the registers


class Axis(NamedTuple):
    """A length, and how many bytes lie between neighbours in the array that is read and in the one that is written."""

    length: int
    source: int
    to: int


def write_large(x: NDArray, y: NDArray) -> None:
    """See `kernels.copy.write_large`."""
    axes = joint_axes(x, y)
    if len(axes) > AXES + 1:
        y[...] = x
        return
    tasks, run = pieces_of(x.size, 2 * x.size), x.itemsize
    if axes and axes[-1].source == axes[-1].to == run:
        run *= axes.pop().length
    elif run == SIZE and (turned := _turned(axes)) is not None:
        _transpose(tasks, _numbers(x), _numbers(y), *turned)
        return
    if len(axes) > AXES:
        y[...] = x
        return
    axes = [Axis(1, 0, 0)] * (AXES - len(axes)) + axes
    _copy(tasks, x.ctypes.data, y.ctypes.data, *zip(*axes, strict=True), run)


def joint_axes(x: NDArray, y: NDArray) -> list[Axis]:
    """Return the axes of two arrays of one shape in the memory order of y, as few as both can be walked along."""
    if x.flags.c_contiguous and y.flags.c_contiguous:
        return [Axis(x.size, x.itemsize, x.itemsize)]
    found: list[Axis] = []
    for axis in sorted(map(Axis, y.shape, x.strides, y.strides), key=lambda a: -abs(a.to)):
        if axis.length == 1:
            continue
        if found and found[-1].source == axis.length * axis.source and found[-1].to == axis.length * axis.to:
            found[-1] = Axis(found[-1].length * axis.length, axis.source, axis.to)
        else:
            found.append(axis)
    return found


def _turned(axes: list[Axis]) -> tuple[tuple[int, ...], ...] | None:
    """Return (lengths, steps of x, steps of y) of the axes (others, contiguous in x, contiguous in y); None without.

    Steps count numbers, of SIZE bytes.
    """
    rows = [axis for axis in axes[:-1] if axis.source == SIZE]
    if not rows or axes[-1].to != SIZE or len(axes) > AXES:
        return None
    if min(rows[0].length, axes[-1].length) < LANES or any(a.source < 0 or a.source % SIZE for a in axes):
        return None
    others = [axis for axis in axes[:-1] if axis is not rows[0]] or [Axis(1, 0, 0)]
    lengths, sources, to = zip(*others, rows[0], axes[-1], strict=True)
    return lengths, tuple(s // SIZE for s in sources), tuple(t // SIZE for t in to)


def _numbers(x: NDArray) -> NDArray:
    """Return the memory from the first number of x on, as a vector of floats: the loop does not ask for its end."""
    return as_strided(x, (1,), (SIZE,)).view(np.float32)


@shared
@jit
def _copy(at: Any, x: Any, y: Any, lengths: Any, sources: Any, to: Any, run: Any) -> None:
    """Copy a run for every place along three axes; the tasks share the first two, the third, or every run."""
    rows = lengths[0] * lengths[1]
    whole_rows, whole_runs = rows >= at[1], rows >= at[1] or lengths[2] >= at[1]
    start, stop = piece(at, rows) if whole_rows else (0, rows)
    first, last = piece(at, lengths[2]) if whole_runs and not whole_rows else (0, lengths[2])
    begin, end = (0, run) if whole_runs else piece(at, run)
    for row in range(start, stop):
        i, j = row // lengths[1], row % lengths[1]
        source, target = x + i * sources[0] + j * sources[1] + begin, y + i * to[0] + j * to[1] + begin
        if run == 4:  # a length that is known takes one instruction
            for k in range(first, last):
                move(target + k * to[2], source + k * sources[2], 4)
        elif run == 8:
            for k in range(first, last):
                move(target + k * to[2], source + k * sources[2], 8)
        else:
            for k in range(first, last):
                move(target + k * to[2], source + k * sources[2], end - begin)


@shared
@jit
def _transpose(at: Any, x: Any, y: Any, lengths: Any, sources: Any, to: Any) -> None:
    """Copy squares of LANES by LANES numbers; the last ones of a row or a column overlap those before."""
    bands = -(-lengths[1] // LANES)
    for band in range(*piece(at, lengths[0] * bands)):
        i, row = band // bands, min(band % bands * LANES, lengths[1] - LANES)
        source, target = i * sources[0] + row, i * to[0] + row * to[1]
        for square in range(-(-lengths[2] // LANES)):
            column = min(square * LANES, lengths[2] - LANES)
            copy_transposed(x, source + column * sources[2], sources[2], LANES - 1, y, target + column, to[1])
