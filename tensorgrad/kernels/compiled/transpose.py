"""The transpose of a small square of numbers, in registers: LANES vectors in, LANES vectors out.

Rows are exchanged in pairs, as in a fast Fourier transform: at distance 1 every second number of two rows changes
places, then pairs at distance 2, fours at distance 4, and so on. So log2(LANES) steps do for all LANES rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.simd import LANES, vector_at

_INDEX, _PLACE = ir.IntType(32), ir.IntType(64)


def _exchange(builder: Any, rows: list[Any], distance: int) -> list[Any]:
    """Return the rows with the numbers exchanged that lie ``distance`` rows and columns apart, across the diagonal."""
    lanes = range(LANES)
    upper = [LANES + i - distance if i & distance else i for i in lanes]
    lower = [LANES + i if i & distance else i + distance for i in lanes]
    choice = [ir.Constant(ir.VectorType(_INDEX, LANES), places) for places in (upper, lower)]
    result = list(rows)
    for i in lanes:
        if not i & distance:
            pair = rows[i], rows[i + distance]
            result[i] = builder.shuffle_vector(*pair, choice[0])
            result[i + distance] = builder.shuffle_vector(*pair, choice[1])
    return result


def _copy_transposed(_typing: Any, a: Any, at: Any, row: Any, last: Any, out: Any, to: Any, out_row: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, at, row, last, out, to, out_row = args
        rows = []
        for i in range(LANES):
            number = ir.Constant(_PLACE, i)
            number = builder.select(builder.icmp_signed("<", number, last), number, last)
            index = builder.add(at, builder.mul(row, number))
            rows.append(builder.load(vector_at(context, builder, signature.args[0], a, index), align=size))
        distance = 1
        while distance < LANES:
            rows = _exchange(builder, rows, distance)
            distance *= 2
        for i, vector in enumerate(rows):
            index = builder.add(to, builder.mul(out_row, ir.Constant(_PLACE, i)))
            builder.store(vector, vector_at(context, builder, signature.args[4], out, index), align=size)
        return context.get_dummy_value()

    size = a.dtype.bitwidth // 8
    i = types.intp
    return types.void(a, i, i, i, out, i, i), codegen


copy_transposed: Callable[..., Any] = intrinsic(_copy_transposed)
"""``copy_transposed(a, at, row, last, out, to, out_row)``: out[to + k out_row + i] = a[at + min(i, last) row + k]."""
