"""Freed memory stays in the process for the next array.

The activations and gradients of a training step are freed and asked for again at every step. By default, glibc gives
such blocks back to the system, which hands them out again page by page, each zeroed at first touch: measured as 10 to
20 % of a step. So large blocks are cut from the heap too, and the heap keeps some free memory at its end.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h

LARGEST = 32 << 20  # bytes; larger blocks go back to the system when they are freed (glibc allows no more)
KEPT = 256 << 20  # bytes that may stay free at the end of the heap


@cache
def keep_freed_memory() -> bool:
    """Ask the C library to keep freed blocks; done once, at the first large computation. Returns whether it does.

    Whoever has set glibc's allocator by its environment variables (``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES`` ...)
    keeps those settings; ``TENSORGRAD_KEEP_MEMORY=0`` leaves the allocator alone. Other C libraries are left alone.
    """
    chosen = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if chosen or os.environ.get("TENSORGRAD_KEEP_MEMORY") == "0" or not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = {_MMAP_THRESHOLD: LARGEST, _TRIM_THRESHOLD: KEPT, _TOP_PAD: LARGEST}
    return sum(library.mallopt(name, value) for name, value in settings.items()) == len(settings)
