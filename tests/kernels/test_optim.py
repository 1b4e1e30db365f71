"""The compiled steps of the optimizers are NumPy's, bit for bit."""

import importlib.util
import itertools

import numpy as np
import pytest

from tensorgrad.kernels import optim, threads
from tests.kernels.steps import SIZES, arrays, assert_same_bits

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the fast extra is not installed")

SGD = [
    {"momentum": m, "dampening": d, "weight_decay": w, "nesterov": n, "maximize": x, "first": f}
    for m, d, w, n, x, f in itertools.product((0.0, 0.9), (0.0, 0.5), (0.0, 0.01), (False, True), (False, True), (0, 1))
    if not (n and (d or not m))
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_sgd(shape, dtype):
    for settings in SGD:
        p, g, v = arrays(shape, dtype, 3)
        settings = {**settings, "first": bool(settings["first"])}
        assert_same_bits(optim.sgd, [p, g, v if settings["momentum"] else None], lr=0.1, **settings)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_adam(shape, dtype, amsgrad):
    fixed = {"rate": 0.1, "floor": 1e-8, "beta1": 0.9, "beta2": 0.999}
    for shrink, decay, maximize in itertools.product((1.0, 0.9), (0.0, 0.01), (False, True)):
        given = arrays(shape, dtype, 5)
        given = given if amsgrad else [*given[:4], None]
        assert_same_bits(optim.adam, given, **fixed, shrink=shrink, weight_decay=decay, maximize=maximize)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_odd_memory_orders_and_mixed_dtypes(dtype):
    p, g = arrays((30, 40), dtype, 2)
    settings = {**SGD[-1], "first": False, "lr": 0.1}
    for left, right in [(p.T, g.T), (np.asfortranarray(p), g), (p[:, ::2], g[:, ::2]), (p, np.ones((30, 40), int))]:
        assert_same_bits(optim.sgd, [left, right, np.zeros_like(left)], **settings)


@pytest.mark.parametrize("n", [1, 2])
def test_large_parameters_on_all_threads(n):
    p, g, v, m = arrays((600_001,), np.float32, 4)
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        assert_same_bits(optim.sgd, [p, g, v], lr=0.1, **{**SGD[-1], "first": False})
        numbers = {"rate": 0.1, "floor": 1e-8, "beta1": 0.9, "beta2": 0.999, "shrink": 1.0, "weight_decay": 0.0}
        assert_same_bits(optim.adam, [p, g, m, v, None], **numbers, maximize=False)
    finally:
        threads.set_num_threads(before)
