"""Special functions, rounding, dropout of channels and the margin losses at their edges, and what they refuse."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows

inf, nan = math.inf, math.nan

# --------------------------------------------------------------------------- poles and steps


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    rows(
        ("asin", tg.asin, [1.0, 1.5], [math.pi / 2, nan], [inf, nan]),
        ("acos", tg.acos, [1.0], [0], [-inf]),
        ("lgamma", tg.lgamma, [0.0, -1.0, inf, -inf], [inf, inf, inf, inf], [-inf, nan, inf, nan]),
        ("digamma", tg.digamma, [0.0, -0.0, -1.0, inf], [-inf, inf, nan, inf], [inf, inf, inf, 0]),
        ("trigamma", lambda x: tg.polygamma(1, x), [0.0, -2.0, inf], [inf, inf, 0], [-inf, -inf, 0]),
        ("erfinv", tg.erfinv, [1.0, -1.0, 1.5], [inf, -inf, nan], [inf, inf, nan]),
        ("sinc", tg.sinc, [0.0], [1], [0]),
        ("logit", tg.logit, [0.0, 1.0, 2.0], [-inf, inf, nan], [inf, inf, nan]),
        ("round", tg.round, [0.5, 1.5, 2.5, -0.5], [0, 2, 2, -0.0], [0, 0, 0, 0]),
        ("frac", tg.frac, [-1.5], [-0.5], [1]),
        ("logsigmoid", F.logsigmoid, [1000.0, -1000.0], [0, -1000], [0, 1]),
        ("hardtanh", F.hardtanh, [-1.0, 1.0, nan], [-1, 1, nan], [0, 0, 0]),
        ("relu6", F.relu6, [0.0, 6.0], [0, 6], [0, 0]),
    ),
)
def test_one_input(function, x, value, gradient):
    check(function, [x], value, gradient)


@pytest.mark.parametrize(
    ("function", "x", "y", "value", "dx", "dy"),
    rows(
        ("logaddexp", tg.logaddexp, [-inf, 1000.0, inf], [-inf, 1000.0, inf], None, [nan, 0.5, nan], [nan, 0.5, nan]),
        ("atan2", tg.atan2, [0.0], [0.0], [0], [0], [-0.0]),
        ("fmax", tg.fmax, [1.0, 2.0], [nan, 2.0], [1, 2], [1, 1], [0, 0]),
        ("fmod", tg.fmod, [5.0, -5.0, 5.0], [3.0, 3.0, 0.0], [2, -2, nan], [1, 1, 1], [-1, 1, -inf]),
        ("xlogy", tg.xlogy, [0.0, 0.0], [0.0, nan], [0, nan], [0, nan], [nan, nan]),
    ),
)
def test_two_inputs(function, x, y, value, dx, dy):
    check(function, [x, y], value, dx, dy)


def test_higher_derivatives_of_lgamma_are_the_polygammas():
    """One after the other by the engine, at once by the kernel."""
    x = tg.tensor(np.array([0.3, 1.0, 2.5, 11.0, -1.3]), requires_grad=True)
    derivative = tg.lgamma(x)
    for n in range(6):
        (derivative,) = tg.autograd.grad(derivative.sum(), x, create_graph=True)
        assert_equal(derivative.detach().numpy(), tg.polygamma(n, x).detach().numpy(), rtol=1e-12)


def test_trigamma_is_known_in_closed_form():
    trigamma = tg.polygamma(1, tg.tensor(np.array([0.5, 1.0, -0.5])))
    assert_equal(trigamma.numpy(force=True), [math.pi**2 / 2, math.pi**2 / 6, math.pi**2 / 2 + 4], rtol=1e-14)


def test_curvature_of_sinc_at_zero():
    x = tg.tensor(np.array([0.0, 1e-8]), requires_grad=True)
    (slope,) = tg.autograd.grad(tg.sinc(x).sum(), x, create_graph=True)
    (curvature,) = tg.autograd.grad(slope.sum(), x)
    assert_equal(curvature.numpy(force=True), [-(math.pi**2) / 3] * 2, rtol=1e-12)


def test_elu_does_not_overflow_in_the_branch_not_taken():
    for function in (F.elu, F.selu, F.celu):
        x = tg.tensor([1000.0, -1000.0], requires_grad=True)
        (g,) = tg.autograd.grad(function(x).sum(), x, create_graph=True)
        (h,) = tg.autograd.grad(g.sum(), x)
        assert_equal(h.numpy(force=True), [0, 0])


# --------------------------------------------------------------------------- comparison up to rounding, NumPy's names


def test_equal_and_allclose_are_python_booleans():
    x = tg.tensor([1.0, nan])
    assert tg.equal(x, x) is False
    assert tg.allclose(x, x) is False
    assert tg.allclose(x, x, equal_nan=True) is True
    assert tg.tensor([1.0]).equal(tg.tensor([1.0])) is True
    assert tg.equal(tg.ones(2), tg.ones(3)) is False


def test_numpy_functions_on_tensors():
    x, y = tg.tensor([1.5, -2.5]), tg.tensor([0.7, 3.0])
    for function in (np.arctan2, np.copysign, np.fmax, np.fmin, np.fmod, np.hypot, np.logaddexp, np.logaddexp2):
        result = function(x, y)
        assert isinstance(result, tg.Tensor)
        assert_equal(result.numpy(force=True), function(x.numpy(force=True), y.numpy(force=True)), rtol=1e-6)
    for function in (np.rint, np.trunc, np.round, np.sinc, np.exp2, np.cosh, np.positive, np.degrees):
        assert_equal(function(x).numpy(force=True), function(x.numpy(force=True)), rtol=1e-6)
    assert np.allclose(x, x) is True
    assert np.array_equal(x, y) is False
    assert np.isclose(x, x).dtype == bool
    assert tg.isclose(x, x, rtol=tg.tensor(0.1), atol=tg.tensor(0.0)).all()
    assert np.ldexp(x, tg.tensor([1, 2])).tolist() == [3.0, -10.0]
    assert np.float_power(x, 2).dtype == np.float64


# --------------------------------------------------------------------------- dropout


def test_dropped_channels_are_dropped_whole():
    tg.manual_seed(0)
    for function, shape in (
        (F.dropout1d, (40, 10, 3)),
        (F.dropout2d, (40, 10, 2, 2)),
        (F.dropout3d, (40, 10, 2, 1, 2)),
    ):
        y = function(tg.ones(*shape), 0.25).numpy(force=True).reshape(40, 10, -1)
        assert (y == y[:, :, :1]).all()
        assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
        assert 0.2 < (y[:, :, 0] == 0).mean() < 0.3


def test_alpha_dropout_keeps_mean_and_variance():
    tg.manual_seed(0)
    x = tg.randn(200, 500)
    for y in (F.alpha_dropout(x, 0.3, training=True), F.feature_alpha_dropout(tg.randn(2000, 50, 2), 0.3, True)):
        assert abs(y.mean().item()) < 0.02
        assert abs(y.std().item() - 1) < 0.02
    assert len(np.unique(F.alpha_dropout(tg.zeros(100), 0.5, training=True).numpy(force=True))) == 2


def test_rrelu_draws_slopes_between_its_bounds():
    tg.manual_seed(0)
    y = F.rrelu(tg.full((1000,), -1.0), 0.2, 0.4, training=True).numpy(force=True)
    assert -0.4 <= y.min() < -0.39
    assert -0.21 < y.max() <= -0.2


# --------------------------------------------------------------------------- refusals

X, Y = tg.tensor([[0.5, 0.25]]), tg.tensor([[1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "error", "named"),
    rows(
        ("rounding mode", lambda: tg.div(X, Y, rounding_mode="up"), ValueError, "div"),
        ("polygamma of negative order", lambda: tg.polygamma(-1, X), ValueError, "polygamma"),
        ("positive of booleans", lambda: +tg.tensor([True]), TypeError, "positive"),
        ("glu of an odd dimension", lambda: F.glu(tg.ones(3)), ValueError, "glu"),
        ("hardtanh bounds", lambda: F.hardtanh(X, 1, -1), ValueError, "hardtanh"),
        ("softshrink", lambda: F.softshrink(X, -1), ValueError, "softshrink"),
        ("celu", lambda: F.celu(X, 0), ValueError, "celu"),
        ("prelu weights", lambda: F.prelu(X, tg.ones(3)), ValueError, "prelu"),
        ("rrelu bounds", lambda: F.rrelu(X, 0.5, 0.1), ValueError, "rrelu"),
        ("dropout2d of a vector", lambda: F.dropout2d(tg.ones(3)), ValueError, "dropout2d"),
        ("dropout1d p", lambda: F.dropout1d(tg.ones(3, 2), 1.5), ValueError, "dropout1d"),
        ("alpha_dropout of integers", lambda: F.alpha_dropout(tg.tensor([1])), TypeError, "alpha_dropout"),
        ("bce above 1", lambda: F.binary_cross_entropy(Y * 2, X), ValueError, "binary_cross_entropy"),
        ("bce shapes", lambda: F.binary_cross_entropy(X, Y[0]), ValueError, "binary_cross_entropy"),
        ("kl_div reduction", lambda: F.kl_div(X, Y, reduction="average"), ValueError, "kl_div"),
        ("negative variance", lambda: F.gaussian_nll_loss(X, Y, -X), ValueError, "gaussian_nll_loss"),
        ("variance shape", lambda: F.gaussian_nll_loss(X, Y, tg.ones(3)), ValueError, "gaussian_nll_loss"),
        ("huber delta", lambda: F.huber_loss(X, Y, delta=0), ValueError, "huber_loss"),
        ("smooth_l1 beta", lambda: F.smooth_l1_loss(X, Y, beta=-1), ValueError, "smooth_l1_loss"),
        ("multi_margin p", lambda: F.multi_margin_loss(X, tg.tensor([0]), p=3), ValueError, "multi_margin_loss"),
        ("multi_margin class", lambda: F.multi_margin_loss(X, tg.tensor([2])), IndexError, "multi_margin_loss"),
        ("multi_margin class -1", lambda: F.multi_margin_loss(X, tg.tensor([-1])), IndexError, "multi_margin_loss"),
        ("labels out of range", lambda: F.multilabel_margin_loss(X, tg.tensor([[2, -1]])), IndexError, "multilabel"),
        ("float labels", lambda: F.multilabel_margin_loss(X, Y), TypeError, "multilabel_margin_loss"),
        ("cosine shapes", lambda: F.cosine_embedding_loss(X, Y, tg.ones(1, 1)), ValueError, "cosine_embedding_loss"),
        ("ranking shapes", lambda: F.margin_ranking_loss(X, Y, tg.ones(2)), ValueError, "margin_ranking_loss"),
        ("triplet margin", lambda: F.triplet_margin_loss(X, Y, X, margin=0), ValueError, "triplet_margin_loss"),
        ("pdist of a vector", lambda: F.pdist(X[0]), ValueError, "pdist"),
    ),
)
def test_refusal(call, error, named):
    with pytest.raises(error, match=named):
        call()
