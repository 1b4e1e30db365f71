"""Adding at positions: the adjoints of indexing, where one position may be written many times."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.kernels.gather import LARGE, over_blocks, positions
from tensorgrad.kernels.lines import lines
from tensorgrad.kernels.memory import keep_freed_memory
from tensorgrad.kernels.reduce import FEW, accurate_sum
from tensorgrad.kernels.twin import has_twin

SMALL = 1 << 12  # numbers for which it does not pay to see what kind of index it is
FEW_VALUES = 700  # that `np.add.at` adds sooner than `np.bincount`, which is given flat positions
ROUND = 2000  # numbers that are worth a pass of their own over those that come first, second, ... to their places
_BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def add_at(values: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index``: ``out[index] += values`` with duplicates counted."""
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if all(isinstance(e, _BASIC) for e in entries) or all(a.dtype == np.bool_ for a in arrays):
        out = np.zeros(shape, values.dtype)
        out[index] = values  # slices and masks name each position once
        return out
    small = max(values.size, math.prod(shape)) <= SMALL
    if small and (values.size <= FEW_VALUES or values.dtype.kind != "f"):
        out = np.zeros(shape, np.float64 if values.dtype.kind == "f" else values.dtype)
        np.add.at(out, index, values.astype(out.dtype, copy=False))
        return out.astype(values.dtype, copy=False)
    if not small and len(arrays) == 1 and all(isinstance(e, np.ndarray) or e == slice(None) for e in entries):
        at = next(i for i, e in enumerate(entries) if isinstance(e, np.ndarray))
        if at == 0 or arrays[0].ndim == 1:  # whole slices, as an embedding or a mirrored border reads them
            return _add_slices(values, at, arrays[0], shape)
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    return _add_flat(values, places, shape)


def add_along(values: np.ndarray, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index`` along ``dim``."""
    if (index.shape[dim] == 1 or values.dtype.kind == "f") and _full(index.shape, shape, dim):
        if math.prod(shape) >= LARGE:
            keep_freed_memory()
        places = lines(np.ascontiguousarray(index, np.intp), dim)
        if index.shape[dim] == 1:  # each position is named once
            out = np.zeros(shape, values.dtype)
            out.reshape(-1)[positions(places, shape[dim]).reshape(-1)] = values.reshape(-1)
        else:
            out = np.empty(shape, values.dtype)
            add_lines(lines(np.ascontiguousarray(values), dim), places, lines(out, dim))
        return out
    corner = tuple([slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape)])
    places = np.arange(math.prod(shape)).reshape(shape)[corner]
    return _add_flat(values, np.take_along_axis(places, index, axis=dim), shape)


def _full(small: tuple[int, ...], large: tuple[int, ...], dim: int) -> bool:
    """Return whether two shapes are the same but for one dimension."""
    return small[:dim] == large[:dim] and small[dim + 1 :] == large[dim + 1 :]


@has_twin
def add_lines(values: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
    """Write the sums of ``values[n, i, m]`` at ``out[n, index[n, i, m], m]``, all in C order.

    One row of indices may serve all lines: then the first stride of ``index`` is 0.
    """

    def work(values: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
        out[...] = _sums(values, positions(index, out.shape[1]), out.size).reshape(out.shape)

    over_blocks(work, values, index, out)


def _sums(values: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    """Sums by flat position; `bincount` adds in float64, one pass, no `np.add.at`."""
    return np.bincount(places.ravel(), weights=values.ravel(), minlength=size)


def _add_flat(values: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums by flat position, in the dtype of the values."""
    values = np.broadcast_to(values, places.shape)
    if values.dtype.kind == "f":
        return _sums(values, places, math.prod(shape)).astype(values.dtype).reshape(shape)
    out = np.zeros(math.prod(shape), values.dtype)
    np.add.at(out, places.ravel(), values.ravel())  # integers stay exact beyond 2**53
    return out.reshape(shape)


def _add_slices(values: np.ndarray, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums of whole slices along ``dim``."""
    keep_freed_memory()
    number, length, width = math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])
    places = index.reshape(-1).astype(np.intp)
    places[places < 0] += length
    values = np.broadcast_to(values, (*shape[:dim], *index.shape, *shape[dim + 1 :]))
    rows = np.ascontiguousarray(values).reshape(number, places.size, width)
    out = np.empty(shape, values.dtype)
    if width == 1 and values.dtype.kind == "f":
        add_lines(rows, np.broadcast_to(places[:, None], rows.shape), out.reshape(number, length, 1))
    else:
        add_rows(rows, places, out.reshape(number, length, width))
    return out


@has_twin
def add_rows(values: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
    """Write the sums of the rows ``values[:, i]`` at ``out[:, index[i]]``, for (N, rows, width) in C order.

    The rows that come first to their places are put there, those that come second are added, and so on; where one
    place is named often, rows for the same place are brought together and added run by run.
    """
    groups = grouped(index)
    out[...] = 0
    if groups.most <= min(FEW, max(1, values.size // ROUND)):
        for rank in range(groups.most):
            chosen = groups.ranks == rank
            found = np.take(values, groups.order[chosen], axis=1)
            if rank:
                out[:, groups.places[chosen]] += found
            else:
                out[:, groups.places[chosen]] = found
    elif values.size:
        ordered = values[:, groups.order]
        starts = np.flatnonzero(groups.ranks == 0)
        sums = np.add.reduceat(ordered, starts, axis=1)
        lengths = np.diff(starts, append=index.size)
        for run in np.flatnonzero(lengths > FEW):  # long runs lose digits when added one after the other
            sums[:, run] = accurate_sum(ordered[:, starts[run] : starts[run] + lengths[run]], (1,))
        out[:, groups.places[starts]] = sums


# --- putting ----------------------------------------------------------------------------------------------------------


def last_written(index: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """True where a value put at ``index`` is the last one at its place; None when no place is named twice."""
    entries = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(e, np.ndarray) and e.dtype != np.bool_ for e in entries):
        return None
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    order = np.arange(places.size).reshape(places.shape)
    winner = np.zeros(math.prod(shape), np.intp)
    winner[places] = order
    last = winner[places] == order
    return None if last.all() else last


class Grouped(NamedTuple):
    """Values by the place they go to: ``order`` sorts them, ``ranks`` count them at each of the ``places``."""

    order: np.ndarray
    places: np.ndarray
    ranks: np.ndarray
    most: int


def grouped(places: np.ndarray) -> Grouped:
    """Bring together the values that go to one place."""
    flat = places.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    counts = np.arange(flat.size)
    new = np.ones(flat.size, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    ranks = counts - np.maximum.accumulate(np.where(new, counts, 0))
    return Grouped(order, ordered, ranks, int(ranks.max(initial=-1)) + 1)
