"""Softmax and its logarithm, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_to_float
from tensorgrad.errors import op_error
from tensorgrad.kernels import softmax as kernel
from tensorgrad.ops._arguments import numpy_spelling, one_dim, operand
from tensorgrad.ops.elementwise import exp
from tensorgrad.ops.reduce import _float, _sum


def _softmax_rule(g: Any, y: Any, x: Any, *, dim: int) -> Any:
    """The Jacobian diag(y) - y y' times g, without ever building the matrix."""
    if isinstance(g, np.ndarray) and isinstance(y, np.ndarray):
        return kernel.softmax_grad(g, y, dim)
    return y * (g - _sum(g * y, dim=(dim,), keepdim=True))


@primitive(_softmax_rule, name="softmax", promote=promote_to_float)
def _softmax(x: Any, *, dim: int) -> Any:
    return kernel.softmax(x, dim)


def _log_softmax_rule(g: Any, y: Any, x: Any, *, dim: int) -> Any:
    if isinstance(g, np.ndarray) and isinstance(y, np.ndarray):
        return kernel.log_softmax_grad(g, y, dim)
    return g - exp(y) * _sum(g, dim=(dim,), keepdim=True)


@primitive(_log_softmax_rule, name="log_softmax", promote=promote_to_float)
def _log_softmax(x: Any, *, dim: int) -> Any:
    return kernel.log_softmax(x, dim)


@numpy_spelling
def softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """``exp(x) / sum(exp(x))`` along ``dim``, without overflow. Source: ``torch.softmax``.

    Raises TypeError for integers, IndexError when ``dim`` is out of range.

    >>> import tensorgrad as tg
    >>> tg.softmax(tg.tensor([1000.0, 1000.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _along(_softmax, input, dim, dtype, "softmax")


@numpy_spelling
def log_softmax(input: Any, dim: int | None = None, *, dtype: Any = None) -> Any:
    """``x - log(sum(exp(x)))`` along ``dim``, without overflow. Source: ``torch.log_softmax``.

    >>> import tensorgrad as tg
    >>> tg.log_softmax(tg.tensor([1e4, 0.0]), dim=0)
    tensor([     0., -10000.])
    """
    return _along(_log_softmax, input, dim, dtype, "log_softmax")


def _along(op: Any, input: Any, dim: int | None, dtype: Any, name: str) -> Any:
    x = operand(input, name)
    x = _float(x if dtype is None else x.astype(dtype), name)
    if dim is None:
        raise op_error(TypeError, name, "dim must be given: the dimension over which the results sum to 1")
    along = one_dim(dim, x.ndim, name)
    if x.ndim == 0:
        return op(x.reshape(1), dim=0).reshape(())
    return op(x, dim=along)


__all__ = ["log_softmax", "softmax"]
