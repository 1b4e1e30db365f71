"""Pooling layers that are told the size of the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module


class _AdaptivePool(Module):
    """The size of the output."""

    _pool: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        """One number for each window."""
        return type(self)._pool(input, self.output_size)

    def extra_repr(self) -> str:
        """The output size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """:class:`AdaptiveAvgPool2d` with one spatial dimension. Source: ``torch.nn.AdaptiveAvgPool1d``."""

    _pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means of as many windows as ``output_size`` asks for; None keeps a size. Source: ``torch.nn.AdaptiveAvgPool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.AdaptiveAvgPool2d((1, None))(tg.ones(2, 3, 7, 5)).shape
    (2, 3, 1, 5)
    """

    _pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """:class:`AdaptiveAvgPool2d` with three spatial dimensions. Source: ``torch.nn.AdaptiveAvgPool3d``."""

    _pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        """The maxima; with ``return_indices`` also where they were."""
        return type(self)._pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """:class:`AdaptiveMaxPool2d` with one spatial dimension. Source: ``torch.nn.AdaptiveMaxPool1d``."""

    _pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima of as many windows as ``output_size`` asks for; None keeps a size. Source: ``torch.nn.AdaptiveMaxPool2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.AdaptiveMaxPool2d(2)(tg.ones(2, 3, 7, 5)).shape
    (2, 3, 2, 2)
    """

    _pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """:class:`AdaptiveMaxPool2d` with three spatial dimensions. Source: ``torch.nn.AdaptiveMaxPool3d``."""

    _pool = staticmethod(F.adaptive_max_pool3d)


__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]  # fmt: skip
