"""Parameter: a tensor that a module registers and an optimizer updates."""

from __future__ import annotations

from typing import Any

from tensorgrad.tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that requires gradients unless told otherwise; as an attribute of a Module it is found.

    Source: ``torch.nn.Parameter``.

    >>> import tensorgrad as tg
    >>> tg.nn.Parameter(tg.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__([] if data is None else data, requires_grad=requires_grad, name=name)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()
