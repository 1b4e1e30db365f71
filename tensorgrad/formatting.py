"""How a tensor prints: PyTorch's layout, four digits, and the operator that made it."""

from __future__ import annotations

from typing import Any

import numpy as np

#: More elements than this are summarised.
THRESHOLD = 1000


def format_tensor(t: Any) -> str:
    """``tensor(values, dtype=..., requires_grad=True)`` or ``grad_fn=<op>``."""
    array = t._data
    prefix = "tensor("
    body = _body(array, " " * len(prefix))
    parts = []
    if array.size == 0 and array.ndim != 1:
        parts.append(f"size={array.shape}")
    if array.dtype not in (np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.bool_)):
        parts.append(f"dtype={array.dtype}")
    if t.node is not None:
        parts.append(f"grad_fn=<{t.node.op.name}>")
    elif t.requires_grad:
        parts.append("requires_grad=True")
    if t.name is not None:
        parts.append(f"name={t.name!r}")
    return prefix + ", ".join([body, *parts]) + ")"


def _body(array: np.ndarray, indent: str) -> str:
    if array.size == 0:
        return "[]"
    formatter: Any = {"float_kind": _float_format(array)} if array.dtype.kind == "f" else {}
    text = np.array2string(
        array, separator=", ", threshold=THRESHOLD, edgeitems=3, max_line_width=88, formatter=formatter
    )
    return text.replace("\n", "\n" + indent)


def _float_format(array: np.ndarray) -> Any:
    """One width and notation for all: integers as ``1.``, four decimals, or scientific when the range asks."""
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    nonzero = finite[finite > 0]
    if finite.size == 0 or (finite == np.trunc(finite)).all():
        large = finite.size and finite.max() >= 1e8
        write = (lambda v: f"{v:.4e}") if large else (lambda v: f"{v:.0f}." if np.isfinite(v) else f"{v}")
    elif nonzero.max() / 1000 > nonzero.min() or nonzero.max() >= 1e8 or nonzero.min() < 1e-4:
        write = lambda v: f"{v:.4e}"
    else:
        write = lambda v: f"{v:.4f}"
    if array.ndim == 0:
        return write
    width = max(len(write(v)) for v in _shown(array))
    return lambda v: write(v).rjust(width)


def _shown(array: np.ndarray) -> np.ndarray:
    """The elements that will be printed."""
    if array.size <= THRESHOLD:
        return array.ravel()
    for axis in range(array.ndim):
        if array.shape[axis] > 6:
            array = np.take(array, [0, 1, 2, -3, -2, -1], axis=axis)
    return array.ravel()
