"""Losses as modules: the functions of :mod:`tensorgrad.nn.functional` with their settings remembered."""

from __future__ import annotations

from typing import Any

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops.cross_entropy import check_reduction
from tensorgrad.tensor import Tensor


class _Loss(Module):
    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean") -> None:
        super().__init__()
        name = type(self).__name__
        if size_average is not None or reduce is not None:
            raise ValueError(f"{name}: size_average and reduce are gone; use reduction='mean', 'sum' or 'none'")
        check_reduction(reduction, name)
        self.reduction = reduction


class MSELoss(_Loss):
    """``(input - target)^2``, reduced; shapes must agree. Source: ``torch.nn.MSELoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.zeros(2)).item()
    2.5
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """``|input - target|``, reduced; shapes must agree. Source: ``torch.nn.L1Loss``.

    >>> import tensorgrad as tg
    >>> tg.nn.L1Loss()(tg.tensor([1.0, -2.0]), tg.zeros(2)).item()
    1.5
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """``-log softmax(input)[target]``, from logits; see :func:`tensorgrad.nn.functional.cross_entropy`.

    Shapes: logits (C), (N, C) or (N, C, ...), targets without the C of an integer dtype, or probabilities of the
    logits' shape. ``weight`` (C) is a buffer. Source: ``torch.nn.CrossEntropyLoss``.

    >>> import tensorgrad as tg
    >>> loss = tg.nn.CrossEntropyLoss()(tg.tensor([[1.0, 2.0, 3.0]]), tg.tensor([2]))
    >>> round(loss.item(), 6)
    0.407606
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """``-input[target]`` for log-probabilities, what follows :class:`LogSoftmax`. Source: ``torch.nn.NLLLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.NLLLoss()(tg.tensor([[-0.5, -2.0]]), tg.tensor([1])).item()
    2.0
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """``-(t log s(x) + (1 - t) log(1 - s(x)))`` with the logistic ``s``, from logits, without overflow.

    ``weight`` and ``pos_weight`` are buffers. Source: ``torch.nn.BCEWithLogitsLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([1e4]), tg.tensor([0.0])).item()
    10000.0
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "L1Loss", "MSELoss", "NLLLoss"]
