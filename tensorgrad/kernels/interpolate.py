"""Resampling along axes: every output is a weighted sum of a few inputs, the same along all lines of an axis.

Along one axis this is a sparse matrix; an image is resampled by one matrix for each axis, one after the other.
The transposed matrices do the adjoint, so one kernel serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.layout import channels_first
from tensorgrad.kernels.windows import contiguous_channels, over_samples

Ints = tuple[int, ...]


class Resampling:
    """A sparse matrix (rows, columns) along one axis, given by its entries."""

    def __init__(self, shape: tuple[int, int], rows: NDArray, columns: NDArray, weights: NDArray) -> None:
        self.shape = shape
        self._entries = rows, columns, weights

    def __repr__(self) -> str:
        return f"<{self.shape[1]} to {self.shape[0]}>"

    @cached_property
    def transposed(self) -> Resampling:
        """The adjoint."""
        rows, columns, weights = self._entries
        return Resampling(self.shape[::-1], columns, rows, weights)

    @cached_property
    def taps(self) -> list[tuple[slice | NDArray, slice | NDArray, NDArray | None]]:
        """Triples (rows, columns, weights): each row occurs once in a tap, weights of 1 are None."""
        order = np.argsort(self._entries[0], kind="stable")
        rows, columns, weights = (entry[order] for entry in self._entries)
        first = np.searchsorted(rows, rows)  # where this row's entries begin
        rank = np.arange(len(rows)) - first
        found = []
        for r in range(rank.max(initial=-1) + 1):
            tap = rank == r
            plain = (weights[tap] == 1).all()
            found.append((_as_slice(rows[tap]), _as_slice(columns[tap]), None if plain else weights[tap]))
        return found

    def apply(self, x: NDArray, axis: int) -> NDArray:
        """Return the matrix times x along an axis."""
        before, after = (slice(None),) * axis, (1,) * (x.ndim - 1 - axis)
        y = np.zeros((*x.shape[:axis], self.shape[0], *x.shape[axis + 1 :]), x.dtype)
        for rows, columns, weights in self.taps:
            part = x[(*before, columns)] if isinstance(columns, slice) else np.take(x, columns, axis)
            if weights is not None:
                part = part * weights.astype(x.dtype).reshape(-1, *after)
            y[(*before, rows)] += part
        return y


def _as_slice(index: NDArray) -> slice | NDArray:
    """Return an index that grows in equal steps as a slice: NumPy then copies nothing."""
    steps = np.diff(index)
    if len(index) and (steps == (steps[:1] if len(steps) else 1)).all() and (not len(steps) or steps[0] > 0):
        return slice(int(index[0]), int(index[-1]) + 1, int(steps[0]) if len(steps) else 1)
    return index


def resample(x: NDArray, matrices: tuple[Resampling, ...]) -> NDArray:
    """Return x (N, C, *in) with one matrix applied to each spatial axis: (N, C, *out)."""
    out = tuple(m.shape[0] for m in matrices)
    y = np.empty((x.shape[0], *out, x.shape[1]), x.dtype)
    order = sorted(range(len(out)), key=lambda a: out[a] / matrices[a].shape[1])  # shrink first

    def work(batch: slice) -> None:
        values = contiguous_channels(x[batch], "images")
        for axis in order:
            values = matrices[axis].apply(values, axis + 1)
        y[batch] = values

    over_samples(work, x.shape[0], max(x.size, y.size))
    return channels_first(y)


# ---- the matrices ------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def matrix(mode: str, size: int, out: int, scale: float | None, align_corners: bool, antialias: bool) -> Resampling:
    """Return the matrix that takes ``size`` pixels to ``out`` by a mode of ``torch.nn.functional.interpolate``.

    Output o lies at o (size - 1) / (out - 1) with corners aligned, else at (o + 1/2) step - 1/2, where the step
    is size / out, or 1 / ``scale`` if that is given.
    """
    step = size / out if scale is None else 1 / scale
    o = np.arange(out)
    if mode.startswith("nearest"):
        if scale is None:  # in integers: floating point would round some positions to the pixel before
            index = o * size // out if mode == "nearest" else (2 * o + 1) * size // (2 * out)
        else:
            index = np.floor(o * step if mode == "nearest" else (o + 0.5) * step).astype(np.int64)
        return Resampling((out, size), o, np.minimum(index, size - 1), np.ones(out))
    if antialias:
        return _antialiased(mode, size, out, (size - 1) / max(out - 1, 1) if align_corners else step)
    corner_step = (size - 1) / (out - 1) if out > 1 else 0.0
    at = o * corner_step if align_corners else (o + 0.5) * step - 0.5
    if mode == "linear":
        at = o.astype(np.float64) if size == out else np.maximum(at, 0)
    first = np.minimum(np.floor(at), size - 1)
    t = np.clip(at - first, 0, 1)
    near = [(0, 1 - t), (1, t)]
    taps = near if mode == "linear" else [(j, _cubic(np.abs(t - j), -0.75)) for j in (-1, 0, 1, 2)]
    rows = np.concatenate([o] * len(taps))
    columns = np.concatenate([np.clip(first + j, 0, size - 1) for j, _ in taps]).astype(np.int64)
    weights = np.concatenate([w for _, w in taps])
    keep = weights != 0
    return Resampling((out, size), rows[keep], columns[keep], weights[keep])


def _cubic(d: NDArray, a: float) -> NDArray:
    """Keys' cubic kernel at the distances d."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _antialiased(mode: str, size: int, out: int, step: float) -> Resampling:
    """Return the filter widened by the step where it shrinks, its weights summing to 1."""
    kernel: Callable[[NDArray], NDArray] = lambda d: np.maximum(1 - d, 0)
    reach = 1.0
    if mode == "cubic":
        kernel, reach = lambda d: _cubic(d, -0.5), 2.0
    width = max(step, 1.0)
    entries = []
    for o in range(out):
        centre = step * (o + 0.5)
        low = max(int(centre - reach * width + 0.5), 0)
        high = min(int(centre + reach * width + 0.5), size)
        columns = np.arange(low, high)
        weights = kernel(np.abs((columns - centre + 0.5) / width))
        entries.append((np.full(len(columns), o), columns, weights / weights.sum()))
    rows, columns, weights = (np.concatenate(part) for part in zip(*entries, strict=True))
    return Resampling((out, size), rows, columns, weights)
