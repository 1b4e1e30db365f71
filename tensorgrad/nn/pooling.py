"""Pooling layers: one class for each kind, the number of dimensions is all that its subclasses add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops.conv import per_dimension

# --- maximum --------------------------------------------------------------------------------------------------------


class _MaxPool(Module):
    """The window of a maximum."""

    _pool: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        """The maxima; with ``return_indices`` also where they were."""
        window = (self.kernel_size, self.stride, self.padding, self.dilation)
        return type(self)._pool(input, *window, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """:class:`MaxPool2d` with one spatial dimension. Source: ``torch.nn.MaxPool1d``."""

    _pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The maximum of each window, see :func:`tensorgrad.nn.functional.max_pool2d`.

    Shapes: (N, C, H, W) or (C, H, W); ``stride`` is the kernel size unless given. Source: ``torch.nn.MaxPool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    _pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """:class:`MaxPool2d` with three spatial dimensions. Source: ``torch.nn.MaxPool3d``."""

    _pool = staticmethod(F.max_pool3d)


class _MaxUnpool(Module):
    """The window of the maximum that is undone."""

    _rank: ClassVar[int]
    _unpool: ClassVar[Callable[..., Any]]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = per_dimension(kernel_size, self._rank, name, "kernel_size", minimum=1)
        given = kernel_size if stride is None else stride
        self.stride = per_dimension(given, self._rank, name, "stride", minimum=1)
        self.padding = per_dimension(padding, self._rank, name, "padding", minimum=0)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """Zeros with the values of ``input`` at the places ``indices``."""
        return type(self)._unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """:class:`MaxUnpool2d` with one spatial dimension. Source: ``torch.nn.MaxUnpool1d``."""

    _rank = 1
    _unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """Every maximum back at its place, zeros elsewhere. Source: ``torch.nn.MaxUnpool2d``.

    >>> import tensorgrad as tg
    >>> y, places = tg.nn.MaxPool2d(2, return_indices=True)(tg.ones(1, 4, 4))
    >>> tg.nn.MaxUnpool2d(2)(y, places).shape
    (1, 4, 4)
    """

    _rank = 2
    _unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """:class:`MaxUnpool2d` with three spatial dimensions. Source: ``torch.nn.MaxUnpool3d``."""

    _rank = 3
    _unpool = staticmethod(F.max_unpool3d)


# --- means ----------------------------------------------------------------------------------------------------------


class AvgPool1d(Module):
    """:class:`AvgPool2d` with one spatial dimension. Source: ``torch.nn.AvgPool1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.AvgPool1d(2)
    AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_dimension(kernel_size, 1, "AvgPool1d", "kernel_size", minimum=1)
        self.stride = per_dimension(kernel_size if stride is None else stride, 1, "AvgPool1d", "stride", minimum=1)
        self.padding = per_dimension(padding, 1, "AvgPool1d", "padding", minimum=0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        """The means."""
        window = (self.kernel_size, self.stride, self.padding)
        return F.avg_pool1d(input, *window, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window, see :func:`tensorgrad.nn.functional.avg_pool2d`. Source: ``torch.nn.AvgPool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.AvgPool2d(2)(tg.ones(1, 4, 4)).shape
    (1, 2, 2)
    """

    _pool: ClassVar[Callable[..., Any]] = staticmethod(F.avg_pool2d)

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Any:
        """The means."""
        window = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return type(self)._pool(input, *window, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool3d(AvgPool2d):
    """:class:`AvgPool2d` with three spatial dimensions. Source: ``torch.nn.AvgPool3d``."""

    _pool = staticmethod(F.avg_pool3d)


class _LPPool(Module):
    """The power and the window of a power mean."""

    _pool: ClassVar[Callable[..., Any]]

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        """The norms of the windows."""
        return type(self)._pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """The power and the window."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """:class:`LPPool2d` with one spatial dimension. Source: ``torch.nn.LPPool1d``."""

    _pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """``(sum x^p)^(1/p)`` of each window, see :func:`tensorgrad.nn.functional.lp_pool2d`.

    Source: ``torch.nn.LPPool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.LPPool2d(2, 2)(tg.ones(1, 2, 2))
    tensor([[[2.]]])
    """

    _pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """:class:`LPPool2d` with three spatial dimensions. Source: ``torch.nn.LPPool3d``."""

    _pool = staticmethod(F.lp_pool3d)


__all__ = [
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d",
    "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip
