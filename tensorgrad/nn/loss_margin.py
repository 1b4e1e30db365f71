"""Losses that ask for a margin between right and wrong, as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.nn import functional as F
from tensorgrad.nn.distance import PairwiseDistance
from tensorgrad.nn.loss import _Loss, _WeightedLoss

# --- targets 1 and -1 -----------------------------------------------------------------------------------------------


class HingeEmbeddingLoss(_Loss):
    """``x`` where the target is 1, ``max(0, margin - x)`` where it is -1. Source: ``torch.nn.HingeEmbeddingLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.HingeEmbeddingLoss()(tg.tensor([0.25, 0.25]), tg.tensor([1, -1])).item()
    0.5
    """

    def __init__(
        self, margin: float = 1.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """``log(1 + exp(-target input))``, without overflow; shapes must agree. Source: ``torch.nn.SoftMarginLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.SoftMarginLoss()(tg.tensor([-1000.0]), tg.tensor([1.0])).item()
    1000.0
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class _PairLoss(_Loss):
    def __init__(
        self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class MarginRankingLoss(_PairLoss):
    """``max(0, -target (input1 - input2) + margin)``: with target 1 the first should be the larger.

    Source: ``torch.nn.MarginRankingLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.MarginRankingLoss()(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1])).item()
    2.0
    """

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """The loss."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_PairLoss):
    """``1 - cos(input1, input2)`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    Shapes: inputs (N, D) or (D), targets (N) or (). Source: ``torch.nn.CosineEmbeddingLoss``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[1.0, 0.0]])
    >>> tg.nn.CosineEmbeddingLoss()(x, x, tg.tensor([-1])).item()
    1.0
    """

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """The loss."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


# --- three points ---------------------------------------------------------------------------------------------------


class TripletMarginLoss(_Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with :class:`PairwiseDistance` as ``d``.

    ``swap`` takes ``d(positive, negative)`` for the second distance where that is smaller. Raises ValueError unless
    ``margin`` is positive. Source: ``torch.nn.TripletMarginLoss``; Balntas et al. 2016.

    >>> import tensorgrad as tg
    >>> a, n = tg.zeros(1, 2), tg.full((1, 2), 9.0)
    >>> tg.nn.TripletMarginLoss()(a, a, n).item()
    0.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        self._refuse_data(margin, p, eps)
        super().__init__(size_average, reduce, reduction)
        self.margin = _positive(margin, self)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """The loss."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """:class:`TripletMarginLoss` with a distance of your own, a function of two tensors or a module.

    Source: ``torch.nn.TripletMarginWithDistanceLoss``.

    >>> import tensorgrad as tg
    >>> a, n = tg.zeros(1, 2), tg.full((1, 2), 0.25)
    >>> tg.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(-1))(a, a, n).item()
    0.5
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(None, None, reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = _positive(margin, self)
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """The loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


def _positive(margin: float, loss: _Loss) -> float:
    if not margin > 0:
        raise ValueError(f"{type(loss).__name__}: margin must be positive, got {margin}")
    return margin


# --- one class of several, and several at once ------------------------------------------------------------------------


class MultiMarginLoss(_WeightedLoss):
    """``sum over j != t of weight[t] max(0, margin - x[t] + x[j])^p / C`` for class ``t``: the multi-class hinge.

    Shapes: scores (N, C) or (C), targets (N) or (). ``weight`` (C) is a buffer. Raises ValueError unless ``p`` is 1
    or 2. Source: ``torch.nn.MultiMarginLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.MultiMarginLoss()(tg.tensor([[0.0, 2.0]]), tg.tensor([0])).item()
    1.5
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        self._refuse_data(p, margin)
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weights (C), got shape {tuple(weight.shape)}")
        self.p = p
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """``sum over i in the target, j not in it, of max(0, 1 - x[i] + x[j]) / C``.

    Shapes: scores and targets (N, C) or (C); a row of the target lists classes and ends at the first -1.
    Source: ``torch.nn.MultiLabelMarginLoss``.

    >>> import tensorgrad as tg
    >>> y = tg.tensor([[1, -1, 0]])
    >>> tg.nn.MultiLabelMarginLoss()(tg.tensor([[3.0, 3.0, 0.0]]), y).item()
    0.3333333432674408
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The binary cross-entropy of logits against targets 0 and 1, averaged over the last dimension.

    Shapes: logits and targets (N, C). ``weight`` (C) is a buffer. Source: ``torch.nn.MultiLabelSoftMarginLoss``.

    >>> import tensorgrad as tg
    >>> round(tg.nn.MultiLabelSoftMarginLoss()(tg.zeros(2, 3), tg.ones(2, 3)).item(), 4)
    0.6931
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]  # fmt: skip
