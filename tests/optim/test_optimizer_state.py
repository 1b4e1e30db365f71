"""Saving and loading the state of an optimizer."""

import copy

import numpy as np
import pytest

import tensorgrad as tg
from tests.optim import scenarios
from tests.optim.kinds import ALL, leaf, make, train


def test_layout_is_pytorchs():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = make("Adam", [{"params": [a]}, {"params": [b]}], amsgrad=True)
    a.grad = b.grad = tg.ones(1)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert set(state["state"]) == {0, 1}
    assert set(state["state"][0]) == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
    assert [g["params"] for g in state["param_groups"]] == [[0], [1]]
    assert state["param_groups"][0] == {
        "lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": True, "maximize": False,
        "params": [0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "settings", "slots"),
    [
        ("RMSprop", {}, "square_avg step"),
        ("RMSprop", {"momentum": 0.9}, "momentum_buffer square_avg step"),
        ("RMSprop", {"centered": True}, "grad_avg square_avg step"),
        ("Adagrad", {}, "step sum"),
        ("Adadelta", {}, "acc_delta square_avg step"),
        ("Adamax", {}, "exp_avg exp_inf step"),
        ("NAdam", {}, "exp_avg exp_avg_sq mu_product step"),
        ("RAdam", {}, "exp_avg exp_avg_sq step"),
    ],
)
def test_slots_are_pytorchs_and_each_is_needed(cls, settings, slots):
    p = leaf(1.0)
    optimizer = make(cls, [p], **settings)
    p.grad = tg.ones(1)
    optimizer.step()
    saved = copy.deepcopy(optimizer.state_dict())
    assert sorted(saved["state"][0]) == slots.split()
    for name in slots.split():
        slot = saved["state"][0].pop(name)
        with pytest.raises(ValueError, match=f"(?s)load_state_dict of {cls}: .*parameter 0 lacks {name}"):
            optimizer.load_state_dict(saved)
        saved["state"][0][name] = slot
    optimizer.load_state_dict(saved)


@pytest.mark.parametrize(("cls", "settings"), ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resuming_is_bit_identical(cls, settings, dtype):
    params = scenarios.leaves(tg, dtype)
    optimizer = make(cls, params, **settings)
    train(optimizer, params, range(4))
    saved = copy.deepcopy((optimizer.state_dict(), [p.numpy(force=True).copy() for p in params]))
    train(optimizer, params, range(4, 8))

    again = [tg.Tensor(a, requires_grad=True) for a in saved[1]]
    resumed = make(cls, again)
    resumed.load_state_dict(saved[0])
    train(resumed, again, range(4, 8))
    for p, q in zip(params, again, strict=True):
        assert p.numpy(force=True).tobytes() == q.numpy(force=True).tobytes()
    ours, theirs = optimizer.state_dict(), resumed.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert all(q.dtype == dtype for q in again)


def test_loading_copies_and_keeps_the_parameters_dtype():
    params = scenarios.leaves(tg)
    optimizer = make("SGD", params, momentum=0.9)
    train(optimizer, params, range(1))
    small = scenarios.leaves(tg, np.float32)
    other = make("SGD", small, momentum=0.9)
    group = other.param_groups[0]
    other.load_state_dict(optimizer.state_dict())
    buffer = other.state[small[0]]["momentum_buffer"]
    assert buffer.dtype == np.float32
    assert not np.shares_memory(buffer.numpy(), optimizer.state[params[0]]["momentum_buffer"].numpy())
    assert other.param_groups[0] is group  # schedulers and users hold on to it


class Foreign:
    """What NumPy sees of another library's array."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_another_librarys_float64_is_not_rounded():
    third = np.array([1 / 3, 2 / 3])
    assert tg.tensor(Foreign(third)).tolist() == third.tolist()
    p = leaf(1.0, 2.0, dtype=np.float64)
    layer = tg.nn.Linear(2, 1, bias=False, dtype="float64")
    layer.load_state_dict({"weight": Foreign([third])})
    assert layer.weight[0].tolist() == third.tolist()
    optimizer = make("SGD", [p], momentum=0.9)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: {"momentum_buffer": Foreign(third)}}})
    assert optimizer.state[p]["momentum_buffer"].tolist() == third.tolist()


def test_a_state_from_pytorch_loads():
    """Its steps are 0-d float tensors, its groups have more settings, an unused momentum buffer is None."""
    p = leaf(1.0, 2.0)
    optimizer = make("AdamW", [p])
    more = {"foreach": None, "capturable": False, "differentiable": False, "fused": None, "initial_lr": 0.1}
    group = {**{k: v for k, v in optimizer.param_groups[0].items() if k != "params"}, **more, "params": [0]}
    slots = {"step": np.array(3.0, np.float32), "exp_avg": np.ones(2), "exp_avg_sq": [1.0, 1.0]}
    optimizer.load_state_dict({"state": {0: slots}, "param_groups": [group]})
    assert optimizer.state[p]["step"] == 3
    assert optimizer.state[p]["exp_avg"].dtype == np.float32
    nadam = make("NAdam", [p])
    nadam.load_state_dict({**nadam.state_dict(), "state": {0: {**slots, "mu_product": np.array(0.25, np.float32)}}})
    assert nadam.state[p]["mu_product"] == 0.25
    assert [type(nadam.state[p][name]) for name in ("step", "mu_product")] == [int, float]
    sgd = make("SGD", [p])
    sgd.load_state_dict({**sgd.state_dict(), "state": {0: {"momentum_buffer": None}}})
    assert not sgd.state.get(p)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("state"), "no optimizer's state"),
        (lambda s: [1, 2], "no optimizer's state"),
        (lambda s: s["param_groups"].append({"params": []}), r"\[2\] parameters, the state of \[2, 0\]"),
        (lambda s: s["param_groups"][0]["params"].pop(), r"\[2\] parameters, the state of \[1\]"),
        (lambda s: s["param_groups"][0].__delitem__("eps"), "group 0 lacks eps"),
        (lambda s: s["param_groups"][0].update(lr=-1), "lr must be at least 0"),
        (lambda s: s["param_groups"][0].update(lr="x"), "group 0"),
        (lambda s: s["param_groups"][0].update(betas=0.9), "group 0"),
        (lambda s: s["state"].update({7: s["state"][0]}), "no parameter 7"),
        (lambda s: s["state"][1].__delitem__("exp_avg"), "parameter 1 lacks exp_avg"),
        (
            lambda s: s["state"][1].update(exp_avg=tg.ones(5)),
            r"parameter 1 is float32\(4,\), its exp_avg float32\(5,\)",
        ),
        (lambda s: s["state"][1].update(exp_avg=np.ones(4, int)), "parameter 1 is.*int64"),
        (lambda s: s["state"][1].update(momentum_buffer=tg.ones(4)), "no slot 'momentum_buffer'"),
        (lambda s: s["state"][1].update(step="x"), "parameter 1"),
        (lambda s: s["state"].update({1: 5}), "parameter 1"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, words):
    params = scenarios.leaves(tg, np.float32)
    optimizer = make("Adam", params)
    train(optimizer, params, range(1))
    good = copy.deepcopy(optimizer.state_dict())
    good["param_groups"][0]["lr"] = 0.7
    bad = copy.deepcopy(good)
    result = change(bad)
    bad = result if isinstance(result, list) else bad
    before = repr(optimizer.state_dict())
    with pytest.raises(ValueError, match=f"(?s)load_state_dict of Adam: .*nothing was loaded.*{words}"):
        optimizer.load_state_dict(bad)
    assert repr(optimizer.state_dict()) == before
    optimizer.load_state_dict(good)
    assert optimizer.param_groups[0]["lr"] == 0.7
