"""What a compiled function reads beside its arguments may change: the next call sees it."""

import argparse
import dataclasses
import types
from collections import deque, namedtuple
from functools import partial

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tests.replay.scaled import Scaled

RATE = 1.0
SETTINGS = {"rate": 1.0}
STEPS = [1.0]
settings = types.ModuleType("settings_of_a_program")
settings.rate = 1.0


class Config:
    rate = 1.0


@dataclasses.dataclass(slots=True)
class Slotted:
    rate: float = 1.0


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
