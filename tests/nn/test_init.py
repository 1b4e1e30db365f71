"""Initialisers: their statistics, dtypes and refusals."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import init

N = 20000


@pytest.mark.parametrize(
    ("fill", "low", "high", "mean", "std"),
    [
        (lambda t: init.uniform_(t), 0, 1, 0.5, math.sqrt(1 / 12)),
        (lambda t: init.uniform_(t, -3, 1), -3, 1, -1, 4 * math.sqrt(1 / 12)),
        (lambda t: init.normal_(t, 2, 3), -20, 20, 2, 3),
        (lambda t: init.trunc_normal_(t), -2, 2, 0, 0.8796),
        (lambda t: init.trunc_normal_(t, 1.0, 2.0, 0.0, 1.5), 0, 1.5, 0.7610, 0.4317),
        (lambda t: init.xavier_uniform_(t, 2.0), -math.sqrt(24 / 300), math.sqrt(24 / 300), 0, 2 / math.sqrt(150)),
        (lambda t: init.xavier_normal_(t), -1, 1, 0, 1 / math.sqrt(150)),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="relu"), -math.sqrt(6 / 200), math.sqrt(6 / 200), 0, 0.1),
        (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), -1, 1, 0, math.sqrt(2 / 100)),
        (lambda t: init.kaiming_normal_(t, a=1), -1, 1, 0, math.sqrt(1 / 200)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distributions(fill, low, high, mean, std, dtype):
    w = nn.Parameter(tg.empty(100, 200, dtype=dtype))
    array = w.numpy(force=True)
    assert fill(w) is w
    assert w.numpy(force=True) is array
    assert array.dtype == dtype
    assert low <= array.min()
    assert array.max() <= high
    assert abs(array.mean() - mean) < 4 * std / math.sqrt(N)
    assert abs(array.std() / std - 1) < 0.03


def test_the_seed_decides_and_float32_is_drawn_as_float32():
    a, b = init.normal_(tg.empty(5)), init.normal_(tg.empty(5))
    tg.manual_seed(0)
    assert init.normal_(tg.empty(5)).tolist() == a.tolist() != b.tolist()
    tg.manual_seed(0)
    expected = tg.random.generator().standard_normal(5, dtype=np.float32)
    assert a.tolist() == expected.tolist()
    own = np.random.default_rng(5)
    assert init.uniform_(tg.empty(2), generator=own).numpy(force=True).dtype == np.float32


def test_fans():
    assert init._calculate_fan_in_and_fan_out(tg.empty(6, 4)) == (4, 6)
    assert init._calculate_fan_in_and_fan_out(tg.empty(6, 2, 3, 5)) == (30, 90)
    with pytest.raises(ValueError, match="fan"):
        init._calculate_fan_in_and_fan_out(tg.empty(6))


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.2, math.sqrt(2 / 1.04)),
        ("selu", None, 0.75),
    ],
)
def test_gains(name, param, gain):
    assert init.calculate_gain(name, param) == pytest.approx(gain)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 2, 3, 1)])
def test_orthogonal(shape):
    w = init.orthogonal_(tg.empty(*shape), gain=2)
    m = w.numpy(force=True).reshape(shape[0], -1)
    product = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)
    assert w.dtype == np.float32


def test_plain_fills():
    assert init.ones_(tg.empty(2)).tolist() == [1, 1]
    assert init.zeros_(tg.empty(2)).tolist() == [0, 0]
    assert init.constant_(tg.empty(2, dtype=tg.int64), 3).tolist() == [3, 3]
    assert init.eye_(tg.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_empty_tensors():
    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.kaiming_uniform_, init.orthogonal_):
        assert fill(tg.empty(0, 3)).shape == (0, 3)
        assert fill(tg.empty(3, 0)).shape == (3, 0)
    assert nn.Linear(0, 2)(tg.ones(3, 0)).tolist() == [[0, 0]] * 3


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: init.uniform_(tg.zeros(2, dtype=tg.int64)), TypeError),
        (lambda: init.normal_(tg.zeros(2), std=-1), ValueError),
        (lambda: init.trunc_normal_(tg.zeros(2), a=5, b=6), ValueError),
        (lambda: init.trunc_normal_(tg.zeros(2), std=0), ValueError),
        (lambda: init.eye_(tg.zeros(2)), ValueError),
        (lambda: init.orthogonal_(tg.zeros(2)), ValueError),
        (lambda: init.xavier_normal_(tg.zeros(2)), ValueError),
        (lambda: init.kaiming_normal_(tg.zeros(2, 2), mode="fan"), ValueError),
        (lambda: init.calculate_gain("swish"), ValueError),
        (lambda: init.calculate_gain("leaky_relu", "x"), ValueError),
    ],
)
def test_refusals(call, error):
    with pytest.raises(error):
        call()


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [(lambda: nn.Linear(100, 300), 100), (lambda: nn.Conv2d(8, 200, 5, groups=2), 100)],
)
def test_layers_start_as_pytorchs(build, fan_in):
    tg.manual_seed(0)
    layer = build()
    bound = 1 / math.sqrt(fan_in)
    for p in (layer.weight, layer.bias):
        assert p.dtype == np.float32
        assert np.abs(p.numpy(force=True)).max() <= bound
        assert np.abs(p.numpy(force=True)).max() > 0.95 * bound
        assert abs(p.numpy(force=True).mean()) < 4 * bound / math.sqrt(3 * p.numel())
    before = layer.weight.tolist()
    layer.reset_parameters()
    assert layer.weight.tolist() != before


def test_filling_a_weight_that_a_graph_saved_is_noticed():
    w = tg.ones(3, requires_grad=True)
    loss = (w * w).sum()
    init.zeros_(w)
    with pytest.raises(RuntimeError, match="modified in place"):
        loss.backward()
