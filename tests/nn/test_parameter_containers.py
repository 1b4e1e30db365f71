"""ParameterList and ParameterDict: used like a list and a dictionary, found by modules and optimizers."""

from collections import OrderedDict

import pytest

import tensorgrad as tg
from tensorgrad import nn


class Mixture(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([tg.ones(2), nn.Parameter(tg.zeros(3), requires_grad=False)])
        self.heads = nn.ParameterDict({"left": tg.ones(1)})

    def forward(self, x):
        return (x * self.weights[0]).sum() + self.heads["left"].sum()


def test_parameters_are_found_saved_and_trained():
    model = Mixture()
    assert [name for name, _ in model.named_parameters()] == ["weights.0", "weights.1", "heads.left"]
    assert list(model.state_dict()) == ["weights.0", "weights.1", "heads.left"]
    assert [p.requires_grad for p in model.parameters()] == [True, False, True]
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    model(tg.tensor([1.0, 2.0])).backward()
    optimizer.step()
    assert model.weights[0].tolist() == [0, -1]
    assert model.heads["left"].tolist() == [0]
    other = Mixture()
    other.load_state_dict(model.state_dict())
    assert other.weights[0].tolist() == [0, -1]


def test_a_list():
    weights = nn.ParameterList(tg.full((1,), float(i)) for i in range(3))
    weights.append(tg.full((1,), 3.0)).extend([tg.full((1,), 4.0)])
    weights.insert(0, tg.full((1,), 9.0))
    assert [w.item() for w in weights] == [9, 0, 1, 2, 3, 4]
    assert weights.pop().item() == 4
    del weights[1]
    assert [w.item() for w in weights] == [9, 1, 2, 3]
    weights[-1] = tg.full((1,), 7.0)
    assert [w.item() for w in weights[1:]] == [1, 2, 7]
    assert isinstance(weights[1:], nn.ParameterList)
    assert isinstance(weights[3], nn.Parameter)
    assert len(weights + weights[:1]) == 5
    assert [name for name, _ in weights.named_parameters()] == ["0", "1", "2", "3"]


def test_a_dictionary():
    weights = nn.ParameterDict([("a", tg.ones(1))])
    weights.update({"b": tg.zeros(2)})
    shared = nn.Parameter(tg.ones(3))
    weights["c"] = shared
    assert weights["c"] is shared
    assert list(weights) == list(weights.keys()) == ["a", "b", "c"]
    assert [w.shape for w in weights.values()] == [(1,), (2,), (3,)]
    assert "b" in weights
    assert weights.get("x") is None
    assert weights.get("a") is weights["a"]
    assert weights.pop("a").shape == (1,)
    del weights["b"]
    assert [name for name, _ in weights.items()] == ["c"]
    weights.clear()
    assert len(weights) == 0


def test_a_dictionary_and_others():
    one, two = (nn.Parameter(tg.full((1,), value)) for value in (1.0, 2.0))
    weights = nn.ParameterDict({"a": one})
    assert weights.setdefault("b", two) is two
    assert weights.setdefault("a", two) is one
    assert list(reversed(weights)) == ["b", "a"]
    assert weights.popitem() == ("b", two)
    both = weights | {"c": two}
    assert (list(weights), list(both)) == (["a"], ["a", "c"])
    assert isinstance(both, nn.ParameterDict)
    weights |= both
    assert list(weights) == ["a", "c"]
    assert weights.copy()["a"] is one
    with pytest.raises(KeyError, match="the ParameterDict is empty"):
        nn.ParameterDict().popitem()


def test_order_is_pytorchs():
    """It numbers the parameters of an optimizer's state."""
    pairs = [("b", tg.ones(1)), ("a", tg.ones(2))]
    assert list(nn.ParameterDict(dict(pairs))) == ["a", "b"]
    for kept in (pairs, OrderedDict(pairs), nn.ParameterDict(pairs)):
        assert list(nn.ParameterDict(kept)) == ["b", "a"]
    weights = nn.ParameterDict({"c": tg.ones(1)})
    weights.update(dict(pairs))
    assert list(weights) == ["c", "a", "b"]
    assert list(nn.ModuleDict({"b": nn.ReLU(), "a": nn.ReLU()})) == ["b", "a"]


def test_what_is_no_parameter():
    with pytest.raises(TypeError, match=r"ParameterList: expected a tensor for '0', got Linear"):
        nn.ParameterList([nn.Linear(1, 1)])
    with pytest.raises(TypeError, match=r"ParameterDict: expected a tensor for 'a', got float 1.5"):
        nn.ParameterDict({"a": 1.5})
    with pytest.raises(KeyError, match=r"'a\.b' cannot name a parameter"):
        nn.ParameterDict({"a.b": tg.ones(1)})
    with pytest.raises(KeyError, match="'keys' cannot name a parameter"):
        nn.ParameterDict({"keys": tg.ones(1)})
    with pytest.raises(IndexError, match="ParameterList: no parameter 3, there are 1"):
        nn.ParameterList([tg.ones(1)])[3]
    weights = nn.ParameterList([tg.ones(1)])
    with pytest.raises(TypeError, match="expected a tensor"):
        weights[0] = 3
    assert weights[0].tolist() == [1]


def test_how_they_print():
    assert repr(nn.ParameterList()) == "ParameterList()"
    assert repr(nn.ParameterDict({"a": tg.ones(2, 3)})) == "ParameterDict((a): Parameter float32(2, 3))"
