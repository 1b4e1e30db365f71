"""What is done with a row of a matrix while it stays in the first cache: its largest number, exponentials, sums.

A row is a matrix and its number: to cut it out of the matrix takes longer than to add 64 numbers.
"""

from __future__ import annotations

from typing import Any

from tensorgrad.kernels.compiled.exponential import exponential
from tensorgrad.kernels.compiled.jit import fused, jit
from tensorgrad.kernels.compiled.simd import LANES, larger, largest_of_lanes, load


@jit
def largest(x: Any, r: Any) -> Any:
    """Return the largest number; a NaN may be passed over, since its exponential will be one too."""
    size = x.shape[1]
    if size < LANES:
        top = x[r, 0]
        for i in range(1, size):
            top = x[r, i] if x[r, i] > top else top
        return top
    first, last = r * size, (r + 1) * size - LANES
    pairs = last - (last - first) % (2 * LANES)
    a = b = load(x, last)
    for i in range(first, pairs, 2 * LANES):  # neither waits for the other
        a, b = larger(load(x, i), a), larger(load(x, i + LANES), b)
    for i in range(pairs, last, LANES):
        a = larger(load(x, i), a)
    return largest_of_lanes(larger(a, b))


@jit
def exponentials(x: Any, r: Any, top: Any, out: Any, to: Any) -> None:
    """Write e^(x - top) for every number of a row into row ``to``; none is larger than ``top``."""
    for c in range(out.shape[1]):
        out[to, c] = exponential(x[r, c] - top)


@fused
def total(x: Any, r: Any) -> Any:
    """Return the sum of a row, in float64."""
    found = 0.0
    for c in range(x.shape[1]):
        found += x[r, c]
    return found


@fused
def total_of_products(a: Any, b: Any, r: Any) -> Any:
    """Return the sum of a b, in float64."""
    found = 0.0
    for c in range(a.shape[1]):
        found += a[r, c] * b[r, c]
    return found


@fused
def total_of_squares(x: Any, r: Any, mean: Any) -> Any:
    """Return the sum of (x - mean)^2, in float64."""
    found = 0.0
    for c in range(x.shape[1]):
        deviation = x[r, c] - mean
        found += deviation * deviation
    return found


@fused
def totals_with_deviations(g: Any, x: Any, r: Any, mean: Any) -> Any:
    """Return the sums of g and of g (x - mean), in float64."""
    sum, products = 0.0, 0.0
    for c in range(x.shape[1]):
        sum += g[r, c]
        products += g[r, c] * (x[r, c] - mean)
    return sum, products
