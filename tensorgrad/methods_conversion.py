"""A tensor in another dtype, on the only device, in the only memory order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.autograd.between import of_values, reads_shapes
from tensorgrad.autograd.primitive import wrap
from tensorgrad.autograd.structural import cast
from tensorgrad.device import check_device, names_device
from tensorgrad.ops._arguments import in_dtype, is_tensor, supported


class Conversions:
    """Mixin with ``to`` and its short forms."""

    __slots__ = ()

    _data: np.ndarray
    if TYPE_CHECKING:
        clone: Any

    @reads_shapes
    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **_: Any) -> Any:
        """This tensor with another dtype; devices other than the CPU are refused, "cpu" is accepted.

        Takes a dtype, a device, or a tensor whose dtype to take. Source: ``torch.Tensor.to``.

        >>> import tensorgrad as tg
        >>> tg.tensor([1, 2]).to(tg.float32)
        tensor([1., 2.])
        """
        for arg in args:
            if is_tensor(arg):
                dtype = arg.dtype
            elif names_device(arg):
                device = arg
            elif not isinstance(arg, bool):
                dtype = arg
        check_device(device, "to")
        wanted = self._data.dtype if dtype is None else supported(dtype, "to")
        if wanted == self._data.dtype:
            return self.clone() if copy else self
        if wanted.kind == "f" and self._data.dtype.kind == "f":
            return cast(self, dtype=wanted)
        return wrap(of_values(in_dtype, self, wanted))

    def astype(self, dtype: Any) -> Any:
        """NumPy's name for :meth:`to`."""
        return self.to(dtype)

    def type(self, dtype: Any = None) -> Any:
        """The dtype's name, or this tensor with another dtype."""
        return f"tensorgrad.{self._data.dtype}" if dtype is None else self.to(dtype=dtype)

    def type_as(self, other: Any) -> Any:
        """This tensor with the dtype of ``other``."""
        return self.to(other.dtype)

    def float(self) -> Any:
        """This tensor as float32."""
        return self.to(np.float32)

    def half(self) -> Any:
        """This tensor as float16."""
        return self.to(np.float16)

    def double(self) -> Any:
        """This tensor as float64."""
        return self.to(np.float64)

    def long(self) -> Any:
        """This tensor as int64."""
        return self.to(np.int64)

    def int(self) -> Any:
        """This tensor as int32."""
        return self.to(np.int32)

    def short(self) -> Any:
        """This tensor as int16."""
        return self.to(np.int16)

    def byte(self) -> Any:
        """This tensor as uint8."""
        return self.to(np.uint8)

    def bool(self) -> Any:
        """This tensor as booleans."""
        return self.to(np.bool_)

    def contiguous(self, **_: Any) -> Any:
        """This tensor: memory order is the kernels' business, so there is nothing to do."""
        return self

    def cpu(self) -> Any:
        """This tensor: everything is on the CPU."""
        return self

    def cuda(self, *_: Any, **__: Any) -> Any:
        """Refused: there is no GPU here."""
        return self.to("cuda")
