"""The operators as methods: ``x.sum(0)`` is ``tensorgrad.sum(x, 0)``, ``x * y`` is ``mul(x, y)``.

Nothing is computed here: each line gives an operator of the formulary the name it has on a tensor.
"""

from __future__ import annotations

from typing import Any

from tensorgrad.methods_array import ArrayMethods
from tensorgrad.ops import (
    activation,
    cdist,
    decompositions,
    elementary,
    elementwise,
    extrema,
    linalg,
    piecewise,
    products,
    rounding,
    scaled,
    scan,
    solve,
    special,
    vector_norm,
)
from tensorgrad.ops import index as indexing
from tensorgrad.ops import reduce as reduction
from tensorgrad.ops import shape as shaping
from tensorgrad.ops import softmax as normalised


def _reflected(op: Any) -> Any:
    """``other op self`` for an operator that is not commutative."""

    def method(self: Any, other: Any) -> Any:
        return op(other, self)

    method.__name__ = f"r{op.__name__}"
    return method


def _compared(op: Any) -> Any:
    """``self op other``; None and strings are no numbers, so ``x == None`` is Python's own, a plain False."""

    def method(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else op(self, other)

    method.__name__ = op.__name__
    return method


class OperatorMethods(ArrayMethods):
    """Mixin that :class:`~tensorgrad.Tensor` takes its operators from."""

    __slots__ = ()

    # arithmetic
    __add__ = __radd__ = elementwise.add
    add = scaled.add
    __sub__ = elementwise.sub
    sub = subtract = scaled.sub
    __rsub__ = _reflected(elementwise.sub)
    __mul__ = __rmul__ = mul = multiply = elementwise.mul
    __truediv__ = true_divide = elementwise.div
    div = divide = rounding.div
    __rtruediv__ = _reflected(elementwise.div)
    __floordiv__ = floor_divide = elementwise.floor_divide
    __rfloordiv__ = _reflected(elementwise.floor_divide)
    __mod__ = remainder = elementwise.remainder
    __rmod__ = _reflected(elementwise.remainder)
    __pow__ = pow = elementwise.pow
    __rpow__ = _reflected(elementwise.power)
    __neg__ = neg = negative = elementwise.neg
    __pos__ = positive = elementary.positive
    __abs__ = abs = absolute = elementwise.abs
    __matmul__ = matmul = linalg.matmul
    __rmatmul__ = _reflected(linalg.matmul)

    # linear algebra
    mm = products.mm
    bmm = products.bmm
    mv = products.mv
    dot = products.dot
    vdot = products.vdot
    inner = products.inner
    outer = ger = products.outer
    addmm = products.addmm
    addmv = products.addmv
    addr = products.addr
    addbmm = products.addbmm
    baddbmm = products.baddbmm
    kron = products.kron
    cross = products.cross
    dist = cdist.dist
    cov = cdist.cov
    corrcoef = cdist.corrcoef
    det = solve.det
    slogdet = solve.slogdet
    logdet = solve.logdet
    inverse = solve.inv
    pinverse = solve.pinverse
    matrix_power = solve.matrix_power
    matrix_exp = decompositions.matrix_exp
    cholesky = decompositions.cholesky

    # comparison and logic
    __eq__ = _compared(elementwise.equal)
    eq = elementwise.equal
    __ne__ = _compared(elementwise.not_equal)
    ne = elementwise.not_equal
    __lt__ = lt = elementwise.less
    __le__ = le = elementwise.less_equal
    __gt__ = gt = elementwise.greater
    __ge__ = ge = elementwise.greater_equal
    __and__ = __rand__ = bitwise_and = elementwise.bitwise_and
    __or__ = __ror__ = bitwise_or = elementwise.bitwise_or
    __xor__ = __rxor__ = bitwise_xor = elementwise.bitwise_xor
    __invert__ = bitwise_not = elementwise.bitwise_not
    logical_and = elementwise.logical_and
    logical_or = elementwise.logical_or
    logical_xor = elementwise.logical_xor
    logical_not = elementwise.logical_not
    isnan = elementwise.isnan
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    __hash__ = object.__hash__

    # functions of each element
    exp = elementwise.exp
    expm1 = elementwise.expm1
    log = elementwise.log
    log1p = elementwise.log1p
    sqrt = elementwise.sqrt
    rsqrt = elementwise.rsqrt
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    sin = elementwise.sin
    cos = elementwise.cos
    tanh = elementwise.tanh
    sigmoid = elementwise.sigmoid
    sign = sgn = elementwise.sign
    floor = elementwise.floor
    ceil = elementwise.ceil
    relu = activation.relu
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    clamp = clip = elementwise.clamp
    acos = arccos = elementary.acos
    acosh = arccosh = elementary.acosh
    addcdiv = elementary.addcdiv
    addcmul = elementary.addcmul
    asin = arcsin = elementary.asin
    asinh = arcsinh = elementary.asinh
    atan = arctan = elementary.atan
    atan2 = arctan2 = elementary.atan2
    atanh = arctanh = elementary.atanh
    clamp_max = elementary.clamp_max
    clamp_min = elementary.clamp_min
    cosh = elementary.cosh
    deg2rad = elementary.deg2rad
    exp2 = elementary.exp2
    float_power = elementary.float_power
    fmax = elementary.fmax
    fmin = elementary.fmin
    hypot = elementary.hypot
    ldexp = elementary.ldexp
    lerp = elementary.lerp
    log2 = elementary.log2
    log10 = elementary.log10
    logaddexp = elementary.logaddexp
    logaddexp2 = elementary.logaddexp2
    rad2deg = elementary.rad2deg
    sinh = elementary.sinh
    tan = elementary.tan
    hardshrink = piecewise.hardshrink
    prelu = piecewise.prelu

    # rounding and comparison up to rounding errors
    allclose = rounding.allclose
    copysign = rounding.copysign
    equal = rounding.equal
    fmod = rounding.fmod
    frac = rounding.frac
    isclose = rounding.isclose
    nan_to_num = rounding.nan_to_num
    round = rounding.round
    trunc = fix = rounding.trunc

    # special functions
    digamma = special.digamma
    erf = special.erf
    erfc = special.erfc
    erfinv = special.erfinv
    lgamma = special.lgamma
    logit = special.logit
    sinc = special.sinc
    xlogy = special.xlogy

    # reductions
    sum = reduction.sum
    mean = reduction.mean
    var = reduction.var
    std = reduction.std
    prod = reduction.prod
    nansum = reduction.nansum
    nanmean = reduction.nanmean
    count_nonzero = reduction.count_nonzero
    max = extrema.max
    min = extrema.min
    amax = extrema.amax
    amin = extrema.amin
    aminmax = extrema.aminmax
    argmax = extrema.argmax
    argmin = extrema.argmin
    all = reduction.all
    any = reduction.any
    logsumexp = reduction.logsumexp
    cumsum = scan.cumsum
    cumprod = scan.cumprod
    cummax = scan.cummax
    cummin = scan.cummin
    logcumsumexp = scan.logcumsumexp
    norm = vector_norm.norm
    softmax = normalised.softmax
    log_softmax = normalised.log_softmax

    # shape
    reshape = shaping.reshape
    view = shaping.view
    flatten = shaping.flatten
    permute = shaping.permute
    transpose = shaping.transpose
    t = shaping.t
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze
    expand = shaping.expand
    broadcast_to = shaping.broadcast_to
    flip = shaping.flip
    roll = shaping.roll

    # parts
    __getitem__ = indexing.getitem
    gather = indexing.gather
    index_select = indexing.index_select

    def where(self, condition: Any, other: Any) -> Any:
        """This tensor where ``condition`` holds, ``other`` elsewhere. Source: ``torch.Tensor.where``."""
        return elementwise.where(condition, self, other)

    def polygamma(self, n: int) -> Any:
        """The ``n``-th derivative of ``digamma``. Source: ``torch.Tensor.polygamma``."""
        return special.polygamma(n, self)

    @property
    def T(self) -> Any:
        """The dimensions in reverse order."""
        return shaping.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two dimensions swapped."""
        return shaping.transpose(self, -2, -1)
