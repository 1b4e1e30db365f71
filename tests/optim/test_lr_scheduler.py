"""Schedules: resuming, refusals. Their numbers stand in test_trajectories."""

import copy

import pytest

import tensorgrad as tg
from tensorgrad.optim import lr_scheduler
from tests.optim import scenarios


def sgd(lr=1.0, **settings):
    return tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=lr, **settings)


@pytest.mark.parametrize("name", scenarios.SCHEDULERS)
def test_resuming_from_state_dicts(name):
    cls, settings = scenarios.SCHEDULERS[name]

    def start():
        a, b = scenarios.leaves(tg)
        optimizer = tg.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.2, momentum=0.9)
        return optimizer, getattr(lr_scheduler, cls)(optimizer, **settings)

    optimizer, scheduler = start()
    for _ in range(4):
        scheduler.step()
    saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    resumed, again = start()
    resumed.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    for _ in range(6):
        scheduler.step()
        again.step()
        assert [(g["lr"], g["momentum"]) for g in optimizer.param_groups] == [
            (g["lr"], g["momentum"]) for g in resumed.param_groups
        ]
    assert scheduler.get_last_lr() == again.get_last_lr() == [g["lr"] for g in optimizer.param_groups]


@pytest.mark.parametrize("cls", ["StepLR", "ExponentialLR", "CosineAnnealingLR"])
def test_resuming_with_last_epoch(cls):
    argument = {"StepLR": 2, "ExponentialLR": 0.9, "CosineAnnealingLR": 5}[cls]
    optimizer = sgd()
    scheduler = getattr(lr_scheduler, cls)(optimizer, argument)
    for _ in range(3):
        scheduler.step()
    again = sgd()
    with pytest.raises(ValueError, match="initial_lr"):
        getattr(lr_scheduler, cls)(again, argument, last_epoch=3)
    again.load_state_dict(optimizer.state_dict())
    resumed = getattr(lr_scheduler, cls)(again, argument, last_epoch=3)  # steps to epoch 4 at once
    scheduler.step()
    assert resumed.last_epoch == scheduler.last_epoch == 4
    assert resumed.get_last_lr() == pytest.approx(scheduler.get_last_lr(), rel=1e-15)


def test_a_state_without_a_field_is_refused():
    scheduler = lr_scheduler.StepLR(sgd(), 2)
    state = scheduler.state_dict()
    del state["gamma"]
    with pytest.raises(ValueError, match="StepLR: the state lacks gamma"):
        scheduler.load_state_dict(state)


def test_milestones_of_pytorch_are_a_counter():
    from collections import Counter

    scheduler = lr_scheduler.MultiStepLR(sgd(), [5])
    scheduler.load_state_dict({**scheduler.state_dict(), "milestones": Counter({3: 2, 1: 1}), "_is_initial": False})
    assert scheduler.milestones == [1, 3, 3]


def test_callable_objects_are_saved():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    saved = lr_scheduler.LambdaLR(sgd(), Decay(0.5)).state_dict()
    assert saved["lr_lambdas"] == [{"rate": 0.5}]
    scheduler = lr_scheduler.LambdaLR(sgd(), Decay(0.9))
    scheduler.load_state_dict(saved)
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5]


def test_rates_are_python_floats():
    import numpy as np

    optimizer = sgd()
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda epoch: np.float64(0.5))
    assert type(scheduler.get_last_lr()[0]) is float
    assert type(optimizer.param_groups[0]["lr"]) is float


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: lr_scheduler.StepLR(3, 2), TypeError, "expected an Optimizer, got int"),
        (lambda: lr_scheduler.StepLR(sgd(), 0), ValueError, "step_size"),
        (lambda: lr_scheduler.CosineAnnealingLR(sgd(), 0), ValueError, "T_max"),
        (lambda: lr_scheduler.LambdaLR(sgd(), [abs, abs]), ValueError, "expected 1 values of lr_lambda"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), 1.0), ValueError, "total_steps"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), 1.0, 0), ValueError, "positive"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), 1.0, 2.5), ValueError, "positive integer"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), [1.0, 2.0], 5), ValueError, "max_lr"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), 1.0, 5, pct_start=2), ValueError, "pct_start"),
        (lambda: lr_scheduler.OneCycleLR(sgd(momentum=0.9), 1.0, 5, anneal_strategy="x"), ValueError, "'cos'"),
    ],
)
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_one_cycle_ends():
    optimizer = sgd(momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    for _ in range(3):
        scheduler.step()
    before = copy.deepcopy(scheduler.state_dict())
    with pytest.raises(ValueError, match="3 steps is over"):
        scheduler.step()
    assert scheduler.state_dict() == before


def test_a_one_cycle_of_one_rising_step():
    optimizer = sgd(momentum=0.9)
    lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=10, pct_start=0.1)  # PyTorch divides by zero
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_a_base_class_wants_get_lr():
    with pytest.raises(NotImplementedError, match="get_lr"):
        lr_scheduler.LRScheduler(sgd())
