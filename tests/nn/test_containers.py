"""Containers behave as lists and dictionaries, and name their children as PyTorch's do."""

import copy
from collections import OrderedDict

import pytest

import tensorgrad as tg
from tensorgrad import nn


def three():
    return nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3)


def names(container):
    return [name for name, _ in container.named_children()]


def test_keys_of_the_state():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU()), nn.ModuleList([nn.Linear(1, 1)])
    )
    assert list(net.state_dict()) == [
        "0.weight", "0.bias", "1.0.weight", "1.0.bias", "1.0.running_mean", "1.0.running_var",
        "1.0.num_batches_tracked", "2.0.weight", "2.0.bias",
    ]  # fmt: skip


def test_sequential_runs_in_order():
    a, r, b = three()
    x = tg.randn(5, 1)
    assert nn.Sequential(a, r, b)(x).tolist() == b(r(a(x))).tolist()
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize("kind", [nn.Sequential, lambda *modules: nn.ModuleList(modules)])
def test_lists(kind):
    a, r, b = three()
    net = kind(a, r, b)
    assert len(net) == 3
    assert list(net) == [a, r, b]
    assert (net[0], net[-1]) == (a, b)
    assert type(net[1:]) is type(net)
    assert list(net[1:]) == [r, b]
    assert r in net
    net[1] = other = nn.Tanh()
    assert list(net) == [a, other, b]
    assert net.append(r) is net
    assert list(net) == [a, other, b, r]
    net.insert(1, nn.Flatten())
    assert names(net) == ["0", "1", "2", "3", "4"]
    assert isinstance(net[1], nn.Flatten)
    del net[1]
    assert names(net) == ["0", "1", "2", "3"]
    assert net.pop() is r
    del net[:2]
    assert list(net) == [b]
    assert names(net) == ["0"]
    net.extend([r, a])
    assert list(net) == [b, r, a]
    both = net + [other]  # noqa: RUF005
    assert type(both) is type(net)
    assert list(both) == [b, r, a, other]
    assert len(net) == 3
    net += [other]
    assert len(net) == 4
    for bad in (4, -5):
        with pytest.raises(IndexError, match=f"no module {bad}, there are 4"):
            net[bad]
    with pytest.raises(TypeError, match="expected a Module for '4', got int"):
        net.append(3)


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), act=nn.ReLU()))
    assert list(net.state_dict()) == ["conv.weight", "conv.bias"]
    assert net.conv is net[0]
    assert names(net[1:]) == ["act"]
    net.add_module("last", nn.Flatten())
    assert isinstance(net[-1], nn.Flatten)
    assert net(tg.ones(1, 1, 4, 4)).shape == (1, 8)
    for bad in ("", "a.b", "forward", "training"):
        with pytest.raises(KeyError, match="cannot name a module"):
            nn.Sequential(OrderedDict({bad: nn.ReLU()}))


def test_a_subclass_of_sequential():
    class ConvReLU(nn.Sequential):
        def __init__(self, out):
            super().__init__(nn.Conv2d(1, out, 3), nn.ReLU())
            self.out = out

    net = nn.Sequential(ConvReLU(2), ConvReLU(2)[:1])
    assert list(net.state_dict()) == ["0.0.weight", "0.0.bias", "1.0.weight", "1.0.bias"]
    assert copy.deepcopy(net)[0].out == 2


def test_module_dict():
    net = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    net["c"] = nn.Tanh()
    assert list(net) == list(net.keys()) == ["a", "b", "c"]
    assert list(net.items()) == list(zip(net.keys(), net.values(), strict=True))
    assert len(net) == 3
    assert "b" in net
    assert list(net.state_dict()) == ["a.weight", "a.bias"]
    first = net["a"]
    assert net.pop("a") is first
    del net["b"]
    with pytest.raises(KeyError):
        net["b"]
    with pytest.raises(KeyError):
        del net["training"]
    with pytest.raises(KeyError, match="cannot name"):
        net["items"] = nn.ReLU()
    net.update([("d", nn.ReLU())])
    assert list(net) == ["c", "d"]
    net.clear()
    assert len(net) == 0
    assert repr(net) == "ModuleDict()"


def test_repr():
    assert repr(nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.ReLU(), nn.Flatten()))) == (
        "Sequential(\n  (0): Linear(in_features=1, out_features=2, bias=True)\n  (1): Sequential(\n    (0): ReLU()\n"
        "    (1): Flatten(start_dim=1, end_dim=-1)\n  )\n)"
    )
    modules = [nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())]
    assert repr(nn.ModuleList(modules)) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n  (3-4): 2 x Sequential(\n    (0): ReLU()\n  )\n)"
    )
    assert repr(nn.ModuleDict({"a": nn.ReLU()})) == "ModuleDict(\n  (a): ReLU()\n)"
    assert repr(nn.Sequential()) == "Sequential()"
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_a_module_used_twice():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    assert len(list(net.parameters())) == 2
    assert len(list(net.modules())) == 3
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    net(tg.ones(1, 2)).sum().backward()
    again = copy.deepcopy(net)
    assert again[0] is again[2]
    assert again[0] is not shared


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([nn.ReLU()], r"got list; unpack the list: Sequential\(\*layers\)"),
        ((nn.ReLU(),), r"got tuple; unpack the tuple: Sequential\(\*layers\)"),
        (nn.ReLU, r"got the class ReLU; make one: nn\.ReLU\(\)"),
        (nn.Linear, r"got the class Linear; make one: nn\.Linear\(\.\.\.\)"),
        (Scale, r"got the class Scale; make one: Scale\(\.\.\.\)"),
        (tg.relu, r"got relu: a function is no module; the module is nn\.ReLU\(\)"),
        (nn.functional.max_pool2d, r"got max_pool2d: a function is no module; the module is nn\.MaxPool2d\(\.\.\.\)"),
        (lambda x: x, "got <lambda>: a function is no module; write a Module whose forward calls it"),
        (int, "got type"),
        (tg.ones(2), r"got float32\(2,\)"),
    ],
)
def test_what_is_no_module(value, words):
    with pytest.raises(TypeError, match=f"^Sequential: expected a Module for '1', {words}$"):
        nn.Sequential(nn.Flatten(), value)


def test_unpacking_is_advised_where_it_helps():
    with pytest.raises(TypeError, match=r"for '0', got generator; unpack the generator"):
        nn.Sequential(nn.ReLU() for _ in range(2))
    with pytest.raises(TypeError, match=r"^ModuleList: expected a Module for '0', got list$"):
        nn.ModuleList([[nn.ReLU()]])


def test_module_list_has_no_forward():
    with pytest.raises(NotImplementedError, match=r"ModuleList: it only holds modules; call them in turn.*Sequential"):
        nn.ModuleList([nn.ReLU()])(tg.ones(1))
    with pytest.raises(NotImplementedError, match="ParameterList: it only holds parameters; use them in turn"):
        nn.ParameterList([tg.ones(1)])(tg.ones(1))
