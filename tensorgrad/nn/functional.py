"""The functions behind the layers, under PyTorch's names: ``import tensorgrad.nn.functional as F``."""

from tensorgrad.ops.activation import elu, gelu, leaky_relu, silu, softplus
from tensorgrad.ops.activation import relu as _relu
from tensorgrad.ops.conv import conv1d, conv2d, conv3d
from tensorgrad.ops.cross_entropy import cross_entropy
from tensorgrad.ops.dropout import dropout
from tensorgrad.ops.elementwise import sigmoid, tanh
from tensorgrad.ops.linalg import linear
from tensorgrad.ops.loss import binary_cross_entropy_with_logits, l1_loss, mse_loss, nll_loss, one_hot
from tensorgrad.ops.norm import batch_norm, layer_norm
from tensorgrad.ops.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from tensorgrad.ops.shape import pad
from tensorgrad.ops.softmax import log_softmax, softmax


def relu(input: object, inplace: bool = False) -> object:
    """``max(0, x)``; the derivative at 0 is 0. Source: ``torch.nn.functional.relu``.

    >>> import tensorgrad as tg
    >>> relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else _relu(input)  # type: ignore[attr-defined]


__all__ = [
    "adaptive_avg_pool2d", "avg_pool2d", "batch_norm", "binary_cross_entropy_with_logits", "conv1d", "conv2d", "conv3d",
    "cross_entropy", "dropout", "elu", "gelu", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax",
    "max_pool2d", "mse_loss", "nll_loss", "one_hot", "pad", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip
