"""MultiheadAttention as a module: parameters, initial values, dropout, refusals. Its numbers are in the table."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn

ones = tg.ones


def test_parameters_are_pytorchs():
    layer = nn.MultiheadAttention(8, 2, add_bias_kv=True)
    assert {name: tuple(x.shape) for name, x in layer.state_dict().items()} == {
        "in_proj_weight": (24, 8),
        "in_proj_bias": (24,),
        "bias_k": (1, 1, 8),
        "bias_v": (1, 1, 8),
        "out_proj.weight": (8, 8),
        "out_proj.bias": (8,),
    }
    layer = nn.MultiheadAttention(8, 2, bias=False, kdim=3)
    assert {name: tuple(x.shape) for name, x in layer.state_dict().items()} == {
        "q_proj_weight": (8, 8),
        "k_proj_weight": (8, 3),
        "v_proj_weight": (8, 8),
        "out_proj.weight": (8, 8),
    }
    assert layer.in_proj_weight is None
    assert layer.in_proj_bias is None


def test_a_state_loads():
    one, other = nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2)
    x = tg.randn(3, 2, 8)
    other.load_state_dict({name: value.numpy() for name, value in one.state_dict().items()})
    np.testing.assert_array_equal(one(x, x, x)[0].detach().numpy(), other(x, x, x)[0].detach().numpy())


def test_initial_values():
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = np.sqrt(6 / (64 + 3 * 64))
    largest = np.abs(layer.in_proj_weight.detach().numpy()).max()
    assert 0.99 * bound < largest <= bound
    assert not layer.in_proj_bias.detach().numpy().any()
    assert not layer.out_proj.bias.detach().numpy().any()
    assert 0.99 / 8 < np.abs(layer.out_proj.weight.detach().numpy()).max() <= 1 / 8
    assert layer.bias_k.detach().numpy().std() == pytest.approx(np.sqrt(2 / (64 + 64)), rel=0.2)


@pytest.mark.parametrize("need_weights", [False, True])
def test_dropout_drops_weights_while_training(need_weights):
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, dropout=0.5)
    x = tg.randn(6, 2, 8)
    first, again = (layer(x, x, x, need_weights=need_weights)[0] for _ in range(2))
    assert (first != again).any()
    layer.eval()
    first, again = (layer(x, x, x, need_weights=need_weights)[0] for _ in range(2))
    assert (first == again).all()
    _, weights = layer.train()(x, x, x, average_attn_weights=False)
    dropped = (weights == 0).numpy().mean()
    assert 0.3 < dropped < 0.7


def test_a_query_that_looks_nowhere():
    layer, x, nowhere = (
        nn.MultiheadAttention(4, 2, bias=False),
        tg.randn(2, 1, 4),
        tg.tensor([[False, True], [True] * 2]),
    )
    output, weights = layer(x, x, x, attn_mask=nowhere)
    assert np.isnan(output.detach().numpy()[1]).all()
    assert np.isnan(weights.detach().numpy()[0, 1]).all()
    output, weights = layer(x, x, x, attn_mask=nowhere, need_weights=False)
    assert weights is None
    assert output.tolist()[1] == [[0.0] * 4]


def test_arrays_and_wider_masks_keep_the_dtype():
    layer, x = nn.MultiheadAttention(4, 2), np.ones((3, 2, 4), np.float32)
    for mask in (np.zeros((3, 3)), tg.zeros(3, 3, dtype=np.float64), np.zeros((3, 3), bool)):
        for padding in (None, np.zeros((2, 3), bool)):
            output, weights = layer(x, x, x, key_padding_mask=padding, attn_mask=mask)
            assert output.dtype == weights.dtype == np.float32


def test_a_mask_that_is_learned_gets_its_gradient():
    layer, x, mask = nn.MultiheadAttention(4, 2), tg.randn(3, 2, 4), tg.zeros(3, 3, requires_grad=True)
    layer(x, x, x, attn_mask=mask)[0].square().sum().backward()
    assert mask.grad.numpy().any()


def test_printing():
    assert repr(nn.MultiheadAttention(4, 2)) == (
        "MultiheadAttention(\n  (out_proj): Linear(in_features=4, out_features=4, bias=True)\n)"
    )


LAYER = nn.MultiheadAttention(4, 2)
X = ones(3, 2, 4)
REFUSALS = {
    "heads": (lambda: nn.MultiheadAttention(4, 3), ValueError, "num_heads must divide embed_dim, got embed_dim=4 and"),
    "no heads": (lambda: nn.MultiheadAttention(4, 0), ValueError, "num_heads=0"),
    "features": (
        lambda: LAYER(ones(3, 2, 5), X, X),
        ValueError,
        r"query \(L, N, 4\), key \(S, N, 4\) and value \(S, N, 4\), or all without N, got float32\(3, 2, 5\), ",
    ),
    "dimensions": (lambda: LAYER(ones(4), ones(4), ones(4)), ValueError, "expected query"),
    "some without a batch": (lambda: LAYER(X, ones(3, 4), ones(3, 4)), ValueError, "expected query"),
    "batches": (lambda: LAYER(X, ones(3, 1, 4), ones(3, 1, 4)), ValueError, "expected query"),
    "batches, batch first": (
        lambda: nn.MultiheadAttention(4, 2, kdim=3, batch_first=True)(X, ones(2, 3, 3), ones(2, 3, 4)),
        ValueError,
        r"query \(N, L, 4\), key \(N, S, 3\) and value \(N, S, 4\)",
    ),
    "lengths": (lambda: LAYER(X, X, ones(2, 2, 4)), ValueError, "expected query"),
    "no tensor": (lambda: LAYER(1.0, X, X), ValueError, "got float 1.0"),
    "attn_mask": (
        lambda: LAYER(X, X, X, attn_mask=ones(3, 2)),
        ValueError,
        r"shape \(3, 3\) or \(4, 3, 3\), got float",
    ),
    "key_padding_mask": (lambda: LAYER(X, X, X, key_padding_mask=ones(3, 2)), ValueError, r"must have shape \(2, 3\)"),
    "integers": (
        lambda: LAYER(X, X, X, attn_mask=ones(3, 3, dtype=np.int64)),
        TypeError,
        "attn_mask must be boolean or floating-point, got int64",
    ),
    "causal": (lambda: LAYER(X, X, X, is_causal=True), ValueError, r"give attn_mask=tg.ones\(.*\).triu\(1\) too"),
}


@pytest.mark.parametrize(("call", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=rf"^MultiheadAttention( \(in MultiheadAttention\))?: .*{words}"):
        call()
