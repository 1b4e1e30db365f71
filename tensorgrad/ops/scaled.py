"""PyTorch's long forms of + and -, with a factor for the second operand."""

from __future__ import annotations

from typing import Any

from tensorgrad.ops import elementwise


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input + alpha * other``. Source: ``torch.add``.

    >>> import tensorgrad as tg
    >>> tg.add(tg.ones(2), tg.ones(2), alpha=3)
    tensor([4., 4.])
    """
    return elementwise.add(input, other if _is_one(alpha) else other * alpha)


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input - alpha * other``. Source: ``torch.sub``.

    >>> import tensorgrad as tg
    >>> tg.sub(tg.ones(2), tg.ones(2), alpha=3)
    tensor([-2., -2.])
    """
    return elementwise.sub(input, other if _is_one(alpha) else other * alpha)


def _is_one(alpha: Any) -> bool:
    return isinstance(alpha, int) and alpha == 1


__all__ = ["add", "sub"]
