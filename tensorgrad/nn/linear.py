"""The fully connected layer."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.creation import empty
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.ops._arguments import as_int
from tensorgrad.tensor import Tensor


def default_init(weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's default: weight and bias uniform on ``[-1/sqrt(fan_in), 1/sqrt(fan_in)]``."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = init._calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(bias, -bound, bound)


class Linear(Module):
    """``y = x W' + b`` over the last dimension.

    Shapes: input (..., in_features), output (..., out_features), ``weight`` (out_features, in_features), ``bias``
    (out_features). Raises ValueError for an input of another size. Source: ``torch.nn.Linear``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(4, 2)
    >>> layer, layer(tg.ones(3, 4)).shape
    (Linear(in_features=4, out_features=2, bias=True), (3, 2))
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = as_int(in_features, "Linear", "in_features")
        self.out_features = as_int(out_features, "Linear", "out_features")
        self.weight = Parameter(empty(self.out_features, self.in_features, device=device, dtype=dtype))
        self.bias = Parameter(empty(self.out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        default_init(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        """``input W' + b``."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


__all__ = ["Linear"]
