"""Module: finding, saving, loading, modes, hooks, copies."""

import copy

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
        self.drop = nn.Dropout(0.5)
        self.classifier = nn.Linear(8, 3)

    def forward(self, x):
        return self.classifier(self.drop(self.features(x)).flatten(1))


def contents(module):
    return {key: value.numpy(force=True).tobytes() for key, value in module.state_dict().items()}


def test_keys_shapes_and_layout():
    state = Net().state_dict()
    assert {k: v.shape for k, v in state.items()} == {
        "features.0.weight": (2, 1, 3, 3),
        "features.0.bias": (2,),
        "features.1.weight": (2,),
        "features.1.bias": (2,),
        "features.1.running_mean": (2,),
        "features.1.running_var": (2,),
        "features.1.num_batches_tracked": (),
        "classifier.weight": (3, 8),
        "classifier.bias": (3,),
    }
    assert repr(Net()).split("\n")[1:3] == [
        "  (features): Sequential(",
        "    (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    ]


def test_parameters_in_lists_tuples_and_dictionaries():
    class Odd(nn.Module):
        def __init__(self):  # forgets super().__init__()
            self.rows = [nn.Linear(1, 1, bias=False), (nn.Parameter(tg.ones(1)), "x", None)]
            self.heads = {"a": nn.Parameter(tg.ones(2)), "b": {"c": nn.Linear(1, 2)}}
            self.tensor = tg.ones(3)  # no parameter

        def forward(self, x):
            return self.rows[0](x) * self.rows[1][0] + self.heads["b"]["c"](x).sum() + self.heads["a"].sum()

    net = Odd()
    assert [name for name, _ in net.named_parameters()] == [
        "rows.1.0", "heads.a", "rows.0.weight", "heads.b.c.weight", "heads.b.c.bias",
    ]  # fmt: skip
    net(tg.ones(2, 1)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.eval().rows[0].training is False
    other = Odd()
    other.load_state_dict(net.state_dict())
    assert contents(other) == contents(net)


def test_a_failed_load_names_everything_and_changes_nothing():
    net, state = Net(), Net().state_dict()
    del state["features.0.bias"], state["classifier.bias"]
    state["extra"] = tg.ones(1)
    state["classifier.weight"] = tg.ones(3, 9)
    state["features.1.num_batches_tracked"] = tg.tensor(1.0)
    before = contents(net)
    with pytest.raises(ValueError, match="does not fit") as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    for words in (
        "missing key: features.0.bias",
        "missing key: classifier.bias",
        "unexpected key: extra",
        "classifier.weight: the module has float32(3, 8), the state float32(3, 9)",
        "features.1.num_batches_tracked: the module has int64(), the state float32()",
    ):
        assert words in message
    assert contents(net) == before
    with pytest.raises(ValueError, match="mismatched"):
        net.load_state_dict(state, strict=False)
    assert contents(net) == before
    del state["classifier.weight"], state["features.1.num_batches_tracked"]
    result = net.load_state_dict(state, strict=False)
    assert result.unexpected_keys == ["extra"]
    assert "classifier.bias" in result.missing_keys
    assert contents(net) != before


def test_loading_is_exact_and_keeps_the_dtype():
    a, b = Net(), Net()
    b.load_state_dict(a.state_dict())
    assert contents(a) == contents(b)
    a.load_state_dict({k: v.to(tg.float64) if v.is_floating_point() else v for k, v in b.state_dict().items()})
    assert {p.dtype for p in a.parameters()} == {np.dtype(np.float32)}


def test_train_and_eval_reach_everything():
    net = Net()
    x = tg.randn(4, 1, 4, 4)
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net(x).tolist() == net(x).tolist()
    assert net.features[1].num_batches_tracked.item() == 0
    net.train()
    assert all(m.training for m in net.modules())
    net(x)
    assert net.features[1].num_batches_tracked.item() == 1


def test_hooks():
    net, seen = Net().eval(), []
    x = tg.randn(1, 1, 4, 4)
    plain = net(x).tolist()
    with net.features[0].register_forward_hook(lambda m, args, y: seen.append((type(m).__name__, y.shape))):
        net(x)
    net(x)
    assert seen == [("Conv2d", (1, 2, 4, 4))]
    handle = net.features[0].register_forward_pre_hook(lambda m, args: args[0] * 0)
    zero = net(x).tolist()
    assert zero != plain
    assert net(x * 5).tolist() == zero
    handle.remove()
    assert net(x).tolist() == plain
    net.register_forward_hook(lambda m, args, y: y * 2)
    np.testing.assert_allclose(net(x).numpy(force=True), 2 * np.array(plain), rtol=1e-6)


def test_a_deep_copy_shares_nothing():
    net = Net()
    net(tg.randn(4, 1, 4, 4)).sum().backward()
    again = copy.deepcopy(net)
    assert contents(again) == contents(net)
    for p, q in zip(net.parameters(), again.parameters(), strict=True):
        assert not np.shares_memory(p.numpy(force=True), q.numpy(force=True))
        assert isinstance(q, nn.Parameter)
        assert q.grad.tolist() == p.grad.tolist()
    before = contents(net)
    optimizer = tg.optim.SGD(again.parameters(), lr=0.1)
    optimizer.step()
    again.train()(tg.randn(4, 1, 4, 4))
    assert contents(net) == before


def test_shared_parameters_are_optimized_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode = nn.Linear(3, 3, bias=False)
            self.decode = nn.Linear(3, 3, bias=False)
            self.decode.weight = self.encode.weight

        def forward(self, x):
            return self.decode(self.encode(x))

    net = Tied()
    assert len(list(net.parameters())) == 1
    assert list(net.state_dict()) == ["encode.weight", "decode.weight"]
    tg.optim.SGD(net.parameters(), lr=0.1)
    net(tg.ones(1, 3)).sum().backward()
    assert net.encode.weight.grad is net.decode.weight.grad


def test_apply_initialises_by_kind():
    net = Net()

    def start(module):
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.constant_(module.weight, 0.5)
            nn.init.zeros_(module.bias)

    assert net.apply(start) is net
    assert set(np.unique(net.classifier.weight.numpy(force=True))) == {0.5}


def test_frozen_parts_get_no_gradient():
    net = Net()
    net.features.requires_grad_(False)
    net(tg.randn(4, 1, 4, 4)).sum().backward()
    assert [p.grad is None for p in net.parameters()] == [True] * 4 + [False] * 2
    before = contents(net.features[0])
    optimizer = tg.optim.Adam(net.parameters())
    optimizer.step()
    assert contents(net.features[0]) == before


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"model": {"weight": tg.ones(1, 2)}, "epoch": 3}, "one whose 'model' is a dictionary; load that, or"),
        ({"weight": "ones"}, "one whose 'weight' is 'ones'"),
        ({"weight": tg.ones(1, 2), "bias": None}, "one whose 'bias' is None"),
        ("model.safetensors", r"str; load a file first: tg.load\(file\)"),
        ([tg.ones(1, 2)], "list$"),
    ],
)
def test_what_is_no_state(state, message):
    layer = nn.Linear(2, 1)
    before = layer.weight.tolist()
    with pytest.raises(TypeError, match=f"load_state_dict of Linear: expected a dictionary of tensors, got {message}"):
        layer.load_state_dict(state, strict=False)
    assert layer.weight.tolist() == before


def test_a_state_is_not_loaded_into_memory_that_cannot_be_written():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    frozen = np.ones(2, np.float32)
    frozen.flags.writeable = False
    net[1].bias.data = frozen
    before = net[0].weight.tolist()
    state = {name: tg.zeros_like(value) for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=r"nothing was loaded\n  mismatched 1\.bias: the module's lies in read-only"):
        net.load_state_dict(state)
    assert net[0].weight.tolist() == before


def test_a_dtype_is_that_of_this_machine():
    assert nn.Linear(2, 2).to(dtype=np.dtype(np.float64).newbyteorder()).weight.dtype.isnative
    with pytest.raises(TypeError, match=r"^to: tensors hold real floats"):
        nn.Linear(2, 2).to(dtype=complex)
