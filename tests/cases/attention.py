"""Rows of a table, products of pairs, attention."""

import numpy as np

from tests.cases.case import Case, exactly, fixed, functional, gradient, integers, real

# --------------------------------------------------------------------------- embedding


def embedding(label, index, weight, second=True, **static):
    smooth = not static  # each of the arguments makes the gradient something else than the derivative
    call = functional("embedding", **static)
    return Case("embedding", label, call, index, real(*weight), linear=True, smooth=smooth, second=second)


CASES = [
    embedding("a line", integers(5, 7), (5, 3)),
    embedding("an image, duplicates", integers(3, 2, 4), (3, 2)),
    embedding("one number", exactly(2), (4, 3)),
    embedding("empty", integers(3, 0), (3, 2), second=False),  # PyTorch's fails
    embedding("padding_idx", exactly([[0, 2, 1], [2, 2, 0]]), (4, 3), padding_idx=2),
    embedding("padding_idx from the end", exactly([[0, 3, 1], [2, 3, 0]]), (4, 3), padding_idx=-1),
    # PyTorch forgets the frequencies in the second derivative
    embedding("scale_grad_by_freq", exactly([[0, 2, 1], [2, 2, 0]]), (4, 3), second=False, scale_grad_by_freq=True),
    Case(
        "embedding",
        "gradient, padding_idx",
        gradient(lambda t, w, i: t.F.embedding(i, w, 1)),
        real(3, 2),
        exactly([0, 1, 2, 0]),
        real(4, 2),
        linear=True,
    ),
    Case("embedding", "of a product", lambda t, i, w: t.F.embedding(i, w * w), integers(3, 4), real(3, 2)),
]

# --------------------------------------------------------------------------- bilinear

CASES += [
    Case("bilinear", "a batch", functional("bilinear"), real(3, 2), real(3, 4), real(5, 2, 4), real(5), linear=True),
    Case(
        "bilinear",
        "no bias, two batches",
        functional("bilinear"),
        real(2, 3, 2),
        real(2, 3, 1),
        real(2, 2, 1),
        linear=True,
    ),
    Case("bilinear", "no batch", functional("bilinear"), real(2), real(3), real(1, 2, 3), real(1), linear=True),
]

# --------------------------------------------------------------------------- attention

INF = float("inf")


def attention(label, q, k, v, *mask, **static):
    call = functional("scaled_dot_product_attention", **static)
    return Case("scaled_dot_product_attention", label, call, real(*q), real(*k), real(*v), *mask, float32=5e-6)


# with values as wide as the keys PyTorch takes a kernel that has no second derivative
HEADS = ((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 2))
PATTERN = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
CASES += [
    attention("plain", *HEADS),
    attention("three dimensions", (2, 3, 4), (2, 2, 4), (2, 2, 3)),
    attention("two dimensions", (3, 4), (2, 4), (2, 3)),
    attention("scale", *HEADS, scale=0.3),
    attention("causal", (1, 1, 4, 3), (1, 1, 4, 3), (1, 1, 4, 2), is_causal=True),
    attention("causal, more keys", *HEADS, is_causal=True),
    attention("boolean mask", *HEADS, exactly(PATTERN)),
    attention("float mask", *HEADS, real(3, 5)),
    attention("shared heads", (1, 4, 2, 3), (1, 2, 3, 3), (1, 2, 3, 2), enable_gqa=True),
    Case(
        "scaled_dot_product_attention",
        "a query that looks nowhere",
        functional("scaled_dot_product_attention"),
        real(1, 1, 2, 3),
        real(1, 1, 2, 3),
        real(1, 1, 2, 2),
        exactly([[True, False], [False, False]]),
    ),
    Case(
        "scaled_dot_product_attention",
        "float mask with infinities",
        functional("scaled_dot_product_attention"),
        real(1, 1, 2, 3),
        real(1, 1, 2, 3),
        real(1, 1, 2, 2),
        fixed(exactly([[0.0, -INF], [-INF, -INF]])),
    ),
]
