"""The rectifier on raw arrays, in one pass over large ones."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.reduce import AS_INTEGER, select
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.slices import flat, in_cache, lie_alike, over_ranges
from tensorgrad.kernels.standardization import Standardization
from tensorgrad.kernels.twin import has_twin

LARGE = 1 << 15  # numbers; below, one NumPy call after another costs less than cutting
FEW = 1024  # numbers; of fewer, one call of NumPy's with a branch for each is faster than two without
ROW = 1 << 13  # numbers, NumPy's buffer: shorter rows are slower; so is a single 0, for which there is no vector loop
_ZEROS = {
    np.dtype(kind): np.zeros((), kind) for kind in "fd"
}  # converting a Python 0 takes NumPy as long as a small maximum


def relu(x: Any) -> Any:
    """Return ``max(0, x)`` in x's memory order; NaN and -0. stay as they are."""
    if type(x) is Standardization:
        return x.rectified()
    if isinstance(x, np.ndarray):
        if x.size >= LARGE:
            y = np.empty_like(x)
            if lie_alike(x, y):
                rectify(*flat(x, y))
                return y
        elif x.size >= FEW and x.flags.c_contiguous and x.dtype in _ZEROS:
            return np.maximum(_many_zeros(x.dtype)[: x.size].reshape(x.shape), x)
        return np.maximum(_ZEROS.get(x.dtype, 0), x)
    return np.maximum(0, x)


@functools.cache
def _many_zeros(dtype: np.dtype) -> NDArray:
    """As many zeros as a small array has numbers: for a single one, NumPy has no vector loop."""
    return np.zeros(LARGE, dtype)


def relu_grad(g: NDArray, y: NDArray) -> NDArray:
    """Return g where y, the output of `relu`, is not 0, and exactly 0 elsewhere: a NaN passes its gradient on."""
    if y.size >= LARGE and g.dtype in AS_INTEGER:
        dx = np.empty_like(g)
        if lie_alike(y, g, dx):
            keep_where_nonzero(*flat(g, y, dx))
            return dx
    zero = _ZEROS.get(y.dtype, 0)
    mask = np.not_equal(y, zero)
    return np.where(mask, g, zero) if y.size <= FEW and y.dtype == g.dtype else select(mask, g)


@has_twin
def rectify(x: NDArray, y: NDArray) -> None:
    """Write ``max(0, x)`` into y, both vectors: to compare with a row of zeros takes NumPy a third of the time."""

    def write(x: NDArray, y: NDArray) -> None:
        whole = x.size - x.size % ROW
        zeros = np.zeros(ROW, x.dtype)
        np.maximum(zeros, x[:whole].reshape(-1, ROW), out=y[:whole].reshape(-1, ROW))
        np.maximum(zeros[: x.size - whole], x[whole:], out=y[whole:])

    over_ranges(write, x, y)


@has_twin
def keep_where_nonzero(g: NDArray, y: NDArray, kept: NDArray) -> None:
    """Write g, where y is not 0, into ``kept``, and 0 elsewhere (see `reduce.select`); all are vectors."""
    bits = AS_INTEGER[g.dtype]

    def keep(g: NDArray, y: NDArray, kept: NDArray) -> None:
        for at in in_cache(y.size):
            mask = np.not_equal(y[at], 0, out=scratch("mask", y[at].shape, np.bool_))
            np.multiply(g[at].view(bits), mask, out=kept[at].view(bits))

    over_ranges(keep, g, y, kept)
