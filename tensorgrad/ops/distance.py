"""Distances and angles between vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import one_dim, operand, raw
from tensorgrad.ops.elementwise import clamp, equal, minimum, sqrt, where
from tensorgrad.ops.index import index_select
from tensorgrad.ops.loss import reduced
from tensorgrad.ops.loss_likelihood import at_least
from tensorgrad.ops.reduce import sum
from tensorgrad.ops.reduction import check_reduction, takes_reduction
from tensorgrad.ops.shape import broadcast_to
from tensorgrad.ops.vector_norm import norm


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """``|x1 - x2 + eps|_p`` over the last dimension. Source: ``torch.nn.functional.pairwise_distance``.

    >>> import tensorgrad as tg
    >>> round(tg.nn.functional.pairwise_distance(tg.tensor([[3.0, 4.0]]), tg.zeros(1, 2)).item(), 4)
    5.0
    """
    difference = operand(x1, "pairwise_distance") - operand(x2, "pairwise_distance") + eps
    return norm(difference, p, -1, keepdim)


def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances ``|x_i - x_j|_p`` of all pairs ``i < j`` of rows of an (N, M) matrix, N (N - 1) / 2 of them.

    The gradient of a distance 0 is 0. Raises ValueError for another number of dimensions and for negative ``p``.
    Source: ``torch.nn.functional.pdist``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.pdist(tg.tensor([[0.0], [1.0], [3.0]]))
    tensor([1., 3., 2.])
    """
    x = operand(input, "pdist")
    if x.ndim != 2:
        raise op_error(ValueError, "pdist", f"expected a matrix, got {describe(x)}")
    if p < 0:
        raise op_error(ValueError, "pdist", f"p must not be negative, got {p}")
    first, second = np.triu_indices(x.shape[0], 1)
    return norm(index_select(x, 0, first) - index_select(x, 0, second), p, 1)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``, after broadcasting.

    As in PyTorch, the maximum does not touch the gradients. Source: ``torch.nn.functional.cosine_similarity``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.cosine_similarity(tg.tensor([1.0, 0.0]), tg.tensor([0.0, 2.0]), dim=0).item()
    0.0
    """
    op = "cosine_similarity"
    a, b = operand(x1, op), operand(x2, op)
    shape = np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    along = one_dim(dim, len(shape), op)
    units = []
    for x in (a, b):
        full = x if tuple(x.shape) == shape else broadcast_to(x, shape)
        units.append(full / at_least(norm(full, 2, along, keepdim=True), low=float(eps)))
    return sum(units[0] * units[1], along)


@takes_reduction
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``1 - cos(input1, input2)`` where ``target`` is 1, ``max(0, cos - margin)`` where it is -1.

    The inputs are (N, D) or (D), the target (N) or (). Raises ValueError for other shapes.
    Source: ``torch.nn.functional.cosine_embedding_loss``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[1.0, 0.0]])
    >>> tg.nn.functional.cosine_embedding_loss(x, x, tg.tensor([-1])).item()
    1.0
    """
    op = "cosine_embedding_loss"
    check_reduction(reduction, op)
    a, b, t = operand(input1, op), operand(input2, op), operand(target, op)
    if a.ndim != t.ndim + 1 or b.ndim != t.ndim + 1 or t.ndim > 1:
        raise op_error(
            ValueError,
            op,
            f"expected inputs (N, D) and targets (N), or (D) and (); got {describe(a)}, {describe(b)}, {describe(t)}",
        )
    dim = t.ndim
    # PyTorch's way to stay away from 0 / 0, unlike the one of cosine_similarity
    cosine = sum(a * b, dim) / sqrt((sum(a * a, dim) + 1e-12) * (sum(b * b, dim) + 1e-12))
    losses = where(equal(t, 1), 1 - cosine, where(equal(t, -1), clamp(cosine - margin, min=0), 0.0))
    return reduced(losses, reduction)


@takes_reduction
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Any:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with :func:`pairwise_distance` as ``d``.

    ``swap`` takes ``d(positive, negative)`` for the second distance where that is smaller. Raises ValueError unless
    ``margin`` is positive. Source: ``torch.nn.functional.triplet_margin_loss``; Balntas et al. 2016.

    >>> import tensorgrad as tg
    >>> a, n = tg.zeros(1, 2), tg.full((1, 2), 9.0)
    >>> tg.nn.functional.triplet_margin_loss(a, a, n).item()
    0.0
    """

    def distance(x: Any, y: Any) -> Any:
        return pairwise_distance(x, y, p, eps)

    return _triplet(anchor, positive, negative, distance, margin, swap, reduction, "triplet_margin_loss")


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """:func:`triplet_margin_loss` with a distance of your own.

    Source: ``torch.nn.functional.triplet_margin_with_distance_loss``.

    >>> import tensorgrad as tg
    >>> a, n = tg.zeros(1, 2), tg.full((1, 2), 0.25)
    >>> d = lambda x, y: (x - y).abs().sum(-1)
    >>> tg.nn.functional.triplet_margin_with_distance_loss(a, a, n, distance_function=d).item()
    0.5
    """
    distance = distance_function or pairwise_distance
    op = "triplet_margin_with_distance_loss"
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction, op)


def _triplet(
    anchor: Any,
    positive: Any,
    negative: Any,
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    reduction: str,
    op: str,
) -> Any:
    check_reduction(reduction, op)
    a, p, n = (operand(x, op) for x in (anchor, positive, negative))
    if not margin > 0:
        raise op_error(ValueError, op, f"margin must be positive, got {margin}")
    if not raw(a).ndim == raw(p).ndim == raw(n).ndim:
        raise op_error(
            ValueError, op, f"all three must have as many dimensions; got {describe(a)}, {describe(p)}, {describe(n)}"
        )
    to_negative = distance(a, n)
    if swap:
        to_negative = minimum(to_negative, distance(p, n))
    return reduced(clamp(distance(a, p) - to_negative + margin, min=0), reduction)


__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "pairwise_distance", "pdist", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip
