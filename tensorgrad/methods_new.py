"""Tensors after the model of another one: ``x.new_zeros(2, 3)`` has the dtype of ``x``, unless told otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import wrap
from tensorgrad.ops._arguments import loose, raw


class NewMethods:
    """Mixin with the ``new_...`` methods."""

    __slots__ = ()

    _data: np.ndarray

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """A tensor with a copy of ``data``. Source: ``torch.Tensor.new_tensor``."""
        return self._new(np.array(raw(data)), dtype, requires_grad)

    def new_full(
        self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """``fill_value`` everywhere. Source: ``torch.Tensor.new_full``.

        >>> import tensorgrad as tg
        >>> tg.tensor([1, 2]).new_full((2,), 7)
        tensor([7, 7])
        """
        return self._new(np.full(loose((size,), "new_full"), raw(fill_value)), dtype, requires_grad)

    @reads_shapes
    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Zeros. Source: ``torch.Tensor.new_zeros``."""
        return self._new(np.zeros(loose(size, "new_zeros"), self._data.dtype), dtype, requires_grad)

    @reads_shapes
    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Ones. Source: ``torch.Tensor.new_ones``."""
        return self._new(np.ones(loose(size, "new_ones"), self._data.dtype), dtype, requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Uninitialised memory. Source: ``torch.Tensor.new_empty``."""
        return self._new(np.empty(loose(size, "new_empty"), self._data.dtype), dtype, requires_grad)

    @reads_shapes
    def _new(self, array: np.ndarray, dtype: Any, requires_grad: bool) -> Any:
        return wrap(array).to(dtype or self._data.dtype).requires_grad_(requires_grad)
