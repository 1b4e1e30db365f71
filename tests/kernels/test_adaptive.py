"""The compiled steps of the optimizers that divide by a measure of past gradients are NumPy's, bit for bit."""

import importlib.util

import numpy as np
import pytest

from tensorgrad.kernels import adaptive, threads
from tests.kernels.steps import SIZES, after, arrays, assert_same_bits, combinations

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the fast extra is not installed")

USUAL = {"weight_decay": (0.0, 0.01), "maximize": (False, True)}
MOMENTS = {**USUAL, "rate": (0.1,), "beta1": (0.9,), "beta2": (0.999,)}
RMSPROP = combinations(**USUAL, lr=(0.1,), alpha=(0.99,), eps=(1e-8,), momentum=(0.9,))

#: name -> kernel, which of its arrays are there, its settings
STEPS = {
    "rmsprop": (adaptive.rmsprop, (1, 1, 1, 0, 0), RMSPROP),
    "rmsprop, centered": (adaptive.rmsprop, (1, 1, 1, 1, 0), RMSPROP),
    "rmsprop, momentum": (adaptive.rmsprop, (1, 1, 1, 0, 1), RMSPROP),
    "rmsprop, both": (adaptive.rmsprop, (1, 1, 1, 1, 1), RMSPROP),
    "adagrad": (adaptive.adagrad, (1, 1, 1), combinations(**USUAL, rate=(0.1,), eps=(1e-10,))),
    "adadelta": (adaptive.adadelta, (1, 1, 1, 1), combinations(**USUAL, lr=(0.5,), rho=(0.9,), eps=(1e-6,))),
    "adamax": (adaptive.adamax, (1, 1, 1, 1), combinations(**MOMENTS, eps=(1e-8,))),
    "nadam": (
        adaptive.nadam,
        (1, 1, 1, 1),
        combinations(**MOMENTS, gradient_rate=(0.02,), floor=(1e-9,), shrink=(1.0, 0.9)),
    ),
    "unrectified": (adaptive.unrectified, (1, 1, 1, 1), combinations(**MOMENTS, shrink=(1.0, 0.9))),
}

EVERY_STEP = pytest.mark.parametrize(("step", "there", "settings"), STEPS.values(), ids=STEPS)


def given(there, shape, dtype):
    """The arrays of a step, None where one is not there."""
    return [a if here else None for a, here in zip(arrays(shape, dtype, len(there)), there, strict=True)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SIZES, ids=str)
@EVERY_STEP
def test_every_setting(step, there, settings, shape, dtype):
    for each in settings:
        assert_same_bits(step, given(there, shape, dtype), **each)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@EVERY_STEP
def test_odd_memory_orders_and_mixed_dtypes(step, there, settings, dtype):
    p, g, *others = given(there, (30, 40), dtype)
    for view in (lambda a: a.T, np.asfortranarray, lambda a: a[:, ::2]):
        assert_same_bits(step, [None if a is None else view(a) for a in (p, g, *others)], **settings[-1])
    assert_same_bits(step, [p, np.asfortranarray(g), *others], **settings[-1])
    assert_same_bits(step, [p, np.ones((30, 40), int), *others], **settings[-1])


@pytest.mark.parametrize("n", [1, 2])
@EVERY_STEP
def test_large_parameters_on_all_threads(step, there, settings, n):
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        assert_same_bits(step, given(there, (200_001,), np.float32), **settings[0])
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@EVERY_STEP
def test_the_gradient_is_only_read(step, there, settings, dtype):
    arrays_given = given(there, (3, 5), dtype)
    for each in settings:
        assert np.array_equal(after(step, "compiled", arrays_given, **each)[1], arrays_given[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@EVERY_STEP
def test_whole_vectors_and_what_is_left_over(step, there, settings, dtype):
    for size in range(70):
        assert_same_bits(step, given(there, (size,), dtype), **settings[-1])


@EVERY_STEP
def test_ordinary_arrays_never_go_to_numpys_version(step, there, settings, monkeypatch):
    compiled = step.compiled
    monkeypatch.setattr(step, "numpy", None)
    compiled(*given(there, (3, 5), np.float32), **settings[0])
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        compiled(*given(there, (3, 5), np.float16), **settings[0])
