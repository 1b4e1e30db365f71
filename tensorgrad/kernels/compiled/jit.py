"""How loops are compiled: one place for Numba's settings.

``jit``: exact, each operation rounded as NumPy rounds it. ``inlined``: the same, for a few steps that loops call for
each tile; to hand over three arrays takes longer than some of them. ``contracted``, for functions of one number: a
product and a sum may be rounded once (FMA), and a loop has the steps of what it calls in it, else it would not be
vectorised. ``fused``: sums may be reordered, too, so that they run in vector registers. NaN and infinity keep their
meaning in all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_USUAL = np.dtype(np.float32)
_SERVED = frozenset(np.dtype(kind) for kind in "?bBhHiIlLqQfd")
_SETTINGS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}

jit: Callable[..., Any] = numba.njit(**_SETTINGS)
inlined: Callable[..., Any] = numba.njit(**_SETTINGS, forceinline=True)
contracted: Callable[..., Any] = numba.njit(**_SETTINGS, fastmath={"contract"}, forceinline=True)
fused: Callable[..., Any] = numba.njit(**_SETTINGS, fastmath={"contract", "reassoc"})


def twin_of(kernel: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the loops serve the dtypes that Numba knows; other arrays (float16) go to NumPy's version of ``kernel``."""

    def bind(loops: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            for a in args:
                if isinstance(a, np.ndarray) and a.dtype is not _USUAL and a.dtype not in _SERVED:
                    return kernel.numpy(*args, **options)
            return loops(*args, **options)

        return run

    return bind
