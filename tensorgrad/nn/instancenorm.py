"""Instance normalisation layers."""

from __future__ import annotations

from typing import Any, ClassVar

from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn.batchnorm import _RunningNorm
from tensorgrad.ops.shape import squeeze, unsqueeze


class _InstanceNorm(_RunningNorm):
    """Normalisation of every channel of every sample; unlike batch normalisation it learns and tracks nothing."""

    _names: ClassVar[str]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Any:
        """Normalise by the sample's own moments, or in evaluation by running ones if they are tracked."""
        rank = self._names.count(",") + 1
        name = type(self).__name__
        if input.ndim not in (rank + 1, rank + 2):
            raise op_error(
                ValueError, name, f"expected input (N, C, {self._names}) or (C, {self._names}), got {describe(input)}"
            )
        if input.shape[-rank - 1] != self.num_features:
            raise op_error(ValueError, name, f"expected {self.num_features} channels, got input {describe(input)}")
        unbatched = input.ndim == rank + 1
        y = F.instance_norm(
            unsqueeze(input, 0) if unbatched else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return squeeze(y, 0) if unbatched else y


class InstanceNorm1d(_InstanceNorm):
    """:class:`InstanceNorm2d` for inputs (N, C, L) or (C, L). Source: ``torch.nn.InstanceNorm1d``."""

    _names = "L"


class InstanceNorm2d(_InstanceNorm):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of each sample of (N, C, H, W).

    Without ``affine`` there is neither ``weight`` nor ``bias``; with ``track_running_stats`` evaluation uses running
    moments. Raises ValueError for another number of dimensions or channels.
    Source: ``torch.nn.InstanceNorm2d``; Ulyanov, Vedaldi and Lempitsky 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.InstanceNorm2d(1)(tg.tensor([[[[1.0, 3.0]]]]))
    tensor([[[[-1.0000,  1.0000]]]])
    """

    _names = "H, W"


class InstanceNorm3d(_InstanceNorm):
    """:class:`InstanceNorm2d` for inputs (N, C, D, H, W). Source: ``torch.nn.InstanceNorm3d``."""

    _names = "D, H, W"


__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]
