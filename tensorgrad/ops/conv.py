"""Convolution in one, two or three dimensions, and its two adjoints.

<g, conv(x, w)> is linear in each of the three, and each of the three operators is its derivative in one argument:
the set {conv, conv_input_grad, conv_weight_grad} is closed under differentiation, so second and higher derivatives
need no further kernel. Arrays are (N, C, *spatial); padding is a (before, after) pair per spatial dimension. In the
rules ``k`` stands for stride, padding, dilation and groups; ``b``, the bias, may be None.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import op_error
from tensorgrad.kernels import conv as kernel
from tensorgrad.ops._arguments import as_int, operand, raw
from tensorgrad.ops._one_dtype import check_one_dtype
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _reshape

Pairs = tuple[tuple[int, int], ...]
_FLOAT32 = np.dtype(np.float32)


def _positions(x: Any) -> tuple[int, ...]:
    """Every dimension but the channels: what the gradient of a bias is summed over."""
    return (0, *range(2, x.ndim))


_conv = primitive(
    lambda g, y, x, w, b, **k: conv_input_grad(g, w, size=tuple(x.shape[2:]), **k),
    lambda g, y, x, w, b, **k: conv_weight_grad(g, x, kernel=tuple(w.shape[2:]), **k),
    lambda g, y, x, w, b, **k: _sum(g, dim=_positions(g), keepdim=False),
    name="conv",
)(kernel.conv)


@primitive(
    lambda g, y, x, w, *, size, **k: _conv(g, w, None, **k),
    lambda g, y, x, w, *, size, **k: conv_weight_grad(x, g, kernel=tuple(w.shape[2:]), **k),
    name="conv_input_grad",
)
def conv_input_grad(g: Any, w: Any, **k: Any) -> Any:
    """The adjoint of the convolution in its input: the transposed convolution."""
    return kernel.conv_input_grad(g, w, **k)


@primitive(
    lambda g, y, x, w, *, kernel, **k: _conv(w, g, None, **k),
    lambda g, y, x, w, *, kernel, **k: conv_input_grad(x, g, size=tuple(w.shape[2:]), **k),
    name="conv_weight_grad",
)
def conv_weight_grad(g: Any, x: Any, **k: Any) -> Any:
    """The adjoint of the convolution in its weight: output gradient and input correlated."""
    return kernel.conv_weight_grad(g, x, **k)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """:func:`conv2d` with one spatial dimension: (N, C, L) or (C, L), ``weight`` (F, C / groups, k).

    Source: ``torch.nn.functional.conv1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.conv1d(tg.tensor([[1.0, 2.0, 4.0]]), tg.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2.]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """``y[n, f, i, j] = b[f] + sum_{c, u, v} w[f, c, u, v] x[n, c, i stride + u dilation - padding, j ...]``.

    ``input`` is (N, C, H, W) or (C, H, W), ``weight`` (F, C / groups, kh, kw), ``bias`` (F). ``padding`` is a number of
    zeros on both sides, one per dimension, "valid" (none) or "same" (output size = input size, stride 1 only; an even
    kernel pads one more after than before). Raises ValueError for sizes that do not fit, TypeError for numbers that
    are no integers. Source: ``torch.nn.functional.conv2d``.

    >>> import tensorgrad as tg
    >>> x, w = tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2)
    >>> tg.nn.functional.conv2d(x, w)
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """:func:`conv2d` with three spatial dimensions: (N, C, D, H, W) or (C, D, H, W).

    Source: ``torch.nn.functional.conv3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.conv3d(tg.ones(1, 4, 5, 6), tg.ones(2, 1, 2, 2, 2), stride=2).shape
    (2, 2, 2, 3)
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


@reads_shapes
def _convolve(
    rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    op = f"conv{rank}d"
    x, w = operand(input, op), operand(weight, op)
    steps = per_dimension(stride, rank, op, "stride", minimum=1)
    spread = per_dimension(dilation, rank, op, "dilation", minimum=1)
    if not isinstance(padding, str):
        padding = per_dimension(padding, rank, op, "padding", minimum=0)
    groups = as_int(groups, op, "groups")
    a, m, b = raw(x), raw(w), raw(bias)
    image, dtype = a.shape, a.dtype
    if dtype is not _FLOAT32 or m.dtype is not dtype or (b is not None and b.dtype is not dtype):
        check_one_dtype(op, x, w, bias)
    shapes = image, m.shape, None if b is None else tuple(b.shape)
    pads = _checked_padding(rank, *shapes, steps, padding, spread, groups, dtype)
    unbatched = len(image) == rank + 1
    if unbatched:
        x = _reshape(x, shape=(1, *x.shape))
    y = _conv(x, w, bias, stride=steps, padding=pads, dilation=spread, groups=groups)
    return _reshape(y, shape=tuple(y.shape[1:])) if unbatched else y


@functools.lru_cache(maxsize=256)  # a network asks about the same few shapes again and again
def _checked_padding(
    rank: int,
    image: tuple[int, ...],
    weight: tuple[int, ...],
    bias: tuple[int, ...] | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...] | str,
    dilation: tuple[int, ...],
    groups: int,
    dtype: Any,
) -> Pairs:
    """The padding as pairs; one clear error for everything about the shapes that can be wrong."""
    op = f"conv{rank}d"
    if len(image) not in (rank + 1, rank + 2):
        names = ("L", "H, W", "D, H, W")[rank - 1]
        advice = "; one image without channels is x.unsqueeze(0)" if len(image) == rank else ""
        raise op_error(ValueError, op, f"expected input (N, C, {names}) or (C, {names}), got {dtype}{image}{advice}")
    if len(weight) != rank + 2:
        raise op_error(
            ValueError,
            op,
            f"expected weight of {rank + 2} dimensions (F, C / groups, kernel), got {dtype}{weight}",
        )
    channels, filters = image[-rank - 1], weight[0]
    if groups < 1:
        raise op_error(ValueError, op, f"groups must be at least 1, got {groups}")
    if channels == 0 or filters == 0 or 0 in weight[2:]:
        raise op_error(
            ValueError,
            op,
            f"channels, filters and kernel must not be empty: input {dtype}{image}, weight {dtype}{weight}",
        )
    if channels % groups or filters % groups:
        raise op_error(
            ValueError,
            op,
            f"groups={groups} must divide the input channels ({channels}) and the filters ({filters})",
        )
    if weight[1] * groups != channels:
        raise op_error(
            ValueError, op,
            f"expected input with {weight[1] * groups} channels for weight {weight} and groups={groups}, "
            f"got {channels} channels (input {image}){_channel_advice(image, weight[1] * groups, rank)}",
        )  # fmt: skip
    if bias is not None and bias != (filters,):
        raise op_error(ValueError, op, f"bias must have shape ({filters},), got {bias}")
    pads = _padding_pairs(padding, weight[2:], stride, dilation, op)
    for i, (n, k, (before, after), d) in enumerate(zip(image[-rank:], weight[2:], pads, dilation, strict=True)):
        padded, extent = before + n + after, (k - 1) * d + 1
        if n == 0 or extent > padded:
            raise op_error(
                ValueError, op,
                f"kernel size can't be greater than the padded input size: dimension {i + 2} of input "
                f"{(1,) * (rank + 2 - len(image)) + image} has {padded} values with padding, the kernel spans {extent}",
            )  # fmt: skip
    return pads


def _channel_advice(image: tuple[int, ...], channels: int, rank: int) -> str:
    """What to do where the channels seem to be left out, or to stand last."""
    if len(image) == rank + 1 and channels == 1:
        return f"; it was read as one image of {image[0]} channels, a batch without channels is x.unsqueeze(1)"
    if image[-1] == channels:
        return f"; if the channels stand last, x.movedim(-1, {len(image) - rank - 1})"
    return ""


def per_dimension(value: Any, rank: int, op: str, name: str, minimum: int) -> tuple[int, ...]:
    """One integer per spatial dimension from an int or a tuple (a tuple of one is repeated)."""
    kind = type(value)
    if kind is int and value >= minimum:
        return (value,) * rank
    if kind is tuple and len(value) == rank:  # as layers hold it
        for v in value:
            if type(v) is not int or v < minimum:
                break
        else:
            return value
    entries = value if isinstance(value, (tuple, list)) else (value,)
    numbers = tuple([v if type(v) is int else as_int(v, op, name) for v in entries])
    if len(numbers) == 1:
        numbers *= rank
    if len(numbers) != rank:
        raise op_error(ValueError, op, f"{name} must be one integer or {rank}, got {value!r}")
    if min(numbers) < minimum:
        raise op_error(ValueError, op, f"{name} must be at least {minimum}, got {value!r}")
    return numbers


def _padding_pairs(
    padding: tuple[int, ...] | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], op: str
) -> Pairs:
    if not isinstance(padding, str):
        return tuple((p, p) for p in padding)
    if padding == "valid":
        return ((0, 0),) * len(stride)
    if padding != "same":
        raise op_error(ValueError, op, f"padding must be integers, 'valid' or 'same', got {padding!r}")
    if any(s != 1 for s in stride):
        raise op_error(ValueError, op, f"padding='same' needs stride 1, got {stride}")
    totals = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in totals)


__all__ = ["conv1d", "conv2d", "conv3d"]
