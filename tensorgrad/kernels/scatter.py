"""Adding at positions: the adjoints of indexing, where one position may be written many times."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.kernels.reduce import FEW, accurate_sum

ROUNDS = 4  # positions named at most so often are added in as many passes over whole slices
_BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def add_at(values: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index``: ``out[index] += values`` with duplicates counted."""
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if all(isinstance(e, _BASIC) for e in entries) or all(a.dtype == np.bool_ for a in arrays):
        out = np.zeros(shape, values.dtype)
        out[index] = values  # slices and masks name each position once
        return out
    if len(arrays) == 1 and all(isinstance(e, np.ndarray) or e == slice(None) for e in entries):
        at = next(i for i, e in enumerate(entries) if isinstance(e, np.ndarray))
        if at == 0 or arrays[0].ndim == 1:  # whole slices, as an embedding or a mirrored border reads them
            return _add_slices(values, at, arrays[0], shape)
    positions = np.arange(math.prod(shape)).reshape(shape)[index]
    return _add_flat(values, positions, shape)


def add_along(values: np.ndarray, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index`` along ``dim``."""
    corner = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    positions = np.arange(math.prod(shape)).reshape(shape)[corner]
    return _add_flat(values, np.take_along_axis(positions, index, axis=dim), shape)


def _add_flat(values: np.ndarray, positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums by flat position; `bincount` adds in float64, one pass, no `np.add.at`."""
    size = math.prod(shape)
    values = np.broadcast_to(values, positions.shape)
    if values.dtype.kind != "f":  # integers stay exact beyond 2**53
        out = np.zeros(size, values.dtype)
        np.add.at(out, positions.ravel(), values.ravel())
        return out.reshape(shape)
    sums = np.bincount(positions.ravel(), weights=values.ravel(), minlength=size)
    return sums.astype(values.dtype).reshape(shape)


def _add_slices(values: np.ndarray, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums of whole slices along ``dim``: equal positions are brought together, then added run by run."""
    out = np.zeros(shape, values.dtype)
    if index.size == 0 or values.size == 0:
        return out
    flat = (index % shape[dim]).ravel()
    rows = np.moveaxis(values, dim, 0) if index.ndim == 1 else values.reshape(flat.size, *shape[1:])
    groups = grouped(flat)
    before: tuple[Any, ...] = (slice(None),) * dim
    if index.ndim == 1 and groups.most <= ROUNDS:
        for rank in range(groups.most):
            chosen = groups.ranks == rank
            out[(*before, _as_slice(groups.places[chosen]))] += np.take(values, groups.order[chosen], axis=dim)
        return out
    ordered = rows[groups.order]
    starts = np.flatnonzero(groups.ranks == 0)
    sums = np.add.reduceat(ordered, starts, axis=0)
    lengths = np.diff(starts, append=flat.size)
    for run in np.flatnonzero(lengths > FEW):  # long runs lose digits when added one after the other
        sums[run] = accurate_sum(ordered[starts[run] : starts[run] + lengths[run]], (0,))
    out[(*before, groups.places[starts])] = np.moveaxis(sums, 0, dim)
    return out


def _as_slice(places: np.ndarray) -> slice | np.ndarray:
    """Ascending positions as a slice where none is left out: writing there takes no index."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == places.size else places


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
