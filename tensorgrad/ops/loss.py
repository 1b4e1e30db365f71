"""The usual losses: one formula for each number, or operators that stand elsewhere, and then the mean or the sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.promotion import promote_operands, promote_to_float
from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops.activation import masked, softplus
from tensorgrad.ops.cross_entropy import checked_classes, class_weight
from tensorgrad.ops.elementwise import abs, mul, neg, sigmoid
from tensorgrad.ops.index import _gather
from tensorgrad.ops.reduce import mean, sum
from tensorgrad.ops.reduction import check_reduction, takes_reduction
from tensorgrad.ops.shape import _reshape


def reduced(losses: Any, reduction: str) -> Any:
    """The mean, the sum, or the losses as they are."""
    return losses if reduction == "none" else mean(losses) if reduction == "mean" else sum(losses)


def paired(input: Any, target: Any, op: str, reduction: str) -> tuple[Any, Any]:
    """Input and target as operands of one shape; ValueError for other shapes and for an unknown reduction."""
    check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    if tuple(x.shape) != tuple(t.shape):
        raise op_error(
            ValueError,
            op,
            "input and target must have one shape (broadcasting here hides mistakes): "
            f"got {describe(x)} and {describe(t)}",
        )
    return x, t


_squared_error = primitive(
    lambda g, y, x, t: 2 * g * (x - t),
    lambda g, y, x, t: -2 * g * (x - t),
    name="squared_error",
    promote=promote_operands,
    elementwise=True,
)(lambda x, t: np.square(x - t))


@takes_reduction
def mse_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """``(input - target)^2``, reduced. Shapes must agree. Source: ``torch.nn.functional.mse_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([0.0, 0.0])).item()
    2.5
    """
    x, t = paired(input, target, "mse_loss", reduction)
    return reduced(_squared_error(x, t), reduction)


@takes_reduction
def l1_loss(input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean") -> Any:
    """``|input - target|``, reduced; gradient 0 where they are equal. Source: ``torch.nn.functional.l1_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, -2.0]), tg.tensor([0.0, 0.0])).item()
    1.5
    """
    x, t = paired(input, target, "l1_loss", reduction)
    return reduced(abs(x - t), reduction)


_logistic_loss = primitive(
    lambda g, y, x, t: g * (sigmoid(x) - t),
    lambda g, y, x, t: -g * x,
    name="logistic_loss",
    promote=promote_to_float,
    elementwise=True,
)(lambda x, t: (1 - t) * x + (np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x)))))


@takes_reduction
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """``-(t log s(x) + (1 - t) log(1 - s(x)))`` with the logistic ``s``, from logits and without overflow.

    Computed as ``(1 - t) x + (1 + (pos_weight - 1) t) log(1 + exp(-x))``.
    Source: ``torch.nn.functional.binary_cross_entropy_with_logits``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([1e4]), tg.tensor([0.0])).item()
    10000.0
    """
    op = "binary_cross_entropy_with_logits"
    x, t = paired(input, target, op, reduction)
    if pos_weight is None:
        losses = _logistic_loss(x, t)
    else:  # log(1 + exp(-x)) has no threshold here: softplus with one would be off by its last digits
        losses = (1 - t) * x + (1 + (pos_weight - 1) * t) * softplus(neg(x), threshold=float("inf"))
    return reduced(losses if weight is None else losses * weight, reduction)


@takes_reduction
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``-weight[target] * input[target]`` for log-probabilities, what follows ``log_softmax``.

    Shapes, ``weight``, ``ignore_index`` and errors are those of :func:`cross_entropy`.
    Source: ``torch.nn.functional.nll_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.nll_loss(tg.tensor([[-0.5, -2.0]]), tg.tensor([1])).item()
    2.0
    """
    op = "nll_loss"
    check_reduction(reduction, op)
    x = operand(input, op)
    t = operand(target, op)
    unbatched = x.ndim == 1
    if unbatched:
        x, t = x.reshape(1, x.shape[0]), t.reshape(1, *t.shape)
    index, kept, own, total = of_values(_places, t, weight, tuple(x.shape), x.dtype, ignore_index)
    picked = _reshape(_gather(x, dim=1, index=index), shape=(x.shape[0], *x.shape[2:]))
    losses = mul(masked(picked, mask=kept), own)
    if reduction == "none":
        return losses.reshape(()) if unbatched else losses
    return sum(losses) / total if reduction == "mean" else sum(losses)


def _places(
    t: np.ndarray, weight: Any, shape: tuple[int, ...], dtype: Any, ignore_index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """For :func:`nll_loss`: where the numbers of the true classes are, which of them count, and -1 times how much.

    With that, how much they count together.
    """
    target, kept = checked_classes(t, shape, ignore_index, "nll_loss")
    if kept is None:
        kept = np.ones(target.shape, bool)
    safe = np.where(kept, target, 0)
    w = class_weight(weight, shape[1], dtype, "nll_loss")
    own = (kept if w is None else np.where(kept, w[safe], 0)).astype(dtype)
    return safe[:, None], kept, -own, float(own.sum())


_one_hot = primitive(name="one_hot")(
    lambda t, *, num_classes: (t[..., None] == np.arange(num_classes)).astype(np.int64)
)


def one_hot(input: Any, num_classes: int = -1) -> Any:
    """1 at the class, 0 elsewhere, along a new last dimension. Source: ``torch.nn.functional.one_hot``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.one_hot(tg.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    given = operand(input, "one_hot")
    if given.dtype.kind not in "iu":
        raise op_error(TypeError, "one_hot", f"expected integer class indices, got {given.dtype}")
    if num_classes == -1:
        if 0 in given.shape:
            raise op_error(ValueError, "one_hot", "num_classes cannot be inferred from an empty tensor")
        num_classes = int(np.max(raw(given))) + 1
    of_values(_check_classes, given, num_classes)
    return _one_hot(input, num_classes=num_classes)


def _check_classes(t: np.ndarray, num_classes: int) -> float:
    """Raise IndexError unless all classes exist."""
    if t.size and not 0 <= t.min() <= t.max() < num_classes:
        raise op_error(
            IndexError, "one_hot", f"class indices must lie in [0, {num_classes}), got {t.min()} to {t.max()}"
        )
    return 0.0


__all__ = ["binary_cross_entropy_with_logits", "l1_loss", "mse_loss", "nll_loss", "one_hot"]
