"""Quantiles: values at a fractional place of the sorted order."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import is_tensor, numpy_spelling, one_dim, operand, raw
from tensorgrad.ops.elementwise import where
from tensorgrad.ops.index import _gather
from tensorgrad.ops.order import sort
from tensorgrad.ops.reduce import _float
from tensorgrad.ops.shape import _permute, _reshape

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@numpy_spelling
def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The value below which the fraction ``q`` (a number or a vector, each from 0 to 1) of the values lies.

    At the place ``q (n - 1)`` of the sorted values, between two of them by ``interpolation``: ``"linear"``,
    ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``. A vector ``q`` adds a first dimension. NaN where a
    value is NaN. Raises ValueError for nothing to choose from and ``q`` out of range. Source: ``torch.quantile``.

    >>> import tensorgrad as tg
    >>> tg.quantile(tg.tensor([1.0, 2.0, 4.0]), 0.75).item()
    3.0
    """
    return _quantile(input, q, dim, keepdim, interpolation, "quantile", skip_nan=False)


@numpy_spelling
def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """:func:`quantile` of what is not NaN. Source: ``torch.nanquantile``.

    >>> import tensorgrad as tg
    >>> tg.nanquantile(tg.tensor([1.0, float("nan"), 2.0]), 0.5).item()
    1.5
    """
    return _quantile(input, q, dim, keepdim, interpolation, "nanquantile", skip_nan=True)


def _quantile(input: Any, q: Any, dim: Any, keepdim: bool, method: str, op: str, skip_nan: bool) -> Any:
    x = _float(operand(input, op), op)
    if method not in _METHODS:
        raise op_error(ValueError, op, f"interpolation must be one of {', '.join(_METHODS)}, got {method!r}")
    fractions = q if is_tensor(q) else np.asarray(q, x.dtype)
    if fractions.ndim > 1:
        raise op_error(ValueError, op, f"q must be a number or a vector, got shape {tuple(fractions.shape)}")
    if not all(0 <= f <= 1 for f in np.ravel(raw(fractions))):
        raise op_error(ValueError, op, f"q must lie from 0 to 1, got {raw(fractions).tolist()}")
    along = None if dim is None else one_dim(dim, x.ndim, op)
    if x.ndim == 0:
        kept: tuple[int, ...] = ()
        rows = _reshape(x, shape=(1,))
    elif along is None:
        kept = (1,) * x.ndim
        rows = _reshape(x, shape=(-1,))
    else:
        kept = tuple(1 if d == along else n for d, n in enumerate(x.shape))
        rows = _permute(x, dims=(*(d for d in range(x.ndim) if d != along), along))
    if not rows.shape[-1]:
        raise op_error(ValueError, op, f"expected at least one value, got shape {tuple(x.shape)}")
    y = _at_fractions(rows, _reshape(fractions, shape=(-1,)), method, skip_nan)  # the fractions last
    y = _permute(y, dims=(y.ndim - 1, *range(y.ndim - 1)))
    shape = kept if keepdim else tuple(y.shape[1:])
    return _reshape(y, shape=(y.shape[0], *shape) if fractions.ndim else shape)


def _at_fractions(rows: Any, fractions: Any, method: str, skip_nan: bool) -> Any:
    """The quantiles of each row of the last dimension."""
    ordered = sort(rows).values  # NaN last
    missing = np.isnan(raw(rows)).sum(axis=-1, keepdims=True)
    n = rows.shape[-1]
    if skip_nan:
        ranks = fractions * np.maximum(n - missing - 1, 0).astype(rows.dtype)
    else:
        ranks = where(missing > 0, float(n - 1), fractions * (n - 1.0))
    places = raw(ranks)
    if method in ("linear", "midpoint"):
        below, above = np.floor(places), np.ceil(places)
        share = ranks - below if method == "linear" else 0.5
        low, high = (_gather(ordered, dim=rows.ndim - 1, index=p.astype(np.int64)) for p in (below, above))
        return low + (high - low) * share
    rounded = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[method](places)
    return _gather(ordered, dim=rows.ndim - 1, index=rounded.astype(np.int64))


__all__ = ["nanquantile", "quantile"]
