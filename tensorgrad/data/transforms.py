"""Transforms of images, single ones or whole batches; arrays stay arrays and Tensors stay Tensors.

A transform whose ``batched`` is True may be given a batch (N, C, H, W) at once, which is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.creation import as_tensor
from tensorgrad.tensor import Tensor


class Compose:
    """Several transforms, one after the other.

    Source: ``torchvision.transforms.Compose``.

    >>> Compose([abs, str])(-3)
    '3'
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    @property
    def batched(self) -> bool:
        """Whether all of them can be given a batch."""
        return all(getattr(transform, "batched", False) for transform in self.transforms)

    def __call__(self, image: Any) -> Any:
        """The image after all transforms."""
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return f"Compose({list(self.transforms)})"


class ToTensor:
    """A PIL image or an array (H, W), (H, W, C) or (N, H, W, C) as a Tensor, the channels before the rows.

    uint8 values 0..255 become float32 in [0, 1]; other dtypes are kept. A Tensor is returned as it is.

    Raises: ValueError for an array with another number of dimensions.
    Source: ``torchvision.transforms.ToTensor``.

    >>> ToTensor()(np.full((28, 28), 255, np.uint8)).shape
    (1, 28, 28)
    """

    batched = True

    def __call__(self, image: Any) -> Tensor:
        """The image as a Tensor."""
        if isinstance(image, Tensor):
            return image
        array = np.asarray(image)
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim not in (3, 4):
            raise ValueError(f"ToTensor: expected an image (H, W), (H, W, C) or (N, H, W, C), got {array.shape}")
        array = np.ascontiguousarray(np.moveaxis(array, -1, -3))
        if array.dtype == np.uint8:
            array = np.divide(array, np.float32(255), dtype=np.float32)
        return as_tensor(array)

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """``(image - mean) / std`` for each channel of a float image (..., C, H, W).

    Parameters: ``mean`` and ``std``, one number a channel.

    Raises: ValueError if an std is zero or the number of channels is another one, TypeError for an image that
    is not of floats.
    Source: ``torchvision.transforms.Normalize``.

    >>> Normalize((0.5,), (0.25,))(np.ones((1, 1, 2), np.float32))
    array([[[2., 2.]]], dtype=float32)
    """

    batched = True

    def __init__(self, mean: Sequence[float] | float, std: Sequence[float] | float, inplace: bool = False) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, np.float64))
        self.std = np.atleast_1d(np.asarray(std, np.float64))
        self.inplace = inplace
        if self.mean.ndim != 1 or self.std.shape != self.mean.shape:
            raise ValueError(f"Normalize: expected as many std as mean, got {self.std.shape} and {self.mean.shape}")
        if not np.all(self.std > 0):
            raise ValueError(f"Normalize: expected std above zero, got {self.std.tolist()}")

    def __call__(self, image: Any) -> Any:
        """The normalized image, of the same type and dtype."""
        if not isinstance(image, (np.ndarray, Tensor)) or image.dtype.kind != "f":
            kind = getattr(image, "dtype", type(image).__name__)
            raise TypeError(f"Normalize: expected a float array or Tensor, got {kind}; apply ToTensor first")
        if len(image.shape) < 3 or self.mean.size not in (1, image.shape[-3]):
            raise ValueError(f"Normalize: expected (..., {self.mean.size}, H, W), got {image.shape}")
        # In the image's own precision, as in PyTorch: float64 constants would promote a float32 array.
        mean, std = (value.astype(image.dtype)[:, None, None] for value in (self.mean, self.std))
        if self.inplace and not getattr(image, "requires_grad", False):
            image -= mean
            image /= std
            return image
        return (image - mean) / std

    def __repr__(self) -> str:
        return f"Normalize(mean={tuple(self.mean.tolist())}, std={tuple(self.std.tolist())})"
