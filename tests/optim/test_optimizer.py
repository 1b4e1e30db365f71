"""Steps, groups, refusals. Numbers stand in test_trajectories, saving and loading in test_optimizer_state."""

import numpy as np
import pytest

import tensorgrad as tg
from tests.optim.kinds import ALL, KINDS, leaf, make

# --------------------------------------------------------------------------- stepping


@pytest.mark.parametrize(("cls", "settings"), ALL)
def test_a_parameter_without_gradient_is_left_alone(cls, settings):
    a, b = leaf(1.0, 2.0), leaf(3.0)
    optimizer = make(cls, [a, b], **settings)
    a.grad = tg.ones(2)
    optimizer.step()
    assert b.tolist() == [3.0]
    assert b not in optimizer.state
    assert list(optimizer.state_dict()["state"]) == [0]


@pytest.mark.parametrize(("cls", "settings"), ALL)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_stay(cls, settings, dtype):
    p = leaf(1.0, 2.0, dtype=dtype)
    settings = {**settings, "lr": np.float64(0.1), "weight_decay": np.float64(0.01)}  # strong numbers under NEP 50
    optimizer = make(cls, [p], **settings)
    array = p.numpy(force=True)
    for _ in range(3):
        p.grad = tg.tensor(np.array([0.5, -0.5], dtype))
        optimizer.step()
    assert p.numpy(force=True) is array
    slots = [v for v in optimizer.state[p].values() if isinstance(v, tg.Tensor)]
    assert slots
    assert {p.dtype, *(s.dtype for s in slots)} == {np.dtype(dtype)}
    assert all(s.shape == p.shape for s in slots)


@pytest.mark.parametrize(("cls", "settings"), ALL)
def test_slots_follow_a_module_that_changes_its_dtype(cls, settings):
    net = tg.nn.Linear(2, 2)
    optimizer = make(cls, net.parameters(), **settings)
    for x in (tg.ones(1, 2), tg.ones(1, 2).double()):
        net.to(x.dtype)
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()
    slots = [v for v in optimizer.state[net.weight].values() if isinstance(v, tg.Tensor)]
    assert {net.weight.dtype, *(s.dtype for s in slots)} == {np.dtype(np.float64)}


def test_step_evaluates_the_closure_with_gradients_on():
    p = leaf(1.0)
    optimizer = make("SGD", [p])

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert p.item() == pytest.approx(0.8)
    assert make("SGD", [p]).step() is None


def test_zero_grad():
    p = leaf(1.0)
    optimizer = make("SGD", [p])
    p.grad = tg.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_gradients_are_not_changed():
    for cls, settings in ALL:
        p = leaf(1.0, 2.0)
        p.grad = tg.tensor([0.5, 0.25])
        make(cls, [p], maximize=True, **{**settings, "nesterov": False} if cls == "SGD" else settings).step()
        assert p.grad.tolist() == [0.5, 0.25]


def test_backward_after_a_step_through_an_older_graph_raises():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    w.grad = tg.ones(2)
    make("SGD", [w]).step()
    with pytest.raises(RuntimeError, match="modified in place"):
        loss.backward()


def test_a_gradient_of_another_shape_is_refused_before_anything_is_written():
    a, b = leaf(1.0), leaf(1.0, 2.0)
    a.grad, b.grad = tg.ones(1), tg.ones(2)
    b.data = tg.ones(3)
    with pytest.raises(ValueError, match=r"SGD.*float32\(3,\).*float32\(2,\)"):
        make("SGD", [a, b]).step()
    assert a.tolist() == [1.0]


@pytest.mark.parametrize("cls", KINDS)
@pytest.mark.parametrize("expanded", [False, True], ids=["read-only", "expanded"])
def test_memory_that_cannot_be_written_is_refused_before_anything_is_written(cls, expanded):
    memory = np.ones(2, np.float32)
    memory.flags.writeable = False
    if expanded:
        memory = np.lib.stride_tricks.as_strided(np.ones(1, np.float32), (2,), (0,))
    a, b = leaf(1.0), tg.nn.Parameter(tg.from_numpy(memory))
    a.grad, b.grad = tg.ones(1), tg.ones(2)
    optimizer = make(cls, [a, b])
    with pytest.raises(
        RuntimeError, match=rf"^{cls}: the parameter float32\(2,\) lies in read-only or expanded memory; "
    ):
        optimizer.step()
    assert (a.tolist(), b.tolist(), len(optimizer.state)) == ([1.0], [1.0, 1.0], 0)
    b.data = b.data.clone()  # as the message says
    optimizer.step()
    assert b.tolist() != [1.0, 1.0]


def test_infinite_gradients_make_no_warning():
    for cls in KINDS:
        p = leaf(1.0, 1.0, 1.0)
        p.grad = tg.tensor([np.inf, np.nan, 1e30])
        make(cls, [p]).step()
        assert np.isnan(p.numpy(force=True)[1])


def test_a_tensor_of_its_own_and_zero_dimensions():
    p = tg.tensor(2.0, requires_grad=True)
    for cls in KINDS:
        optimizer = make(cls, [p])
        p.grad = tg.tensor(1.0)
        optimizer.step()
    assert p.shape == ()
    assert p.item() < 2


def test_centered_rmsprop_survives_gradients_that_are_all_alike():
    """Their variance is 0 in the end, and rounding takes it below: PyTorch's parameters are NaN then."""
    rng = np.random.default_rng(0)
    gradient = rng.normal(size=100).astype(np.float32)
    p = leaf(*np.zeros(100))
    optimizer = make("RMSprop", [p], lr=1e-3, alpha=0.5, centered=True)
    for _ in range(60):
        p.grad = tg.Tensor(gradient)
        optimizer.step()
    assert np.isfinite(p.numpy(force=True)).all()


def test_settings_of_a_group_count_for_its_accumulator():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = make("Adagrad", [{"params": [a]}, {"params": [b], "initial_accumulator_value": 3.0}])
    a.grad = b.grad = tg.ones(1)
    optimizer.step()
    assert optimizer.state[a]["sum"].tolist() == [1.0]
    assert optimizer.state[b]["sum"].tolist() == [4.0]
    assert b.item() == pytest.approx(0.95)


def test_a_momentum_that_begins_later():
    """As CyclicLR's does: the buffer is made when it is first needed."""
    p = leaf(1.0)
    optimizer = make("RMSprop", [p])
    for momentum in (0.0, 0.9):
        optimizer.param_groups[0]["momentum"] = momentum
        p.grad = tg.ones(1)
        optimizer.step()
    assert set(optimizer.state[p]) == {"step", "square_avg", "momentum_buffer"}


@pytest.mark.parametrize("cls", KINDS)
def test_steps_are_not_recorded(cls):
    with pytest.raises(ValueError, match=f"^{cls}: differentiable must be False, steps are not recorded; "):
        make(cls, [leaf(1.0)], differentiable=True)


def test_positions_of_arguments_are_pytorchs():
    p = leaf(1.0)
    for cls, arguments, last, value in [
        ("RMSprop", (0.1, 0.9, 1e-3, 0.1, 0.5, True, False, None, True), "maximize", True),
        ("Adagrad", (0.1, 0.2, 0.3, 0.4, 0.5, None), "eps", 0.5),
        ("Adadelta", (0.1, 0.2, 0.3, 0.4, None), "weight_decay", 0.4),
        ("Adamax", (0.1, (0.5, 0.6), 0.3, 0.4, None), "weight_decay", 0.4),
        ("NAdam", (0.1, (0.5, 0.6), 0.3, 0.4, 0.5, True), "decoupled_weight_decay", True),
        ("RAdam", (0.1, (0.5, 0.6), 0.3, 0.4, True), "decoupled_weight_decay", True),
    ]:
        assert getattr(tg.optim, cls)([p], *arguments).param_groups[0][last] == value


# --------------------------------------------------------------------------- groups


def test_groups_with_their_own_settings():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = make("SGD", [{"params": a}, {"params": [b], "lr": 1.0}])
    a.grad = b.grad = tg.ones(1)
    optimizer.step()
    assert a.item() == pytest.approx(0.9)
    assert b.item() == pytest.approx(0.0)


def test_add_param_group_is_all_or_nothing():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = make("SGD", [a])
    with pytest.raises(ValueError, match="twice"):
        optimizer.add_param_group({"params": [b, a]})
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [b], "lr": -1})
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [b], "lr": 0.5})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]


def test_named_parameters():
    net = tg.nn.Linear(2, 1)
    optimizer = make("SGD", net.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"] == list(net.parameters())


def test_repr():
    assert repr(make("SGD", [leaf(1.0)])) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.1\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n)"
    )


@pytest.mark.parametrize("cls", KINDS)
@pytest.mark.parametrize(
    ("params", "settings", "error", "words"),
    [
        (lambda p: [], {}, ValueError, "no parameters"),
        (lambda p: p, {}, TypeError, "iterable"),
        (lambda p: {p}, {}, TypeError, "ordered"),
        (lambda p: [{"params": {p}}], {}, TypeError, "ordered"),
        (lambda p: [p, 1.0], {}, TypeError, "expected tensors.*float 1.0"),
        (lambda p: [{"lr": 1.0}], {}, TypeError, "'params'"),
        (lambda p: [p * 2], {}, ValueError, "leaf.*mul"),
        (lambda p: [p, p], {}, ValueError, "twice"),
        (lambda p: [{"params": [p]}, {"params": [p]}], {}, ValueError, "twice"),
        (lambda p: [p], {"lr": -0.1}, ValueError, "lr must be at least 0, got -0.1"),
        (lambda p: [p], {"lr": float("nan")}, ValueError, "lr"),
        (lambda p: [p], {"weight_decay": -1}, ValueError, "weight_decay"),
        (lambda p: tg.nn.Linear(1, 1), {}, TypeError, r"got Linear; pass net\.parameters\(\)"),
        (lambda p: tg.nn.Sequential(tg.nn.ReLU()), {}, TypeError, r"got Sequential; pass net\.parameters\(\)"),
        (lambda p: tg.nn.Linear(1, 1).parameters, {}, TypeError, r"got method; pass net\.parameters\(\)"),
        (lambda p: [tg.nn.Linear(1, 1)], {}, TypeError, r"tensors to optimize, got Linear; pass net\.parameters\(\)"),
        (lambda p: [{"params": tg.nn.Linear(1, 1)}], {}, TypeError, r"got Linear; pass net\.parameters\(\)"),
        (lambda p: [{"params": 3}], {}, TypeError, "iterable of tensors or groups, got int 3$"),
        (lambda p: [p], {"lr": "a"}, TypeError, "lr must be a number, at least 0, got 'a'"),
        (lambda p: [p], {"lr": None}, TypeError, "lr must be a number, at least 0, got None"),
        (lambda p: [p], {"lr": np.ones(2)}, TypeError, r"lr must be a number, .* got float64\(2,\)"),
        (lambda p: [p], {"weight_decay": "a"}, TypeError, "weight_decay must be a number"),
    ],
)
def test_refusals(cls, params, settings, error, words):
    with pytest.raises(error, match=f"^{cls}: .*{words}"):
        make(cls, params(leaf(1.0)), **settings)


@pytest.mark.parametrize(
    ("cls", "settings", "words"),
    [
        ("SGD", {"momentum": -1}, "momentum"),
        ("SGD", {"nesterov": True}, "nesterov needs a momentum"),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "dampening 0"),
        ("Adam", {"betas": (1.0, 0.9)}, r"betas\[0\] must be in \[0, 1\), got 1.0"),
        ("Adam", {"betas": (0.9, -0.1)}, r"betas\[1\]"),
        ("AdamW", {"betas": (0.9,)}, "two numbers"),
        ("Adam", {"eps": -1e-8}, "eps"),
        ("Adam", {"betas": 0.9}, "betas must be two numbers, got 0.9"),
        ("SGD", {"dampening": float("nan")}, "dampening"),
        ("RMSprop", {"alpha": -0.1}, "alpha must be at least 0, got -0.1"),
        ("RMSprop", {"momentum": -0.1}, "momentum must be at least 0"),
        ("RMSprop", {"eps": -0.1}, "eps must be at least 0"),
        ("Adagrad", {"lr_decay": -0.1}, "lr_decay must be at least 0"),
        ("Adagrad", {"initial_accumulator_value": -0.1}, "initial_accumulator_value must be at least 0"),
        ("Adagrad", {"eps": -0.1}, "eps must be at least 0"),
        ("Adadelta", {"rho": 1.1}, r"rho must be in \[0, 1\], got 1.1"),
        ("Adadelta", {"rho": -0.1}, "rho must be"),
        ("Adadelta", {"rho": float("nan")}, "rho must be"),
        ("Adadelta", {"eps": -0.1}, "eps must be at least 0"),
        ("Adamax", {"betas": (1.0, 0.9)}, r"betas\[0\] must be in \[0, 1\), got 1.0"),
        ("Adamax", {"eps": -0.1}, "eps must be at least 0"),
        ("NAdam", {"momentum_decay": -0.1}, "momentum_decay must be at least 0"),
        ("NAdam", {"betas": (0.9, 1.0)}, r"betas\[1\] must be"),
        ("RAdam", {"betas": (0.9, 1.0)}, r"betas\[1\] must be"),
        ("RAdam", {"eps": -0.1}, "eps must be at least 0"),
    ],
)
def test_settings_out_of_range(cls, settings, words):
    with pytest.raises(ValueError, match=f"^{cls}: .*{words}"):
        make(cls, [leaf(1.0)], **settings)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        ("SGD", "momentum", "a"),
        ("SGD", "momentum", None),
        ("SGD", "dampening", "a"),
        ("Adam", "eps", "a"),
        ("AdamW", "eps", [1]),
        ("Adam", "betas", ("a", 0.9)),
        ("RMSprop", "alpha", "a"),
        ("Adagrad", "lr_decay", None),
        ("Adadelta", "rho", "a"),
        ("NAdam", "momentum_decay", [1]),
    ],
)
def test_settings_that_are_no_numbers(cls, name, value):
    with pytest.raises(TypeError, match=rf"^{cls}: {name}(\[0\])? must be a number, "):
        make(cls, [leaf(1.0)], **{name: value})


def test_a_list_of_parameters_is_one_of_tensors():
    weights = tg.nn.ParameterList([tg.nn.Parameter(tg.ones(2)), tg.nn.Parameter(tg.ones(3))])
    optimizer = tg.optim.SGD(weights, lr=0.5)
    sum(w.sum() for w in weights).backward()
    optimizer.step()
    assert [w.tolist() for w in weights] == [[0.5] * 2, [0.5] * 3]
    with pytest.raises(TypeError, match=r"ParameterDict; pass net\.parameters\(\)"):
        tg.optim.SGD(tg.nn.ParameterDict({"a": tg.ones(2)}), lr=0.5)
