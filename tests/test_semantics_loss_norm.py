"""Softmax, losses, normalization and dropout at their limits."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows, value_and_gradients

inf, nan = math.inf, math.nan

# --------------------------------------------------------------------------- softmax


@pytest.mark.parametrize(
    ("x", "value", "gradient"),
    rows(
        ("large", [1e4, 0, -1e4], [1, 0, 0], 0),
        ("inf", [inf, 1], nan, nan),
        ("all -inf", [-inf, -inf], nan, nan),
        ("nan", [nan, 0], nan, nan),
        ("-inf", [-inf, 0], [0, 1], 0),
        ("0-d", 3.0, 1, 0),
    ),
)
def test_softmax(x, value, gradient):
    check(lambda x: F.softmax(x, -1), [x], np.broadcast_to(value, np.shape(x)), gradient)


@pytest.mark.parametrize(
    ("x", "value", "gradient"),
    rows(
        ("large", [1e4, 0, -1e4], [0, -1e4, -2e4], None),
        ("-inf", [-inf, 0], [-inf, 0], [1, -1]),
        ("0-d", 3.0, 0, 0),
    ),
)
def test_log_softmax(x, value, gradient):
    check(lambda x: F.log_softmax(x, -1), [x], value, gradient)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_limits(name):
    function = getattr(F, name)
    assert function(tg.tensor(np.zeros((3, 0))), 1).shape == (3, 0)
    assert function(tg.tensor(np.zeros((0, 3))), 1).shape == (0, 3)
    x = tg.tensor(np.array([3e38, -3e38], np.float32))
    assert_equal(
        np.exp(function(x, 0).numpy(force=True)) if name == "log_softmax" else function(x, 0).numpy(force=True), [1, 0]
    )
    with pytest.raises(IndexError, match=name):
        function(tg.tensor([1.0, 2.0]), 1)
    with pytest.raises(TypeError, match=name):
        function(tg.tensor([1, 2]), 0)


# --------------------------------------------------------------------------- cross entropy, class targets

L, T = [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], [2, 0]
W = [1.0, 2.0, 0.5]
S = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]


def cross_entropy(target, weight=None, **static):
    """The loss as a function of the logits alone."""
    target = tg.tensor(np.array(target))
    weight = None if weight is None else tg.tensor(np.array(weight))
    return lambda x: F.cross_entropy(x, target, weight, **static)


@pytest.mark.parametrize(
    ("static", "value"),
    rows(
        ("mean", {}, 0.7531091265562451),
        ("sum", {"reduction": "sum"}, 1.5062182531124901),
        ("none", {"reduction": "none"}, [0.4076059644443804, 1.0986122886681098]),
        ("weight", {"weight": W}, 0.8682768472602),
        ("smoothing .1", {"label_smoothing": 0.1}, 0.8031091265562451),
        ("smoothing 1", {"label_smoothing": 1.0}, 1.253109126556245),
        ("smoothing, weight", {"label_smoothing": 0.1, "weight": W}, 0.9874883599984848),
        ("smoothing, ignore", {"label_smoothing": 0.1, "ignore_index": 0}, 0.5076059644443804),
        (
            "smoothing, weight, ignore",
            {"label_smoothing": 0.1, "weight": W, "ignore_index": 0},
            0.7286200930369645,
        ),
    ),
)
def test_cross_entropy_values(static, value):
    check(cross_entropy(T, **static), [L], value, None, rtol=1e-12)


def test_cross_entropy_gradient_is_probability_minus_one_hot():
    p = np.exp(L) / np.exp(L).sum(1, keepdims=True)
    check(cross_entropy(T), [L], None, (p - np.eye(3)[T]) / 2)
    check(cross_entropy(T, reduction="sum"), [L], None, p - np.eye(3)[T])


@pytest.mark.parametrize(
    ("logits", "target", "value", "gradient"),
    rows(
        ("large, wrong", [[1e4, 0, -1e4]], [2], 20000, [[1, 0, -1]]),
        ("large, right", [[1e4, 0, -1e4]], [0], 0, 0),
        ("inf at the target", [[inf, 0.0]], [0], nan, nan),
        ("-inf elsewhere", [[0.0, -inf]], [0], 0, 0),
        ("-inf at the target", [[-inf, 0.0]], [0], inf, [[-1, 1]]),
    ),
)
def test_cross_entropy_extremes(logits, target, value, gradient):
    check(cross_entropy(target), [logits], value, gradient)


def test_a_nan_row_leaves_the_gradients_of_the_others_alone():
    value, (gradient,) = value_and_gradients(cross_entropy([0, 1]), [[nan, 1.0], [0.0, 0.0]])
    assert np.isnan(value)
    assert np.isnan(gradient[0]).all()
    assert_equal(gradient[1], [0.25, -0.25])


def test_smoothing_with_an_infinite_logit():
    value, (gradient,) = value_and_gradients(cross_entropy([1], label_smoothing=0.1), [[-inf, 0.0, 0.0]])
    assert value == inf
    assert np.isfinite(gradient).all()


# --------------------------------------------------------------------------- ignored targets


def test_an_ignored_row_counts_nowhere():
    value, (gradient,) = value_and_gradients(cross_entropy([2, -100]), L)
    assert_equal(value, 0.4076059644443804)
    assert_equal(gradient[1], [0, 0, 0])
    assert_equal(gradient[0].sum(), 0)


@pytest.mark.parametrize(("reduction", "value"), [("mean", nan), ("sum", 0), ("none", [0, 0])])
def test_all_ignored(reduction, value):
    check(cross_entropy([-100, -100], reduction=reduction), [L], value, 0)
    check(lambda x: F.nll_loss(x, tg.tensor([-100, -100]), reduction=reduction), [L], value, 0)


def test_an_ignored_nan_row_has_zero_gradient():
    """Unlike PyTorch, where 0 * nan is left."""
    check(cross_entropy([-100, 1]), [[[nan, 1.0], [0.0, 0.0]]], math.log(2), [[0, 0], [0.5, -0.5]])
    smoothed = cross_entropy([-100, 1], label_smoothing=0.5)
    check(smoothed, [[[nan, 1.0], [0.0, 0.0]]], math.log(2), [[0, 0], [0.25, -0.25]])


@pytest.mark.parametrize(("reduction", "value"), [("mean", nan), ("sum", 0)])
def test_empty_batch(reduction, value):
    target = tg.tensor(np.zeros(0, np.int64))
    check(lambda x: F.cross_entropy(x, target, reduction=reduction), [np.zeros((0, 3))], value, 0)


def test_weights_that_sum_to_zero():
    check(cross_entropy([0, 0], [0.0, 1.0, 1.0]), [L], nan, nan)


def test_weight_none():
    check(
        cross_entropy(T, W, reduction="none"),
        [L],
        np.multiply([0.5, 1.0], [0.4076059644443804, 1.0986122886681098]),
        None,
    )


# --------------------------------------------------------------------------- cross entropy, soft targets


@pytest.mark.parametrize(
    ("target", "static", "value"),
    rows(
        ("plain", S, {}, 1.1031091265562452),
        ("weight", S, {"weight": W}, 1.2632992756673547),
        ("smoothing", S, {"label_smoothing": 0.1}, 1.118109126556245),
        ("not normalized", np.multiply(2, S), {}, 2.2062182531124903),
    ),
)
def test_probability_targets(target, static, value):
    check(cross_entropy(target, **static), [L], value, None, rtol=1e-10)


def test_probability_targets_have_a_gradient():
    log_p = np.log(np.exp(L) / np.exp(L).sum(1, keepdims=True))
    check(F.cross_entropy, [L, S], 1.1031091265562452, None, -log_p / 2)


def test_zero_probability_times_infinity_is_nan():
    check(cross_entropy([[0.0, 1.0]]), [[[-inf, 0.0]]], nan, None)


# --------------------------------------------------------------------------- refusals

X = np.zeros((2, 3))


def ce(x=X, y=(0, 1), **static):
    return lambda: F.cross_entropy(tg.tensor(x), tg.tensor(np.array(y)), **static)


def nll(x=X, y=(0, 1), **static):
    return lambda: F.nll_loss(tg.tensor(x), tg.tensor(np.array(y)), **static)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize(
    ("x", "y", "static", "error"),
    rows(
        ("target above the classes", X, [0, 3], {}, IndexError),
        ("target -1", X, [0, -1], {}, IndexError),
        ("float class ids", X, [0.0, 1.0], {}, (TypeError, ValueError)),
        ("boolean targets", X, [True, False], {}, TypeError),
        ("batch sizes", X, [0, 1, 2], {}, ValueError),
        ("2-d integer targets", X, [[0], [1]], {}, ValueError),
        ("no classes", np.zeros((2, 0)), [0, 0], {}, (IndexError, ValueError)),
        ("unknown reduction", X, [0, 1], {"reduction": "avg"}, ValueError),
        ("weight of another length", X, [0, 1], {"weight": [1.0, 1.0]}, ValueError),
        ("target shape of images", np.zeros((2, 3, 2, 2)), np.zeros((2, 2), int), {}, ValueError),
    ),
)
def test_class_targets_refused(name, x, y, static, error):
    static = {key: tg.tensor(value) if key == "weight" else value for key, value in static.items()}
    with pytest.raises(error, match=name):
        getattr(F, name)(tg.tensor(x), tg.tensor(np.array(y)), **static)


def test_a_target_out_of_bounds_is_named():
    with pytest.raises(IndexError, match="3"):
        ce(y=[0, 3])()


@pytest.mark.parametrize(
    ("call", "error"),
    rows(
        ("smoothing above 1", ce(label_smoothing=1.5), ValueError),
        ("negative smoothing", ce(label_smoothing=-0.1), ValueError),
        ("probabilities with ignore_index", ce(y=np.full((2, 3), 0.3), ignore_index=1), ValueError),
        ("integer one-hot targets", ce(y=np.eye(3, dtype=int)[:2]), (TypeError, ValueError)),
        ("integer logits", ce(x=X.astype(int)), TypeError),
    ),
)
def test_cross_entropy_refuses(call, error):
    with pytest.raises(error, match="cross_entropy"):
        call()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64])
def test_any_integer_dtype_is_a_target(dtype):
    check(cross_entropy(np.array(T, dtype)), [L], 0.7531091265562451, None)


# --------------------------------------------------------------------------- other losses


def test_bce_with_logits_of_large_logits():
    bce = F.binary_cross_entropy_with_logits
    target = tg.tensor([0.0, 1.0])
    check(lambda x: bce(x, target), [[1e4, -1e4]], 1e4, [0.5, -0.5])
    check(lambda x: bce(x, target, reduction="none"), [[-1e4, 1e4]], [0, 0], 0)


def test_mean_of_nothing():
    check(lambda x: F.mse_loss(x, x * 2), [[]], nan, None)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "binary_cross_entropy_with_logits"])
def test_losses_do_not_broadcast(name):
    with pytest.raises(ValueError, match=name):
        getattr(F, name)(tg.tensor([1.0, 2.0]), tg.tensor([[1.0], [2.0]]))
    with pytest.raises(ValueError, match=name):
        getattr(F, name)(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.0]), reduction="avg")


def test_l1_of_equal_values_has_zero_gradient():
    check(lambda x: F.l1_loss(x, tg.tensor([1.0, 1.0])), [[1.0, 3.0]], 1, [0, 0.5])


def test_one_hot():
    y = F.one_hot(tg.tensor([0, 2]))
    assert_equal(y.numpy(force=True), [[1, 0, 0], [0, 0, 1]])
    assert y.dtype == np.int64
    for bad, classes in (([0, 3], 3), ([-1], 3)):
        with pytest.raises((ValueError, IndexError), match="one_hot"):
            F.one_hot(tg.tensor(bad), classes)
    with pytest.raises(TypeError, match="one_hot"):
        F.one_hot(tg.tensor([1.0]), 3)


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
