"""Adding at positions: the adjoints of indexing, where one position may be written many times."""

from __future__ import annotations

from typing import Any

import numpy as np

_BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def add_at(values: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index``: ``out[index] += values`` with duplicates counted."""
    out = np.zeros(shape, values.dtype)
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if all(isinstance(e, _BASIC) for e in entries) or all(a.dtype == np.bool_ for a in arrays):
        out[index] = values  # slices and masks name each position once
        return out
    if len(entries) == 1 or all(e == slice(None) for e in entries[1:] if not isinstance(e, np.ndarray)):
        rows = entries[0]
        if isinstance(rows, np.ndarray) and len(arrays) == 1:  # whole rows, as an embedding reads them
            return _add_rows(values, rows % shape[0] if rows.size else rows, shape)
    positions = np.arange(out.size).reshape(shape)[index]
    return _add_flat(values, positions, shape)


def add_along(values: np.ndarray, dim: int, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of ``shape`` with ``values`` added at ``index`` along ``dim``."""
    corner = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    positions = np.arange(int(np.prod(shape))).reshape(shape)[corner]
    return _add_flat(values, np.take_along_axis(positions, index, axis=dim), shape)


def _add_flat(values: np.ndarray, positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums by flat position; `bincount` adds in float64, one pass, no `np.add.at`."""
    size = int(np.prod(shape))
    values = np.broadcast_to(values, positions.shape)
    sums = np.bincount(positions.ravel(), weights=values.ravel(), minlength=size)
    return sums.astype(values.dtype).reshape(shape)


def _add_rows(values: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums of whole rows: equal rows are brought together by a stable sort, then added run by run."""
    out = np.zeros(shape, values.dtype)
    flat = rows.ravel()
    if flat.size == 0:
        return out
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    grouped = values.reshape(flat.size, *shape[1:])[order]
    out[ordered[starts]] = np.add.reduceat(grouped, starts, axis=0)
    return out
