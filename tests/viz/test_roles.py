"""Parameters without a name: called by what they are to their operator, numbered where that is unknown."""

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn.parameter import Parameter
from tensorgrad.viz.tape import read_tape


@pytest.mark.parametrize(
    ("layer", "shape", "labels"),
    [
        (nn.Conv2d(2, 3, 3), (1, 2, 5, 5), {"weight": (3, 2, 3, 3), "bias": (3,)}),
        (nn.ConvTranspose2d(2, 3, 3), (1, 2, 5, 5), {"weight": (2, 3, 3, 3), "bias": (3,)}),
        (nn.BatchNorm2d(2), (1, 2, 5, 5), {"weight": (2,), "bias": (2,)}),
        (nn.BatchNorm2d(2).eval(), (1, 2, 5, 5), {"weight": (2,), "bias": (2,)}),
        (nn.GroupNorm(2, 4), (1, 4, 5, 5), {"weight": (4,), "bias": (4,)}),
        (nn.LayerNorm((3, 5)), (2, 3, 5), {"weight": (3, 5), "bias": (3, 5)}),
        (nn.Bilinear(2, 3, 4), None, {"weight": (4, 2, 3), "bias": (4,)}),
        (nn.Embedding(7, 2), None, {"weight": (7, 2)}),
        (nn.RMSNorm(5), (3, 5), {"parameter 0": (5,)}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_parameters_without_a_name_are_called_by_their_role(layer, shape, labels):
    if isinstance(layer, nn.Bilinear):
        y = layer(tg.randn(2, 2), tg.randn(2, 3))
    else:
        y = layer(tg.randn(*shape)) if shape else layer(tg.tensor([1, 2]))
    assert {node.label: node.shape for node in read_tape(y).nodes if node.kind == "parameter"} == labels


def test_roles_are_numbered_where_they_repeat_and_left_away_where_unknown():
    first, second, other = (Parameter(tg.ones(3, 3)) for _ in range(3))
    y = (tg.ones(2, 3) @ first @ second + 2.0) * tg.ones(2, 1) + (other * other).sum()
    found = [(node.id, node.label) for node in read_tape(y).nodes if node.kind == "parameter"]
    assert found == [("weight#0", "weight"), ("weight#1", "weight 1"), ("parameter#0", "parameter 0")]


def test_what_is_added_to_a_product_is_a_bias_only_if_it_is_smaller():
    weight, bias, matrix = Parameter(tg.ones(3, 3)), Parameter(tg.ones(3)), Parameter(tg.ones(2, 3))
    labels = [[n.label for n in read_tape(tg.ones(2, 3) @ weight + b).nodes][1:4:2] for b in (bias, matrix)]
    assert labels == [["weight", "bias"], ["weight", "parameter 0"]]


@pytest.mark.parametrize("cls", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_zeros_that_a_recurrent_layer_starts_from_are_no_input(cls):
    layer, x = cls(3, 2), tg.randn(4, 1, 3)
    nodes = read_tape(layer(x)[0], layer).nodes
    assert [node.shape for node in nodes if node.kind == "input"] == [(4, 1, 3)]
    states = [node for node in nodes if node.kind == "constant"]
    assert {(node.attributes, node.module, node.shape[-2:]) for node in states} == {("all 0", cls.__name__, (1, 2))}
    given = tg.randn(1, 1, 2)
    given.name = "before"
    hx = (given, given) if cls is nn.LSTM else given
    assert ("before", "input") in [(n.label, n.kind) for n in read_tape(layer(x, hx)[0], layer).nodes]


def test_what_a_layer_computes_from_its_buffers_is_no_input():
    layer, x = nn.BatchNorm2d(2).eval(), tg.randn(3, 2, 4, 4)
    kinds = {node.shape: node.kind for node in read_tape(layer(x), layer).nodes if node.kind in ("input", "constant")}
    assert kinds == {(3, 2, 4, 4): "input", (2,): "constant"}


def test_data_in_a_product_is_an_input():
    w = Parameter(tg.ones(3, 3))
    assert [n.kind for n in read_tape(tg.randn(2, 3) @ w).nodes if n.kind != "op"] == ["input", "parameter", "output"]
