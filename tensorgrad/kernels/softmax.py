"""Softmax, its logarithm and the logarithm of a sum of exponentials on raw arrays, line by line (see `lines`)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.lines import along, over_blocks, sums
from tensorgrad.kernels.twin import has_twin


def softmax(x: NDArray, dim: int) -> NDArray:
    """Return ``e^x / sum(e^x)`` along a dimension."""
    return along(softmax_of_lines, dim, x)


def softmax_grad(g: NDArray, y: NDArray, dim: int) -> NDArray:
    """Return ``y (g - sum(g y))``, for the softmax y."""
    return along(softmax_grad_of_lines, dim, y, g)


def log_softmax(x: NDArray, dim: int) -> NDArray:
    """Return ``x - log(sum(e^x))`` along a dimension."""
    return along(log_softmax_of_lines, dim, x)


def log_softmax_grad(g: NDArray, y: NDArray, dim: int) -> NDArray:
    """Return ``g - e^y sum(g)``, for the logarithm y of the softmax."""
    return along(log_softmax_grad_of_lines, dim, y, g)


def logsumexp(x: NDArray, dims: tuple[int, ...]) -> NDArray:
    """Return ``log(sum(e^x))`` over some dimensions, which keep size 1."""
    others = [axis for axis in range(x.ndim) if axis not in dims]
    rows = np.ascontiguousarray(x.transpose(*others, *dims))
    length = math.prod(x.shape[axis] for axis in dims)
    y = np.empty(rows.size // length if length else math.prod(x.shape[axis] for axis in others), x.dtype)
    logsumexp_of_rows(rows.reshape(y.size, length), y)
    return y.reshape([1 if axis in dims else n for axis, n in enumerate(x.shape)])


@has_twin
def softmax_of_lines(x: NDArray, y: NDArray) -> None:
    """Write the softmax of every line of x into y."""

    def work(x: NDArray, y: NDArray) -> None:
        np.exp(_shifted(x, y), out=y)
        np.divide(y, sums(y), out=y)

    over_blocks(work, x, y)


@has_twin
def softmax_grad_of_lines(y: NDArray, g: NDArray, gx: NDArray) -> None:
    """Write ``y (g - sum(g y))`` into gx."""

    def work(y: NDArray, g: NDArray, gx: NDArray) -> None:
        np.multiply(g, y, out=gx)
        np.subtract(g, sums(gx), out=gx)
        np.multiply(gx, y, out=gx)

    over_blocks(work, y, g, gx)


@has_twin
def log_softmax_of_lines(x: NDArray, y: NDArray) -> None:
    """Write the logarithm of the softmax of every line of x into y."""

    def work(x: NDArray, y: NDArray) -> None:
        _shifted(x, y)
        np.subtract(y, np.log(sums(np.exp(y))), out=y)

    over_blocks(work, x, y)


@has_twin
def log_softmax_grad_of_lines(y: NDArray, g: NDArray, gx: NDArray) -> None:
    """Write ``g - e^y sum(g)`` into gx."""

    def work(y: NDArray, g: NDArray, gx: NDArray) -> None:
        np.multiply(np.exp(y, out=gx), sums(g), out=gx)
        np.subtract(g, gx, out=gx)

    over_blocks(work, y, g, gx)


@has_twin
def logsumexp_of_rows(x: NDArray, y: NDArray) -> None:
    """Write ``log(sum(e^x))`` of every row of x (M, C) into y (M)."""

    def work(x: NDArray, y: NDArray) -> None:
        top = np.maximum.reduce(x, axis=1, keepdims=True, initial=-np.inf)
        top[~np.isfinite(top)] = 0
        y[...] = np.log(sums(np.exp(x - top))) + top

    over_blocks(work, x[..., None], y[:, None, None])


def _shifted(x: NDArray, out: NDArray) -> NDArray:
    """Return every line minus its maximum, written into ``out``: nothing overflows, and the softmax is the same."""
    return np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True), out=out)
