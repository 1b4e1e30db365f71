"""Direct convolution: the sum over a window is taken from the image itself, no columns are written.

NumPy has no loop for that: its way are the columns of `kernels.im2col` and one GEMM a block. The functions here say
so by their answer; where compiled kernels run, they do the work wherever they are faster.
"""

from __future__ import annotations

from numpy.typing import NDArray

from tensorgrad.kernels.im2col import Geometry
from tensorgrad.kernels.twin import has_twin


@has_twin
def correlate(x: NDArray, w: NDArray, b: NDArray | None, y: NDArray, geometry: Geometry, groups: int) -> bool:
    """Write conv(x, w, b) into y (N, *out, F) and return True; False where columns are the way."""
    return False


@has_twin
def weight_grad(g: NDArray, x: NDArray, geometry: Geometry, groups: int) -> NDArray | None:
    """Return the adjoint of conv in w (F, C/groups, *k), from g and x; None where columns are the way."""
    return None


@has_twin
def strided_input_grad(g: NDArray, w: NDArray, gx: NDArray, geometry: Geometry, groups: int) -> bool:
    """Write the adjoint into gx (N, *in, C) and return True; False where it is made one remainder after the other."""
    return False
