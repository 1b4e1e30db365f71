"""When work is worth a second thread."""

from __future__ import annotations

from tensorgrad.kernels.twin import compiled_kernels

# NumPy's threads sleep while they wait (threads.py), and between two calls of less than some 50 us a thread takes the
# GIL again before the other one is awake; compiled code does neither.
NUMPY_NEEDS = 6


def worth_sharing(numbers: int, least: int) -> bool:
    """Return whether to hand over work on so many numbers, where compiled kernels do so from ``least`` on."""
    return numbers >= (least if compiled_kernels() else NUMPY_NEEDS * least)
