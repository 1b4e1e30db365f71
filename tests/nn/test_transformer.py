"""The transformer's modules: parameters, copies, dropout, masks, refusals. Their numbers are in the table."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import functional as F

ones = tg.ones


def encoder_layer(**settings):
    return nn.TransformerEncoderLayer(4, 2, 8, **settings)


def model(**settings):
    return nn.Transformer(4, 2, 2, 2, 8, **settings)


ATTENTION = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]


def test_parameters_are_pytorchs_in_its_order():
    names = [name for name, _ in nn.TransformerDecoderLayer(4, 2, 8).named_parameters()]
    assert names == [
        *(f"self_attn.{name}" for name in ATTENTION),
        *(f"multihead_attn.{name}" for name in ATTENTION),
        *(
            f"{part}.{name}"
            for part in ("linear1", "linear2", "norm1", "norm2", "norm3")
            for name in ("weight", "bias")
        ),
    ]
    names = list(encoder_layer(bias=False).state_dict())
    assert names == [
        "self_attn.in_proj_weight",
        "self_attn.out_proj.weight",
        *(f"{part}.weight" for part in ("linear1", "linear2", "norm1", "norm2")),
    ]
    names = list(model().state_dict())
    assert len(names) == 2 * 12 + 2 * 18 + 2 * 2
    assert {"encoder.layers.1.self_attn.in_proj_weight", "encoder.norm.weight", "decoder.layers.0.norm3.bias"} <= {
        *names
    }


def test_copies_start_alike_and_a_transformers_layers_do_not():
    layer = encoder_layer()
    stack = nn.TransformerEncoder(layer, 2)
    first, second = stack.layers
    assert first is not layer
    assert (first.linear1.weight == layer.linear1.weight).all()
    first.linear1.weight.data.zero_()
    assert (second.linear1.weight == layer.linear1.weight).all()
    first, second = model().encoder.layers
    assert (first.linear1.weight != second.linear1.weight).all()


def test_a_transformers_matrices_are_glorots():
    tg.manual_seed(0)
    weight = nn.Transformer(64, 4, 1, 1, 64).decoder.layers[0].linear2.weight
    bound = np.sqrt(6 / 128)
    assert 0.99 * bound < np.abs(weight.detach().numpy()).max() <= bound


@pytest.mark.parametrize(
    ("activation", "same"),
    [("relu", F.relu), ("gelu", F.gelu), ("gelu", nn.GELU()), ("relu", lambda x: x.clamp(min=0))],
)
def test_activations_by_name_and_as_functions(activation, same):
    one, other = encoder_layer(activation=activation).eval(), encoder_layer(activation=same).eval()
    other.load_state_dict(one.state_dict())
    x = tg.randn(3, 2, 4)
    np.testing.assert_allclose(one(x).detach().numpy(), other(x).detach().numpy(), atol=1e-6)


def test_dropout_while_training():
    tg.manual_seed(0)
    for module in (encoder_layer(dropout=0.5), nn.TransformerDecoderLayer(4, 2, 8, dropout=0.5), model(dropout=0.5)):
        inputs = [tg.randn(3, 2, 4)] * (1 if isinstance(module, nn.TransformerEncoderLayer) else 2)
        assert (module(*inputs) != module(*inputs)).any()
        module.eval()
        assert (module(*inputs) == module(*inputs)).all()


def test_dropout_of_everything_leaves_the_residual():
    x = tg.randn(3, 2, 4)
    assert (encoder_layer(dropout=1.0, norm_first=True)(x) == x).all()


def test_a_causal_target_does_not_see_what_follows():
    net = model(dropout=0.0)
    source, target = tg.randn(4, 1, 4), tg.randn(3, 1, 4, requires_grad=True)
    for hint in (None, True):
        output = net(source, target, tgt_mask=net.generate_square_subsequent_mask(3), tgt_is_causal=hint)
        (g,) = tg.autograd.grad(output[1].square().sum(), target)
        assert g.numpy()[:2].any(axis=(1, 2)).all()
        assert not g.numpy()[2].any()


def test_padding_of_the_source_is_not_seen():
    net = model(dropout=0.0, batch_first=True)
    source, target = tg.randn(1, 4, 4, requires_grad=True), tg.randn(1, 3, 4)
    padding = np.array([[False, False, False, True]])
    output = net(source, target, src_key_padding_mask=padding, memory_key_padding_mask=padding)
    (g,) = tg.autograd.grad(output.square().sum(), source)
    assert g.numpy()[0, :3].any(axis=1).all()
    assert not g.numpy()[0, 3].any()


def test_the_square_mask():
    mask = nn.Transformer.generate_square_subsequent_mask(3, dtype=tg.float64)
    assert mask.dtype == np.float64
    inf = float("inf")
    assert mask.tolist() == [[0.0, -inf, -inf], [0.0, 0.0, -inf], [0.0, 0.0, 0.0]]


def test_parts_of_ones_own():
    class Doubling(nn.Module):
        def forward(self, x, *others, **masks):
            return 2 * x

    net = model(custom_encoder=Doubling(), custom_decoder=Doubling())
    assert list(net.parameters()) == []
    assert (net(ones(3, 2, 4), ones(3, 2, 4)) == 2).all()


def test_one_parameter_of_a_stack_learns():
    net = model(dropout=0.0)
    net(tg.randn(4, 2, 4), tg.randn(3, 2, 4)).square().sum().backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in net.parameters())


X = ones(3, 2, 4)
NET, FIRST = model(), model(batch_first=True)
REFUSALS = {
    "heads": (lambda: nn.TransformerEncoderLayer(4, 3), ValueError, "MultiheadAttention: num_heads must divide"),
    "activation": (
        lambda: encoder_layer(activation="elu"),
        ValueError,
        "TransformerEncoderLayer: activation must be 'relu', 'gelu' or a function, got 'elu'",
    ),
    "no function": (
        lambda: nn.TransformerDecoderLayer(4, 2, activation=1.0),
        TypeError,
        "TransformerDecoderLayer: activation must be .*, got float 1.0",
    ),
    "features": (
        lambda: NET(X, ones(3, 2, 5)),
        ValueError,
        r"Transformer \(in Transformer\): expected src \(S, N, 4\) and tgt \(T, N, 4\), or both without N, got float32",
    ),
    "batches": (lambda: NET(X, ones(3, 1, 4)), ValueError, "Transformer .*expected src"),
    "batches, batch first": (lambda: FIRST(X, ones(2, 3, 4)), ValueError, r"Transformer .*expected src \(N, S, 4\)"),
    "one without a batch": (lambda: NET(X, ones(3, 4)), ValueError, "Transformer .*expected src"),
    "no tensor": (lambda: NET(X, None), ValueError, "Transformer .*got float32.*, NoneType"),
    "a layer's input": (
        lambda: encoder_layer()(ones(3, 2, 5)),
        ValueError,
        r"MultiheadAttention \(in TransformerEncoderLayer.self_attn\): expected query",
    ),
    "memory": (
        lambda: nn.TransformerDecoderLayer(4, 2)(X, ones(3, 1, 4)),
        ValueError,
        r"MultiheadAttention \(in TransformerDecoderLayer.multihead_attn\): expected query",
    ),
    "a mask that is said and not given": (
        lambda: nn.TransformerEncoder(encoder_layer(), 1)(X, is_causal=True),
        ValueError,
        "MultiheadAttention .*is_causal says what attn_mask is, and does not replace it",
    ),
    "a class for a layer": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer, 2),
        TypeError,
        "TransformerEncoder: expected a layer to make copies of, a Module, got type",
    ),
    "dropout": (lambda: encoder_layer(dropout=2.0), ValueError, "Dropout: p must be a probability"),
}


@pytest.mark.parametrize(("call", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=f"^{words}"):
        call()
