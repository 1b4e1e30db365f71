"""How loops are compiled: one place for Numba's settings.

``jit``: exact, each operation rounded as NumPy rounds it. ``fused``: a product and a sum may be rounded once (FMA) and
sums may be reordered so that they run in vector registers; NaN and infinity keep their meaning in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_SETTINGS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}

jit: Callable[..., Any] = numba.njit(**_SETTINGS)
fused: Callable[..., Any] = numba.njit(**_SETTINGS, fastmath={"contract", "reassoc"})
