"""PyTorch's long forms of + and -, with a factor for the second operand."""

from __future__ import annotations

from typing import Any

from tensorgrad.ops import elementwise
from tensorgrad.ops._arguments import alike


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input + alpha * other``. Source: ``torch.add``.

    >>> import tensorgrad as tg
    >>> tg.add(tg.ones(2), tg.ones(2), alpha=3)
    tensor([4., 4.])
    """
    return elementwise.add(input, other if _is_one(alpha) else _scaled(input, other, alpha, "add"))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input - alpha * other``. Source: ``torch.sub``.

    >>> import tensorgrad as tg
    >>> tg.sub(tg.ones(2), tg.ones(2), alpha=3)
    tensor([-2., -2.])
    """
    return elementwise.sub(input, other if _is_one(alpha) else _scaled(input, other, alpha, "sub"))


def _scaled(input: Any, other: Any, alpha: Any, op: str) -> Any:
    """``alpha * other`` in the dtype of the sum: bytes would wrap around in their own."""
    return elementwise.mul(alike(op, input, other)[1], alpha)


def _is_one(alpha: Any) -> bool:
    return isinstance(alpha, int) and alpha == 1


__all__ = ["add", "sub"]
