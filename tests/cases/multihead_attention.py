"""nn.MultiheadAttention as a function of its inputs and its parameters."""

import functools

import numpy as np

from tests.cases.case import Case, exactly, fixed, real

EMBED, HEADS = 4, 2
INF = float("inf")
SEQUENCE = (3, 2, EMBED)  # (L, N, E)
OTHER = (5, 2, EMBED)  # (S, N, E)
NOT_ALL = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]], bool)  # (L, S), True: may not look
PADDED = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]], bool)  # (N, S)


def parameters(kdim=EMBED, vdim=EMBED, bias=True, add_bias_kv=False):
    """The shapes of the parameters, in PyTorch's order."""
    if kdim == vdim == EMBED:
        shapes = {"in_proj_weight": (3 * EMBED, EMBED)}
    else:
        shapes = {f"{x}_proj_weight": (EMBED, n) for x, n in (("q", EMBED), ("k", kdim), ("v", vdim))}
    if bias:
        shapes["in_proj_bias"] = (3 * EMBED,)
    if add_bias_kv:
        shapes |= {"bias_k": (1, 1, EMBED), "bias_v": (1, 1, EMBED)}
    shapes["out_proj.weight"] = (EMBED, EMBED)
    if bias:
        shapes["out_proj.bias"] = (EMBED,)
    return shapes


def attention(label, sequences, masks=(), call=None, **settings):
    """``sequences``: shapes of query, key and value, or of one that is all three; ``masks``: by name."""
    call, masks = call or {}, dict(masks)
    shapes = parameters(**{k: v for k, v in settings.items() if k in ("kdim", "vdim", "bias", "add_bias_kv")})
    module = functools.cache(lambda nn: nn.MultiheadAttention(EMBED, HEADS, **settings))

    def function(t, *inputs):
        xs, rest = inputs[: len(sequences)], inputs[len(sequences) :]
        values, given = rest[: len(shapes)], rest[len(shapes) :]
        state = dict(zip(shapes, values, strict=True))
        xs = xs * 3 if len(xs) == 1 else xs
        keywords = {**call, **dict(zip(masks, given, strict=True))}
        output, weights = t.func.functional_call(module(t.nn), state, xs, keywords)
        return output if weights is None else (output, weights)

    inputs = [real(*shape) for shape in (*sequences, *shapes.values())]
    # without weights PyTorch takes a kernel that has no second derivative
    second = call.get("need_weights", True)
    return Case("MultiheadAttention", label, function, *inputs, *masks.values(), second=second, float32=1e-5)


PAIR = (SEQUENCE, OTHER, OTHER)
SWAPPED = tuple((n, length, e) for length, n, e in PAIR)
CAUSAL = exactly(np.triu(np.ones((3, 3), bool), 1))
ALONE = {"need_weights": False}
CASES = [
    attention("itself", [SEQUENCE]),
    attention("itself, no weights", [SEQUENCE], call=ALONE),
    attention("another sequence", PAIR),
    attention("another sequence, no weights", PAIR, call=ALONE),
    attention("batch first", SWAPPED, batch_first=True),
    attention("batch first, no weights", SWAPPED, call=ALONE, batch_first=True),
    attention("no batch", [(3, EMBED), (5, EMBED), (5, EMBED)]),
    attention("no batch, batch first", [(3, EMBED)], batch_first=True),
    attention("no batch, no weights", [(3, EMBED), (5, EMBED), (5, EMBED)], call=ALONE),
    attention("weights of each head", PAIR, call={"average_attn_weights": False}),
    attention("no bias", PAIR, bias=False),
    attention("other sizes", (SEQUENCE, (5, 2, 3), (5, 2, 2)), kdim=3, vdim=2),
    attention("other sizes, no bias", (SEQUENCE, (5, 2, EMBED), (5, 2, 2)), vdim=2, bias=False),
    attention("appended key", PAIR, add_bias_kv=True),
    attention("appended zero", PAIR, add_zero_attn=True),
    attention("both appended, batch first", SWAPPED, add_bias_kv=True, add_zero_attn=True, batch_first=True),
    attention("both appended, no weights", PAIR, call=ALONE, add_bias_kv=True, add_zero_attn=True),
    attention("boolean mask", PAIR, {"attn_mask": exactly(NOT_ALL)}),
    attention("boolean mask, no weights", PAIR, {"attn_mask": exactly(NOT_ALL)}, ALONE),
    attention("float mask", PAIR, {"attn_mask": real(3, 5)}),
    attention("float mask, no weights", PAIR, {"attn_mask": real(3, 5)}, ALONE),
    attention("a mask for each head", PAIR, {"attn_mask": real(2 * HEADS, 3, 5)}),
    attention("padding", PAIR, {"key_padding_mask": exactly(PADDED)}),
    attention("padding, no weights", PAIR, {"key_padding_mask": exactly(PADDED)}, ALONE),
    attention("padding, numbers", PAIR, {"key_padding_mask": real(2, 5)}),
    attention("padding, no batch", [(3, EMBED)], {"key_padding_mask": exactly([False, True, False])}),
    attention("both masks", PAIR, {"attn_mask": exactly(NOT_ALL), "key_padding_mask": exactly(PADDED)}),
    attention(
        "both masks and both appended",
        PAIR,
        {"attn_mask": exactly(NOT_ALL), "key_padding_mask": exactly(PADDED)},
        add_bias_kv=True,
        add_zero_attn=True,
    ),
    attention("causal", [SEQUENCE], {"attn_mask": CAUSAL}, {"is_causal": True}),
    attention("causal, no weights", [SEQUENCE], {"attn_mask": CAUSAL}, {"is_causal": True, **ALONE}),
    attention(
        "causal and padding, no weights",
        [SEQUENCE],
        {"attn_mask": CAUSAL, "key_padding_mask": exactly(PADDED[:, :3])},
        {"is_causal": True, **ALONE},
    ),
    attention(
        "a query that looks nowhere, no weights",
        [SEQUENCE],
        {"attn_mask": fixed(exactly([[0.0, -INF, 0.0], [-INF, -INF, -INF], [0.0, 0.0, 0.0]]))},
        ALONE,
    ),
]
