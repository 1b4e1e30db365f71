"""Padding layers: one class for each kind of border, its subclasses say in how many dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn.module import Module
from tensorgrad.ops._arguments import as_int


class _Pad(Module):
    """The (before, after) widths from the last dimension on, one number for all of them alike."""

    _rank: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        name = type(self).__name__
        widths = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self._rank)
        if len(widths) != 2 * self._rank:
            raise ValueError(f"{name}: padding must be one integer or {2 * self._rank}, got {padding!r}")
        self.padding = tuple(as_int(n, name, "padding") for n in widths)

    def forward(self, input: Any) -> Any:
        """The input with its borders."""
        self._check(input)
        return F.pad(input, self.padding, self._mode)

    def _check(self, input: Any) -> None:
        if input.ndim not in (self._rank + 1, self._rank + 2):
            raise op_error(
                ValueError,
                type(self).__name__,
                f"expected {self._rank + 1} or {self._rank + 2} dimensions, got {describe(input)}",
            )

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


# --- a constant -----------------------------------------------------------------------------------------------------


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        """The input with its borders."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """:class:`ConstantPad2d` with one spatial dimension. Source: ``torch.nn.ConstantPad1d``."""

    _rank = 1


class ConstantPad2d(_ConstantPad):
    """Borders of a constant: ``padding`` is (left, right, top, bottom) or one number; negative numbers crop.

    Source: ``torch.nn.ConstantPad2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.ConstantPad2d((1, 0, 0, 1), 5.0)(tg.ones(1, 1, 1))
    tensor([[[5., 1.],
             [5., 5.]]])
    """

    _rank = 2


class ConstantPad3d(_ConstantPad):
    """:class:`ConstantPad2d` with three spatial dimensions. Source: ``torch.nn.ConstantPad3d``."""

    _rank = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """:class:`ZeroPad2d` with one spatial dimension. Source: ``torch.nn.ZeroPad1d``."""

    _rank = 1


class ZeroPad2d(_ZeroPad):
    """Borders of zeros: ``padding`` is (left, right, top, bottom) or one number. Source: ``torch.nn.ZeroPad2d``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.ZeroPad2d(1)
    >>> layer, layer(tg.ones(1, 2, 3)).shape
    (ZeroPad2d((1, 1, 1, 1)), (1, 4, 5))
    """

    _rank = 2


class ZeroPad3d(_ZeroPad):
    """:class:`ZeroPad2d` with three spatial dimensions. Source: ``torch.nn.ZeroPad3d``."""

    _rank = 3


# --- what is near, opposite or at the edge --------------------------------------------------------------------------


class ReflectionPad1d(_Pad):
    """:class:`ReflectionPad2d` with one spatial dimension. Source: ``torch.nn.ReflectionPad1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.ReflectionPad1d(1)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    _rank, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Borders that mirror the image without its edge. Source: ``torch.nn.ReflectionPad2d``."""

    _rank, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """:class:`ReflectionPad2d` with three spatial dimensions. Source: ``torch.nn.ReflectionPad3d``."""

    _rank, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """:class:`ReplicationPad2d` with one spatial dimension. Source: ``torch.nn.ReplicationPad1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.ReplicationPad1d((2, 0))(tg.tensor([[1.0, 2.0]]))
    tensor([[1., 1., 1., 2.]])
    """

    _rank, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Borders that repeat the edge. Source: ``torch.nn.ReplicationPad2d``."""

    _rank, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """:class:`ReplicationPad2d` with three spatial dimensions. Source: ``torch.nn.ReplicationPad3d``."""

    _rank, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """:class:`CircularPad2d` with one spatial dimension. Source: ``torch.nn.CircularPad1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.CircularPad1d(1)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    _rank, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """Borders that continue at the other end. Source: ``torch.nn.CircularPad2d``."""

    _rank, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """:class:`CircularPad2d` with three spatial dimensions. Source: ``torch.nn.CircularPad3d``."""

    _rank, _mode = 3, "circular"


__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip
