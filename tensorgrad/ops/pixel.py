"""Channels rearranged into pixels and back: moves without arithmetic."""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import as_int, operand
from tensorgrad.ops.shape import _permute, _reshape


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(..., C r^2, H, W) as (..., C, H r, W r): every r^2 channels become an r by r block of pixels.

    Raises ValueError unless r^2 divides the channels. Source: ``torch.nn.functional.pixel_shuffle``; Shi et al. 2016.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.pixel_shuffle(tg.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])
    """
    op = "pixel_shuffle"
    x, r = _image(input, upscale_factor, "upscale_factor", op)
    *lead, c, h, w = x.shape
    if c % (r * r):
        raise op_error(ValueError, op, f"upscale_factor^2 = {r * r} must divide the channels, got {describe(x)}")
    n = len(lead)
    y = _permute(_reshape(x, shape=(*lead, c // (r * r), r, r, h, w)), dims=(*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return _reshape(y, shape=(*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(..., C, H r, W r) as (..., C r^2, H, W): the inverse of :func:`pixel_shuffle`.

    Raises ValueError unless r divides height and width. Source: ``torch.nn.functional.pixel_unshuffle``.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.pixel_unshuffle(tg.arange(4).reshape(1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    op = "pixel_unshuffle"
    x, r = _image(input, downscale_factor, "downscale_factor", op)
    *lead, c, h, w = x.shape
    if h % r or w % r:
        raise op_error(ValueError, op, f"downscale_factor {r} must divide height and width, got {describe(x)}")
    n = len(lead)
    y = _permute(_reshape(x, shape=(*lead, c, h // r, r, w // r, r)), dims=(*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return _reshape(y, shape=(*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Any, groups: int) -> Any:
    """The channels of (N, C, ...) dealt out like cards: first of each group, second of each group, and so on.

    Raises ValueError unless ``groups`` divides the channels. Source: ``torch.nn.functional.channel_shuffle``; Zhang
    et al. 2018.

    >>> import tensorgrad as tg
    >>> tg.nn.functional.channel_shuffle(tg.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    op = "channel_shuffle"
    x, g = operand(input, op), as_int(groups, op, "groups")
    if x.ndim < 3:
        raise op_error(ValueError, op, f"expected (N, C, ...) of at least 3 dimensions, got {describe(x)}")
    n, c, *rest = x.shape
    if g < 1 or c % g:
        raise op_error(ValueError, op, f"groups={g} must be at least 1 and divide the channels ({c})")
    y = _permute(_reshape(x, shape=(n, g, c // g, *rest)), dims=(0, 2, 1, *range(3, x.ndim + 1)))
    return _reshape(y, shape=(n, c, *rest))


def _image(input: Any, factor: Any, name: str, op: str) -> tuple[Any, int]:
    x, r = operand(input, op), as_int(factor, op, name)
    if x.ndim < 3:
        raise op_error(ValueError, op, f"expected (..., C, H, W), got {describe(x)}")
    if r < 1:
        raise op_error(ValueError, op, f"{name} must be at least 1, got {r}")
    return x, r


__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]
