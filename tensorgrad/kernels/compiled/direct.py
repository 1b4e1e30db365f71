"""Direct convolution: which loops suit a layer. See `wide`, `narrow`, `pointwise` and `depthwise`."""

from __future__ import annotations

import functools
import math
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.compiled import depthwise, depthwise_adjoint, narrow, pointwise, wide
from tensorgrad.kernels.compiled.simd import LANES
from tensorgrad.kernels.im2col import Geometry, Ints

SERVED = frozenset(map(np.dtype, (np.float32, np.float64)))

# Where BLAS wins, by measurement: tiles that are mostly empty, and weight gradients of many channels.
FILLED = 0.15
MANY_CHANNELS = 64  # of a group
MANY_WEIGHTS = 1 << 16  # of one pixel


def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> bool:
    """Write conv(x, w, b) into y (N, *out, F) and return True; False where columns are the way."""
    if y.size == 0 or not _serves(x, w, y):
        return False
    loops = _loops(x.shape[1], w.shape, y.shape[1:-1], y.flags.c_contiguous, geometry, groups)
    if loops is None:
        return False
    loops.correlate(x, w, b, y, geometry, groups)
    return True


@functools.lru_cache(maxsize=256)
def _loops(x_channels: int, w: Ints, out: Ints, whole: bool, geometry: Geometry, groups: int) -> ModuleType | None:
    """Return the loops that suit kernels of shape ``w``; ``whole`` says that the result is all of its memory."""
    filters, channels = w[:2]
    if _is_depthwise(x_channels, filters, groups):
        return depthwise
    if whole and pointwise.pays(filters, geometry, groups):
        return pointwise
    if narrow.pays(filters, channels, groups):
        return narrow
    return wide if _filled(filters // groups, LANES) * _filled(math.prod(out), 8) >= FILLED else None


def weight_grad(g: NDArray, x: NDArray, geometry: Geometry, groups: int) -> NDArray | None:
    """Return the adjoint of conv in w (F, C/groups, *k), from g and x; None where columns are the way."""
    filters, channels = g.shape[1], x.shape[1] // groups
    if g.size == 0 or not _serves(g, x):
        return None
    if _is_depthwise(x.shape[1], filters, groups):
        return depthwise.weight_grad(g, x, geometry)
    if channels * filters <= MANY_WEIGHTS and pointwise.pays(filters, geometry, groups):
        return pointwise.weight_grad(g, x)
    if channels > MANY_CHANNELS or _filled(filters // groups, LANES) < FILLED:
        return None
    return wide.weight_grad(g, x, geometry, groups)


def strided_input_grad(g: NDArray, w: NDArray, gx: NDArray, geometry: Geometry, groups: int) -> bool:
    """Write the adjoint into gx (N, *in, C) and return True; False where it is made one remainder after the other."""
    if max(geometry.stride) == 1 or g.size == 0 or gx.size == 0:
        return False
    if not (_serves(g, w, gx) and _is_depthwise(gx.shape[-1], g.shape[1], groups)):
        return False
    depthwise_adjoint.input_grad(g, w, gx, geometry)
    return True


def _serves(*arrays: NDArray) -> bool:
    """Return whether all arrays have the same dtype, one of those that the loops are for."""
    dtype = arrays[0].dtype
    for a in arrays:
        if a.dtype != dtype:
            return False
    return dtype in SERVED


def _is_depthwise(channels: int, filters: int, groups: int) -> bool:
    """Return whether every channel has one kernel of its own."""
    return groups > 1 and groups == channels == filters


def _filled(count: int, tile: int) -> float:
    """Return the share of tiles of this size that is not padding."""
    return count / (-(-count // tile) * tile)
