"""Transposed convolution: the adjoint of the convolution in its input, as an operator of its own.

<conv(x, w), y> = <x, conv_transpose(y, w)>, so the primitive is the convolution's own input gradient.
"""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import as_int, operand
from tensorgrad.ops._one_dtype import check_one_dtype
from tensorgrad.ops.conv import conv_input_grad, per_dimension
from tensorgrad.ops.shape import _reshape


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """:func:`conv_transpose2d` with one spatial dimension. Source: ``torch.nn.functional.conv_transpose1d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.conv_transpose1d(tg.tensor([[1.0, 2.0]]), tg.ones(1, 1, 2), stride=2)
    tensor([[1., 1., 2., 2.]])
    """
    return _convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """``y[n, f, i] = b[f] + sum x[n, c, o] w[c, f, k]`` over c, o, k with ``o stride + k dilation - padding = i``.

    ``input`` is (N, C, H, W) or (C, H, W), ``weight`` (C, F / groups, kh, kw), ``bias`` (F); the output has
    ``(H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1`` rows. It undoes the shape of a
    convolution with the same arguments; ``output_padding`` says which of the shapes that become the same one. Raises
    ValueError for sizes that do not fit. Source: ``torch.nn.functional.conv_transpose2d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.conv_transpose2d(tg.ones(1, 1, 2, 2), tg.ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    return _convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """:func:`conv_transpose2d` with three spatial dimensions. Source: ``torch.nn.functional.conv_transpose3d``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.conv_transpose3d(tg.ones(1, 1, 2, 3), tg.ones(1, 4, 2, 2, 2), stride=2).shape
    (4, 2, 4, 6)
    """
    return _convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolve_transposed(
    rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, extra: Any, groups: Any, dilation: Any
) -> Any:
    op = f"conv_transpose{rank}d"
    x, w = operand(input, op), operand(weight, op)
    steps = per_dimension(stride, rank, op, "stride", minimum=1)
    pads = per_dimension(padding, rank, op, "padding", minimum=0)
    extras = per_dimension(extra, rank, op, "output_padding", minimum=0)
    spread = per_dimension(dilation, rank, op, "dilation", minimum=1)
    if any(e >= max(s, d) for e, s, d in zip(extras, steps, spread, strict=True)):
        raise op_error(
            ValueError, op,
            f"output_padding must be smaller than stride or dilation, got {extras} with stride {steps}, "
            f"dilation {spread}",
        )  # fmt: skip
    filters = _check_operands(rank, x, w, bias, groups, op)
    unbatched = x.ndim == rank + 1
    if unbatched:
        x = _reshape(x, shape=(1, *x.shape))
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, k, s, p, e, d in zip(x.shape[2:], w.shape[2:], steps, pads, extras, spread, strict=True)
    )
    if min(size) < 1 or 0 in x.shape[2:]:
        raise op_error(ValueError, op, f"output size {size} is too small for input {tuple(x.shape)}")
    # the convolution that this is the adjoint of never reads the extra rows: they are taken off its padding
    pairs = tuple((p, p - e) for p, e in zip(pads, extras, strict=True))
    y = conv_input_grad(x, w, size=size, stride=steps, padding=pairs, dilation=spread, groups=int(groups))
    if bias is not None:
        y = y + _reshape(bias, shape=(1, filters, *[1] * rank))
    return _reshape(y, shape=tuple(y.shape[1:])) if unbatched else y


def _check_operands(rank: int, x: Any, w: Any, bias: Any, groups: Any, op: str) -> int:
    """Everything about the operands that can be wrong, one clear error each; returns the number of filters."""
    names = ("L", "H, W", "D, H, W")[rank - 1]
    if x.ndim not in (rank + 1, rank + 2):
        raise op_error(ValueError, op, f"expected input (N, C, {names}) or (C, {names}), got {describe(x)}")
    if w.ndim != rank + 2:
        raise op_error(
            ValueError, op, f"expected weight of {rank + 2} dimensions (C, F / groups, kernel), got {describe(w)}"
        )
    g, channels = as_int(groups, op, "groups"), x.shape[-rank - 1]
    if 0 in w.shape:
        raise op_error(ValueError, op, f"channels, filters and kernel must not be empty, got weight {describe(w)}")
    if g < 1 or channels % g:
        raise op_error(ValueError, op, f"groups={g} must be at least 1 and divide the input channels ({channels})")
    if w.shape[0] != channels:
        raise op_error(
            ValueError, op,
            f"expected input with {w.shape[0]} channels for weight {tuple(w.shape)}, got {channels} channels "
            f"(input {tuple(x.shape)})",
        )  # fmt: skip
    filters = w.shape[1] * g
    if bias is not None and tuple(bias.shape) != (filters,):
        raise op_error(ValueError, op, f"bias must have shape ({filters},), got {tuple(bias.shape)}")
    check_one_dtype(op, x, w, bias)
    return int(filters)


__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
