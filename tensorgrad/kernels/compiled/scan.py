"""Running sums in float64, along rows of memory a vector at a time, over rows for as many columns as there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic
from numpy.typing import NDArray

from tensorgrad.kernels import scan as kernel
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.simd import LANES, repeated, vector_at
from tensorgrad.kernels.compiled.threads import shared

WORK = 4  # times that of reading a number
_WIDE = ir.VectorType(ir.DoubleType(), LANES)
_INDEX = ir.IntType(32)


@twin_of(kernel.add_up)
def add_up(x: NDArray, y: NDArray, backwards: bool) -> None:
    """See `kernels.scan.add_up`."""
    if x.dtype.kind != "f":
        kernel.add_up.numpy(x, y, backwards)  # type: ignore[attr-defined]
    elif x.shape[2] == 1:
        along_rows = _along_rows_backwards if backwards else _along_rows
        along_rows(pieces_of(len(x), WORK * x.size), x[:, :, 0], y[:, :, 0])
    else:
        _over_rows(pieces_of(len(x) * x.shape[2], WORK * x.size), x, y, backwards)


def _adding(step: int) -> Callable[..., Any]:
    """Return the intrinsic that adds up the numbers of one vector from its first (1) or its last (-1) one on.

    The sums of neighbours are added to those of neighbours at distance 2, then 4, and so on.
    """

    def describe(_typing: Any, x: Any, y: Any, index: Any, total: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            number = ir.VectorType(ir.FloatType() if bits == 32 else ir.DoubleType(), LANES)
            source, to = (vector_at(context, builder, signature.args[i], args[i], args[2]) for i in (0, 1))
            sums = builder.load(source, align=bits // 8)
            sums = builder.fpext(sums, _WIDE) if bits == 32 else sums
            distance = 1
            while distance < LANES:
                earlier = [i - step * distance for i in range(LANES)]
                places = [i if 0 <= i < LANES else LANES for i in earlier]
                shift = ir.Constant(ir.VectorType(_INDEX, LANES), places)
                sums = builder.fadd(sums, builder.shuffle_vector(sums, ir.Constant(_WIDE, None), shift))
                distance *= 2
            sums = builder.fadd(sums, repeated(builder, args[3]))
            builder.store(builder.fptrunc(sums, number) if bits == 32 else sums, to, align=bits // 8)
            return builder.extract_element(sums, ir.Constant(_INDEX, LANES - 1 if step > 0 else 0))

        bits = x.dtype.bitwidth
        return types.float64(x, y, types.intp, types.float64), codegen

    adding: Callable[..., Any] = intrinsic(describe)
    return adding


_forwards, _from_the_end = _adding(1), _adding(-1)


@shared
@jit
def _along_rows(at: Any, x: Any, y: Any) -> None:
    length = x.shape[1]
    whole = length - length % LANES
    for r in range(*piece(at, len(x))):
        total = 0.0
        for i in range(0, whole, LANES):
            total = _forwards(x, y, r * length + i, total)
        for i in range(whole, length):
            total += x[r, i]
            y[r, i] = total


@shared
@jit
def _along_rows_backwards(at: Any, x: Any, y: Any) -> None:
    length = x.shape[1]
    rest = length % LANES
    for r in range(*piece(at, len(x))):
        total = 0.0
        for i in range(length - LANES, rest - LANES, -LANES):
            total = _from_the_end(x, y, r * length + i, total)
        for i in range(rest - 1, -1, -1):
            total += x[r, i]
            y[r, i] = total


@shared
@jit
def _over_rows(at: Any, x: Any, y: Any, backwards: Any) -> None:
    length, width = x.shape[1:]
    start, stop = piece(at, len(x) * width)
    total = np.empty(min(width, stop - start), np.float64)
    while start < stop:
        n, first = start // width, start % width
        count = min(width - first, stop - start)
        sums = total[:count]
        sums[:] = 0
        for k in range(length):
            i = length - 1 - k if backwards else k
            row, out = x[n, i, first : first + count], y[n, i, first : first + count]
            for c in range(count):
                sums[c] += row[c]
                out[c] = sums[c]
        start += count
