"""The innermost step of a matrix product: a tile of the result stays in registers while its sum runs.

    c[i, j] (+)= sum_k a[i, k] b[k, j]        for ROWS rows i and one or two vectors of columns j

Each step of the sum loads one or two vectors of b and repeats ROWS numbers of a; every multiply-add is a register
instruction. Operands need no packing as long as they stay in the cache, so this beats BLAS where matrices are small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.simd import FLOATS, LANES, ROUNDED_ONCE, address, repeated, vector_at

ROWS = LANES // 2  # 8 rows of two vectors are 16 sums, half of AVX-512's registers; 4 rows half of AVX's

_INT = ir.IntType(64)


def tile_product(vectors: int, *, accumulate: bool) -> Callable[..., Any]:
    """Return ``product(a, at, row, step, b, bt, brow, c, ct, crow, depth)`` for ROWS x (vectors * LANES) tiles.

    Arrays are taken as flat memory: a[i, k] is number ``at + i row + k step`` of ``a``, b[k, j] number ``bt + k brow
    + j`` of ``b`` and c[i, j] number ``ct + i crow + j`` of ``c``. With ``accumulate`` the sum starts from c.
    """

    def product(
        _typing: Any,
        a: Any, at: Any, row: Any, step: Any,
        b: Any, bt: Any, brow: Any,
        c: Any, ct: Any, crow: Any,
        depth: Any,
    ) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, at, row, step, b, bt, brow, c, ct, crow, depth = args
            a_kind, b_kind, c_kind = (signature.args[i] for i in (0, 4, 7))
            tile = [(i, j) for i in range(ROWS) for j in range(vectors)]

            def number(start: Any, stride: Any, times: Any, more: int = 0) -> Any:
                times = ir.Constant(_INT, times) if isinstance(times, int) else times
                return builder.add(builder.add(start, builder.mul(stride, times)), ir.Constant(_INT, more))

            # LLVM keeps these local variables in registers
            sums = {place: cgutils.alloca_once(builder, FLOATS) for place in tile}
            results = {(i, j): vector_at(context, builder, c_kind, c, number(ct, crow, i, j * LANES)) for i, j in tile}
            for place in tile:
                zero = ir.Constant(FLOATS, [0.0] * LANES)
                builder.store(builder.load(results[place], align=4) if accumulate else zero, sums[place])
            rows = [number(at, row, i) for i in range(ROWS)]
            with cgutils.for_range(builder, depth, intp=_INT) as loop:
                k = loop.index
                columns = [
                    builder.load(vector_at(context, builder, b_kind, b, number(bt, brow, k, j * LANES)), align=4)
                    for j in range(vectors)
                ]
                for i in range(ROWS):
                    factor = repeated(
                        builder, builder.load(address(context, builder, a_kind, a, number(rows[i], step, k)))
                    )
                    for j in range(vectors):
                        term = builder.fmul(factor, columns[j], flags=ROUNDED_ONCE)
                        total = builder.fadd(builder.load(sums[i, j]), term, flags=ROUNDED_ONCE)
                        builder.store(total, sums[i, j])
            for place in tile:
                builder.store(builder.load(sums[place]), results[place], align=4)
            return context.get_dummy_value()

        i = types.intp
        return types.void(a, i, i, i, b, i, i, c, i, i, i), codegen

    chosen: Callable[..., Any] = intrinsic(product)
    return chosen
