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
