"""What cannot be repeated safely runs as Python each time, and the reason can be read."""

import contextlib
import functools
import itertools
import random
import time
import types

import numpy as np
import pytest

import tensorgrad as tg
from tests.replay.scaled import Scaled


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True


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
