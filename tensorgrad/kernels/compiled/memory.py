"""Copies between addresses: ``move`` knows bytes, not dtypes, so that one compiled loop serves arrays of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

_BYTE = ir.IntType(8)


def _move(_typing: Any, to: Any, source: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        target, origin = (builder.inttoptr(place, _BYTE.as_pointer()) for place in args[:2])
        cgutils.raw_memcpy(builder, target, origin, args[2], 1)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 3), codegen


move: Callable[..., Any] = intrinsic(_move)
"""``move(to, source, count)`` copies so many bytes from one address to another; the two must not overlap."""
