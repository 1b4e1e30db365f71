"""What a tensor is: its shape, dtype and place in memory, under PyTorch's and NumPy's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.device import device as _device
from tensorgrad.ops._arguments import one_dim

_CPU = _device("cpu")


class Layout:
    """Mixin with the properties that a tensor has from its array."""

    __slots__ = ()

    _data: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes, a tuple."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @property
    def device(self) -> _device:
        """The CPU, a string with ``type`` and ``index``."""
        return _CPU

    @property
    def is_cuda(self) -> bool:
        """False: everything is on the CPU."""
        return False

    def pin_memory(self) -> Layout:
        """This tensor: there is no GPU to which pages would be copied."""
        return self

    def get_device(self) -> int:
        """-1, the number of the CPU. Source: ``torch.Tensor.get_device``."""
        return -1

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension. Source: ``torch.Tensor.size``."""
        return self._data.shape if dim is None else self._data.shape[one_dim(dim, self._data.ndim, "size")]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    ndimension = dim

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory, in elements, from one index to the next: of every dimension, or of one.

        Source: ``torch.Tensor.stride``.
        """
        steps = tuple(step // self._data.itemsize for step in self._data.strides)
        return steps if dim is None else steps[one_dim(dim, self._data.ndim, "stride")]

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize

    def is_floating_point(self) -> bool:
        """True for float dtypes."""
        return self._data.dtype.kind == "f"

    def is_contiguous(self) -> bool:
        """True when the elements lie in C order without gaps."""
        return self._data.flags.c_contiguous
