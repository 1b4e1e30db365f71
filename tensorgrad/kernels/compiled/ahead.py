"""Asking for memory before it is needed: a loop that knows what it will touch goes on while that is on its way.

The processor does so by itself where addresses follow each other, but not where a loop jumps from pixel to pixel.
Nothing is read or written, so an address may lie outside of the array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.simd import address, call

LINE = 64  # bytes that come at once


def _fetching(intent: int) -> Callable[..., Any]:
    """Return the intrinsic that asks for one cache line, to read it (0) or to write it (1)."""

    def describe(_typing: Any, array: Any, index: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at = builder.bitcast(address(context, builder, signature.args[0], *args), ir.IntType(8).as_pointer())
            near, data = 3, 1
            flags = [ir.Constant(ir.IntType(32), flag) for flag in (intent, near, data)]
            call(builder, "llvm.prefetch.p0", ir.VoidType(), [at, *flags])
            return context.get_dummy_value()

        return types.void(array, types.intp), codegen

    chosen: Callable[..., Any] = intrinsic(describe)
    return chosen


_read = _fetching(0)
_write = _fetching(1)


@jit
def fetch(array: Any, first: Any, count: Any) -> None:
    """Ask for ``count`` numbers from ``first`` on, to read them."""
    for i in range(first, first + count, LINE // array.itemsize):
        _read(array, i)


@jit
def fetch_to_write(array: Any, first: Any, count: Any) -> None:
    """Ask for ``count`` numbers from ``first`` on, to write them: other cores give them up."""
    for i in range(first, first + count, LINE // array.itemsize):
        _write(array, i)
