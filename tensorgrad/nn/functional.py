"""The functions behind the layers, under PyTorch's names: ``import tensorgrad.nn.functional as F``."""

from tensorgrad.ops.activation import (
    celu,
    elu,
    gelu,
    glu,
    leaky_relu,
    logsigmoid,
    mish,
    selu,
    silu,
    softmin,
    softplus,
    softsign,
    tanhshrink,
)
from tensorgrad.ops.activation import relu as _relu
from tensorgrad.ops.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from tensorgrad.ops.attention import scaled_dot_product_attention
from tensorgrad.ops.batch_norm import batch_norm
from tensorgrad.ops.conv import conv1d, conv2d, conv3d
from tensorgrad.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from tensorgrad.ops.cross_entropy import cross_entropy
from tensorgrad.ops.distance import (
    cosine_embedding_loss,
    cosine_similarity,
    pairwise_distance,
    pdist,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from tensorgrad.ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from tensorgrad.ops.elementwise import sigmoid, tanh
from tensorgrad.ops.embedding import bilinear, embedding
from tensorgrad.ops.fold import fold, unfold
from tensorgrad.ops.grid_sample import affine_grid, grid_sample
from tensorgrad.ops.group_norm import group_norm, instance_norm
from tensorgrad.ops.gumbel_softmax import gumbel_softmax
from tensorgrad.ops.interpolate import interpolate, upsample
from tensorgrad.ops.linalg import linear
from tensorgrad.ops.loss import binary_cross_entropy_with_logits, l1_loss, mse_loss, nll_loss, one_hot
from tensorgrad.ops.loss_likelihood import (
    binary_cross_entropy,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    poisson_nll_loss,
    smooth_l1_loss,
)
from tensorgrad.ops.loss_margin import (
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from tensorgrad.ops.max_unpool import max_unpool1d, max_unpool2d, max_unpool3d
from tensorgrad.ops.norm import layer_norm, local_response_norm, normalize, rms_norm
from tensorgrad.ops.pad import pad
from tensorgrad.ops.piecewise import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    prelu,
    relu6,
    rrelu,
    softshrink,
    threshold,
)
from tensorgrad.ops.pixel import channel_shuffle, pixel_shuffle, pixel_unshuffle
from tensorgrad.ops.pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from tensorgrad.ops.softmax import log_softmax, softmax


def relu(input: object, inplace: bool = False) -> object:
    """``max(0, x)``; the derivative at 0 is 0. Source: ``torch.nn.functional.relu``.

    >>> import tensorgrad as tg
    >>> relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else _relu(input)  # type: ignore[attr-defined]


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "affine_grid", "alpha_dropout", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm",
    "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "channel_shuffle", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu", "embedding",
    "feature_alpha_dropout", "fold", "gaussian_nll_loss", "gelu", "glu", "grid_sample", "group_norm", "gumbel_softmax",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "instance_norm",
    "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm", "log_softmax",
    "logsigmoid", "lp_pool1d", "lp_pool2d", "lp_pool3d", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "mish", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad",
    "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "rms_norm", "rrelu", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss",
    "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold", "upsample",
]  # fmt: skip
