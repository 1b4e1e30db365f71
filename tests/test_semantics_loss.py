"""Softmax and losses at their limits."""

import inspect
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


@pytest.mark.parametrize(
    "name", [n for n in F.__all__ if "size_average" in inspect.signature(getattr(F, n)).parameters]
)
@pytest.mark.parametrize("setting", ["size_average", "reduce"])
def test_the_old_reductions_are_refused_by_name_and_by_place(name, setting):
    loss = getattr(F, name)
    parameters = inspect.signature(loss).parameters
    operands = [tg.ones(2, 2)] * sum(p.default is p.empty for p in parameters.values())
    with pytest.raises(ValueError, match=f"{name}: size_average and reduce are gone; use reduction='mean', 'sum'"):
        loss(*operands, **{setting: False})
    before = list(parameters.values())[len(operands) : list(parameters).index(setting)]
    with pytest.raises(ValueError, match=f"{name}: size_average and reduce are gone"):
        loss(*operands, *[p.default for p in before], False)
