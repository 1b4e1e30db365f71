"""Schedules: resuming, refusals. Their numbers stand in test_trajectories."""

import copy

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.optim import lr_scheduler
from tests.optim import scenarios


def sgd(lr=1.0, **settings):
    return tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=lr, **settings)


def adagrad():
    return tg.optim.Adagrad([tg.ones(1, requires_grad=True)])


def restarts(**settings):
    return lr_scheduler.CosineAnnealingWarmRestarts(sgd(), **settings)


def cyclic(optimizer=None, **settings):
    optimizer = sgd(momentum=0.9) if optimizer is None else optimizer
    return lr_scheduler.CyclicLR(optimizer, **{"base_lr": 0.1, "max_lr": 1.0, **settings})


def plateau(optimizer=None, **settings):
    return lr_scheduler.ReduceLROnPlateau(sgd() if optimizer is None else optimizer, **settings)


def sequence(milestones):
    optimizer = sgd()
    parts = [lr_scheduler.ExponentialLR(optimizer, 0.5) for _ in range(3)]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones)


def what_is_set(optimizer):
    return [(group["lr"], group["momentum"]) for group in optimizer.param_groups]


EVERY = {**scenarios.SCHEDULERS, **scenarios.COMPOSED}


@pytest.mark.parametrize("name", EVERY)
def test_resuming_from_state_dicts(name):
    def start():
        optimizer = scenarios.two_groups(tg)
        return optimizer, scenarios.scheduler(tg, optimizer, *EVERY[name])

    optimizer, scheduler = start()
    for _ in range(4):
        scheduler.step()
    saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    resumed, again = start()
    resumed.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    assert again.state_dict() == saved[1]
    for _ in range(6):
        scheduler.step()
        again.step()
        assert what_is_set(optimizer) == what_is_set(resumed)
    assert scheduler.get_last_lr() == again.get_last_lr() == scenarios.rates(optimizer)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", scenarios.SCHEDULERS)
def test_resuming_with_last_epoch(name, steps):
    cls, settings = scenarios.SCHEDULERS[name]
    assert_resumes(cls, settings, steps)


def test_resuming_where_a_factor_ends():
    """The rates were multiplied before they were saved, and are not once more."""
    assert_resumes("ConstantLR", {"factor": 0.5, "total_iters": 3}, 3)
    assert_resumes("LinearLR", {"total_iters": 3}, 3)


def assert_resumes(cls, settings, steps):
    optimizer, again = scenarios.two_groups(tg), scenarios.two_groups(tg)
    scheduler = scenarios.scheduler(tg, optimizer, cls, settings)
    for _ in range(steps):
        scheduler.step()
    with pytest.raises(ValueError, match=f"^{cls}: .*group 0 has no 'initial_lr'"):
        scenarios.scheduler(tg, again, cls, {**settings, "last_epoch": steps - 1})
    again.load_state_dict(optimizer.state_dict())
    resumed = scenarios.scheduler(tg, again, cls, {**settings, "last_epoch": steps - 1})
    for _ in range(6):
        assert resumed.last_epoch == scheduler.last_epoch
        assert np.array(what_is_set(again)) == pytest.approx(np.array(what_is_set(optimizer)), rel=1e-12)
        assert resumed.get_last_lr() == scenarios.rates(again)
        scheduler.step()
        resumed.step()


@pytest.mark.parametrize("steps", [1, 4, 7])
@pytest.mark.parametrize("name", [name for name, (cls, _) in scenarios.COMPOSED.items() if cls == "SequentialLR"])
def test_resuming_a_sequence_with_last_epoch(name, steps):
    cls, settings = scenarios.COMPOSED[name]
    optimizer, again = scenarios.two_groups(tg), scenarios.two_groups(tg)
    scheduler = scenarios.scheduler(tg, optimizer, cls, settings)
    for _ in range(steps):
        scheduler.step()
    again.load_state_dict(optimizer.state_dict())
    resumed = scenarios.scheduler(tg, again, cls, {**settings, "last_epoch": steps - 1})
    for _ in range(4):
        assert resumed.last_epoch == scheduler.last_epoch
        assert what_is_set(again) == what_is_set(optimizer)
        scheduler.step()
        resumed.step()


def rates_of(scheduler, epochs):
    found = []
    for _ in range(epochs):
        found += scheduler.get_last_lr()
        scheduler.step()
    return found


def test_a_chain_in_a_sequence():
    for first in (0, 2):
        optimizer = sgd()
        constant = lr_scheduler.ConstantLR(optimizer, 0.125, total_iters=10)
        linear = lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2)
        chain = lr_scheduler.ChainedScheduler([linear, lr_scheduler.ExponentialLR(optimizer, 0.5)])
        scheduler = lr_scheduler.SequentialLR(optimizer, [constant, chain], milestones=[first])
        assert rates_of(scheduler, first + 4) == [0.125] * first + [0.5, 0.75 * 0.5, 0.25, 0.125]


def test_a_sequence_in_a_sequence():
    for first in (0, 2):
        optimizer = sgd()
        constants = [lr_scheduler.ConstantLR(optimizer, factor, total_iters=10) for factor in (0.5, 0.25, 0.125)]
        inner = lr_scheduler.SequentialLR(optimizer, constants[1:], milestones=[1])
        outer = lr_scheduler.SequentialLR(optimizer, [constants[0], inner], milestones=[first])
        assert rates_of(outer, first + 3) == [0.5] * first + [0.25, 0.125, 0.125]


def test_a_state_of_other_parts_changes_nothing():
    optimizer = sgd()
    parts = [lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.StepLR(optimizer, 2)]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])
    state = copy.deepcopy(scheduler.state_dict())
    scheduler.step()
    before = repr(scheduler.state_dict())
    lacking = copy.deepcopy(state)
    del lacking["_schedulers"][1]["step_size"]
    with pytest.raises(ValueError, match="StepLR: the state lacks step_size"):
        scheduler.load_state_dict(lacking)
    with pytest.raises(ValueError, match="SequentialLR: expected the states of 2 schedulers, got list of 1"):
        scheduler.load_state_dict({**state, "_schedulers": state["_schedulers"][:1]})
    assert repr(scheduler.state_dict()) == before
    scheduler.load_state_dict(state)
    assert scheduler.last_epoch == 0


@pytest.mark.parametrize("name", scenarios.PLATEAUS)
def test_resuming_a_plateau(name):
    def start():
        optimizer = scenarios.two_groups(tg)
        return optimizer, lr_scheduler.ReduceLROnPlateau(optimizer, **scenarios.PLATEAUS[name])

    optimizer, scheduler = start()
    for metric in scenarios.METRICS[:7]:
        scheduler.step(metric)
    resumed, again = start()
    resumed.load_state_dict(optimizer.state_dict())
    again.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    for metric in scenarios.METRICS[7:]:
        scheduler.step(metric)
        again.step(metric)
        assert scenarios.rates(optimizer) == scenarios.rates(resumed)
    assert scheduler.state_dict() == again.state_dict()


def test_a_plateau_takes_losses_and_epochs():
    optimizer = sgd()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, cooldown=1)
    scheduler.step((2 * tg.ones(1, requires_grad=True)).sum())
    assert scheduler.best == 2.0
    scheduler.step(np.float32(3.0), epoch=7)
    assert scheduler.last_epoch == 7
    assert scheduler.in_cooldown
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def after_a_new_group(min_lr):
    """The rates of an optimizer that was given a second group after its scheduler."""
    optimizer = sgd()
    scheduler = plateau(optimizer, patience=0, min_lr=min_lr)
    optimizer.add_param_group({"params": [tg.ones(1, requires_grad=True)], "lr": 1.0})
    scheduler.step(1.0)
    scheduler.step(2.0)
    return scenarios.rates(optimizer)


def test_a_plateau_and_a_new_group():
    assert after_a_new_group(0.5) == [0.5, 0.5]
    with pytest.raises(RuntimeError, match=r"^ReduceLROnPlateau: the optimizer has 2 groups now.*for 1; .*list of 2"):
        after_a_new_group([0.5])


def test_a_constant_factor_of_0_ends():
    optimizer = sgd(0.5)
    scheduler = lr_scheduler.ConstantLR(optimizer, 0.0, total_iters=2)  # PyTorch divides by zero
    assert rates_of(scheduler, 4) == [0.0, 0.0, 0.5, 0.5]


def test_warm_restarts_are_exact_at_every_restart():
    """PyTorch finds the period by a logarithm, which is off at epoch 121."""
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(sgd(), T_0=1, T_mult=3)
    epoch = 0
    for n in range(9):
        scheduler.step(epoch)
        assert scheduler.get_last_lr() == [1.0]
        assert scheduler.T_i == 3**n
        epoch += 3**n


def test_a_cyclic_scale_is_saved_where_it_is_an_object():
    class Scale:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, cycle):
            return self.rate

    def start(rate):
        optimizer = sgd()
        return lr_scheduler.CyclicLR(optimizer, 1.0, 2.0, step_size_up=1, scale_fn=Scale(rate), cycle_momentum=False)

    saved = copy.deepcopy(start(0.5).state_dict())
    assert saved["_scale_fn_custom"] == {"rate": 0.5}
    scheduler = start(0.25)
    scheduler.load_state_dict({**saved, "_is_initial": False, "_get_lr_called_within_step": False})  # as PyTorch's
    scheduler.step()
    assert scheduler.get_last_lr() == [1.5]


def test_a_state_without_a_field_is_refused():
    scheduler = lr_scheduler.StepLR(sgd(), 2)
    state = scheduler.state_dict()
    del state["gamma"]
    with pytest.raises(ValueError, match="StepLR: the state lacks gamma"):
        scheduler.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "wrong", "words"),
    [
        (lambda o, s: s.StepLR(o, 1), None, "expected what state_dict\\(\\) returned, got NoneType"),
        (lambda o, s: s.MultiStepLR(o, [1]), {"milestones": 5}, "a list of milestones, got int 5"),
        (lambda o, s: s.LambdaLR(o, lambda epoch: 1.0), {"lr_lambdas": []}, "fields of 1 functions, got list of 0"),
        (lambda o, s: s.LambdaLR(o, lambda epoch: 1.0), {"lr_lambdas": [3]}, "fields of 1 functions, got list of 1"),
        (lambda o, s: s.CyclicLR(o, 0.1, 1.0), {"_scale_fn_custom": {"a": 1}}, "fields of this scale_fn, got dict"),
        (lambda o, s: s.ChainedScheduler([s.StepLR(o, 1)]), {"_schedulers": None}, "1 schedulers, got NoneType"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(make, wrong, words):
    scheduler = make(tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0, momentum=0.9), tg.optim.lr_scheduler)
    before = repr(vars(scheduler))
    with pytest.raises(ValueError, match=f"load_state_dict of {type(scheduler).__name__}: .*{words}"):
        scheduler.load_state_dict(wrong and {**scheduler.state_dict(), "last_epoch": 7, **wrong})
    assert repr(vars(scheduler)) == before


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
        (lambda: lr_scheduler.OneCycleLR(adagrad(), 1.0, 5), ValueError, "momentum or betas, Adagrad has neither"),
        (lambda: lr_scheduler.LambdaLR(sgd(), 0.5), TypeError, "LambdaLR: lr_lambda must be a function.*float 0.5"),
        (lambda: lr_scheduler.MultiplicativeLR(sgd(), [0.5]), TypeError, "lr_lambda must be a function"),
        (lambda: lr_scheduler.MultiplicativeLR(3, abs), TypeError, "MultiplicativeLR: expected an Optimizer"),
        (lambda: lr_scheduler.MultiplicativeLR(sgd(), []), ValueError, "expected 1 values of lr_lambda"),
        (lambda: lr_scheduler.ConstantLR(sgd(), 1.5), ValueError, r"factor must be in \[0, 1\], got 1.5"),
        (lambda: lr_scheduler.ConstantLR(sgd(), -0.1), ValueError, "factor"),
        (lambda: lr_scheduler.ConstantLR(sgd(), total_iters=-1), ValueError, "ConstantLR: total_iters must be at lea"),
        (lambda: lr_scheduler.LinearLR(sgd(), 0.0), ValueError, r"start_factor must be in \(0, 1\], got 0.0"),
        (lambda: lr_scheduler.LinearLR(sgd(), 1.5), ValueError, "start_factor"),
        (lambda: lr_scheduler.LinearLR(sgd(), end_factor=1.5), ValueError, r"end_factor must be in \[0, 1\], got 1.5"),
        (lambda: lr_scheduler.LinearLR(sgd(), end_factor=-0.5), ValueError, "end_factor"),
        (lambda: lr_scheduler.PolynomialLR(sgd(), -1), ValueError, "PolynomialLR: total_iters"),
        (lambda: restarts(T_0=0), ValueError, "T_0 must be an integer of at least 1, got 0"),
        (lambda: restarts(T_0=1.5), ValueError, "T_0 must be an integer"),
        (lambda: restarts(T_0=1, T_mult=0), ValueError, "T_mult must be an integer of at least 1, got 0"),
        (lambda: restarts(T_0=1, T_mult=1.5), ValueError, "T_mult must be an integer"),
        (lambda: restarts(T_0=1).step(-0.5), ValueError, "epoch must be at least 0, got -0.5"),
        (lambda: cyclic(mode="square"), ValueError, "mode must be one of triangular, .*'square'"),
        (lambda: cyclic(step_size_up=0), ValueError, "step_size_up and step_size_down must be above 0, got 0 and 0"),
        (lambda: cyclic(step_size_down=-1), ValueError, "must be above 0, got 2000 and -1"),
        (lambda: cyclic(scale_fn=0.5), TypeError, "scale_fn must be a function, got float 0.5"),
        (lambda: cyclic(scale_fn=abs, scale_mode="x"), ValueError, "scale_mode must be 'cycle' or 'iterations'"),
        (lambda: cyclic(max_lr=[1.0, 2.0]), ValueError, "expected 1 values of max_lr"),
        (lambda: cyclic(base_momentum=[0.8, 0.9]), ValueError, "expected 1 values of base_momentum"),
        (lambda: cyclic(adagrad()), ValueError, "CyclicLR: cycle_momentum needs .*cycle_momentum=False"),
        (lambda: cyclic(3), TypeError, "CyclicLR: expected an Optimizer, got int"),
        (lambda: plateau(3), TypeError, "ReduceLROnPlateau: expected an Optimizer, got int"),
        (lambda: plateau(factor=1.0), ValueError, "factor must be below 1, got 1.0"),
        (lambda: plateau(mode="up"), ValueError, "mode must be 'min' or 'max', got 'up'"),
        (lambda: plateau(threshold_mode="x"), ValueError, "threshold_mode must be 'rel' or 'abs', got 'x'"),
        (lambda: plateau(min_lr=[0.1, 0.2]), ValueError, "expected 1 values of min_lr"),
        (lambda: lr_scheduler.ChainedScheduler([]), ValueError, "ChainedScheduler: expected at least one scheduler"),
        (lambda: lr_scheduler.ChainedScheduler([sgd()]), TypeError, "expected schedulers, got SGD at index 0"),
        (lambda: lr_scheduler.ChainedScheduler([plateau()]), ValueError, "ReduceLROnPlateau .at index 0. steps with"),
        (lambda: lr_scheduler.ChainedScheduler([restarts(T_0=1), cyclic()]), ValueError, "CyclicLR at index 1 belongs"),
        (lambda: lr_scheduler.ChainedScheduler([cyclic()], sgd()), ValueError, "CyclicLR at index 0 belongs"),
        (lambda: lr_scheduler.SequentialLR(sgd(), [], []), ValueError, "SequentialLR: expected at least one"),
        (
            lambda: lr_scheduler.SequentialLR(3, [cyclic()], []),
            TypeError,
            "SequentialLR: expected an Optimizer, got in",
        ),
        (lambda: sequence(milestones=3), TypeError, "SequentialLR: expected a list of milestones, got int 3"),
        (lambda: lr_scheduler.MultiStepLR(sgd(), 3), TypeError, "MultiStepLR: expected a list of milestones, got int"),
        (lambda: lr_scheduler.ChainedScheduler(cyclic()), TypeError, "expected a list of schedulers, got CyclicLR"),
        (lambda: sequence(milestones=[1]), ValueError, "3 schedulers need 2 milestones, got 1"),
        (lambda: sequence(milestones=[3, 2]), ValueError, r"milestones must not decrease, got \[3, 2\]"),
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
