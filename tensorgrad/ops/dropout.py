"""Dropout: the mask is drawn once in the forward and is a constant of the graph from then on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.structural import add
from tensorgrad.errors import op_error
from tensorgrad.kernels import dropout as kernel
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.write import with_inplace
from tensorgrad.random import generator


@primitive(lambda g, y, x, *, mask, scale: _dropout(g, mask=mask, scale=scale), name="dropout")
def _dropout(x: Any, *, mask: np.ndarray, scale: float) -> Any:
    return kernel.apply_mask(x, mask, scale)


def _random_mask(p: float, shape: tuple[int, ...]) -> np.ndarray:
    return kernel.random_mask(generator(), p, shape)


@with_inplace
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each value with probability ``p``, scale the others by ``1 / (1 - p)``; the input itself when not training.

    With ``p = 1`` the result is exactly zero, for infinite inputs too. Raises ValueError for ``p`` outside [0, 1],
    TypeError for integers. Source: ``torch.nn.functional.dropout``; Srivastava et al. 2014.

    >>> import tensorgrad as tg
    >>> x = tg.ones(3)
    >>> tg.nn.functional.dropout(x, 0.5, training=False) is x
    True
    """
    check_probability(p, "dropout")
    x = operand(input, "dropout")
    if not training or p == 0:
        return x
    if x.dtype.kind != "f":
        raise op_error(TypeError, "dropout", f"expected a floating-point tensor, got {x.dtype}")
    mask = of_values(_random_mask, p, tuple(x.shape))
    return _dropout(x, mask=mask, scale=0.0 if p == 1 else 1 / (1 - p))


@with_inplace
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, L) or (C, L) with probability ``p``, scale the others by ``1 / (1 - p)``.

    Raises ValueError for other shapes. Source: ``torch.nn.functional.dropout1d``; Tompson et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.dropout1d(tg.ones(2, 3, 4), 1.0).sum().item()
    0.0
    """
    return _feature_dropout(input, p, training, "dropout1d", batched=(3,), unbatched=(2,))


@with_inplace
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, H, W) with probability ``p``, scale the others by ``1 / (1 - p)``.

    Three dimensions are read as (N, C, L), as in PyTorch. Raises ValueError for other shapes.
    Source: ``torch.nn.functional.dropout2d``; Tompson et al. 2015.

    >>> import tensorgrad as tg
    >>> y = tg.nn.functional.dropout2d(tg.ones(2, 3, 4, 4))
    >>> bool((y.amax((2, 3)) == y.amin((2, 3))).all())
    True
    """
    return _feature_dropout(input, p, training, "dropout2d", batched=(3, 4), unbatched=())


@with_inplace
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability ``p``, scale the others.

    Raises ValueError for other shapes. Source: ``torch.nn.functional.dropout3d``; Tompson et al. 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.dropout3d(tg.ones(1, 2, 2, 2, 2), 0.0).sum().item()
    16.0
    """
    return _feature_dropout(input, p, training, "dropout3d", batched=(5,), unbatched=(4,))


def _feature_dropout(
    input: Any, p: float, training: bool, op: str, *, batched: tuple[int, ...], unbatched: tuple[int, ...]
) -> Any:
    check_probability(p, op)
    x = _float_operand(input, op)
    if x.ndim not in (*batched, *unbatched):
        expected = " or ".join(map(str, sorted((*batched, *unbatched))))
        raise op_error(ValueError, op, f"expected {expected} dimensions, got shape {tuple(x.shape)}")
    if not training or p == 0:
        return x
    kept = 1 if x.ndim in unbatched else 2
    return _dropout(x, mask=of_values(_random_mask, p, _per_channel(x, kept)), scale=0.0 if p == 1 else 1 / (1 - p))


# what selu gives for very negative numbers: where alpha dropout sets the values it drops
_DROPPED = -1.7580993408473766


@with_inplace
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps the mean 0 and the variance 1 of self-normalising networks, for use with ``selu``.

    A dropped value becomes the limit of ``selu`` at minus infinity, then everything is scaled and shifted.
    Source: ``torch.nn.functional.alpha_dropout``; Klambauer et al. 2017.

    >>> import tensorgrad as tg
    >>> x = tg.ones(3)
    >>> tg.nn.functional.alpha_dropout(x, 0.5) is x
    True
    """
    x = _float_operand(input, "alpha_dropout")
    return _alpha_dropout(x, p, training, "alpha_dropout", tuple(x.shape))


@with_inplace
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """:func:`alpha_dropout` of whole channels (dimension 1).

    Source: ``torch.nn.functional.feature_alpha_dropout``.

    >>> import tensorgrad as tg
    >>> x = tg.ones(1, 2, 3)
    >>> tg.nn.functional.feature_alpha_dropout(x, 0.5) is x
    True
    """
    x = _float_operand(input, "feature_alpha_dropout")
    if x.ndim < 2:
        raise op_error(ValueError, "feature_alpha_dropout", f"expected (N, C, ...), got shape {tuple(x.shape)}")
    return _alpha_dropout(x, p, training, "feature_alpha_dropout", _per_channel(x, 2))


def _alpha_dropout(x: Any, p: float, training: bool, op: str, shape: tuple[int, ...]) -> Any:
    check_probability(p, op)
    if not training or p == 0:
        return x
    mask = of_values(_random_mask, p, shape)
    if p == 1:
        return _dropout(x, mask=mask, scale=0.0)
    scale = 1 / math.sqrt((1 - p) * (1 + p * _DROPPED**2))
    shift = scale * _DROPPED * (np.where(mask, 0.0, 1.0) - p)
    return add(_dropout(x, mask=mask, scale=scale), shift.astype(x.dtype))


def _float_operand(input: Any, op: str) -> Any:
    x = operand(input, op)
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {x.dtype}")
    return x


def _per_channel(x: Any, kept: int) -> tuple[int, ...]:
    """The shape of one value for each channel."""
    return (*x.shape[:kept], *[1] * (x.ndim - kept))


def check_probability(p: float, op: str) -> None:
    """ValueError unless ``p`` is a number in [0, 1]."""
    if not isinstance(p, (int, float)) or math.isnan(p) or not 0 <= p <= 1:
        raise op_error(ValueError, op, f"p must be a probability in [0, 1], got {p!r}")


__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]
