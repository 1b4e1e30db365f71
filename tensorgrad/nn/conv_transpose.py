"""Transposed convolution layers in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn.conv import _Conv
from tensorgrad.ops._arguments import as_int
from tensorgrad.ops.conv import per_dimension


class _ConvTranspose(_Conv):
    """A weight (in_channels, out_channels / groups, *kernel_size), a bias, and how the window moves."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode must be 'zeros', got {padding_mode!r}")
        if isinstance(padding, str):
            raise ValueError(f"{name}: padding must be integers, got {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = per_dimension(output_padding, self._rank, name, "output_padding", minimum=0)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """The transposed convolution; ``output_size`` chooses among the sizes that the stride leaves open."""
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        window = (self.stride, self.padding, extra, self.groups, self.dilation)
        return type(self)._convolve(input, self.weight, self.bias, *window)

    def _extra(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """The output padding that leads to ``output_size``."""
        name = type(self).__name__
        wanted = tuple(as_int(n, name, "output_size") for n in output_size)[-self._rank :]
        smallest = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self._rank :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        if len(wanted) != self._rank or any(
            not low <= n < low + s for n, low, s in zip(wanted, smallest, self.stride, strict=True)
        ):
            raise op_error(
                ValueError,
                name,
                f"output_size must lie between {smallest} and one stride {self.stride} above, got {output_size}",
            )
        return tuple(n - low for n, low in zip(wanted, smallest, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """:class:`ConvTranspose2d` with one spatial dimension. Source: ``torch.nn.ConvTranspose1d``."""

    _rank = 1
    _convolve = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The adjoint of :class:`Conv2d`, which undoes its shapes: a learned way to enlarge images.

    Shapes: input (N, C, H, W) or (C, H, W), ``weight`` (in_channels, out_channels / groups, kh, kw), ``bias``
    (out_channels); ``H_out = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1``. Raises ValueError
    for sizes that do not fit. Source: ``torch.nn.ConvTranspose2d``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.ConvTranspose2d(16, 1, 2, stride=2)
    >>> layer
    ConvTranspose2d(16, 1, kernel_size=(2, 2), stride=(2, 2))
    >>> layer(tg.ones(8, 16, 14, 14)).shape
    (8, 1, 28, 28)
    """

    _rank = 2
    _convolve = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """:class:`ConvTranspose2d` with three spatial dimensions. Source: ``torch.nn.ConvTranspose3d``."""

    _rank = 3
    _convolve = staticmethod(F.conv_transpose3d)


__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]
