"""Softmax cross-entropy with class indices on raw arrays, forward and gradient each in one go.

Logits are (N, C, ...) and read as a matrix, a row for each sample; targets and what weighs the samples are vectors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first, channels_last
from tensorgrad.kernels.threads import parallel, split
from tensorgrad.kernels.twin import has_twin

BLOCK_FLOATS = 250_000  # logits of a block: work for most of a millisecond
FEW = 64  # classes; NumPy reduces such short rows one after the other, but as many columns at once
IGNORED = -1  # a target whose sample counts for nothing


def cross_entropy(x: NDArray, target: NDArray, weight: NDArray) -> NDArray:
    """Return ``-weight * log softmax(x)[target]`` of every sample; exactly 0 where the weight is 0."""
    rows, losses = _rows(x), np.empty(target.size, x.dtype)
    losses_of_rows(rows, target.ravel(), weight.ravel(), losses)
    return losses.reshape(target.shape)


def cross_entropy_grad(g: NDArray, x: NDArray, target: NDArray) -> NDArray:
    """Return ``g * (softmax(x) - onehot(target))``, for g of one number a sample; exactly 0 where it is ignored."""
    rows = _rows(x)
    gx = np.empty(rows.shape, rows.dtype)
    grad_of_rows(rows, target.ravel(), g.ravel(), gx)
    if x.ndim == 2:
        return gx
    return channels_first(gx.reshape(x.shape[0], *x.shape[2:], x.shape[1]))


def _rows(x: NDArray) -> NDArray:
    if x.ndim == 2:
        return np.ascontiguousarray(x)
    return np.ascontiguousarray(channels_last(x)).reshape(x.size // x.shape[1], x.shape[1])


def _over(work: Callable[..., None], rows: NDArray, *others: NDArray) -> None:
    """Run ``work`` on blocks of the rows and what belongs to them, on all threads."""
    if rows.size <= BLOCK_FLOATS:
        work(rows, *others)
    else:
        blocks = split(len(rows), -(-rows.size // BLOCK_FLOATS))
        parallel(lambda at: work(*(a[at[0] : at[1]] for a in (rows, *others))), blocks)


def _deviations(x: NDArray) -> tuple[NDArray, int]:
    """Return ``x - max(x)`` for every row of x (M, C), and the axis of the classes: (C, M) if there are few.

    The softmax is the same, and nothing overflows.
    """
    x, axis = (np.ascontiguousarray(x.T), 0) if x.shape[1] <= FEW else (x, 1)
    return x - np.maximum.reduce(x, axis=axis, keepdims=True), axis


def _own(target: NDArray, axis: int) -> tuple[NDArray, NDArray]:
    """Return the index of the number of every sample's own class."""
    samples = np.arange(len(target))
    return (samples, target) if axis else (target, samples)


@has_twin
def losses_of_rows(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
    """Write the loss of every row of x (M, C) into ``losses``."""

    def losses_of(x: NDArray, target: NDArray, weight: NDArray, losses: NDArray) -> None:
        z, axis = _deviations(x)
        own = z[_own(target, axis)]
        np.log(np.add.reduce(np.exp(z, out=z), axis=axis), out=losses)
        losses -= own
        losses *= weight
        losses[weight == 0] = 0

    _over(losses_of, x, target, weight, losses)


@has_twin
def grad_of_rows(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
    """Write the gradient of every row of x (M, C) into gx."""

    def grad_of(x: NDArray, target: NDArray, g: NDArray, gx: NDArray) -> None:
        z, axis = _deviations(x)
        np.exp(z, out=z)
        z /= np.add.reduce(z, axis=axis, keepdims=True)
        z[_own(target, axis)] -= 1
        z *= g[:, None] if axis else g
        gx[...] = z if axis else z.T
        ignored = target == IGNORED
        if ignored.any():
            gx[ignored] = 0

    _over(grad_of, x, target, g, gx)
