"""Dropout on raw arrays: the mask is drawn from cheap random words, and applied with its scale in one pass."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.reduce import AS_INTEGER
from tensorgrad.kernels.slices import flat, in_cache, laid_like, over_ranges
from tensorgrad.kernels.twin import has_twin

RARE = 0.01  # probabilities this close to 0 or 1 are compared with words of 32 bits, the others with 16
IMAGES = 4  # dimensions from which an array is a batch of images


def random_mask(generator: np.random.Generator, p: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask that is False with probability ``p``, to 1 / 65,536 (to 2^-32 where ``p`` is near 0 or 1).

    Words of 64 bits are the generator's own; each of them decides for four numbers, or for two. Masks of images lie
    channels last, as the results of kernels do; they depend on the shape alone.
    """
    size = math.prod(shape)
    word = np.dtype(np.uint16 if RARE <= p <= 1 - RARE else np.uint32)
    words = generator.integers(0, 2**64, -(-size * word.itemsize // 8), dtype=np.uint64).view(word)
    mask = words[:size] >= round(p * 2 ** (8 * word.itemsize))
    if len(shape) < IMAGES:
        return mask.reshape(shape)
    return channels_first(mask.reshape(shape[0], *shape[2:], shape[1]))


def apply_mask(x: NDArray, mask: NDArray, scale: float) -> NDArray:
    """Return x * scale where the mask, which may broadcast, is true, and exactly 0 elsewhere, whatever x is there."""
    y = np.empty_like(x)
    values, kept, result = flat(laid_like(y, x), laid_like(y, mask), y)
    keep_scaled(values, kept, x.dtype.type(scale), result)
    return y


@has_twin
def keep_scaled(x: NDArray, mask: NDArray, scale: np.floating, y: NDArray) -> None:
    """Write x * scale into y where the mask is true, and 0 elsewhere (see `reduce.select`); all are vectors."""
    bits = AS_INTEGER.get(x.dtype, x.dtype)

    def keep(x: NDArray, mask: NDArray, y: NDArray) -> None:
        for at in in_cache(y.size):
            np.multiply(x[at].view(bits), mask[at], out=y[at].view(bits))
            np.multiply(y[at], scale, out=y[at])

    over_ranges(keep, x, mask, y)
