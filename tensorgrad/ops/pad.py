"""Borders: constants around a tensor, or its own values mirrored, repeated or wrapped.

Constants are added by a primitive whose adjoint crops. In the other modes every value of the border is read from
the tensor, so they are one gather for each dimension, and the derivative is the one of indexing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.kernels.copy import padded
from tensorgrad.ops._arguments import loose, operand
from tensorgrad.ops.index import _index_select


@primitive(
    lambda g, y, x, *, widths, value: _pad(g, widths=tuple((-a, -b) for a, b in widths), value=0.0),
    name="pad",
)
def _pad(x: Any, *, widths: tuple[tuple[int, int], ...], value: float) -> Any:
    """Negative widths crop, so padding and cropping are each other's adjoint."""
    return padded(x, widths, value)


def _mirrored(at: np.ndarray, n: int) -> np.ndarray:
    """The edge itself is not repeated: c b [a b c] b a."""
    return n - 1 - np.abs(n - 1 - np.abs(at))


#: Where in 0 .. n - 1 the positions of a border read.
_SOURCES = {
    "reflect": _mirrored,
    "replicate": lambda at, n: np.clip(at, 0, n - 1),
    "circular": lambda at, n: at % n,
}


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Add (or with negative amounts crop) borders: ``pad`` lists (before, after) from the last dimension on.

    ``mode`` says with what: ``"constant"`` with ``value``, ``"reflect"`` mirrored without the edge (less than the
    size), ``"replicate"`` the edge, ``"circular"`` the other end (at most the size). Raises ValueError when ``pad``
    has odd length, names too many dimensions or asks for more than a mode can give. Source:
    ``torch.nn.functional.pad``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.pad(tg.ones(1, 2), (1, 0, 0, 1))
    tensor([[0., 1., 1.],
            [0., 0., 0.]])
    >>> tg.nn.functional.pad(tg.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    x = operand(input, "pad")
    amounts = loose((pad,), "pad", "pad")
    if mode != "constant" and mode not in _SOURCES:
        names = ", ".join(map(repr, _SOURCES))
        raise op_error(ValueError, "pad", f"mode must be 'constant', {names}, got {mode!r}")
    if len(amounts) % 2 or len(amounts) > 2 * x.ndim:
        raise op_error(ValueError, "pad", f"pad {amounts} must hold (before, after) for at most {x.ndim} dimensions")
    named = [(amounts[i], amounts[i + 1]) for i in range(0, len(amounts), 2)][::-1]
    widths = ((0, 0),) * (x.ndim - len(named)) + tuple(named)
    for n, (before, after) in zip(x.shape, widths, strict=True):
        if n + before + after < 0:
            raise op_error(ValueError, "pad", f"pad {amounts} crops more than shape {tuple(x.shape)} has")
    if mode == "constant":
        return _pad(x, widths=widths, value=value or 0.0)
    if value is not None:
        raise op_error(ValueError, "pad", f"mode {mode!r} takes no value, got {value!r}")
    for dim, (before, after) in enumerate(widths):
        if before or after:
            x = _read_border(x, dim, before, after, mode)
    return x


def _read_border(x: Any, dim: int, before: int, after: int, mode: str) -> Any:
    n = x.shape[dim]
    limit = {"reflect": n - 1, "circular": n}.get(mode)
    if n == 0 or (limit is not None and max(before, after) > limit):
        most = "values to read" if n == 0 else f"at most {limit}"
        raise op_error(
            ValueError, "pad", f"mode {mode!r} needs {most} along dimension {dim} of size {n}, got ({before}, {after})"
        )
    first, last = (max(-before, 0), n - max(-after, 0)) if mode == "circular" else (0, n)  # crops before it wraps
    return _index_select(x, dim=dim, index=of_values(_border_positions, mode, before, after, first, last, n))


def _border_positions(mode: str, before: int, after: int, first: int, last: int, n: int) -> np.ndarray:
    """Where each entry along a dimension of size ``n`` is read: from ``first`` to ``last``, beyond it by the mode."""
    return first + _SOURCES[mode](np.arange(-before - first, n + after - first), last - first)


def constant_pad_nd(input: Any, pad: Any, value: float = 0) -> Any:
    """:func:`pad` with a constant. Source: ``torch.constant_pad_nd``.

    >>> import tensorgrad as tg
    >>> tg.constant_pad_nd(tg.tensor([1.0]), (1, 1), 5)
    tensor([5., 1., 5.])
    """
    return _pad_constant(input, pad, "constant", value)


_pad_constant = pad  # `pad` is also the name of its argument

__all__ = ["constant_pad_nd", "pad"]
