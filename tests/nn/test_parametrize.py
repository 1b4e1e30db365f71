"""Parametrized modules: what is trained, what is read, copies, removal, refusals. Numbers are in the table."""

import copy
import pickle

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn.utils import parametrizations, parametrize
from tensorgrad.nn.utils.parametrize import register_parametrization, remove_parametrizations


class Positive(nn.Module):
    """exp, with its inverse."""

    def forward(self, x):
        return x.exp()

    def right_inverse(self, x):
        return x.log()


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Halves(nn.Module):
    """A tensor as a sum of two."""

    def forward(self, a, b):
        return a + b

    def right_inverse(self, x):
        return x / 2, x / 2


class Flat(nn.Module):
    def forward(self, x):
        return x.flatten()


class Number(nn.Module):
    def forward(self, x):
        return x

    def right_inverse(self, x):
        return 1.0


def positive_linear():
    layer = nn.Linear(2, 2)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    return layer


def keys(module):
    return list(module.state_dict())


# --------------------------------------------------------------------------- what a parametrized module is


def test_the_original_is_trained_and_the_tensor_is_computed():
    layer = positive_linear()
    weight, before = layer.weight, layer.weight.tolist()
    assert register_parametrization(layer, "weight", Positive()) is layer
    assert layer.parametrizations.weight.original is weight  # an optimizer made before goes on with it
    np.testing.assert_allclose(weight.detach().numpy(), np.log(before), rtol=1e-6)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
    assert keys(layer) == ["bias", "parametrizations.weight.original"]
    layer(tg.ones(3, 2)).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), 3 * np.array(before), rtol=1e-6)


def test_setting_the_tensor_sets_the_original():
    layer = register_parametrization(positive_linear(), "weight", Positive())
    value = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    original = layer.parametrizations.weight.original
    layer.weight = value
    assert layer.parametrizations.weight.original is original
    np.testing.assert_allclose(layer.weight.detach().numpy(), value.numpy(), rtol=1e-6)
    register_parametrization(layer, "bias", Halves())
    layer.bias = tg.tensor([5.0, 6.0])
    assert layer.bias.tolist() == [5.0, 6.0]


def test_the_original_has_memory_of_its_own():
    layer = parametrizations.spectral_norm(nn.Linear(2, 2))
    layer.weight = given = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    given.zero_()
    assert layer.parametrizations.weight.original.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_parametrizations_are_applied_in_order():
    layer = register_parametrization(positive_linear(), "weight", Positive())
    register_parametrization(layer, "weight", Doubled())
    original = layer.parametrizations.weight.original.detach().numpy()
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * np.exp(original), rtol=1e-6)
    assert len(layer.parametrizations.weight) == 2


def test_several_originals():
    layer = register_parametrization(nn.Linear(2, 2), "weight", Halves())
    assert keys(layer) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert len(list(layer.parameters())) == 3
    layer(tg.ones(1, 2)).sum().backward()
    assert layer.parametrizations.weight.original1.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_buffer():
    norm = nn.BatchNorm1d(2)
    register_parametrization(norm, "running_mean", Doubled())
    assert "running_mean" not in dict(norm.named_buffers())
    assert "parametrizations.running_mean.original" in keys(norm)
    remove_parametrizations(norm, "running_mean", leave_parametrized=False)
    assert "running_mean" in dict(norm.named_buffers())
    assert not isinstance(norm.running_mean, nn.Parameter)


def test_a_frozen_parameter_stays_frozen():
    layer = nn.Linear(2, 2).requires_grad_(False)
    parametrizations.weight_norm(layer)
    assert not any(p.requires_grad for p in layer.parameters())
    assert not remove_parametrizations(layer, "weight").weight.requires_grad


def test_printing_is_pytorchs():
    assert repr(parametrizations.weight_norm(nn.Linear(3, 2))) == (
        "ParametrizedLinear(\n"
        "  in_features=3, out_features=2, bias=True\n"
        "  (parametrizations): ModuleDict(\n"
        "    (weight): ParametrizationList(\n"
        "      (0): _WeightNorm()\n"
        "    )\n"
        "  )\n"
        ")"
    )


def test_errors_name_the_path():
    net = nn.Sequential(register_parametrization(nn.Linear(2, 2), "weight", Positive()))
    net[0].parametrizations.weight.original = nn.Parameter(tg.ones(2, 2, 2))
    with pytest.raises(ValueError, match=r"linear \(in Sequential\.0\)"):
        net(tg.ones(1, 2))


# --------------------------------------------------------------------------- copies and removal


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_go_their_own_ways(twin):
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    other = twin(layer)
    assert type(other) is type(layer)
    before = layer.weight.tolist()
    assert other.weight.tolist() == before
    other.weight = tg.ones(2, 3)
    remove_parametrizations(other, "weight")
    assert type(other) is nn.Linear
    assert layer.weight.tolist() == before
    assert parametrize.is_parametrized(layer, "weight")


def test_removal_leaves_what_was_computed():
    layer = register_parametrization(positive_linear(), "weight", Positive())
    parameter, value = layer.parametrizations.weight.original, layer.weight.tolist()
    assert remove_parametrizations(layer, "weight") is layer
    assert type(layer) is nn.Linear
    assert layer.weight is parameter
    assert layer.weight.tolist() == value
    assert keys(layer) == ["bias", "weight"]


def test_removal_leaves_the_original():
    layer = register_parametrization(nn.Linear(2, 2), "weight", Doubled())
    parameter, value = layer.parametrizations.weight.original, layer.parametrizations.weight.original.tolist()
    remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight is parameter
    assert layer.weight.tolist() == value


def test_removal_of_one_of_two():
    layer = register_parametrization(nn.Linear(2, 2), "weight", Halves())
    register_parametrization(layer, "bias", Doubled())
    value = layer.weight.tolist()
    remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.tolist() == value
    assert not parametrize.is_parametrized(layer, "weight")
    assert parametrize.is_parametrized(layer, "bias")
    assert parametrize.is_parametrized(layer)
    assert type(layer).__name__ == "ParametrizedLinear"
    assert parametrize.type_before_parametrizations(layer) is nn.Linear


# --------------------------------------------------------------------------- the norms


def test_weight_norm_changes_nothing_at_first():
    layer = nn.Conv2d(2, 3, 3)
    before = layer.weight.detach().numpy().copy()
    parametrizations.weight_norm(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
    lengths = np.linalg.norm(before.reshape(3, -1), axis=1)
    np.testing.assert_allclose(layer.parametrizations.weight.original0.detach().numpy().ravel(), lengths, rtol=1e-6)


def test_weight_norm_of_a_vector_takes_each_number():
    layer = parametrizations.weight_norm(nn.Linear(2, 3), "bias")
    assert layer.parametrizations.bias.original0.shape == (3,)


def test_the_power_method_finds_the_largest_singular_value():
    tg.manual_seed(0)
    layer = nn.Conv2d(3, 5, 3)
    matrix = layer.weight.detach().numpy().reshape(5, -1).copy()
    parametrizations.spectral_norm(layer, n_power_iterations=100)
    found = matrix / layer.weight.detach().numpy().reshape(5, -1)
    np.testing.assert_allclose(found, np.linalg.norm(matrix, 2), rtol=1e-4)


def test_singular_vectors_move_in_training_only():
    layer = parametrizations.spectral_norm(nn.Linear(6, 5))
    vectors = layer.parametrizations.weight[0]
    held = vectors._u
    before = held.tolist()
    layer.eval()(tg.ones(1, 6))
    assert held.tolist() == before
    layer.train()(tg.ones(1, 6))
    assert held.tolist() != before
    assert vectors._u is held


def test_two_calls_before_one_backward():
    """As a discriminator is called: the vectors are written between, the first call's graph has its own."""
    layer = parametrizations.spectral_norm(nn.Linear(6, 5))
    (layer(tg.ones(1, 6)) - layer(tg.zeros(1, 6))).square().sum().backward()
    assert layer.parametrizations.weight.original.grad is not None


def test_spectral_norm_of_a_vector_is_its_length():
    layer = parametrizations.spectral_norm(nn.Linear(2, 2), "bias")
    layer.bias = tg.tensor([3.0, 4.0])
    np.testing.assert_allclose(layer.bias.detach().numpy(), [0.6, 0.8], rtol=1e-6)


# --------------------------------------------------------------------------- refusals

REFUSALS = {
    "no such tensor": (
        lambda: register_parametrization(nn.Linear(2, 2), "gain", Doubled()),
        ValueError,
        "expected the name of a parameter or a buffer of Linear, got 'gain'",
    ),
    "no bias": (lambda: register_parametrization(nn.Linear(2, 2, bias=False), "bias", Doubled()), ValueError, "'bias'"),
    "another shape": (
        lambda: register_parametrization(nn.Linear(2, 2), "weight", Flat()),
        ValueError,
        r"the parametrization must return float32\(2, 2\), got float32\(4,\); unsafe=True allows",
    ),
    "another shape, second": (
        lambda: register_parametrization(
            register_parametrization(nn.Linear(2, 2), "weight", Doubled()), "weight", Flat()
        ),
        ValueError,
        r"must return float32\(2, 2\), got float32\(4,\)",
    ),
    "an inverse that is none, second": (
        lambda: register_parametrization(
            register_parametrization(nn.Linear(2, 2), "weight", Doubled()), "weight", Number()
        ),
        ValueError,
        "right_inverse must return .* got float",
    ),
    "an inverse that is none": (
        lambda: register_parametrization(nn.Linear(2, 2), "weight", Number()),
        ValueError,
        "right_inverse must return a tensor or several, got float 1.0",
    ),
    "no inverse": (
        lambda: setattr(register_parametrization(nn.Linear(2, 2), "weight", Doubled()), "weight", tg.ones(2, 2)),
        RuntimeError,
        "Doubled has no right_inverse",
    ),
    "a value of another shape": (
        lambda: setattr(register_parametrization(positive_linear(), "weight", Positive()), "weight", tg.ones(2)),
        ValueError,
        r"must be float32\(2, 2\), got float32\(2,\)",
    ),
    "nothing to remove": (
        lambda: remove_parametrizations(nn.Linear(2, 2), "weight"),
        ValueError,
        "'weight' of Linear is not parametrized",
    ),
    "several originals": (
        lambda: remove_parametrizations(parametrizations.weight_norm(nn.Linear(2, 2)), "weight", False),
        ValueError,
        "'weight' has 2 originals",
    ),
    "spectral: no weight": (
        lambda: parametrizations.spectral_norm(nn.ReLU()),
        ValueError,
        r"expected a weight in ReLU\.weight, got NoneType",
    ),
    "spectral: iterations": (
        lambda: parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0),
        ValueError,
        "n_power_iterations must be at least 1, got 0",
    ),
    "a function": (
        lambda: register_parametrization(nn.Linear(2, 2), "weight", lambda x: x),
        TypeError,
        "expected a Module, and one whose forward computes its tensor, got Linear and function",
    ),
    "weight norm: dim": (lambda: parametrizations.weight_norm(nn.Linear(2, 2), dim=2), IndexError, "dim 2 is out of"),
    "weight norm: twice": (
        lambda: parametrizations.weight_norm(parametrizations.weight_norm(nn.Linear(2, 2))),
        ValueError,
        r"Linear\.weight is parametrized already; weight_norm must come first",
    ),
    "spectral: dim": (lambda: parametrizations.spectral_norm(nn.Linear(2, 2), dim=2), IndexError, "dim 2 is out of"),
}


@pytest.mark.parametrize(("call", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_refusal_changes_nothing():
    layer = positive_linear()
    value = layer.weight.tolist()

    class PositiveFlat(Positive):
        def forward(self, x):
            return x.flatten()

    with pytest.raises(ValueError, match="must return"):
        register_parametrization(layer, "weight", PositiveFlat())
    assert type(layer) is nn.Linear
    assert layer.weight.tolist() == value


def test_unsafe_allows_another_shape():
    layer = register_parametrization(nn.Linear(2, 2), "weight", Flat(), unsafe=True)
    assert layer.weight.shape == (4,)
