"""tensorgrad as a `Library`."""

import numpy as np

import tensorgrad
import tensorgrad.nn.functional as functional
from tests.cases.library import Library


def tensor(array: np.ndarray, requires_grad: bool) -> tensorgrad.Tensor:
    """A tensor over `array` itself, strides and read-only flag included."""
    return tensorgrad.Tensor(array, requires_grad=requires_grad)


def array(x: tensorgrad.Tensor) -> np.ndarray:
    return x.numpy(force=True)


OURS = Library(tensorgrad, functional, tensor, array, tensorgrad.autograd.grad)
