"""Convolution layers in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tensorgrad.creation import empty
from tensorgrad.nn import functional as F
from tensorgrad.nn.linear import default_init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.ops._arguments import as_int
from tensorgrad.ops.conv import per_dimension


class _Conv(Module):
    """A weight (out_channels, in_channels / groups, *kernel_size), a bias, and how the window moves."""

    _rank: ClassVar[int]
    _convolve: ClassVar[Callable[..., Any]]
    output_padding: tuple[int, ...] = ()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                f"{name}: padding_mode must be 'zeros', 'reflect', 'replicate' or 'circular', got {padding_mode!r}"
            )
        in_channels = as_int(in_channels, name, "in_channels")
        out_channels = as_int(out_channels, name, "out_channels")
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: groups={groups} must divide in_channels={in_channels} and {out_channels=}")
        if isinstance(padding, str) and padding not in ("valid", "same"):
            raise ValueError(f"{name}: padding must be integers, 'valid' or 'same', got {padding!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dimension(kernel_size, self._rank, name, "kernel_size", minimum=1)
        self.stride = per_dimension(stride, self._rank, name, "stride", minimum=1)
        self.padding: Any = padding
        if not isinstance(padding, str):
            self.padding = per_dimension(padding, self._rank, name, "padding", minimum=0)
        elif padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError(f"{name}: padding='same' needs stride 1, got {self.stride}")
        self.dilation = per_dimension(dilation, self._rank, name, "dilation", minimum=1)
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        self.bias = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        default_init(self.weight, self.bias)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def forward(self, input: Any) -> Any:
        """The convolution of ``input`` with the weight, plus the bias."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._border(), self.padding_mode), 0
        return type(self)._convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _border(self) -> list[int]:
        """The padding as :func:`F.pad` wants it: (before, after) from the last dimension on."""
        border: list[int] = []
        for axis in range(self._rank - 1, -1, -1):
            if isinstance(self.padding, str):
                total = self.dilation[axis] * (self.kernel_size[axis] - 1) if self.padding == "same" else 0
                border += [total // 2, total - total // 2]
            else:
                border += [self.padding[axis]] * 2
        return border

    def extra_repr(self) -> str:
        """The sizes, and what differs from the defaults."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self._rank:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._rank:
            text += f", dilation={self.dilation}"
        if any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class Conv1d(_Conv):
    """:class:`Conv2d` with one spatial dimension: (N, C, L) or (C, L). Source: ``torch.nn.Conv1d``."""

    _rank = 1
    _convolve = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """``y[n, f] = b[f] + sum_c w[f, c] * x[n, c]``, the sliding (cross-correlation) product over images.

    Shapes: input (N, C, H, W) or (C, H, W), ``weight`` (out_channels, in_channels / groups, kh, kw), ``bias``
    (out_channels); ``H_out = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1``. ``padding`` may be
    "same" or "valid", and ``padding_mode`` "zeros" or a mode of :func:`tensorgrad.nn.functional.pad`. Raises
    ValueError for sizes that do not fit. Source: ``torch.nn.Conv2d``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Conv2d(1, 16, 5, padding=2)
    >>> layer
    Conv2d(1, 16, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(tg.ones(8, 1, 28, 28)).shape
    (8, 16, 28, 28)
    """

    _rank = 2
    _convolve = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """:class:`Conv2d` with three spatial dimensions: (N, C, D, H, W) or (C, D, H, W). Source: ``torch.nn.Conv3d``."""

    _rank = 3
    _convolve = staticmethod(F.conv3d)


__all__ = ["Conv1d", "Conv2d", "Conv3d"]
