"""Waiting without sleeping: a thread that is put to sleep takes 50 to 100 us to wake, longer than many kernels run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.simd import address


def await_change(flag: Any, seen: int, patience: int, courtesy: int) -> None:
    """Return as soon as ``flag[0]`` is not ``seen`` any more, or after ``patience`` looks at it.

    Runs without the GIL. After a change it waits for the time of ``courtesy`` looks: whoever made the change holds
    the GIL for some more microseconds, and to ask for it before it is free means to be put to sleep.
    """
    _await_change(flag, seen, patience, courtesy)


def _look(_typing: Any, flag: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(address(context, builder, signature.args[0], *args), "acquire", 8)

    return types.int64(flag, types.intp), codegen


look: Callable[..., Any] = intrinsic(_look)


@jit
def _await_change(flag: Any, seen: int, patience: int, courtesy: int) -> None:
    for _ in range(patience):
        if look(flag, 0) != seen:
            for _ in range(courtesy):
                look(flag, 0)
            return
