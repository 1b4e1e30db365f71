"""Losses that are negative log-likelihoods and divergences of distributions, as modules."""

from __future__ import annotations

from typing import Any

from tensorgrad.nn import functional as F
from tensorgrad.nn.loss import _Loss


class KLDivLoss(_Loss):
    """``target (log target - input)`` for log-probabilities ``input``: the Kullback-Leibler divergence.

    ``log_target`` says that the target too is given as logarithms. ``reduction`` may also be "batchmean", the sum
    divided by the batch size, which is the divergence proper. Source: ``torch.nn.KLDivLoss``.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([[0.5, 0.5]])
    >>> tg.nn.KLDivLoss(reduction="batchmean")(p.log(), p).item()
    0.0
    """

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean", log_target: bool = False
    ) -> None:
        self._refuse_data(reduction)
        super().__init__(size_average, reduce, "mean" if reduction == "batchmean" else reduction)
        self.reduction = reduction
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class GaussianNLLLoss(_Loss):
    """``(log var + (input - target)^2 / var) / 2``, with ``var`` held above ``eps``, reduced.

    ``full`` adds ``log(2 pi) / 2``. Shapes: see :func:`tensorgrad.nn.functional.gaussian_nll_loss`.
    Source: ``torch.nn.GaussianNLLLoss``; Nix and Weigend 1994.

    >>> import tensorgrad as tg
    >>> tg.nn.GaussianNLLLoss()(tg.tensor([1.0]), tg.tensor([3.0]), tg.ones(1)).item()
    2.0
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """The loss."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """``exp(x) - t x`` for the logarithm ``x`` of a Poisson rate, or ``x - t log(x + eps)`` for the rate itself.

    ``full`` adds Stirling's approximation of ``log t!`` where ``t > 1``. Source: ``torch.nn.PoissonNLLLoss``.

    >>> import tensorgrad as tg
    >>> tg.nn.PoissonNLLLoss()(tg.tensor([0.0]), tg.tensor([2.0])).item()
    1.0
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: None = None,
        eps: float = 1e-8,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        self._refuse_data(log_input, full)
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Any:
        """The loss."""
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


__all__ = ["GaussianNLLLoss", "KLDivLoss", "PoissonNLLLoss"]
