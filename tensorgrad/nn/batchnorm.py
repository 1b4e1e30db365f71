"""Batch normalisation layers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorgrad.autograd.between import writes_arguments
from tensorgrad.creation import ones, tensor, zeros
from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter


class _RunningNorm(Module):
    """Scale, shift and running moments of each channel: what batch and instance normalisation have in common."""

    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        like = {"device": device, "dtype": dtype}
        self.weight = Parameter(ones(num_features, **like)) if affine else None
        self.bias = Parameter(zeros(num_features, **like)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features, **like) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **like) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=np.int64) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Scale 1, shift 0, and the running moments as new."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """The number of channels and the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


@writes_arguments
def _seen(count: Any) -> None:
    count._data += 1


class _BatchNorm(_RunningNorm):
    """Normalisation over the batch."""

    _shapes: ClassVar[dict[int, str]]

    def forward(self, input: Any) -> Any:
        """Normalise by the batch's moments in training (and without running ones), else by the running ones."""
        self._check(input)
        mean, var, count = self.running_mean, self.running_var, self.num_batches_tracked
        use_batch = self.training or mean is None
        if not (self.training and self.track_running_stats and mean is not None):
            if use_batch:
                mean = var = None  # the batch's moments, and nothing to update
            return F.batch_norm(input, mean, var, self.weight, self.bias, use_batch, 0.0, self.eps)
        # without a momentum the running moments are the plain average over all batches
        momentum = 1 / (int(count._data) + 1) if self.momentum is None else float(self.momentum)
        y = F.batch_norm(input, mean, var, self.weight, self.bias, True, momentum, self.eps)
        if np.prod(input.shape):
            _seen(count)  # only now: a batch that was refused or empty has not been seen
        return y

    def _check(self, input: Any) -> None:
        name, ndim = type(self).__name__, getattr(input, "ndim", None)
        if ndim not in self._shapes:
            expected = " or ".join(self._shapes.values())
            raise op_error(ValueError, name, f"expected input {expected}, got {describe(input)}")
        if input.shape[1] != self.num_features:
            raise op_error(ValueError, name, f"expected {self.num_features} channels, got input {describe(input)}")


class BatchNorm1d(_BatchNorm):
    """:class:`BatchNorm2d` for inputs (N, C) or (N, C, L). Source: ``torch.nn.BatchNorm1d``."""

    _shapes: ClassVar = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(_BatchNorm):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of (N, C, H, W).

    In training the moments are the batch's, and ``running_mean`` and ``running_var`` move towards them by
    ``momentum`` (None: they are the average of all batches so far); in evaluation the running ones are used.
    ``var`` is biased in the output, unbiased in the buffer, as in PyTorch. An empty batch changes nothing. Raises
    ValueError for another number of dimensions or channels, and when training on one value per channel.
    Source: ``torch.nn.BatchNorm2d``; Ioffe and Szegedy 2015.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.BatchNorm2d(1)
    >>> layer(tg.tensor([[[[1.0, 3.0]]]]))
    tensor([[[[-1.0000,  1.0000]]]], grad_fn=<batch_norm>)
    >>> layer.running_mean, layer.running_var
    (tensor([0.2000]), tensor([1.1000]))
    """

    _shapes: ClassVar = {4: "(N, C, H, W)"}


class BatchNorm3d(_BatchNorm):
    """:class:`BatchNorm2d` for inputs (N, C, D, H, W). Source: ``torch.nn.BatchNorm3d``."""

    _shapes: ClassVar = {5: "(N, C, D, H, W)"}


__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]
