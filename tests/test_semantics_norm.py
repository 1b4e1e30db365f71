"""Normalization and dropout at their limits."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows, value_and_gradients

inf, nan = math.inf, math.nan


# --------------------------------------------------------------------------- batch norm


def stats(n, dtype=np.float64):
    return tg.tensor(np.zeros(n, dtype)), tg.tensor(np.ones(n, dtype))


def test_running_statistics():
    """Two values 1 and 3: the buffer gets the unbiased variance 2, the output is made with the biased 1."""
    mean, var = stats(1)
    y = F.batch_norm(tg.tensor(np.array([[1.0], [3.0]])), mean, var, training=True, momentum=0.1)
    assert_equal(mean.numpy(force=True), [0.2])
    assert_equal(var.numpy(force=True), [1.1])
    assert_equal(y.numpy(force=True), [[-0.9999950000374997], [0.9999950000374997]])


def test_eval_uses_and_keeps_the_running_statistics():
    mean, var = tg.tensor(np.array([1.0])), tg.tensor(np.array([4.0]))
    y = F.batch_norm(tg.tensor(np.array([[1.0], [3.0]])), mean, var, eps=0.0)
    assert_equal(y.numpy(force=True), [[0], [1]])
    assert_equal(mean.numpy(force=True), [1])
    assert_equal(var.numpy(force=True), [4])


@pytest.mark.parametrize("shape", [(1, 2), (1, 2, 1, 1)])
def test_one_value_per_channel_cannot_be_normalized(shape):
    with pytest.raises(ValueError, match=r"batch_norm.*more than 1 value per channel"):
        F.batch_norm(tg.tensor(np.ones(shape)), *stats(2), training=True)
    F.batch_norm(tg.tensor(np.ones(shape)), *stats(2))
    F.batch_norm(tg.tensor(np.ones((1, 2, 2, 1))), *stats(2), training=True)


def test_constant_input():
    check(lambda x: F.batch_norm(x, None, None, training=True), [np.full((4, 2), 3.0)], np.zeros((4, 2)), 0)


def test_empty_batch_leaves_the_statistics_alone():
    mean, var = stats(2)
    assert F.batch_norm(tg.tensor(np.zeros((0, 2, 3, 3))), mean, var, training=True).shape == (0, 2, 3, 3)
    assert_equal(mean.numpy(force=True), [0, 0])
    assert_equal(var.numpy(force=True), [1, 1])


def test_a_nan_reaches_the_statistics():
    mean, var = stats(1)
    F.batch_norm(tg.tensor(np.array([[1.0], [nan]])), mean, var, training=True)
    assert_equal(mean.numpy(force=True), [nan])
    assert_equal(var.numpy(force=True), [nan])


def test_a_large_mean_costs_layer_norm_no_digits():
    x = tg.tensor(np.float32(1e4) + np.arange(4, dtype=np.float32))
    expected = [-1.3416, -0.4472, 0.4472, 1.3416]
    assert np.abs(F.layer_norm(x, (4,)).numpy() - expected).max() < 1e-3
    assert np.abs(F.group_norm(x.reshape(1, 2, 2), 1).numpy().ravel() - expected).max() < 1e-3
    assert np.abs(F.instance_norm(x.reshape(1, 1, 4)).numpy().ravel() - expected).max() < 1e-3


def test_a_large_mean_costs_no_digits():
    x = np.random.RandomState(0).standard_normal((1000, 1))
    y = F.batch_norm(tg.tensor(x + 1e8), None, None, training=True).numpy(force=True)
    assert np.abs(y - (x - x.mean()) / np.sqrt(x.var() + 1e-5)).max() < 1e-6
    y = F.batch_norm(tg.tensor(np.float32([[1e4], [1e4 + 1], [1e4 + 2], [1e4 + 3]])), None, None, training=True)
    assert_equal(y.numpy(force=True), [[-1.3416], [-0.4472], [0.4472], [1.3416]], rtol=4e-4)


def test_dtypes_of_batch_norm():
    x = tg.tensor(np.random.RandomState(0).standard_normal((4, 2)).astype(np.float32), requires_grad=True)
    mean, var = stats(2, np.float32)
    y = F.batch_norm(x, mean, var, training=True)
    y.sum().backward()
    assert {a.dtype for a in (y, mean, var, x.grad)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("call", "error"),
    rows(
        (
            "statistics of other channels",
            lambda: F.batch_norm(tg.tensor(np.ones((2, 3))), *stats(2)),
            ValueError,
        ),
        (
            "weight of other channels",
            lambda: F.batch_norm(tg.tensor(np.ones((2, 3))), *stats(3), tg.tensor(np.ones(2))),
            ValueError,
        ),
        ("1-d", lambda: F.batch_norm(tg.tensor(np.ones(3)), *stats(3)), ValueError),
        ("integers", lambda: F.batch_norm(tg.tensor(np.ones((2, 3), int)), *stats(3)), TypeError),
        ("eval without statistics", lambda: F.batch_norm(tg.tensor(np.ones((2, 3))), None, None), ValueError),
    ),
)
def test_batch_norm_refuses(call, error):
    with pytest.raises(error, match="batch_norm"):
        call()


# --------------------------------------------------------------------------- dropout


def test_dropout_that_drops_nothing_is_the_same_object():
    x = tg.tensor([1.0, 2.0])
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, training=False) is x


def test_dropout_of_everything_is_exactly_zero():
    check(lambda x: F.dropout(x, 1.0), [[1.0, nan, inf]], [0, 0, 0], 0)


def test_dropout_scales_and_uses_one_mask():
    """What is kept grows by 1 / (1 - p); the gradient has the mask of the forward pass."""
    for p in (0.25, 0.5, 0.9):
        y, (gradient,) = value_and_gradients(lambda x, p=p: F.dropout(x, p), np.full(10_000, 3.0))
        assert_equal(gradient * 3, y)
        assert_equal(np.unique(y), [0, 3 / (1 - p)])
        assert abs((y == 0).mean() - p) < 0.02


def test_dropped_values_are_exactly_zero():
    y, (gradient,) = value_and_gradients(lambda x: F.dropout(x, 0.5), [nan, inf] * 100)
    dropped = gradient == 0
    assert 50 < dropped.sum() < 150
    assert not np.isfinite(y[~dropped]).any()


def test_dropout_follows_the_seed():
    x = tg.tensor(np.ones(100))
    draws = []
    for seed in (1, 1, 2):
        tg.manual_seed(seed)
        draws.append(F.dropout(x, 0.5).numpy(force=True))
    assert_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    assert (F.dropout(x, 0.5).numpy(force=True) != draws[2]).any()


@pytest.mark.parametrize("p", [-0.1, 1.1, nan])
def test_dropout_refuses_what_is_no_probability(p):
    for training in (True, False):
        with pytest.raises(ValueError, match="dropout"):
            F.dropout(tg.tensor([1.0]), p, training=training)


def test_dropout_refuses_integers():
    with pytest.raises(TypeError, match="dropout"):
        F.dropout(tg.tensor([1, 2]), 0.5)


def test_dropout_keeps_float32():
    x = tg.tensor(np.ones(8, np.float32), requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32


# --------------------------------------------------------------------------- layer norm


def test_layer_norm_of_constants():
    check(lambda x: F.layer_norm(x, (1,)), [[[3.0], [4.0]]], [[0], [0]], 0)
    check(lambda x: F.layer_norm(x, (2,)), [[[3.0, 3.0]]], [[0, 0]], 0)
    assert F.layer_norm(tg.tensor(np.zeros((0, 3))), (3,)).shape == (0, 3)


@pytest.mark.parametrize("normalized", [(2,), (3, 2), (1, 2, 3), ()])
def test_layer_norm_refuses_another_shape(normalized):
    with pytest.raises(ValueError, match="layer_norm"):
        F.layer_norm(tg.tensor(np.zeros((2, 3))), normalized)
