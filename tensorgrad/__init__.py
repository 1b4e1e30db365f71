"""Reverse-mode automatic differentiation on NumPy, with CNN operators on top.

import tensorgrad as tg
from tensorgrad import nn, optim
import tensorgrad.nn.functional as F
"""

from typing import TYPE_CHECKING

from numpy import bool_ as bool
from numpy import (
    broadcast_shapes,
    dtype,
    e,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    inf,
    int8,
    int16,
    int32,
    int64,
    nan,
    newaxis,
    pi,
    uint8,
)

from tensorgrad import autograd, random
from tensorgrad.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tensorgrad.autograd.out import accept_out
from tensorgrad.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    is_floating_point,
    is_tensor,
    linspace,
    numel,
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
from tensorgrad.device import device
from tensorgrad.kernels.threads import get_num_threads, set_num_threads
from tensorgrad.kernels.winograd import get_float32_conv_precision, set_float32_conv_precision
from tensorgrad.ops.activation import celu, relu, selu
from tensorgrad.ops.adaptive_pool import adaptive_avg_pool1d
from tensorgrad.ops.batch_norm import batch_norm
from tensorgrad.ops.calculus import cumulative_trapezoid, diff, gradient, trapezoid, trapz
from tensorgrad.ops.cdist import cdist, corrcoef, cov, dist
from tensorgrad.ops.conv import conv1d, conv2d, conv3d
from tensorgrad.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from tensorgrad.ops.decompositions import cholesky, matrix_exp
from tensorgrad.ops.diagonal import (
    diag,
    diag_embed,
    diagflat,
    diagonal,
    diagonal_scatter,
    fill_diagonal,
    trace,
    tril,
    tril_indices,
    triu,
    triu_indices,
)
from tensorgrad.ops.distance import cosine_similarity, pairwise_distance, pdist
from tensorgrad.ops.dropout import dropout
from tensorgrad.ops.einsum import einsum
from tensorgrad.ops.elementary import (
    acos,
    acosh,
    addcdiv,
    addcmul,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    clamp_max,
    clamp_min,
    cosh,
    deg2rad,
    exp2,
    float_power,
    fmax,
    fmin,
    hypot,
    ldexp,
    lerp,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    positive,
    rad2deg,
    rsub,
    sinh,
    tan,
)
from tensorgrad.ops.elementwise import (
    abs,
    absolute,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    clamp,
    cos,
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
    tanh,
    where,
)
from tensorgrad.ops.elementwise import clamp as clip
from tensorgrad.ops.elementwise import div as true_divide
from tensorgrad.ops.elementwise import equal as eq
from tensorgrad.ops.elementwise import greater as gt
from tensorgrad.ops.elementwise import greater_equal as ge
from tensorgrad.ops.elementwise import less as lt
from tensorgrad.ops.elementwise import less_equal as le
from tensorgrad.ops.elementwise import mul as multiply
from tensorgrad.ops.elementwise import neg as negative
from tensorgrad.ops.elementwise import not_equal as ne
from tensorgrad.ops.embedding import bilinear, embedding
from tensorgrad.ops.extrema import amax, amin, aminmax, argmax, argmin, max, min
from tensorgrad.ops.group_norm import group_norm, instance_norm
from tensorgrad.ops.index import gather, index_select, masked_select, nonzero, select, take, take_along_dim
from tensorgrad.ops.join import (
    block_diag,
    broadcast_tensors,
    cartesian_prod,
    cat,
    column_stack,
    combinations,
    dstack,
    hstack,
    meshgrid,
    row_stack,
    stack,
    vstack,
)
from tensorgrad.ops.linalg import matmul
from tensorgrad.ops.norm import layer_norm, rms_norm
from tensorgrad.ops.order import argsort, kthvalue, median, mode, msort, nanmedian, sort, topk
from tensorgrad.ops.pad import constant_pad_nd
from tensorgrad.ops.piecewise import hardshrink, prelu, rrelu, threshold
from tensorgrad.ops.pixel import channel_shuffle, pixel_shuffle, pixel_unshuffle
from tensorgrad.ops.pool import avg_pool1d, max_pool1d, max_pool2d, max_pool3d
from tensorgrad.ops.products import (
    addbmm,
    addmm,
    addmv,
    addr,
    baddbmm,
    bmm,
    chain_matmul,
    cross,
    dot,
    ger,
    inner,
    kron,
    mm,
    mv,
    outer,
    tensordot,
    vdot,
)
from tensorgrad.ops.quantile import nanquantile, quantile
from tensorgrad.ops.rearrange import fliplr, flipud, repeat_interleave, rot90, tile
from tensorgrad.ops.reduce import (
    all,
    any,
    count_nonzero,
    logsumexp,
    mean,
    nanmean,
    nansum,
    prod,
    std,
    std_mean,
    sum,
    var,
    var_mean,
)
from tensorgrad.ops.rounding import (
    allclose,
    copysign,
    div,
    equal,
    fix,
    fmod,
    frac,
    isclose,
    nan_to_num,
    round,
    sgn,
    trunc,
)
from tensorgrad.ops.rounding import div as divide
from tensorgrad.ops.sampling import bernoulli, multinomial, normal
from tensorgrad.ops.scaled import add, sub
from tensorgrad.ops.scaled import sub as subtract
from tensorgrad.ops.scan import cummax, cummin, cumprod, cumsum, logcumsumexp
from tensorgrad.ops.scatter import (
    index_add,
    index_copy,
    index_fill,
    index_put,
    masked_fill,
    masked_scatter,
    scatter,
    scatter_add,
    scatter_reduce,
    select_scatter,
    slice_scatter,
)
from tensorgrad.ops.sets import bincount, bucketize, histc, isin, searchsorted, unique, unique_consecutive
from tensorgrad.ops.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    flatten,
    flip,
    moveaxis,
    movedim,
    permute,
    ravel,
    reshape,
    roll,
    squeeze,
    swapaxes,
    swapdims,
    t,
    transpose,
    unflatten,
    unsqueeze,
)
from tensorgrad.ops.softmax import log_softmax, softmax
from tensorgrad.ops.solve import det, logdet, matrix_power, pinverse, slogdet
from tensorgrad.ops.solve import inv as inverse
from tensorgrad.ops.special import (
    digamma,
    erf,
    erfc,
    erfinv,
    lgamma,
    logit,
    polygamma,
    sinc,
    xlogy,
)
from tensorgrad.ops.split import chunk, dsplit, hsplit, narrow, split, split_with_sizes, tensor_split, unbind, vsplit
from tensorgrad.ops.vector_norm import norm
from tensorgrad.random import get_rng_state, manual_seed, set_rng_state
from tensorgrad.tensor import Tensor

concat = concatenate = cat
asarray, argwhere, clone, detach = as_tensor, nonzero, Tensor.clone, Tensor.detach
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
# what is composed of primitives; those take out= themselves
accept_out(
    globals(),
    """
    add addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax any argmax argmin argsort baddbmm bmm
    bucketize cat chain_matmul cholesky clamp clamp_max clamp_min clip column_stack concat concatenate cross cummax
    cummin cumprod cumsum deg2rad diag diff div divide dot dstack float_power gather ger histc hstack index_add
    index_copy index_select inner inverse isin kron kthvalue ldexp lerp log_softmax logcumsumexp logit logsumexp
    masked_select matmul matrix_power max mean median min mm mode msort mv nan_to_num nanmean nanmedian nanquantile
    nansum nonzero norm outer polygamma pow prod quantile rad2deg round row_stack scatter scatter_add scatter_reduce
    searchsorted softmax sort stack std std_mean sub subtract sum take take_along_dim tensordot topk tril triu var
    var_mean vdot vstack where
    """,
)
del accept_out
long, double, float, int, half, short = int64, float64, float32, int32, float16, int16
Size = tuple  # of which the shapes are
# accepted as ``memory_format=`` everywhere, without effect: memory order is the kernels' business
contiguous_format, preserve_format = "contiguous_format", "preserve_format"
channels_last, channels_last_3d = "channels_last", "channels_last_3d"

__version__ = "0.1.0"


if TYPE_CHECKING:
    from tensorgrad import backends, cuda, data, func, linalg, nn, optim, replay, serialization, testing, utils, viz
    from tensorgrad.backends import use_deterministic_algorithms
    from tensorgrad.func import vmap
    from tensorgrad.generator import Generator
    from tensorgrad.legacy import (
        BoolTensor,
        ByteTensor,
        CharTensor,
        DoubleTensor,
        FloatTensor,
        HalfTensor,
        IntTensor,
        LongTensor,
        ShortTensor,
    )
    from tensorgrad.replay import compile
    from tensorgrad.serialization import load, save
    from tensorgrad.viz.summary import summary
del TYPE_CHECKING

_ROOMS = (
    "backends", "cuda", "data", "func", "linalg", "nn", "optim", "replay", "serialization", "testing", "utils", "viz"
)  # fmt: skip
_FUNCTIONS = {
    "Generator": "generator",
    "compile": "replay",
    "load": "serialization",
    "save": "serialization",
    "summary": "viz",
    "use_deterministic_algorithms": "backends",
    "vmap": "func",
    **{
        f"{kind}Tensor": "legacy"
        for kind in ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")
    },
}


def __getattr__(name: str) -> object:
    """The rooms of the house are loaded when they are first named: a program pays for those that it enters."""
    import importlib

    if name in _ROOMS:
        return importlib.import_module(f"tensorgrad.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"tensorgrad.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_FUNCTIONS})
