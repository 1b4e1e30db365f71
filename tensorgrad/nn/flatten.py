"""Layers that only change the shape."""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.nn.module import Module
from tensorgrad.ops._arguments import one_dim
from tensorgrad.ops.shape import flatten, reshape


class Flatten(Module):
    """Join the dimensions from ``start_dim`` to ``end_dim``; the defaults keep the batch. Source: ``torch.nn.Flatten``.

    >>> import tensorgrad as tg
    >>> tg.nn.Flatten()(tg.ones(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        """The input with fewer dimensions."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split dimension ``dim`` into ``unflattened_size``, in which one size may be -1. Source: ``torch.nn.Unflatten``.

    Raises ValueError when the sizes do not multiply to the dimension's.

    >>> import tensorgrad as tg
    >>> tg.nn.Unflatten(1, (3, -1))(tg.ones(2, 12)).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Any) -> Any:
        """The input with more dimensions."""
        dim, sizes = one_dim(self.dim, input.ndim, "unflatten"), tuple(self.unflattened_size)
        try:
            return reshape(input, (*input.shape[:dim], *sizes, *input.shape[dim + 1 :]))
        except ValueError as error:
            message = f"dimension {self.dim} of {describe(input)} cannot become {sizes}"
            raise op_error(ValueError, "unflatten", message) from error

    def extra_repr(self) -> str:
        """The dimension and its parts."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


__all__ = ["Flatten", "Unflatten"]
