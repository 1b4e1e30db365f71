"""Losses as modules: the functions of :mod:`tensorgrad.nn.functional` with their settings remembered."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops.reduction import check_reduction, refuse_old_reductions
from tensorgrad.tensor import Tensor


class _Loss(Module):
    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean") -> None:
        super().__init__()
        name = type(self).__name__
        self._refuse_data(size_average, reduce, reduction)
        refuse_old_reductions(name, size_average, reduce)
        check_reduction(reduction, name)
        self.reduction = reduction

    def _refuse_data(self, *settings: Any) -> None:
        """TypeError for a tensor or an array in the place of a setting: it was meant for the call."""
        if any(isinstance(value, (Tensor, np.ndarray)) for value in settings):
            name, operands = type(self).__name__, ", ".join(inspect.signature(self.forward).parameters)
            operands = "logits, labels" if name == "CrossEntropyLoss" else operands
            raise TypeError(f"{name}: a tensor is no setting; make the loss first: nn.{name}()({operands})")


class _WeightedLoss(_Loss):
    """A loss with weights, which are a buffer."""

    weight: Tensor | None

    def __init__(
        self, weight: Any = None, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


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


class SmoothL1Loss(_Loss):
    """``d^2 / (2 beta)`` where ``|d| < beta``, ``|d| - beta / 2`` beyond, for ``d = input - target``, reduced.

    Shapes must agree. Source: ``torch.nn.SmoothL1Loss``; Girshick 2015.

    >>> import tensorgrad as tg
    >>> tg.nn.SmoothL1Loss(beta=2.0)(tg.tensor([3.0]), tg.zeros(1)).item()
    2.0
    """

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """``d^2 / 2`` where ``|d| <= delta``, ``delta (|d| - delta / 2)`` beyond, for ``d = input - target``, reduced.

    Shapes must agree. Source: ``torch.nn.HuberLoss``; Huber 1964.

    >>> import tensorgrad as tg
    >>> tg.nn.HuberLoss()(tg.tensor([3.0]), tg.zeros(1)).item()
    2.5
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not isinstance(delta, (int, float)):
            raise TypeError(f"HuberLoss: delta must be a number, got {type(delta).__name__}")
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class CrossEntropyLoss(_WeightedLoss):
    """``-log softmax(input)[target]``, from logits; see :func:`tensorgrad.nn.functional.cross_entropy`.

    Shapes: logits (C), (N, C) or (N, C, ...), targets without the C of an integer dtype, or probabilities of the
    logits' shape. ``weight`` (C) is a buffer. Source: ``torch.nn.CrossEntropyLoss``.

    >>> import tensorgrad as tg
    >>> loss = tg.nn.CrossEntropyLoss()(tg.tensor([[1.0, 2.0, 3.0]]), tg.tensor([2]))
    >>> round(loss.item(), 6)
    0.407606
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
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


class NLLLoss(_WeightedLoss):
    """``-input[target]`` for log-probabilities, what follows :class:`LogSoftmax`. Source: ``torch.nn.NLLLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.NLLLoss()(tg.tensor([[-0.5, -2.0]]), tg.tensor([1])).item()
    2.0
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(_WeightedLoss):
    """``-(t log p + (1 - t) log(1 - p))`` for probabilities ``p``, the logarithms held above -100.

    ``weight`` is a buffer. Raises ValueError for an input outside [0, 1]. Source: ``torch.nn.BCELoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.BCELoss()(tg.tensor([0.0, 1.0]), tg.zeros(2)).item()
    50.0
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """``-(t log s(x) + (1 - t) log(1 - s(x)))`` with the logistic ``s``, from logits, without overflow.

    ``weight`` and ``pos_weight`` are buffers. Source: ``torch.nn.BCEWithLogitsLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([1e4]), tg.tensor([0.0])).item()
    10000.0
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "L1Loss", "MSELoss", "NLLLoss", "SmoothL1Loss",
]  # fmt: skip
