"""Running sums on raw arrays, from either end."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.lines import lines
from tensorgrad.kernels.memory import keep_freed_memory
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 14  # numbers; below, one call of NumPy is as fast
LONG = 256  # numbers that are worth a call of NumPy of their own


def running_sum(x: NDArray, dim: int, backwards: bool) -> NDArray:
    """Return ``y_i = x_0 + ... + x_i`` along ``dim``; ``x_i + ... + x_n`` if ``backwards``."""
    y = np.empty(x.shape, x.dtype)
    if x.size < LARGE:
        _accumulate(x, y, dim, backwards)
    else:
        keep_freed_memory()
        add_up(lines(np.ascontiguousarray(x), dim), lines(y, dim), backwards)
    return y


@has_twin
def add_up(x: NDArray, y: NDArray, backwards: bool) -> None:
    """Write the running sums of x (N, L, M) along L into y."""
    length, width = x.shape[1:]
    if width == 1 or x.size < LONG * length:
        _accumulate(x, y, 1, backwards)
        return
    places = range(length)[:: -1 if backwards else 1]
    y[:, places[0]] = x[:, places[0]]
    for last, i in itertools.pairwise(places):
        np.add(y[:, last], x[:, i], out=y[:, i])


def _accumulate(x: NDArray, y: NDArray, dim: int, backwards: bool) -> None:
    order: tuple[Any, ...] = (*(slice(None),) * dim, slice(None, None, -1 if backwards else 1))
    np.add.accumulate(x[order], axis=dim, out=y[order])
