"""Normalisation on raw arrays: two-pass moments, and the gradient that reuses them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.kernels.reduce import accurate_sum


def batch_moments(x: np.ndarray, dim: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance over ``dim`` (kept as size 1), in two passes: a large mean costs no accuracy."""
    count = x.dtype.type(math.prod(x.shape[d] for d in dim))
    mean = accurate_sum(x, dim, keepdims=True) / count
    deviation = x - mean
    return mean, accurate_sum(np.multiply(deviation, deviation, out=deviation), dim, keepdims=True) / count


def normalize(x: np.ndarray, w: Any, b: Any, *, dim: tuple[int, ...], eps: float) -> tuple[np.ndarray, Any]:
    """``(x - mean) / sqrt(var + eps) * w + b``; also returns (mean, var) for the gradient and running averages."""
    mean, var = batch_moments(x, dim)
    y = x - mean
    y *= _scale(var, eps)
    if w is not None:
        y *= w
    if b is not None:
        y += b
    return y, (mean, var)


def _scale(var: np.ndarray, eps: float) -> np.ndarray:
    return 1 / np.sqrt(var + var.dtype.type(eps))


def normalize_grad(
    wanted: tuple[bool, ...], g: np.ndarray, x: np.ndarray, w: Any, *, dim: tuple[int, ...], eps: float, moments: Any
) -> tuple[Any, Any, Any]:
    """Gradients of :func:`normalize` in x, w and b; those of w and b in the shape of ``w`` (broadcasting undone)."""
    mean, var = moments
    scale = _scale(var, eps)
    z = x - mean
    z *= scale
    gz = g * z
    dw, db = gz, g
    dx = None
    if wanted[0]:
        count = x.dtype.type(math.prod(x.shape[d] for d in dim))
        gw, gwz = (g, gz) if w is None else (g * w, gz * w)
        mean_g = accurate_sum(gw, dim, keepdims=True) / count
        mean_gz = accurate_sum(gwz, dim, keepdims=True) / count
        dx = gw - mean_g
        z *= mean_gz
        dx -= z
        dx *= scale
    return dx, dw if wanted[1] else None, db if wanted[2] else None
