"""Which input gradients are made in one pass, though several remainders by the stride meet other taps."""

from __future__ import annotations

from numpy.typing import NDArray

from tensorgrad.kernels.compiled import depthwise_adjoint
from tensorgrad.kernels.compiled.direct import is_depthwise, serves
from tensorgrad.kernels.im2col import Geometry


def strided_input_grad(g: NDArray, w: NDArray, gx: NDArray, geometry: Geometry, groups: int) -> bool:
    """Write the adjoint into gx (N, *in, C) and return True; False where it is made one remainder after the other."""
    if max(geometry.stride) == 1 or g.size == 0 or gx.size == 0:
        return False
    if not (serves(g, w, gx) and is_depthwise(gx.shape[-1], g.shape[1], groups)):
        return False
    depthwise_adjoint.input_grad(g, w, gx, geometry)
    return True
