"""What a compiled function reads beside its arguments may change: the next call sees it."""

import argparse
import contextlib
import copy
import dataclasses
import functools
import itertools
import random
import time
import types
from collections import deque, namedtuple
from functools import partial

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn

RATE = 1.0
SETTINGS = {"rate": 1.0}
STEPS = [1.0]
settings = types.ModuleType("settings_of_a_program")
settings.rate = 1.0


class Config:
    rate = 1.0


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True


@dataclasses.dataclass(slots=True)
class Slotted:
    rate: float = 1.0


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = 1.0
        self.inner = nn.ModuleList([nn.Identity()])
        self.register_buffer("shift", tg.zeros(1))

    def forward(self, x):
        for module in self.inner:
            x = module(x)
        return x * self.rate + self.shift if self.training else x


def set_global(value):
    global RATE
    RATE = value


def a_global():
    return (lambda x: x * RATE), set_global


def a_closure():
    rate = 1.0

    def change(value):
        nonlocal rate
        rate = value

    return (lambda x: x * rate), change


def a_dictionary():
    return (lambda x: x * SETTINGS["rate"]), partial(SETTINGS.__setitem__, "rate")


def a_list():
    return (lambda x: x * STEPS[-1]), STEPS.append


def a_module_constant():
    return (lambda x: x * settings.rate), partial(setattr, settings, "rate")


def a_class_attribute():
    return (lambda x: x * Config.rate), partial(setattr, Config, "rate")


def a_slot():
    slotted = Slotted()
    return (lambda x: x * slotted.rate), partial(setattr, slotted, "rate")


def a_default():
    def function(x, rates=[1.0]):  # noqa: B006
        return x * rates[-1]

    return function, function.__defaults__[0].append


def an_attribute_of_a_module():
    net = Scaled()
    return net, partial(setattr, net, "rate")


def a_part_of_a_module():
    class Times(nn.Module):
        def __init__(self, rate):
            super().__init__()
            self.rate = rate

        def forward(self, x):
            return x * self.rate

    net = Scaled()

    def change(value):
        net.inner[0] = Times(value)

    return net, change


def a_buffer():
    net = Scaled()
    return net, lambda value: net.shift.fill_(value)


def the_memory_of_a_buffer():
    net = Scaled()

    def change(value):
        net.shift.data = tg.tensor([value])

    return net, change


def a_partial():
    rates = [1.0]
    return partial(lambda rates, x: x * rates[-1], rates), rates.append


def a_namespace():
    args = argparse.Namespace(rate=1.0)
    return (lambda x: x * args.rate), partial(setattr, args, "rate")


def a_deque():
    rates = deque([1.0])
    return (lambda x: x * rates[-1]), rates.append


def a_small_array():
    rates = np.ones(3)
    return (lambda x: x * float(rates[0])), partial(rates.__setitem__, 0)


def an_attribute_of_a_function():
    def helper(x):
        return x * helper.rate

    helper.rate = 1.0
    return (lambda x: helper(x)), partial(setattr, helper, "rate")


def a_default_by_name():
    def function(x, *, rates=[1.0]):  # noqa: B006
        return x * rates[-1]

    return function, function.__kwdefaults__["rates"].append


def a_subclass_of_list():
    class Rates(list):
        pass

    rates = Rates([1.0])
    return (lambda x: x * rates[-1]), rates.append


def a_module_in_an_attribute():
    class Holder:
        def __init__(self):
            self.settings = settings

        def __call__(self, x):
            return x * self.settings.rate

    return Holder(), partial(setattr, settings, "rate")


def a_name_that_hides_a_builtin():
    names = {}
    exec("def function(x): return x * abs(-1.0)", names)

    def change(value):
        names["abs"] = lambda _: value

    return names["function"], change


def a_tuple():
    net = Scaled()
    net.rates = (tg.ones(1), 1)

    def change(value):
        net.rates = (tg.full((1,), value), value)

    return (lambda x: x * net.rates[0] * net.rates[1]), change


def the_class_of_an_object():
    class Other(Config):
        rate = 0.0

    config = Config()

    def change(value):
        Other.rate = value
        config.__class__ = Other

    return (lambda x: x * config.rate), change


def all_attributes_of_an_object():
    config = Config()

    def change(value):
        config.__dict__ = {"rate": value}

    return (lambda x: x * config.rate), change


def networks_in_a_named_tuple():
    Pair = namedtuple("Pair", "first second")
    pair = Pair(Scaled(), nn.Identity())

    def change(value):
        pair.first.rate = value

    return (lambda x: pair.second(pair.first(x))), change


def the_shape_of_a_tensor_that_is_not_read():
    holder = tg.ones(1)

    def change(value):
        holder.data = tg.ones(int(value))

    return (lambda x: x * holder.shape[0]), change


def what_a_nested_function_reads():
    rate = 1.0

    @tg.compile
    def inner(x):
        return x * rate

    def change(value):
        nonlocal rate
        rate = value

    return (lambda x: inner(x)), change


def a_class_of_no_module():
    names = {}
    exec("class A: rate = 1.0\ndef function(x): return x * A.rate", names)
    return names["function"], partial(setattr, names["A"], "rate")


def a_method_put_in_its_place():
    net = Scaled()

    def change(value):
        net.forward = lambda x: x * value

    return net, change


@pytest.mark.parametrize(
    "state",
    [
        a_global, a_closure, a_dictionary, a_list, a_module_constant, a_class_attribute, a_slot, a_default,
        an_attribute_of_a_module, a_part_of_a_module, a_buffer, the_memory_of_a_buffer, a_partial,
        a_method_put_in_its_place, a_namespace, a_deque, a_small_array, an_attribute_of_a_function, a_default_by_name,
        a_subclass_of_list, a_module_in_an_attribute, a_name_that_hides_a_builtin, networks_in_a_named_tuple,
        a_tuple, the_class_of_an_object, all_attributes_of_an_object,
        the_shape_of_a_tensor_that_is_not_read, what_a_nested_function_reads, a_class_of_no_module,
    ],
    ids=lambda state: state.__name__,
)  # fmt: skip
def test_what_changes_is_seen(state):
    function, change = state()
    compiled = tg.compile(function)
    x = tg.ones(2)
    for value in (2.0, 2.0, 2.0, 3.0, 3.0, 2.0, 5.0):
        change(value)
        assert compiled(x).tolist() == function(x).tolist()
    assert compiled.plans


def test_train_and_eval_have_a_plan_each():
    net = Scaled()
    net.rate = 3.0
    compiled = tg.compile(net)
    for training in (True, False) * 3:
        net.train(training)
        assert compiled(tg.ones(1)).item() == (3.0 if training else 1.0)
    assert len(compiled.plans) == 2


def test_gradients_switched_on_and_off():
    net = nn.Linear(2, 2)
    compiled = tg.compile(net)
    x = tg.ones(1, 2)
    for _ in range(3):
        assert compiled(x).requires_grad
        with tg.no_grad():
            assert not compiled(x).requires_grad
    for needed in (False, True) * 2:
        net.requires_grad_(needed)
        assert compiled(x).requires_grad is needed
    net.weight.requires_grad_(False)
    compiled(x).sum().backward()
    assert net.weight.grad is None
    assert net.bias.grad.tolist() == [1.0, 1.0]


# --- what cannot be repeated ----------------------------------------------------------------------------------------


def looks(x):
    return x * 2 if x.sum().item() > 2 else x * 3


def decides(x):
    return x * 2 if x.sum() > 2 else x * 3


def to_numpy(x):
    return x * float(np.asarray(x).sum())


def iterates_over_values(x):
    return x * max(x.tolist())


def draws(x):
    return x * random.choice([1.0, 1.0])


def draws_with_numpy(x):
    return x * float(np.random.RandomState(0).uniform() > 2)


def asks_the_time(x):
    return x * (time.time() > 0)


def prints(x):
    print("seen")
    return x * 1


GENERATOR = np.random.default_rng(0)


def draws_of_a_generator(x):
    return x * (GENERATOR.random() < 2)


def suppresses(x):
    with contextlib.suppress(ValueError):
        x.reshape(17)
    return x * 2


def has_a_context_of_its_own(x):
    with Quiet():
        return x * 2


HIDDEN = types.SimpleNamespace(rng=GENERATOR, rate=1.0)


def draws_of_what_was_seen_before(x):
    return x * HIDDEN.rate * (GENERATOR.random() < 2)


def reads_attributes_by_any_name(x):
    return x * (getattr(HIDDEN, "r" + "ng").random() < 2)


@functools.lru_cache
def cached(n):
    return float(n)


def uses_a_cache(x):
    return x * cached(3)


def compares_identities(x):
    return x * 2 if x is ONES else x


def hands_out_print(x):
    return x * len(list(map(print, [])))


def differentiates(x):
    w = WEIGHT
    return tg.autograd.grad((w * x).sum(), w)[0]


WEIGHT = tg.ones(2, requires_grad=True)


def formats(x):
    return x * len(f"{x.sum()}")


NUMBERS = itertools.count()
ONES = itertools.repeat(1.0)


def moves_an_iterator(x):
    return x * next(ONES)


def uses_an_array(x):
    return x * np.ones(2, np.float32)


def makes_a_tensor_of_data(x):
    return x * tg.tensor([1.0, 2.0])


def writes_into_its_argument(x):
    x.add_(1.0)
    return x * 1


def catches(x):
    try:
        x.reshape(17)
    except ValueError:
        return x * 2
    return x


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (looks, "item looks at values"),
        (decides, "__bool__ looks at values"),
        (to_numpy, "numpy"),
        (iterates_over_values, "tolist"),
        (draws, "random"),
        (draws_with_numpy, "numpy.random"),
        (asks_the_time, "time"),
        (prints, "print"),
        (formats, "values"),
        (moves_an_iterator, "next"),
        (uses_an_array, "numpy"),
        (makes_a_tensor_of_data, "tensor of data"),
        (writes_into_its_argument, "argument"),
        (catches, "try"),
        (draws_of_a_generator, "Generator"),
        (suppresses, "context"),
        (has_a_context_of_its_own, "context"),
        (draws_of_what_was_seen_before, "Generator"),
        (reads_attributes_by_any_name, "Generator"),
        (uses_a_cache, "cache"),
        (compares_identities, "the same"),
        (hands_out_print, "print"),
        (differentiates, "autograd.grad"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_repeated_runs_as_python(function, words):
    compiled = tg.compile(function)
    for value in (1.0, 2.0, 0.5, 3.0, 1.0):
        assert compiled(tg.tensor([value, value])).tolist() == function(tg.tensor([value, value])).tolist()
    assert not compiled.plans
    assert words in compiled.reason
    assert WEIGHT.grad is None


def test_side_effects_happen_each_time(capsys):
    compiled = tg.compile(prints)
    for _ in range(5):
        compiled(tg.ones(2))
    assert capsys.readouterr().out == "seen\n" * 5


def test_state_that_the_function_changes():
    seen, net = [], Scaled()
    net.calls = 0

    def function(x):
        seen.append(1)
        net.calls += 1
        return net(x)

    compiled = tg.compile(function)
    for _ in range(6):
        compiled(tg.ones(1))
    assert (len(seen), net.calls) == (6, 6)


def test_an_argument_that_is_reached_in_another_way():
    net = Scaled()
    compiled = tg.compile(lambda x: net.shift + x)
    for value in (1.0, 2.0, 3.0):
        net.shift.fill_(value)
        assert compiled(net.shift).item() == 2 * value
        assert compiled(tg.tensor([10.0])).item() == 10 + value


def test_a_function_of_the_users_own():
    class Double(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    w = tg.ones(2).requires_grad_()
    compiled = tg.compile(lambda x: Double.apply(w * x).sum())
    for _ in range(5):
        w.grad = None
        compiled(tg.tensor([1.0, 2.0])).backward()
        assert w.grad.tolist() == [3.0, 6.0]
    assert not compiled.plans


def test_hooks_are_called_each_time():
    net = nn.Linear(2, 1)
    seen = []
    compiled = tg.compile(lambda x: net(x).sum())
    for i in range(6):
        if i == 3:
            net.weight.register_hook(seen.append)
            net.register_forward_hook(lambda module, args, result: seen.append(module))
        compiled(tg.ones(1, 2)).backward()
    assert len(seen) == 6


def test_a_learning_rate_schedule():
    def run(wrap):
        tg.manual_seed(0)
        net = nn.Linear(3, 2)
        optimizer = tg.optim.SGD(net.parameters(), 1.0)
        schedule = tg.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        step = wrap(step)
        losses = []
        for _ in range(8):
            losses.append(step(tg.randn(4, 3), tg.randn(4, 2)).item())
            schedule.step()
        return losses

    assert run(tg.compile) == run(lambda function: function)


def test_random_numbers_are_drawn_anew():
    def function(x):
        return tg.randn_like(x) * x + tg.rand(2), F.dropout(x, 0.5)

    compiled = tg.compile(function)
    for turn in range(4):
        found = []
        for f in (function, compiled):
            tg.manual_seed(turn)
            found.append([*f(tg.ones(2)), tg.rand(1)])
        assert [a.tolist() for a in found[0]] == [a.tolist() for a in found[1]]
    assert compiled.plans


def test_the_sign_of_zero():
    compiled = tg.compile(lambda x, rate: x * rate)
    for rate in (0.0, 0.0, -0.0, 0.0, -0.0):
        assert np.signbit(compiled(tg.ones(1), rate).numpy()[0]) == np.signbit(rate)


def test_weights_that_are_tied_and_untied():
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight.data = first.weight.data

    def function(x):
        return second(first(x))

    compiled = tg.compile(function)
    x = tg.tensor([[1.0, 2.0]])
    for i in range(6):
        if i == 3:
            second.weight.data = tg.ones(2, 2)
        with tg.no_grad():
            first.weight.mul_(1.5)
        assert compiled(x).tolist() == function(x).tolist()
    assert compiled.plans


def test_a_penalty_on_what_is_not_frozen():
    used, other = nn.Linear(2, 1), nn.Linear(2, 1)
    other.requires_grad_(False)

    def function(x):
        return used(x).sum() + sum(p.pow(2).sum() for p in other.parameters() if p.requires_grad)

    compiled = tg.compile(function)
    for i in range(6):
        if i == 3:
            other.requires_grad_(True)
        assert compiled(tg.ones(1, 2)).item() == function(tg.ones(1, 2)).item()


@pytest.mark.parametrize("inside", ["schedule", "setting"])
def test_a_learning_rate_that_the_step_sets(inside):
    def run(wrap):
        w = tg.ones(1, requires_grad=True)
        optimizer = tg.optim.SGD([w], 1.0)
        schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

        def step(x, rate):
            optimizer.zero_grad()
            (w * x).sum().backward()
            if inside == "setting":
                optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            if inside == "schedule":
                schedule.step()

        step = wrap(step)
        found = []
        for i in range(6):
            step(tg.ones(1), (0.1, 0.01)[i % 2])
            found.append((w.item(), optimizer.param_groups[0]["lr"], schedule.last_epoch))
        return found

    assert run(tg.compile) == run(lambda function: function)


def test_what_is_given_in_containers():
    def function(batch, log):
        x = batch.pop("x")
        batch["y"] = x * 2
        log.append(x.shape)
        return batch

    def doubled(batch):
        batch["x"] = batch["x"] * 2

    compiled, double = tg.compile(function), tg.compile(doubled)
    for i in range(5):
        batch = {"x": tg.ones(2)}
        double(batch)
        assert batch["x"].tolist() == [2.0, 2.0], i
    log = []
    for i in range(5):
        batch = {"x": tg.full((2,), float(i))}
        assert compiled(batch, log) is batch
        assert batch["y"].tolist() == [2.0 * i] * 2
        assert len(log) == i + 1


def test_modules_and_objects_as_arguments():
    class Holder:
        rate = 1.0

        @tg.compile
        def scaled(self, x):
            return x * self.rate

    def step(net, optimizer, x):
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    compiled = tg.compile(step)
    for _ in range(3):
        net, holder = nn.Linear(2, 1), Holder()
        optimizer = tg.optim.SGD(net.parameters(), 0.1)
        twin = copy.deepcopy(net)
        theirs = tg.optim.SGD(twin.parameters(), 0.1)
        for _ in range(4):
            x = tg.randn(3, 2)
            assert compiled(net, optimizer, x).item() == step(twin, theirs, x).item()
            holder.rate += 1
            assert holder.scaled(tg.ones(1)).item() == holder.rate
    assert len(compiled.plans) == 3


def test_tensors_that_are_filled_and_then_written():
    net = nn.Linear(2, 1)

    def function(x):
        total, zeros = tg.zeros(1), tg.zeros_like(x)
        for _ in range(3):
            total += net(x).sum()
            zeros.add_(x)
        return total, zeros, tg.zeros(1).reshape(1, 1)

    compiled = tg.compile(function)
    for i in range(5):
        x = tg.full((2, 2), float(i))
        found, expected = compiled(x), function(x)
        assert [a.tolist() for a in found] == [a.tolist() for a in expected]
        found[2].add_(5.0)
    assert compiled.plans


def test_an_error_that_the_caller_catches():
    def function(x, y):
        return F.cross_entropy(x, y)

    compiled = tg.compile(function)
    for label in (0, 1, 3, 2, 5, 0):
        results = []
        for f in (function, compiled):
            try:
                results.append(f(tg.ones(1, 3), tg.tensor([label])).item())
            except IndexError as error:
                results.append(str(error))
        assert results[0] == results[1]
    assert compiled.plans


def test_an_error_of_an_operator_in_a_plan():
    def function(x):
        return tg.linalg.inv(x).sum()

    compiled = tg.compile(function)
    for _ in range(3):
        compiled(tg.eye(2) * 1.0)
    messages = []
    for f in (function, compiled):
        with pytest.raises(ValueError, match="inv: ") as caught:
            f(tg.zeros(2, 2))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert compiled.plans


def test_views_of_each_other_stay_views():
    w = tg.ones(2, 2, requires_grad=True)

    def function(x):
        y = w * x
        return y, y[0]

    for f in (function, tg.compile(function)):
        for _ in range(4):
            w.grad = None
            y, row = f(tg.ones(2, 2))
            row.mul_(3.0)
            y.sum().backward()
            assert w.grad.tolist() == [[3.0, 3.0], [1.0, 1.0]]


def test_a_result_that_waits_and_an_argument_that_is_a_buffer():
    norm, buffer = nn.BatchNorm1d(1), tg.tensor([[1.0], [3.0]])

    def function(x):
        y = norm(x)
        buffer.mul_(100.0)
        return y

    for f in (function, tg.compile(function)):
        with tg.no_grad():
            for _ in range(4):
                f(tg.tensor([[1.0], [3.0]]))
            buffer.copy_(tg.tensor([[1.0], [3.0]]))
            np.testing.assert_allclose(f(buffer).tolist(), [[-1.0], [1.0]], rtol=1e-4)


def test_a_graph_that_is_older_than_a_step():
    def run(wrap):
        w, v = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
        optimizer = tg.optim.SGD([w, v], 0.1)

        def step(x):
            late = (v * v * x).sum()
            (w * x).sum().backward()
            optimizer.step()
            late.backward()

        step = wrap(step)
        found = []
        for _ in range(4):
            try:
                step(tg.ones(1))
                found.append(v.item())
            except RuntimeError as error:
                found.append(str(error).partition(" at ")[0])
        return found

    assert run(tg.compile) == run(lambda function: function)


def test_an_argument_that_shares_memory_with_what_is_written():
    w, buffer = tg.ones(2, requires_grad=True), tg.ones(2)

    def function(x):
        y = (w * x).sum()
        with tg.no_grad():
            buffer.add_(1.0)
        y.backward()
        return y

    compiled = tg.compile(function)
    for _ in range(3):
        compiled(tg.ones(2))
    for f in (function, compiled):
        with pytest.raises(RuntimeError, match="modified in place"):
            f(buffer.detach())


def test_a_step_that_somebody_has_wrapped():
    w = tg.ones(1, requires_grad=True)
    optimizer = tg.optim.SGD([w], 0.1)
    calls = []

    @tg.compile
    def step(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    plain = optimizer.step

    def counted():
        calls.append(1)
        plain()

    for i in range(6):
        if i == 3:
            optimizer.step = counted
        step(tg.ones(1))
    assert len(calls) == 3


def test_classes_of_containers_of_the_users():
    class Batch(dict):
        scale = 1.0

    compiled = tg.compile(lambda batch: batch["x"] * batch.scale)
    for i in range(5):
        batch = Batch(x=tg.ones(1))
        batch.scale = float(i)
        assert compiled(batch).item() == i

    class Out(dict):
        pass

    compiled = tg.compile(lambda x: Out(y=x * 2))
    for _ in range(4):
        assert type(compiled(tg.ones(1))) is Out


def test_what_is_linked_very_deeply():
    link = None
    for _ in range(5000):
        link = [link]
    compiled = tg.compile(lambda x: x * len(link))
    for _ in range(4):
        assert compiled(tg.ones(1)).item() == 1


def test_a_result_that_waits_and_two_tensors_that_come_to_share_memory():
    norm, first, second = nn.BatchNorm1d(1), tg.tensor([[1.0], [3.0]]), tg.tensor([[1.0], [3.0]])

    def function():
        y = norm(first)
        second.mul_(100.0)
        return y

    compiled = tg.compile(function)
    with tg.no_grad():
        for _ in range(3):
            compiled()
        assert compiled.plans
        second.data = first.data.view(2, 1)
        np.testing.assert_allclose(compiled().tolist(), [[-1.0], [1.0]], rtol=1e-4)
        assert len(compiled.plans) == 1
