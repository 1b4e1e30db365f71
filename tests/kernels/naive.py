"""Plain references: loops over output pixels, written to be obviously right, in float64."""

from __future__ import annotations

import itertools

import numpy as np


def places(o, kernel, stride, before, dilation):
    """Yield (kernel position, input position) for one output position; input positions may lie outside."""
    for k in itertools.product(*map(range, kernel)):
        yield (
            k,
            tuple(a * s + b * d - p for a, b, s, p, d in zip(o, k, stride, before, dilation, strict=True)),
        )


def inside(i, size):
    return all(0 <= a < n for a, n in zip(i, size, strict=True))


def conv(x, w, b, *, stride, padding, dilation, groups):
    size, kernel = x.shape[2:], w.shape[2:]
    before = [p[0] for p in padding]
    out = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    fg, cg = w.shape[0] // groups, w.shape[1]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    for o in itertools.product(*map(range, out)):
        for k, i in places(o, kernel, stride, before, dilation):
            if inside(i, size):
                for q in range(groups):
                    xs = x[(slice(None), slice(q * cg, (q + 1) * cg), *i)]
                    ws = w[(slice(q * fg, (q + 1) * fg), slice(None), *k)]
                    y[(slice(None), slice(q * fg, (q + 1) * fg), *o)] += xs @ ws.T
    if b is not None:
        y += b.reshape(-1, *[1] * len(size))
    return y


def max_pool(x, *, out, kernel, stride, padding, dilation):
    """Return (y, window index, flat index); the first NaN wins, then the first largest."""
    size = x.shape[2:]
    y = np.full((*x.shape[:2], *out), -np.inf)
    index = np.zeros(y.shape, int)
    flat = np.zeros(y.shape, int)
    for nc in np.ndindex(*x.shape[:2]):
        for o in itertools.product(*map(range, out)):
            best = None
            for j, (_, i) in enumerate(places(o, kernel, stride, padding, dilation)):
                if not inside(i, size):
                    continue
                v = x[(*nc, *i)]
                if best is None or v > best or (np.isnan(v) and not np.isnan(best)):
                    best = v
                    y[(*nc, *o)] = v
                    index[(*nc, *o)] = j
                    flat[(*nc, *o)] = np.ravel_multi_index(i, size)
    return y, index, flat


def avg_pool(x, *, out, kernel, stride, padding, count_include_pad, divisor_override):
    size = x.shape[2:]
    y = np.zeros((*x.shape[:2], *out))
    for o in itertools.product(*map(range, out)):
        seen = padded = 0
        for _, i in places(o, kernel, stride, padding, [1] * len(size)):
            padded += all(a < n + p for a, n, p in zip(i, size, padding, strict=True))
            if inside(i, size):
                seen += 1
                y[(slice(None), slice(None), *o)] += x[(slice(None), slice(None), *i)]
        y[(slice(None), slice(None), *o)] /= divisor_override or (padded if count_include_pad else seen)
    return y


def adaptive_avg_pool(x, *, output_size):
    y = np.zeros((*x.shape[:2], *output_size))
    for o in itertools.product(*map(range, output_size)):
        window = tuple(
            slice(a * n // m, -(-(a + 1) * n // m)) for a, n, m in zip(o, x.shape[2:], output_size, strict=True)
        )
        part = x[(slice(None), slice(None), *window)]
        y[(slice(None), slice(None), *o)] = part.mean(tuple(range(2, x.ndim)))
    return y


def layouts(x):
    """Return arrays of different memory layouts that all equal x, and are not writeable."""
    wide = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    strided = wide[tuple(slice(1, 2 * n, 2) for n in x.shape)]
    strided[...] = x
    result = {
        "contiguous": x.copy(),
        "channels last": np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1),
        "fortran": np.asfortranarray(x),
        "negative strides": x[(slice(None, None, -1),) * x.ndim].copy()[(slice(None, None, -1),) * x.ndim],
        "negative channels last": np.moveaxis(
            np.moveaxis(x, 1, -1)[:, ::-1, ..., ::-1].copy()[:, ::-1, ..., ::-1], -1, 1
        ),
        "strided": strided,
    }
    for array in result.values():
        array.flags.writeable = False
    return result


def exact_norm(g, x, w, b, dim, eps):
    """Normalisation over ``dim`` in float64: y, dx, and g z, whose sums are the gradient in w."""
    g, x, w, b = (None if a is None else a.astype(np.float64) for a in (g, x, w, b))
    mean, var = x.mean(axis=dim, keepdims=True), x.var(axis=dim, keepdims=True)
    scale = 1 / np.sqrt(var + eps)
    z = (x - mean) * scale
    gw = g if w is None else g * w
    y = (z if w is None else z * w) + (0 if b is None else b)
    dx = scale * (gw - gw.mean(axis=dim, keepdims=True) - z * (gw * z).mean(axis=dim, keepdims=True))
    return {"y": y, "dx": dx, "gz": g * z}


def assert_near(found, exact, near):
    """Close to ``near`` of the number itself, or to ten times that of the largest."""
    atol = 10 * near * max(1, np.abs(exact).max(initial=0))
    np.testing.assert_allclose(found, exact, rtol=near, atol=atol)
