"""What is done with a row of numbers while it stays in the first cache: its largest, its exponentials, its sums."""

from __future__ import annotations

from typing import Any

from tensorgrad.kernels.compiled.exponential import exponential
from tensorgrad.kernels.compiled.jit import fused, jit
from tensorgrad.kernels.compiled.simd import LANES, larger, largest_of_lanes, load


@jit
def largest(row: Any) -> Any:
    """Return the largest number; a NaN may be passed over, since its exponential will be one too."""
    if row.size < LANES:
        top = row[0]
        for i in range(1, row.size):
            top = row[i] if row[i] > top else top
        return top
    last = row.size - LANES
    pairs = last - last % (2 * LANES)
    a = b = load(row, last)
    for i in range(0, pairs, 2 * LANES):  # neither waits for the other
        a, b = larger(load(row, i), a), larger(load(row, i + LANES), b)
    for i in range(pairs, last, LANES):
        a = larger(load(row, i), a)
    return largest_of_lanes(larger(a, b))


@jit
def exponentials(row: Any, top: Any, out: Any) -> None:
    """Write e^(x - top) for every number of a row; none is larger than ``top``."""
    for c in range(out.size):
        out[c] = exponential(row[c] - top)


@fused
def total(row: Any) -> Any:
    """Return the sum of a row, in float64."""
    found = 0.0
    for c in range(row.size):
        found += row[c]
    return found


@fused
def total_of_products(a: Any, b: Any) -> Any:
    """Return the sum of a b, in float64."""
    found = 0.0
    for c in range(a.size):
        found += a[c] * b[c]
    return found


@fused
def total_of_squares(row: Any, mean: Any) -> Any:
    """Return the sum of (x - mean)^2, in float64."""
    found = 0.0
    for c in range(row.size):
        deviation = row[c] - mean
        found += deviation * deviation
    return found
