"""The operators as methods: ``x.sum(0)`` is ``tensorgrad.sum(x, 0)``, ``x * y`` is ``mul(x, y)``.

Nothing is computed here: each line gives an operator of the formulary the name it has on a tensor.
"""

from __future__ import annotations

from typing import Any

from tensorgrad.ops import activation, elementwise, join, linalg
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


class OperatorMethods:
    """Mixin that :class:`~tensorgrad.Tensor` takes its operators from."""

    __slots__ = ()

    # arithmetic
    __add__ = __radd__ = add = elementwise.add
    __sub__ = sub = subtract = elementwise.sub
    __rsub__ = _reflected(elementwise.sub)
    __mul__ = __rmul__ = mul = multiply = elementwise.mul
    __truediv__ = div = divide = elementwise.div
    __rtruediv__ = _reflected(elementwise.div)
    __floordiv__ = floor_divide = elementwise.floor_divide
    __rfloordiv__ = _reflected(elementwise.floor_divide)
    __mod__ = remainder = elementwise.remainder
    __rmod__ = _reflected(elementwise.remainder)
    __pow__ = pow = elementwise.pow
    __rpow__ = _reflected(elementwise.power)
    __neg__ = neg = negative = elementwise.neg
    __abs__ = abs = absolute = elementwise.abs
    __matmul__ = matmul = linalg.matmul
    __rmatmul__ = _reflected(linalg.matmul)

    # comparison and logic
    __eq__ = eq = elementwise.equal
    __ne__ = ne = elementwise.not_equal
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
    sign = elementwise.sign
    floor = elementwise.floor
    ceil = elementwise.ceil
    relu = activation.relu
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    clamp = clip = elementwise.clamp

    # reductions
    sum = reduction.sum
    mean = reduction.mean
    var = reduction.var
    std = reduction.std
    prod = reduction.prod
    max = reduction.max
    min = reduction.min
    amax = reduction.amax
    amin = reduction.amin
    argmax = reduction.argmax
    argmin = reduction.argmin
    all = reduction.all
    any = reduction.any
    logsumexp = reduction.logsumexp
    cumsum = reduction.cumsum
    norm = reduction.norm
    softmax = normalised.softmax
    log_softmax = normalised.log_softmax

    # shape
    reshape = shaping.reshape
    view = shaping.view
    flatten = shaping.flatten
    permute = shaping.permute
    transpose = shaping.transpose
    swapaxes = shaping.transpose
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
    scatter_add = indexing.scatter_add
    index_select = indexing.index_select
    split = join.split
    chunk = join.chunk

    def where(self, condition: Any, other: Any) -> Any:
        """This tensor where ``condition`` holds, ``other`` elsewhere. Source: ``torch.Tensor.where``."""
        return elementwise.where(condition, self, other)

    @property
    def T(self) -> Any:
        """The dimensions in reverse order."""
        return shaping.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two dimensions swapped."""
        return shaping.transpose(self, -2, -1)
