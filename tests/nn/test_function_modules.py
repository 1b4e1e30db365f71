"""Modules that only remember the settings of a function: what they print and hold, and that they are the function."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn

W = tg.tensor([1.0, 2.0, 0.5, 3.0])

#: module, what PyTorch 2.13 prints for it, and what it computes of an image of values around 0
ACTIVATIONS = [
    (nn.SELU(), "SELU()", F.selu),
    (nn.SELU(True), "SELU(inplace=True)", F.selu),
    (nn.CELU(), "CELU(alpha=1.0)", F.celu),
    (nn.CELU(2.0, True), "CELU(alpha=2.0, inplace=True)", lambda x: F.celu(x, 2.0)),
    (nn.Mish(inplace=True), "Mish(inplace=True)", F.mish),
    (nn.GLU(), "GLU(dim=-1)", F.glu),
    (nn.GLU(1), "GLU(dim=1)", lambda x: F.glu(x, 1)),
    (nn.LogSigmoid(), "LogSigmoid()", F.logsigmoid),
    (nn.Softsign(), "Softsign()", F.softsign),
    (nn.Tanhshrink(), "Tanhshrink()", F.tanhshrink),
    (nn.Softmin(dim=1), "Softmin(dim=1)", lambda x: F.softmin(x, 1)),
    (nn.Softmax2d(), "Softmax2d()", lambda x: F.softmax(x, 1)),
    (nn.PReLU(), "PReLU(num_parameters=1)", lambda x: F.leaky_relu(x, 0.25)),
    (nn.PReLU(4, 0.1), "PReLU(num_parameters=4)", lambda x: F.prelu(x, tg.full((4,), 0.1))),
    (nn.ReLU6(), "ReLU6()", F.relu6),
    (nn.ReLU6(True), "ReLU6(inplace=True)", F.relu6),
    (nn.RReLU().eval(), "RReLU(lower=0.125, upper=0.3333333333333333)", F.rrelu),
    (nn.RReLU(0.25, 0.5, True).eval(), "RReLU(lower=0.25, upper=0.5, inplace=True)", lambda x: F.rrelu(x, 0.25, 0.5)),
    (nn.Hardtanh(), "Hardtanh(min_val=-1.0, max_val=1.0)", F.hardtanh),
    (
        nn.Hardtanh(-2, 3.0, True),
        "Hardtanh(min_val=-2, max_val=3.0, inplace=True)",
        lambda x: F.hardtanh(x, -2, 3.0),
    ),
    (nn.Hardsigmoid(True), "Hardsigmoid()", F.hardsigmoid),
    (nn.Hardswish(True), "Hardswish()", F.hardswish),
    (nn.Hardshrink(), "Hardshrink(0.5)", F.hardshrink),
    (nn.Hardshrink(2.0), "Hardshrink(2.0)", lambda x: F.hardshrink(x, 2.0)),
    (nn.Softshrink(1), "Softshrink(1)", lambda x: F.softshrink(x, 1)),
    (nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)", lambda x: F.threshold(x, 0.1, 20)),
    (
        nn.Threshold(0.1, 20.0, True),
        "Threshold(threshold=0.1, value=20.0, inplace=True)",
        lambda x: F.threshold(x, 0.1, 20.0),
    ),
    (nn.Dropout1d(0.2).eval(), "Dropout1d(p=0.2, inplace=False)", None),
    (nn.Dropout2d(0.3, True).eval(), "Dropout2d(p=0.3, inplace=True)", None),
    (nn.Dropout3d().eval(), "Dropout3d(p=0.5, inplace=False)", None),
    (nn.AlphaDropout(0.1, inplace=True).eval(), "AlphaDropout(p=0.1, inplace=True)", None),
    (nn.FeatureAlphaDropout(0.4).eval(), "FeatureAlphaDropout(p=0.4, inplace=False)", None),
]
DROPOUTS = [nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout]


def scores():
    return tg.randn(3, 4)


def probabilities():
    return tg.rand(3, 4) * 0.8 + 0.1


def signs(*shape):
    return tg.tensor(np.where(tg.rand(*shape).numpy() < 0.5, -1.0, 1.0).astype(np.float32))


def manhattan(x, y):
    return (x - y).abs().sum(-1)


#: module, what makes operands for it, and the function of them
LOSSES = [
    (
        nn.BCELoss(W, reduction="sum"),
        (probabilities, probabilities),
        lambda x, t: F.binary_cross_entropy(x, t, W, reduction="sum"),
    ),
    (
        nn.SmoothL1Loss(reduction="sum", beta=0.5),
        (scores, scores),
        lambda x, t: F.smooth_l1_loss(x, t, reduction="sum", beta=0.5),
    ),
    (nn.HuberLoss("none", 0.5), (scores, scores), lambda x, t: F.huber_loss(x, t, "none", 0.5)),
    (
        nn.KLDivLoss(reduction="batchmean", log_target=True),
        (scores, scores),
        lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=True),
    ),
    (nn.KLDivLoss(reduction="sum"), (scores, probabilities), lambda x, t: F.kl_div(x, t, reduction="sum")),
    (
        nn.GaussianNLLLoss(full=True, eps=0.3, reduction="none"),
        (scores, scores, probabilities),
        lambda x, t, v: F.gaussian_nll_loss(x, t, v, full=True, eps=0.3, reduction="none"),
    ),
    (
        nn.PoissonNLLLoss(False, True, None, 0.1, None, "sum"),
        (probabilities, lambda: 3 * probabilities()),
        lambda x, t: F.poisson_nll_loss(x, t, log_input=False, full=True, eps=0.1, reduction="sum"),
    ),
    (
        nn.HingeEmbeddingLoss(2.0, reduction="sum"),
        (scores, lambda: signs(3, 4)),
        lambda x, t: F.hinge_embedding_loss(x, t, 2.0, reduction="sum"),
    ),
    (
        nn.SoftMarginLoss(reduction="none"),
        (scores, lambda: signs(3, 4)),
        lambda x, t: F.soft_margin_loss(x, t, reduction="none"),
    ),
    (
        nn.MarginRankingLoss(0.5, reduction="sum"),
        (scores, scores, lambda: signs(3, 4)),
        lambda a, b, t: F.margin_ranking_loss(a, b, t, 0.5, reduction="sum"),
    ),
    (
        nn.CosineEmbeddingLoss(-0.5, reduction="none"),
        (scores, scores, lambda: signs(3)),
        lambda a, b, t: F.cosine_embedding_loss(a, b, t, -0.5, reduction="none"),
    ),
    (
        nn.TripletMarginLoss(2.0, 1.0, 1e-2, True, reduction="none"),
        (scores, scores, scores),
        lambda a, p, n: F.triplet_margin_loss(a, p, n, 2.0, 1.0, 1e-2, True, reduction="none"),
    ),
    (
        nn.TripletMarginWithDistanceLoss(distance_function=manhattan, margin=2.0, swap=True, reduction="sum"),
        (scores, scores, scores),
        lambda a, p, n: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=manhattan, margin=2.0, swap=True, reduction="sum"
        ),
    ),
    (
        nn.MultiMarginLoss(2, 0.5, W, reduction="none"),
        (scores, lambda: tg.tensor([0, 3, 1])),
        lambda x, t: F.multi_margin_loss(x, t, 2, 0.5, W, reduction="none"),
    ),
    (
        nn.MultiLabelMarginLoss(reduction="sum"),
        (scores, lambda: tg.tensor([[0, 2, -1, 1], [3, -1, 0, 0], [-1, 0, 0, 0]])),
        lambda x, t: F.multilabel_margin_loss(x, t, reduction="sum"),
    ),
    (
        nn.MultiLabelSoftMarginLoss(W, reduction="none"),
        (scores, lambda: (signs(3, 4) + 1) / 2),
        lambda x, t: F.multilabel_soft_margin_loss(x, t, W, reduction="none"),
    ),
    (nn.CosineSimilarity(0, 5.0), (scores, scores), lambda a, b: F.cosine_similarity(a, b, 0, 5.0)),
    (
        nn.PairwiseDistance(1.0, 0.1, keepdim=True),
        (scores, scores),
        lambda a, b: F.pairwise_distance(a, b, 1.0, 0.1, keepdim=True),
    ),
]


def image(module):
    """Five dimensions where the module asks for them."""
    shape = {nn.Dropout1d: (2, 4, 6), nn.Dropout3d: (2, 4, 2, 6, 6)}
    return 2 * tg.randn(*shape.get(type(module), (2, 4, 6, 6)))


def name(value):
    return type(value).__name__ if isinstance(value, nn.Module) else ""


def same(a, b):
    np.testing.assert_array_equal(a.numpy(force=True), b.numpy(force=True))


@pytest.mark.parametrize(("module", "text", "function"), ACTIVATIONS, ids=name)
def test_an_activation_is_its_function(module, text, function):
    assert repr(module) == text
    x = image(module)
    same(copy.deepcopy(module)(x.clone()), x if function is None else function(x))
    y = x.clone()
    z = module(y)
    in_place = getattr(module, "inplace", False) and function is not None
    assert (z is y) == (in_place or function is None)
    same(y, z if in_place else x)


@pytest.mark.parametrize(("module", "operands", "function"), LOSSES, ids=name)
def test_a_loss_is_its_function(module, operands, function):
    assert repr(module) == f"{type(module).__name__}()"
    values = [make() for make in operands]
    same(module(*values), function(*values))
    names = list(inspect.signature(module.forward).parameters)
    same(module(**dict(zip(names, values, strict=True))), function(*values))


@pytest.mark.parametrize("module", [row[0] for row in ACTIVATIONS + LOSSES], ids=name)
def test_copies_are_equal(module):
    for again in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(again) == repr(module)
        assert again.training == module.training
        plain = {k: v for k, v in vars(module).items() if isinstance(v, (bool, int, float, str))}
        assert plain.items() <= vars(again).items()
        for (key, value), (other_key, other) in zip(
            module.state_dict().items(), again.state_dict().items(), strict=True
        ):
            assert key == other_key
            same(value, other)


@pytest.mark.parametrize(
    ("module", "shapes"),
    [
        (nn.PReLU(3), {"weight": (3,)}),
        (nn.BCELoss(W), {"weight": (4,)}),
        (nn.BCELoss(), {}),
        (nn.MultiMarginLoss(weight=W), {"weight": (4,)}),
        (nn.MultiLabelSoftMarginLoss(W), {"weight": (4,)}),
        (nn.SmoothL1Loss(), {}),
        (nn.AlphaDropout(), {}),
        (nn.TripletMarginWithDistanceLoss(), {}),
    ],
    ids=name,
)
def test_state(module, shapes):
    assert {key: value.shape for key, value in module.state_dict().items()} == shapes
    assert len(list(module.parameters())) == isinstance(module, nn.PReLU)


# --------------------------------------------------------------------------- what is learned, and what is drawn


def test_gradients_reach_the_slopes_of_prelu():
    layer = nn.PReLU(2, init=0.5, dtype=tg.float64)
    assert layer.weight.dtype == np.float64
    layer(tg.tensor([[[-1.0, 2.0], [-3.0, -4.0]]], dtype=tg.float64)).sum().backward()
    assert layer.weight.grad.tolist() == [-1.0, -7.0]
    with tg.no_grad():
        layer.weight -= layer.weight.grad
    assert layer.weight.tolist() == [1.5, 7.5]
    layer.reset_parameters()
    assert layer.weight.tolist() == [0.5, 0.5]


def test_rrelu_draws_its_slopes_in_training():
    layer, x = nn.RReLU(0.25, 0.75), -tg.ones(1000)
    tg.manual_seed(3)
    y = layer(x)
    tg.manual_seed(3)
    same(y, F.rrelu(x, 0.25, 0.75, training=True))
    assert -0.75 <= y.min().item() < -0.7 < -0.3 < y.max().item() <= -0.25
    same(layer.eval()(x), tg.full((1000,), -0.5))


@pytest.mark.parametrize("kind", DROPOUTS, ids=lambda kind: kind.__name__)
def test_dropout_in_training_and_evaluation(kind):
    layer = kind(0.4)
    x = image(layer)
    function = getattr(
        F,
        {"AlphaDropout": "alpha_dropout", "FeatureAlphaDropout": "feature_alpha_dropout"}.get(
            kind.__name__, kind.__name__.lower()
        ),
    )
    tg.manual_seed(5)
    y = layer(x)
    tg.manual_seed(5)
    same(y, function(x, 0.4, True))
    assert (y != x).any().item()
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match=f"^{kind.__name__}: p must be a probability"):
        kind(1.5)


def test_dropout_in_place():
    x = tg.ones(2, 3, 4)
    assert nn.Dropout1d(1.0, inplace=True)(x) is x
    assert x.sum().item() == 0
    x = tg.ones(2, 3)
    assert nn.AlphaDropout(1.0, inplace=True)(x) is not x  # as in PyTorch, which leaves the input alone
    assert x.sum().item() == 6


def test_self_normalising_networks_stay_normal():
    x = tg.randn(100_000)
    y = nn.AlphaDropout(0.2)(nn.SELU()(x))
    assert abs(y.mean().item()) < 0.03
    assert abs(y.var().item() - 1) < 0.05


# --------------------------------------------------------------------------- structure and refusals


def test_relu6_is_a_hardtanh():
    layer = nn.ReLU6()
    assert isinstance(layer, nn.Hardtanh)
    assert (layer.min_val, layer.max_val) == (0.0, 6.0)


def test_a_distance_can_be_a_module():
    loss = nn.TripletMarginWithDistanceLoss()
    assert repr(loss) == "TripletMarginWithDistanceLoss(\n  (distance_function): PairwiseDistance()\n)"
    a, p, n = scores(), scores(), scores()
    same(loss(a, p, n), nn.TripletMarginLoss()(a, p, n))


def test_softmax2d_takes_a_picture_without_its_batch():
    x = tg.randn(4, 2, 3)
    same(nn.Softmax2d()(x), F.softmax(x, 0))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "Hardtanh: max_val must exceed min_val, got 1.0 and 1.0"),
        (lambda: nn.Hardtanh(min_value=-2.0), ValueError, "Hardtanh: min_value and max_value are gone; use min_val"),
        (lambda: nn.Softmin()(tg.ones(2, 2)), TypeError, r"softmax \(in Softmin\): dim must be given"),
        (lambda: nn.Softmax2d()(tg.ones(2, 2)), ValueError, r"softmax \(in Softmax2d\): expected \(N, C, H, W\)"),
        (lambda: nn.PReLU(3)(tg.ones(2, 4)), ValueError, r"prelu \(in PReLU\): expected 1 or 4 weights"),
        (lambda: nn.Dropout2d()(tg.ones(3)), ValueError, r"dropout2d \(in Dropout2d\)"),
        (lambda: nn.KLDivLoss(reduction="avg"), ValueError, "KLDivLoss: reduction must be"),
        (lambda: nn.SmoothL1Loss(reduce=True), ValueError, "SmoothL1Loss: size_average and reduce are gone"),
        (lambda: nn.HuberLoss(delta="1"), TypeError, "HuberLoss: delta must be a number, got str"),
        (lambda: nn.TripletMarginLoss(0), ValueError, "TripletMarginLoss: margin must be positive, got 0"),
        (
            lambda: nn.TripletMarginWithDistanceLoss(margin=-1),
            ValueError,
            "TripletMarginWithDistanceLoss: margin must be positive",
        ),
        (lambda: nn.MultiMarginLoss(3), ValueError, "MultiMarginLoss: p must be 1 or 2, got 3"),
        (lambda: nn.MultiMarginLoss(weight=tg.ones(1, 2)), ValueError, r"expected weights \(C\), got shape \(1, 2\)"),
        (lambda: nn.HuberLoss(tg.ones(2), tg.ones(2)), TypeError, r"nn\.HuberLoss\(\)\(input, target\)"),
        (lambda: nn.KLDivLoss(None, None, tg.ones(2)), TypeError, r"nn\.KLDivLoss\(\)\(input, target\)"),
        (lambda: nn.PoissonNLLLoss(tg.ones(2), tg.ones(2)), TypeError, r"nn\.PoissonNLLLoss\(\)\(log_input, target\)"),
        (lambda: nn.MultiMarginLoss(tg.ones(2), tg.ones(2)), TypeError, r"nn\.MultiMarginLoss\(\)\(input, target\)"),
        (
            lambda: nn.MarginRankingLoss(*[tg.ones(2)] * 3),
            TypeError,
            r"nn\.MarginRankingLoss\(\)\(input1, input2, target\)",
        ),
        (
            lambda: nn.TripletMarginLoss(*[np.ones(2)] * 3),
            TypeError,
            r"nn\.TripletMarginLoss\(\)\(anchor, positive, negative\)",
        ),
    ],
)
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()
