"""The transformer and its parts as functions of their inputs and parameters."""

import functools

import numpy as np

from tests.cases.case import Case, exactly, fixed, real

MODEL, HEADS, HIDDEN = 4, 2, 3
SOURCE, TARGET, BATCH = 4, 3, 2
SETTINGS = {"dim_feedforward": HIDDEN, "dropout": 0.0, "activation": "gelu"}
CAUSAL = fixed(exactly(np.triu(np.full((TARGET, TARGET), -np.inf), 1)))
CAUSAL_BOOLEAN = exactly(np.triu(np.ones((TARGET, TARGET), bool), 1))
NOT_ALL = exactly(np.array([[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]], bool))  # (T, S), True: may not look
PADDED_SOURCE = exactly(np.array([[0, 0, 0, 1], [0, 0, 1, 1]], bool))
PADDED_TARGET = exactly(np.array([[0, 0, 1], [0, 0, 0]], bool))


def linear(name, rows, columns, bias):
    return {f"{name}.weight": (rows, columns)} | ({f"{name}.bias": (rows,)} if bias else {})


def norm(name, bias):
    return {f"{name}.weight": (MODEL,)} | ({f"{name}.bias": (MODEL,)} if bias else {})


def attention(name, bias):
    shapes = {f"{name}.in_proj_weight": (3 * MODEL, MODEL)}
    if bias:
        shapes[f"{name}.in_proj_bias"] = (3 * MODEL,)
    return shapes | linear(f"{name}.out_proj", MODEL, MODEL, bias)


def layer_parameters(kind, bias=True):
    """The shapes of a layer's parameters, in PyTorch's order."""
    attentions = ["self_attn", "multihead_attn"] if kind == "Decoder" else ["self_attn"]
    shapes = {}
    for name in attentions:
        shapes |= attention(name, bias)
    shapes |= linear("linear1", HIDDEN, MODEL, bias) | linear("linear2", MODEL, HIDDEN, bias)
    for k in range(1, len(attentions) + 2):
        shapes |= norm(f"norm{k}", bias)
    return shapes


def stack_parameters(kind, layers, norm_after):
    shapes = {f"layers.{i}.{name}": shape for i in range(layers) for name, shape in layer_parameters(kind).items()}
    return shapes | (norm("norm", True) if norm_after else {})


def model_parameters():
    """Of one layer in each stack."""
    return {
        f"{kind.lower()}.{name}": shape
        for kind in ("Encoder", "Decoder")
        for name, shape in stack_parameters(kind, 1, True).items()
    }


def case(op, label, make, shapes, sequences, masks=None, hints=None, smooth=True):
    """``make(nn)`` is the module; ``sequences``: shapes; ``masks``: recipes by name; ``hints``: other arguments."""
    masks, hints = masks or {}, hints or {}
    module = functools.cache(make)  # its parameters are exchanged in each call: one is enough

    def function(t, *inputs):
        xs, rest = inputs[: len(sequences)], inputs[len(sequences) :]
        state = dict(zip(shapes, rest, strict=False))
        keywords = hints | dict(zip(masks, rest[len(shapes) :], strict=True))
        return t.func.functional_call(module(t.nn), state, xs, keywords)

    inputs = [real(*shape) for shape in (*sequences, *shapes.values())]
    # without weights, as here, PyTorch's attention takes a kernel that has no second derivative
    return Case(op, label, function, *inputs, *masks.values(), second=False, smooth=smooth, float32=2e-5)


def layer(kind, label, masks=None, hints=None, sequences=None, smooth=True, **settings):
    sequences = sequences or [(TARGET, BATCH, MODEL), (SOURCE, BATCH, MODEL)][: 1 + (kind == "Decoder")]
    op, settings = f"Transformer{kind}Layer", SETTINGS | settings
    shapes = layer_parameters(kind, settings.get("bias", True))
    return case(
        op, label, lambda nn: getattr(nn, op)(MODEL, HEADS, **settings), shapes, sequences, masks, hints, smooth
    )


def stack(kind, label, sequences, masks=None, hints=None, layers=2, norm_after=False):
    def make(nn):
        layer = getattr(nn, f"Transformer{kind}Layer")(MODEL, HEADS, **SETTINGS)
        options = {"enable_nested_tensor": False} if kind == "Encoder" else {}  # PyTorch's warns that it cannot
        return getattr(nn, op)(layer, layers, nn.LayerNorm(MODEL) if norm_after else None, **options)

    op = f"Transformer{kind}"
    return case(op, label, make, stack_parameters(kind, layers, norm_after), sequences, masks, hints)


def model(label, sequences, masks=None, hints=None, **settings):
    # batch first and in order, PyTorch's encoder does not warn of what it cannot speed up
    make = lambda nn: nn.Transformer(MODEL, HEADS, 1, 1, batch_first=True, **SETTINGS | settings)
    return case("Transformer", label, make, model_parameters(), sequences, masks, hints)


SELF, CROSS = [(TARGET, BATCH, MODEL)], [(TARGET, BATCH, MODEL), (SOURCE, BATCH, MODEL)]
SWAPPED = [(BATCH, SOURCE, MODEL), (BATCH, TARGET, MODEL)]
CASES = [
    layer("Encoder", "norm last"),
    layer("Encoder", "norm first", norm_first=True),
    layer("Encoder", "relu", activation="relu", smooth=False),
    layer("Encoder", "batch first", sequences=[(BATCH, TARGET, MODEL)], batch_first=True),
    layer("Encoder", "no batch", sequences=[(TARGET, MODEL)]),
    layer("Encoder", "no bias", bias=False),
    layer("Encoder", "another eps", layer_norm_eps=0.1),
    layer("Encoder", "a mask of numbers", {"src_mask": real(TARGET, TARGET)}),
    layer("Encoder", "a boolean mask and padding", {"src_mask": CAUSAL_BOOLEAN, "src_key_padding_mask": PADDED_TARGET}),
    layer("Encoder", "causal", {"src_mask": CAUSAL_BOOLEAN}, {"is_causal": True}),
    layer("Decoder", "norm last"),
    layer("Decoder", "norm first", norm_first=True),
    layer("Decoder", "no batch", sequences=[(TARGET, MODEL), (SOURCE, MODEL)]),
    layer(
        "Decoder",
        "all masks",
        {
            "tgt_mask": CAUSAL_BOOLEAN,
            "memory_mask": NOT_ALL,
            "tgt_key_padding_mask": PADDED_TARGET,
            "memory_key_padding_mask": PADDED_SOURCE,
        },
    ),
    layer(
        "Decoder",
        "causal in both",
        {"tgt_mask": CAUSAL_BOOLEAN, "memory_mask": NOT_ALL},
        {"tgt_is_causal": True, "memory_is_causal": True},
    ),
    stack("Encoder", "two layers", SELF),
    stack(
        "Encoder",
        "norm, mask and padding",
        SELF,
        {"mask": CAUSAL_BOOLEAN, "src_key_padding_mask": PADDED_TARGET},
        layers=1,
        norm_after=True,
    ),
    stack("Encoder", "causal", SELF, {"mask": CAUSAL}, {"is_causal": True}, layers=1),
    stack("Decoder", "two layers", CROSS),
    stack(
        "Decoder",
        "norm and masks",
        CROSS,
        {"tgt_mask": CAUSAL, "memory_mask": real(TARGET, SOURCE)},
        layers=1,
        norm_after=True,
    ),
    model("one layer each", SWAPPED),
    model("norm first", SWAPPED, norm_first=True),
    model("causal target", SWAPPED, {"tgt_mask": CAUSAL}, {"tgt_is_causal": True}),
    model(
        "all masks",
        SWAPPED,
        {
            "src_mask": real(SOURCE, SOURCE),
            "tgt_mask": CAUSAL,
            "memory_mask": real(TARGET, SOURCE),
            "src_key_padding_mask": real(BATCH, SOURCE),
            "tgt_key_padding_mask": real(BATCH, TARGET),
            "memory_key_padding_mask": real(BATCH, SOURCE),
        },
    ),
    model("no batch", [(SOURCE, MODEL), (TARGET, MODEL)]),
]
