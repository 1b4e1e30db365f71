"""The in-place forms: ``x += y``, ``x[i] = v``, ``x.add_(y)``. All go through :mod:`tensorgrad.ops.write`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.errors import describe, op_error
from tensorgrad.ops import (
    activation,
    diagonal,
    elementary,
    elementwise,
    products,
    rounding,
    sampling,
    scaled,
    scan,
    scatter,
    special,
)
from tensorgrad.ops.write import assign, in_place_form, setitem


class InPlaceMethods:
    """Mixin with the methods that write into their tensor; each returns it."""

    __slots__ = ()

    _data: np.ndarray

    __setitem__ = setitem
    __iadd__ = add_ = in_place_form(scaled.add, "add_")
    __isub__ = sub_ = subtract_ = in_place_form(scaled.sub, "sub_")
    __imul__ = mul_ = multiply_ = in_place_form(elementwise.mul, "mul_")
    __itruediv__ = true_divide_ = in_place_form(elementwise.div, "div_")
    div_ = divide_ = in_place_form(rounding.div, "div_")
    __ifloordiv__ = floor_divide_ = in_place_form(elementwise.floor_divide, "floor_divide_")
    __imod__ = remainder_ = in_place_form(elementwise.remainder, "remainder_")
    __ipow__ = pow_ = in_place_form(elementwise.pow, "pow_")
    __iand__ = bitwise_and_ = in_place_form(elementwise.bitwise_and, "bitwise_and_")
    __ior__ = bitwise_or_ = in_place_form(elementwise.bitwise_or, "bitwise_or_")
    __ixor__ = bitwise_xor_ = in_place_form(elementwise.bitwise_xor, "bitwise_xor_")
    neg_ = negative_ = in_place_form(elementwise.neg, "neg_")
    abs_ = absolute_ = in_place_form(elementwise.abs, "abs_")
    exp_ = in_place_form(elementwise.exp, "exp_")
    log_ = in_place_form(elementwise.log, "log_")
    sqrt_ = in_place_form(elementwise.sqrt, "sqrt_")
    square_ = in_place_form(elementwise.square, "square_")
    expm1_ = in_place_form(elementwise.expm1, "expm1_")
    log1p_ = in_place_form(elementwise.log1p, "log1p_")
    rsqrt_ = in_place_form(elementwise.rsqrt, "rsqrt_")
    sign_ = sgn_ = in_place_form(elementwise.sign, "sign_")
    floor_ = in_place_form(elementwise.floor, "floor_")
    ceil_ = in_place_form(elementwise.ceil, "ceil_")
    round_ = in_place_form(rounding.round, "round_")
    trunc_ = fix_ = in_place_form(rounding.trunc, "trunc_")
    frac_ = in_place_form(rounding.frac, "frac_")
    fmod_ = in_place_form(rounding.fmod, "fmod_")
    copysign_ = in_place_form(rounding.copysign, "copysign_")
    nan_to_num_ = in_place_form(rounding.nan_to_num, "nan_to_num_")
    reciprocal_ = in_place_form(elementwise.reciprocal, "reciprocal_")
    sin_ = in_place_form(elementwise.sin, "sin_")
    cos_ = in_place_form(elementwise.cos, "cos_")
    tanh_ = in_place_form(elementwise.tanh, "tanh_")
    sigmoid_ = in_place_form(elementwise.sigmoid, "sigmoid_")
    relu_ = in_place_form(activation.relu, "relu_")
    clamp_ = clip_ = in_place_form(elementwise.clamp, "clamp_")
    eq_ = in_place_form(elementwise.equal, "eq_")
    ne_ = in_place_form(elementwise.not_equal, "ne_")
    lt_ = in_place_form(elementwise.less, "lt_")
    le_ = in_place_form(elementwise.less_equal, "le_")
    gt_ = in_place_form(elementwise.greater, "gt_")
    ge_ = in_place_form(elementwise.greater_equal, "ge_")
    logical_and_ = in_place_form(elementwise.logical_and, "logical_and_")
    logical_or_ = in_place_form(elementwise.logical_or, "logical_or_")
    logical_xor_ = in_place_form(elementwise.logical_xor, "logical_xor_")
    logical_not_ = in_place_form(elementwise.logical_not, "logical_not_")
    bitwise_not_ = in_place_form(elementwise.bitwise_not, "bitwise_not_")
    clamp_max_ = in_place_form(elementary.clamp_max, "clamp_max_")
    clamp_min_ = in_place_form(elementary.clamp_min, "clamp_min_")
    lerp_ = in_place_form(elementary.lerp, "lerp_")
    log2_ = in_place_form(elementary.log2, "log2_")
    log10_ = in_place_form(elementary.log10, "log10_")
    exp2_ = in_place_form(elementary.exp2, "exp2_")
    tan_ = in_place_form(elementary.tan, "tan_")
    sinh_ = in_place_form(elementary.sinh, "sinh_")
    cosh_ = in_place_form(elementary.cosh, "cosh_")
    asin_ = in_place_form(elementary.asin, "asin_")
    acos_ = in_place_form(elementary.acos, "acos_")
    atan_ = in_place_form(elementary.atan, "atan_")
    atan2_ = in_place_form(elementary.atan2, "atan2_")
    hypot_ = in_place_form(elementary.hypot, "hypot_")
    erf_ = in_place_form(special.erf, "erf_")
    erfc_ = in_place_form(special.erfc, "erfc_")
    erfinv_ = in_place_form(special.erfinv, "erfinv_")
    lgamma_ = in_place_form(special.lgamma, "lgamma_")
    digamma_ = in_place_form(special.digamma, "digamma_")
    logit_ = in_place_form(special.logit, "logit_")
    xlogy_ = in_place_form(special.xlogy, "xlogy_")
    sinc_ = in_place_form(special.sinc, "sinc_")
    masked_fill_ = in_place_form(scatter.masked_fill, "masked_fill_")
    index_add_ = in_place_form(scatter.index_add, "index_add_")
    index_copy_ = in_place_form(scatter.index_copy, "index_copy_")
    index_fill_ = in_place_form(scatter.index_fill, "index_fill_")
    scatter_ = in_place_form(scatter.scatter, "scatter_")
    scatter_add_ = in_place_form(scatter.scatter_add, "scatter_add_")
    scatter_reduce_ = in_place_form(scatter.scatter_reduce, "scatter_reduce_")
    index_put_ = in_place_form(scatter.index_put, "index_put_")
    masked_scatter_ = in_place_form(scatter.masked_scatter, "masked_scatter_")
    fill_diagonal_ = in_place_form(diagonal.fill_diagonal, "fill_diagonal_")
    tril_ = in_place_form(diagonal.tril, "tril_")
    triu_ = in_place_form(diagonal.triu, "triu_")
    cumsum_ = in_place_form(scan.cumsum, "cumsum_")
    cumprod_ = in_place_form(scan.cumprod, "cumprod_")
    addmm_ = in_place_form(products.addmm, "addmm_")
    addmv_ = in_place_form(products.addmv, "addmv_")
    addr_ = in_place_form(products.addr, "addr_")
    addbmm_ = in_place_form(products.addbmm, "addbmm_")
    baddbmm_ = in_place_form(products.baddbmm, "baddbmm_")
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

    def bernoulli_(self, p: Any = 0.5, *, generator: np.random.Generator | None = None) -> Any:
        """Write 1 with probability ``p``, else 0. Source: ``torch.Tensor.bernoulli_``."""
        return self.copy_(sampling.successes(p, self._data.shape, "bernoulli_", generator))

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: np.random.Generator | None = None) -> Any:
        """Write uniform random numbers from [a, b). Source: ``torch.Tensor.uniform_``."""
        return self.copy_((generator or random.generator()).uniform(a, b, self._data.shape))

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: np.random.Generator | None = None) -> Any:
        """Write normal random numbers. Source: ``torch.Tensor.normal_``."""
        return self.copy_((generator or random.generator()).normal(mean, std, self._data.shape))

    def exponential_(self, lambd: float = 1.0, *, generator: np.random.Generator | None = None) -> Any:
        """Write waiting times of the rate ``lambd``, of density ``lambd exp(-lambd x)``.

        Raises ValueError for a rate that is not above 0, TypeError for integers.
        Source: ``torch.Tensor.exponential_``.
        """
        if not lambd > 0:
            raise op_error(ValueError, "exponential_", f"expected a rate lambd above 0, got {lambd}")
        if self._data.dtype.kind != "f":
            raise op_error(TypeError, "exponential_", f"expected a tensor of a floating dtype, got {describe(self)}")
        return self.copy_((generator or random.generator()).exponential(1 / lambd, self._data.shape))

    def random_(self, from_: int = 0, to: int | None = None, *, generator: np.random.Generator | None = None) -> Any:
        """Write integers from ``from_`` to ``to - 1``; one number alone is ``to``, none is all that the dtype counts.

        Raises ValueError for a range with nothing in it. Source: ``torch.Tensor.random_``, where the first is ``from``.

        >>> import tensorgrad as tg
        >>> set(tg.zeros(100).random_(1, 3).tolist())
        {1.0, 2.0}
        """
        if to is None:
            from_, to = 0, from_ or _largest(self._data.dtype) + 1
        if not from_ < to:
            raise op_error(ValueError, "random_", f"expected a range with numbers in it, got {from_} to {to - 1}")
        return self.copy_((generator or random.generator()).integers(from_, to, self._data.shape))


def _largest(dtype: np.dtype[Any]) -> int:
    """The last integer up to which a dtype counts without a gap."""
    if dtype.kind == "f":
        return int(2 ** (np.finfo(dtype).nmant + 1))
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)
