"""Reverse-mode automatic differentiation on NumPy, with CNN operators on top.

import tensorgrad as tg
from tensorgrad import nn, optim
import tensorgrad.nn.functional as F
"""

from numpy import bool_ as bool
from numpy import float16, float32, float64, inf, int8, int16, int32, int64, nan, pi, uint8

from tensorgrad import autograd, random
from tensorgrad.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from tensorgrad.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from tensorgrad.ops.activation import relu
from tensorgrad.ops.einsum import einsum
from tensorgrad.ops.elementwise import (
    abs,
    absolute,
    add,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    clamp,
    cos,
    div,
    exp,
    expm1,
    floor,
    floor_divide,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    reciprocal,
    remainder,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    sub,
    tanh,
    where,
)
from tensorgrad.ops.elementwise import clamp as clip
from tensorgrad.ops.elementwise import div as divide
from tensorgrad.ops.elementwise import equal as eq
from tensorgrad.ops.elementwise import greater as gt
from tensorgrad.ops.elementwise import greater_equal as ge
from tensorgrad.ops.elementwise import less as lt
from tensorgrad.ops.elementwise import less_equal as le
from tensorgrad.ops.elementwise import mul as multiply
from tensorgrad.ops.elementwise import neg as negative
from tensorgrad.ops.elementwise import not_equal as ne
from tensorgrad.ops.elementwise import sub as subtract
from tensorgrad.ops.index import gather, index_select, scatter_add
from tensorgrad.ops.join import cat, chunk, narrow, split, stack
from tensorgrad.ops.linalg import matmul
from tensorgrad.ops.reduce import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    cumsum,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    std,
    sum,
    var,
)
from tensorgrad.ops.shape import (
    broadcast_to,
    flatten,
    flip,
    permute,
    reshape,
    roll,
    squeeze,
    t,
    transpose,
    unsqueeze,
)
from tensorgrad.ops.softmax import log_softmax, softmax
from tensorgrad.random import get_rng_state, manual_seed, set_rng_state
from tensorgrad.tensor import Tensor

from tensorgrad import nn  # isort: skip  (its layers build on everything above)

concat = concatenate = cat
swapaxes = transpose
long, double, float, int = int64, float64, float32, int32

__version__ = "0.1.0"
