"""Softmax and its kin along rows: a row stays in the first cache for all that is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels import softmax as kernel
from tensorgrad.kernels.compiled import softmax_of_columns as columns
from tensorgrad.kernels.compiled.jit import jit, twin_of
from tensorgrad.kernels.compiled.pieces import piece, pieces_of
from tensorgrad.kernels.compiled.rows import exponentials, largest, total, total_of_products
from tensorgrad.kernels.compiled.threads import shared
from tensorgrad.kernels.scratch import scratch
from tensorgrad.kernels.threads import get_num_threads

WORK, LITTLE = 8, 3  # times that of reading a number: with exponentials, and without


def _of_rows(numpy_version: Any, of_columns: Callable[..., None], work: int) -> Callable[..., Any]:
    """Let compiled loops serve lines that are rows of memory, others those that are columns, NumPy other dtypes."""

    def bind(loops: Callable[..., Any]) -> Callable[..., None]:
        def run(*arrays: NDArray) -> None:
            before, length, after = arrays[0].shape
            if after > 1:
                strips = columns.strips(arrays[0])
                of_columns(pieces_of(strips, work * arrays[0].size), strips, *arrays)
            else:
                loops(pieces_of(before, work * before * length), *[a.reshape(before, length) for a in arrays])

        return twin_of(numpy_version)(run)

    return bind


@_of_rows(kernel.softmax_of_lines, columns.softmax, WORK)
@shared
@jit
def softmax_of_lines(at: Any, x: Any, y: Any) -> None:
    """See `kernels.softmax.softmax_of_lines`."""
    for r in range(*piece(at, len(x))):
        out = y[r]
        exponentials(x[r], largest(x[r]), out)
        scale = out.dtype.type(1 / total(out))
        for c in range(out.size):
            out[c] *= scale


@_of_rows(kernel.softmax_grad_of_lines, columns.softmax_grad, LITTLE)
@shared
@jit
def softmax_grad_of_lines(at: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.softmax_grad_of_lines`."""
    for r in range(*piece(at, len(y))):
        share, gradient, out = y[r], g[r], gx[r]
        mean = out.dtype.type(total_of_products(gradient, share))
        for c in range(out.size):
            out[c] = share[c] * (gradient[c] - mean)


@_of_rows(kernel.log_softmax_of_lines, columns.log_softmax, WORK)
@shared
@jit
def log_softmax_of_lines(at: Any, x: Any, y: Any) -> None:
    """See `kernels.softmax.log_softmax_of_lines`."""
    for r in range(*piece(at, len(x))):
        row, out = x[r], y[r]
        top = largest(row)
        exponentials(row, top, out)
        log = out.dtype.type(np.log(total(out)))
        for c in range(out.size):
            out[c] = (row[c] - top) - log


@_of_rows(kernel.log_softmax_grad_of_lines, columns.log_softmax_grad, WORK)
@shared
@jit
def log_softmax_grad_of_lines(at: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.log_softmax_grad_of_lines`."""
    for r in range(*piece(at, len(y))):
        gradient, out = g[r], gx[r]
        exponentials(y[r], out.dtype.type(0), out)
        sum = out.dtype.type(total(gradient))
        for c in range(out.size):
            out[c] = gradient[c] - out[c] * sum


@twin_of(kernel.logsumexp_of_rows)
def logsumexp_of_rows(x: NDArray, y: NDArray) -> None:
    """See `kernels.softmax.logsumexp_of_rows`."""
    if x.size:
        powers = scratch("row", (get_num_threads(), x.shape[1]), x.dtype)
        _logsumexp(pieces_of(len(x), WORK * x.size), x, y, powers)
    else:
        y.fill(-np.inf)


@shared
@jit
def _logsumexp(at: Any, x: Any, y: Any, powers: Any) -> None:
    out = powers[at[2]]
    for r in range(*piece(at, len(x))):
        top = largest(x[r])
        shift = top if np.isfinite(top) else y.dtype.type(0)
        if top == np.inf:
            for c in range(out.size):
                out[c] = np.exp(x[r, c])  # a NaN beside it stays
        else:
            exponentials(x[r], shift, out)
        y[r] = np.log(total(out)) + shift
