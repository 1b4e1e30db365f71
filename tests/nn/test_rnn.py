"""Recurrent layers and cells as modules: parameters, initial values, states, refusals. The table has their numbers."""

import copy

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd.node import Faded

ones = tg.ones
X = ones(5, 2, 3)
LAYERS = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = {nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}


def shapes(module):
    return [(name, tuple(x.shape)) for name, x in module.state_dict().items()]


def test_parameters_are_pytorchs():
    assert shapes(nn.LSTM(3, 4)) == [
        ("weight_ih_l0", (16, 3)),
        ("weight_hh_l0", (16, 4)),
        ("bias_ih_l0", (16,)),
        ("bias_hh_l0", (16,)),
    ]
    assert shapes(nn.GRU(3, 4, num_layers=2, bias=False, bidirectional=True)) == [
        ("weight_ih_l0", (12, 3)),
        ("weight_hh_l0", (12, 4)),
        ("weight_ih_l0_reverse", (12, 3)),
        ("weight_hh_l0_reverse", (12, 4)),
        ("weight_ih_l1", (12, 8)),
        ("weight_hh_l1", (12, 4)),
        ("weight_ih_l1_reverse", (12, 8)),
        ("weight_hh_l1_reverse", (12, 4)),
    ]
    assert shapes(nn.LSTM(3, 4, num_layers=2, bias=False, proj_size=2)) == [
        ("weight_ih_l0", (16, 3)),
        ("weight_hh_l0", (16, 2)),
        ("weight_hr_l0", (2, 4)),
        ("weight_ih_l1", (16, 2)),
        ("weight_hh_l1", (16, 2)),
        ("weight_hr_l1", (2, 4)),
    ]
    assert shapes(nn.RNNCell(3, 4)) == [
        ("weight_ih", (4, 3)),
        ("weight_hh", (4, 4)),
        ("bias_ih", (4,)),
        ("bias_hh", (4,)),
    ]
    assert nn.GRUCell(3, 4, bias=False).bias_ih is None


def test_all_weights_are_listed_by_layer_and_direction():
    layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    assert [len(group) for group in layer.all_weights] == [4] * 4
    assert layer.all_weights[3][1] is layer.weight_hh_l1_reverse
    assert layer.flatten_parameters() is None


@pytest.mark.parametrize("make", [lambda: nn.LSTM(50, 16, 2), lambda: nn.GRUCell(50, 16)])
def test_initial_values_are_uniform(make):
    tg.manual_seed(0)
    for parameter in make().parameters():
        largest = np.abs(parameter.detach().numpy()).max()
        assert 0.8 / 4 < largest <= 1 / 4


@pytest.mark.parametrize("cls", LAYERS)
def test_a_layer_is_a_loop_over_its_cell(cls):
    layer, cell = cls(3, 4), CELLS[cls](3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): x for name, x in layer.state_dict().items()})
    x = tg.randn(5, 2, 3)
    output, last = layer(x)
    state, found = None, []
    for step in x:
        state = cell(step, state)
        found.append(state[0] if cls is nn.LSTM else state)
    np.testing.assert_allclose(output.detach().numpy(), tg.stack(found).detach().numpy(), atol=1e-6)
    for a, b in zip(last, state, strict=True) if cls is nn.LSTM else [(last, state)]:
        np.testing.assert_allclose(a[0].detach().numpy(), b.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
def test_a_sequence_in_two_parts(cls):
    """The state after the first part is where the second starts; gradients reach through it."""
    layer, x = cls(3, 4, num_layers=2), tg.randn(6, 2, 3, requires_grad=True)
    whole, _ = layer(x)
    first, state = layer(x[:2])
    second, _ = layer(x[2:], state)
    np.testing.assert_allclose(whole.detach().numpy(), tg.cat([first, second]).detach().numpy(), atol=1e-6)
    (expected,) = tg.autograd.grad(whole[-1].sum(), x)
    (actual,) = tg.autograd.grad(second[-1].sum(), x)
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("cls", LAYERS)
def test_the_reverse_direction_reads_from_the_end(cls):
    layer = cls(3, 4, bidirectional=True)
    alone = cls(3, 4)
    alone.load_state_dict({n.removesuffix("_reverse"): x for n, x in layer.state_dict().items() if "reverse" in n})
    x = tg.randn(5, 2, 3)
    both, last = layer(x)
    output, end = alone(x.flip(0))
    np.testing.assert_array_equal(both[..., 4:].detach().numpy(), output.flip(0).detach().numpy())
    last, end = (last[0], end[0]) if cls is nn.LSTM else (last, end)
    np.testing.assert_array_equal(last[1].detach().numpy(), end[0].detach().numpy())
    np.testing.assert_array_equal(last[1].detach().numpy(), both[0, :, 4:].detach().numpy())


def test_dropout_is_between_layers_and_while_training():
    tg.manual_seed(0)
    layer, x = nn.GRU(3, 4, num_layers=2, dropout=0.5), tg.randn(5, 2, 3)
    assert (layer(x)[0] != layer(x)[0]).any()
    assert (layer(x)[1][0] == layer(x)[1][0]).all()  # of the first layer
    layer.eval()
    assert (layer(x)[0] == layer(x)[0]).all()
    with pytest.warns(UserWarning, match=r"^GRU: dropout=0.5 has no effect with num_layers=1"):
        nn.GRU(3, 4, dropout=0.5)


@pytest.mark.parametrize("cls", LAYERS)
def test_the_output_may_be_written(cls):
    layer = cls(3, 4)
    expected = layer(X)[0].relu().sum()
    output = layer(X)[0]
    output.relu_()
    output.sum().backward()
    assert output.sum().item() == expected.item()
    assert output.is_contiguous()
    assert layer.weight_hh_l0.grad.numpy().any()


def nodes(root):
    """All nodes of the graph below a tensor."""
    seen, stack = set(), [root.node]
    while stack:
        node = stack.pop()
        if hasattr(node, "edges") and node not in seen:
            seen.add(node)
            stack.extend(node.edges)
    return seen


@pytest.mark.parametrize("cls", LAYERS)
def test_one_operator_a_layer(cls):
    """However long the sequence is, the graph has as many nodes."""
    layer = cls(3, 4)
    assert len(nodes(layer(ones(3, 2, 3))[0])) == len(nodes(layer(ones(50, 2, 3))[0])) < 8


@pytest.mark.parametrize(("cls", "kept"), [(nn.LSTM, 5), (nn.GRU, 4)])
def test_backward_frees_the_gates(cls, kept):
    output, _ = cls(3, 4)(X)
    (node,) = (node for node in nodes(output) if "gates" in node.static)
    assert node.static["gates"].nbytes == 5 * kept * 2 * 4 * 4
    output.sum().backward()
    assert isinstance(node.static["gates"], Faded)


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "four"])
def test_the_recorded_rule_is_the_ordinary_one(cls, settings):
    """Arrays may take another way back than Tensors."""
    tg.manual_seed(0)
    layer, x = cls(3, 20, **settings), tg.randn(5, 4, 3, requires_grad=True)
    inputs, weights = [x, *layer.parameters()], tg.randn(5, 4, 20 * (2 if settings else 1))
    ordinary = tg.autograd.grad((layer(x)[0] * weights).sum(), inputs)
    recorded = tg.autograd.grad((layer(x)[0] * weights).sum(), inputs, create_graph=True)
    for a, b in zip(ordinary, recorded, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), 1e-5, 1e-5)


def test_large_numbers_saturate():
    layer = nn.LSTM(1, 1)
    for parameter in layer.parameters():
        parameter.data.fill_(1e4)
    x = tg.tensor([[[-1.0]], [[1.0]]], requires_grad=True)
    output, _ = layer(x)
    output.sum().backward()
    assert np.isfinite(output.detach().numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("cls", LAYERS)
def test_arrays_empty_batches_and_float64(cls):
    layer = cls(3, 4)
    assert layer(np.ones((5, 2, 3), np.float32))[0].dtype == np.float32
    assert layer(ones(5, 0, 3))[0].shape == (5, 0, 4)
    assert cls(3, 4, dtype=tg.float64)(ones(5, 2, 3, dtype=tg.float64))[0].dtype == np.float64
    assert not layer(X)[0].detach().requires_grad
    with tg.no_grad():
        assert not layer(X)[0].requires_grad


def test_copies_and_states_that_are_loaded():
    one, x = nn.LSTM(3, 4), tg.randn(5, 2, 3)
    other = copy.deepcopy(one)
    assert (one(x)[0] == other(x)[0]).all()
    other.weight_hh_l0.data.zero_()
    assert (one(x)[0] != other(x)[0]).any()
    other.load_state_dict(one.state_dict())
    assert (one(x)[0] == other(x)[0]).all()


def test_printing():
    assert repr(nn.LSTM(3, 4)) == "LSTM(3, 4)"
    assert (
        repr(nn.GRU(3, 4, 2, batch_first=True, dropout=0.5)) == "GRU(3, 4, num_layers=2, batch_first=True, dropout=0.5)"
    )
    assert repr(nn.LSTM(3, 4, bias=False, bidirectional=True, proj_size=2)) == (
        "LSTM(3, 4, proj_size=2, bias=False, bidirectional=True)"
    )
    assert repr(nn.RNNCell(3, 4, bias=False, nonlinearity="relu")) == "RNNCell(3, 4, bias=False, nonlinearity=relu)"


RNN, LSTM, GRU = (cls(3, 4) for cls in LAYERS)
REFUSALS = {
    "features": (
        lambda: RNN(ones(5, 2, 4)),
        ValueError,
        r"RNN.*: expected input \(T, N, 3\) or \(T, 3\) with T > 0, got f",
    ),
    "dimensions": (lambda: GRU(ones(3)), ValueError, "GRU.*: expected input"),
    "no tensor": (lambda: GRU("abc"), TypeError, "GRU.*: expected a tensor, got str"),
    "no steps": (lambda: LSTM(ones(0, 2, 3)), ValueError, "LSTM.*: expected input"),
    "no steps, batch first": (
        lambda: nn.GRU(3, 4, batch_first=True)(ones(2, 0, 3)),
        ValueError,
        r"GRU.*: expected input \(N, T, 3\)",
    ),
    "another dtype": (lambda: RNN(ones(5, 2, 3, dtype=tg.float64)), TypeError, "linear.*: expected one dtype"),
    "state's shape": (
        lambda: GRU(X, ones(1, 3, 4)),
        ValueError,
        r"GRU.*: hx must have shape \(1, 2, 4\), got float32\(1, 3",
    ),
    "state with a batch": (
        lambda: GRU(ones(5, 3), ones(1, 1, 4)),
        ValueError,
        r"GRU.*: hx must have shape \(1, 4\), got",
    ),
    "state's dtype": (
        lambda: GRU(X, ones(1, 2, 4, dtype=tg.float64)),
        TypeError,
        "GRU.*: hx must have the weights' dtype, float32, got float64",
    ),
    "no pair": (
        lambda: LSTM(X, ones(1, 2, 4)),
        ValueError,
        r"LSTM.*: hx must be the pair \(h, c\), got float32\(1, 2, 4\)",
    ),
    "three": (lambda: LSTM(X, [ones(1, 2, 4)] * 3), ValueError, "LSTM.*: hx must be the pair .*, got 3 tensors"),
    "memory's shape": (
        lambda: nn.LSTM(3, 4, proj_size=2)(X, (ones(1, 2, 2), ones(1, 2, 2))),
        ValueError,
        r"LSTM.*: hx\[1\] must have shape \(1, 2, 4\)",
    ),
    "size": (lambda: nn.LSTM(3, 0), ValueError, "LSTM: hidden_size must be a positive integer, got 0"),
    "layers": (lambda: nn.LSTM(3, 4, 1.5), ValueError, "LSTM: num_layers must be a positive integer, got 1.5"),
    "order of arguments": (lambda: nn.LSTM(3, 4, 2, 0.5), TypeError, "LSTM: bias must be True or False, got 0.5"),
    "dropout": (lambda: nn.GRU(3, 4, 2, dropout=1.5), ValueError, r"GRU: p must be a probability in \[0, 1\], got 1.5"),
    "projection": (
        lambda: nn.LSTM(3, 4, proj_size=4),
        ValueError,
        "LSTM: proj_size must be smaller than hidden_size=4, got 4",
    ),
    "nonlinearity": (
        lambda: nn.RNN(3, 4, nonlinearity="elu"),
        ValueError,
        "RNN: nonlinearity must be 'tanh' or 'relu', got 'elu'",
    ),
    "a cell's nonlinearity": (
        lambda: nn.RNNCell(3, 4, nonlinearity="elu"),
        ValueError,
        "RNNCell: nonlinearity must be",
    ),
    "a cell's input": (
        lambda: nn.RNNCell(3, 4)(X),
        ValueError,
        r"RNNCell.*: expected input \(N, 3\) or \(3,\), got float32\(5, 2, 3\)",
    ),
    "a cell's state": (lambda: nn.GRUCell(3, 4)(X[0], ones(4)), ValueError, r"GRUCell.*: hx must have shape \(2, 4\)"),
    "a cell's pair": (lambda: nn.LSTMCell(3, 4)(X[0], ones(2, 4)), ValueError, "LSTMCell.*: hx must be the pair"),
}


@pytest.mark.parametrize(("call", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=f"^{words}"):
        call()
