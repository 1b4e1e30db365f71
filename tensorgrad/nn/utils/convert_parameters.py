"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tensorgrad.autograd import in_place
from tensorgrad.errors import describe
from tensorgrad.ops.join import cat
from tensorgrad.ops.shape import reshape
from tensorgrad.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Any:
    """All elements in one vector, through which gradients flow.

    Source: ``torch.nn.utils.parameters_to_vector``.

    >>> import tensorgrad as tg
    >>> tg.nn.utils.parameters_to_vector([tg.ones(1, 2), tg.zeros(1)])
    tensor([1., 1., 0.])
    """
    return cat([reshape(p, (-1,)) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the pieces of a vector into the parameters, in order; ValueError when the sizes differ (nothing copied).

    Source: ``torch.nn.utils.vector_to_parameters`` (there the parameters become views of the vector).

    >>> import tensorgrad as tg
    >>> w, b = tg.zeros(1, 2), tg.zeros(1)
    >>> tg.nn.utils.vector_to_parameters(tg.tensor([1.0, 2.0, 3.0]), [w, b])
    >>> w, b
    (tensor([[1., 2.]]), tensor([3.]))
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a tensor, got {describe(vec)}")
    parameters = list(parameters)
    size = sum(p.numel() for p in parameters)
    if vec.shape != (size,):
        raise ValueError(f"vector_to_parameters: expected a vector of {size} elements, got {describe(vec)}")
    start = 0
    for p in parameters:
        in_place.write(p._data)
        p._data[...] = vec._data[start : start + p.numel()].reshape(p.shape)
        start += p.numel()


__all__ = ["parameters_to_vector", "vector_to_parameters"]
