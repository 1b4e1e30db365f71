"""The in-place forms: ``x += y``, ``x[i] = v``, ``x.add_(y)``. All go through :mod:`tensorgrad.ops.write`."""

from __future__ import annotations

from typing import Any

from tensorgrad.ops import activation, elementary, elementwise, rounding, sampling, scaled, scatter
from tensorgrad.ops.write import assign, in_place_form, setitem
from tensorgrad.random import generator


class InPlaceMethods:
    """Mixin with the methods that write into their tensor; each returns it."""

    __slots__ = ()

    __setitem__ = setitem
    __iadd__ = add_ = in_place_form(scaled.add, "add_")
    __isub__ = sub_ = in_place_form(scaled.sub, "sub_")
    __imul__ = mul_ = in_place_form(elementwise.mul, "mul_")
    __itruediv__ = div_ = in_place_form(rounding.div, "div_")
    __ifloordiv__ = floor_divide_ = in_place_form(elementwise.floor_divide, "floor_divide_")
    __imod__ = remainder_ = in_place_form(elementwise.remainder, "remainder_")
    __ipow__ = pow_ = in_place_form(elementwise.pow, "pow_")
    __iand__ = bitwise_and_ = in_place_form(elementwise.bitwise_and, "bitwise_and_")
    __ior__ = bitwise_or_ = in_place_form(elementwise.bitwise_or, "bitwise_or_")
    __ixor__ = bitwise_xor_ = in_place_form(elementwise.bitwise_xor, "bitwise_xor_")
    neg_ = in_place_form(elementwise.neg, "neg_")
    abs_ = in_place_form(elementwise.abs, "abs_")
    exp_ = in_place_form(elementwise.exp, "exp_")
    log_ = in_place_form(elementwise.log, "log_")
    sqrt_ = in_place_form(elementwise.sqrt, "sqrt_")
    square_ = in_place_form(elementwise.square, "square_")
    reciprocal_ = in_place_form(elementwise.reciprocal, "reciprocal_")
    sin_ = in_place_form(elementwise.sin, "sin_")
    cos_ = in_place_form(elementwise.cos, "cos_")
    tanh_ = in_place_form(elementwise.tanh, "tanh_")
    sigmoid_ = in_place_form(elementwise.sigmoid, "sigmoid_")
    relu_ = in_place_form(activation.relu, "relu_")
    clamp_ = clip_ = in_place_form(elementwise.clamp, "clamp_")
    masked_fill_ = in_place_form(scatter.masked_fill, "masked_fill_")
    index_add_ = in_place_form(scatter.index_add, "index_add_")
    index_copy_ = in_place_form(scatter.index_copy, "index_copy_")
    index_fill_ = in_place_form(scatter.index_fill, "index_fill_")
    scatter_ = in_place_form(scatter.scatter, "scatter_")
    scatter_add_ = in_place_form(scatter.scatter_add, "scatter_add_")
    addcmul_ = in_place_form(elementary.addcmul, "addcmul_")
    addcdiv_ = in_place_form(elementary.addcdiv, "addcdiv_")

    def copy_(self, src: Any) -> Any:
        """Write the values of ``src`` (broadcast) into this tensor. Source: ``torch.Tensor.copy_``."""
        assign(self, Ellipsis, src, "copy_")
        return self

    def fill_(self, value: Any) -> Any:
        """Write one value everywhere. Source: ``torch.Tensor.fill_``."""
        assign(self, Ellipsis, value, "fill_")
        return self

    def zero_(self) -> Any:
        """Write zeros. Source: ``torch.Tensor.zero_``."""
        assign(self, Ellipsis, 0, "zero_")
        return self

    def bernoulli_(self, p: Any = 0.5) -> Any:
        """Write 1 with probability ``p``, else 0. Source: ``torch.Tensor.bernoulli_``."""
        return self.copy_(sampling.successes(p, self.shape, "bernoulli_"))  # type: ignore[attr-defined]

    def uniform_(self, a: float = 0.0, b: float = 1.0) -> Any:
        """Write uniform random numbers from [a, b). Source: ``torch.Tensor.uniform_``."""
        return self.copy_(generator().uniform(a, b, self.shape))  # type: ignore[attr-defined]

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> Any:
        """Write normal random numbers. Source: ``torch.Tensor.normal_``."""
        return self.copy_(generator().normal(mean, std, self.shape))  # type: ignore[attr-defined]
