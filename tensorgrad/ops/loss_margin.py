"""Losses that ask for a margin between right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops.activation import logsigmoid, masked, relu, softplus
from tensorgrad.ops.cross_entropy import checked_classes, class_weight
from tensorgrad.ops.elementwise import clamp, equal, neg, square, where
from tensorgrad.ops.index import gather
from tensorgrad.ops.loss import paired, reduced
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.reduction import check_reduction, takes_reduction
from tensorgrad.ops.shape import _reshape

# --- targets 1 and -1 -------------------------------------------------------------------------------------------


@takes_reduction
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``x`` where ``target`` is 1, ``max(0, margin - x)`` where it is -1.

    Source: ``torch.nn.functional.hinge_embedding_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.hinge_embedding_loss(tg.tensor([0.25, 0.25]), tg.tensor([1, -1])).item()
    0.5
    """
    op = "hinge_embedding_loss"
    check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    losses = where(equal(t, 1), 0.0, clamp(margin - x, min=0)) + where(equal(t, -1), 0.0, x)
    return reduced(losses, reduction)


@takes_reduction
def soft_margin_loss(
    input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Any:
    """``log(1 + exp(-target * input))``, without overflow. Source: ``torch.nn.functional.soft_margin_loss``.

    Shapes must agree.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.soft_margin_loss(tg.tensor([-1000.0]), tg.tensor([1.0])).item()
    1000.0
    """
    x, t = paired(input, target, "soft_margin_loss", reduction)
    return reduced(softplus(neg(t * x), threshold=float("inf")), reduction)


@takes_reduction
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``max(0, -target * (input1 - input2) + margin)``: with target 1 the first should be the larger.

    Raises ValueError unless all three have as many dimensions.
    Source: ``torch.nn.functional.margin_ranking_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.margin_ranking_loss(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1])).item()
    2.0
    """
    op = "margin_ranking_loss"
    check_reduction(reduction, op)
    a, b, t = operand(input1, op), operand(input2, op), operand(target, op)
    if not a.ndim == b.ndim == t.ndim:
        raise op_error(
            ValueError, op, f"all three must have as many dimensions; got {describe(a)}, {describe(b)}, {describe(t)}"
        )
    return reduced(clamp(neg(t) * (a - b) + margin, min=0), reduction)


# --- one class of several ---------------------------------------------------------------------------------------


@takes_reduction
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``sum over j != t of weight[t] max(0, margin - x[t] + x[j])^p / C`` for class ``t``: the multi-class hinge.

    ``input`` is (N, C) or (C), ``target`` (N) or (). Raises ValueError unless ``p`` is 1 or 2, IndexError for a
    class out of range. Source: ``torch.nn.functional.multi_margin_loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.multi_margin_loss(tg.tensor([[0.0, 2.0]]), tg.tensor([0])).item()
    1.5
    """
    op = "multi_margin_loss"
    check_reduction(reduction, op)
    if p not in (1, 2):
        raise op_error(ValueError, op, f"p must be 1 or 2, got {p}")
    x, t = _rows(input, op), np.atleast_1d(raw(operand(target, op)))
    classes, _ = checked_classes(t, tuple(x.shape), -(2**63), op)
    own = gather(x, 1, classes[:, None])
    shortfall = masked(relu(x - own + margin), mask=classes[:, None] != np.arange(x.shape[1]))
    losses = sum(square(shortfall) if p == 2 else shortfall, 1) / x.shape[1]
    w = class_weight(weight, x.shape[1], x.dtype, op)
    losses = losses if w is None else losses * w[classes]
    return reduced(_reshape(losses, shape=()) if operand(input, op).ndim < 2 else losses, reduction)


# --- several classes at once --------------------------------------------------------------------------------------


@takes_reduction
def multilabel_margin_loss(
    input: Any, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Any:
    """``sum over i in the target, j not in it, of max(0, 1 - x[i] + x[j]) / C``.

    ``input`` and ``target`` are (N, C) or (C); a row of the target lists classes and ends at the first -1. Raises
    IndexError for a class out of range. Source: ``torch.nn.functional.multilabel_margin_loss``.

    >>> import tensorgrad as tg
    >>> y = tg.tensor([[1, -1, 0]])
    >>> tg.nn.functional.multilabel_margin_loss(tg.tensor([[3.0, 3.0, 0.0]]), y).item()
    0.3333333432674408
    """
    op = "multilabel_margin_loss"
    x, t = paired(input, target, op, reduction)
    unbatched = x.ndim < 2
    x, t = _rows(x, op), np.atleast_2d(raw(t))
    if t.dtype.kind not in "iu":
        raise op_error(TypeError, op, f"the target must hold integer class indices, got {t.dtype}")
    listed = np.logical_and.accumulate(t != -1, axis=1)
    classes = np.where(listed, t, 0).astype(np.intp)
    if classes.size and not 0 <= classes.min() <= classes.max() < x.shape[1]:
        raise op_error(IndexError, op, f"a target is out of bounds: there are {x.shape[1]} classes, from 0")
    others = ~((classes[:, :, None] == np.arange(x.shape[1])) & listed[:, :, None]).any(axis=1)
    own = _reshape(gather(x, 1, classes), shape=(*t.shape, 1))
    gaps = _reshape(x, shape=(x.shape[0], 1, x.shape[1])) - own + 1
    losses = sum(masked(relu(gaps), mask=listed[:, :, None] & others[:, None, :]), (1, 2)) / x.shape[1]
    return reduced(_reshape(losses, shape=()) if unbatched else losses, reduction)


@takes_reduction
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """The binary cross-entropy of logits against targets 0 and 1, averaged over the last dimension.

    ``-(t log s(x) + (1 - t) log s(-x))`` with the logistic ``s``; ``weight`` weighs the classes. Shapes must agree.
    Source: ``torch.nn.functional.multilabel_soft_margin_loss``.

    >>> import tensorgrad as tg
    >>> round(tg.nn.functional.multilabel_soft_margin_loss(tg.zeros(2, 3), tg.ones(2, 3)).item(), 4)
    0.6931
    """
    op = "multilabel_soft_margin_loss"
    x, t = paired(input, target, op, reduction)
    losses = neg(t * logsigmoid(x) + (1 - t) * logsigmoid(neg(x)))
    losses = losses if weight is None else losses * weight
    return reduced(sum(losses, -1) / x.shape[-1], reduction)


def _rows(input: Any, op: str) -> Any:
    """A batch of scores (N, C); one sample counts as a batch of one."""
    x = operand(input, op)
    if x.ndim not in (1, 2):
        raise op_error(ValueError, op, f"expected scores of shape (N, C) or (C), got {describe(x)}")
    return x if x.ndim == 2 else _reshape(x, shape=(1, x.shape[0]))


__all__ = [
    "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss",
]  # fmt: skip
