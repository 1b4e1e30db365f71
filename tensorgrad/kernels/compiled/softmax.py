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
        exponentials(x, r, largest(x, r), y, r)
        scale = y.dtype.type(1 / total(y, r))
        for c in range(y.shape[1]):
            y[r, c] *= scale


@_of_rows(kernel.softmax_grad_of_lines, columns.softmax_grad, LITTLE)
@shared
@jit
def softmax_grad_of_lines(at: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.softmax_grad_of_lines`."""
    for r in range(*piece(at, len(y))):
        mean = gx.dtype.type(total_of_products(g, y, r))
        for c in range(gx.shape[1]):
            gx[r, c] = y[r, c] * (g[r, c] - mean)


@_of_rows(kernel.log_softmax_of_lines, columns.log_softmax, WORK)
@shared
@jit
def log_softmax_of_lines(at: Any, x: Any, y: Any) -> None:
    """See `kernels.softmax.log_softmax_of_lines`."""
    for r in range(*piece(at, len(x))):
        top = largest(x, r)
        exponentials(x, r, top, y, r)
        log = y.dtype.type(np.log(total(y, r)))
        for c in range(y.shape[1]):
            y[r, c] = (x[r, c] - top) - log


@_of_rows(kernel.log_softmax_grad_of_lines, columns.log_softmax_grad, WORK)
@shared
@jit
def log_softmax_grad_of_lines(at: Any, y: Any, g: Any, gx: Any) -> None:
    """See `kernels.softmax.log_softmax_grad_of_lines`."""
    for r in range(*piece(at, len(y))):
        exponentials(y, r, gx.dtype.type(0), gx, r)
        sum = gx.dtype.type(total(g, r))
        for c in range(gx.shape[1]):
            gx[r, c] = g[r, c] - gx[r, c] * sum


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
    own = at[2]
    for r in range(*piece(at, len(x))):
        top = largest(x, r)
        shift = top if np.isfinite(top) else y.dtype.type(0)
        if top == np.inf:
            for c in range(powers.shape[1]):
                powers[own, c] = np.exp(x[r, c])  # a NaN beside it stays
        else:
            exponentials(x, r, shift, powers, own)
        y[r] = np.log(total(powers, own)) + shift
