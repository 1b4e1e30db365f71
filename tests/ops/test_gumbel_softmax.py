"""Relaxed samples: they are distributed as they should be, and gradients flow through hard ones as well."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F

LOGITS = np.array([[0.3, -1.0, 1.2, 0.0], [2.0, 0.1, -0.4, 0.5]])


def seeded(**static):
    """A function with the same noise in every call."""

    def call(x):
        tg.manual_seed(7)
        return F.gumbel_softmax(x, **static)

    return call


def test_hard_samples_have_the_probabilities_of_the_softmax():
    tg.manual_seed(0)
    samples = F.gumbel_softmax(tg.tensor(np.tile(LOGITS[0], (20_000, 1))), tau=0.3, hard=True)
    assert set(np.unique(samples.numpy())) == {0.0, 1.0}
    np.testing.assert_allclose(samples.numpy().mean(0), F.softmax(LOGITS[0], 0), atol=0.012)  # 3.5 deviations


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_sum_to_one(dim, dtype):
    for hard in (False, True):
        y = F.gumbel_softmax(tg.tensor(LOGITS.astype(dtype)), hard=hard, dim=dim)
        assert y.dtype == dtype
        np.testing.assert_allclose(y.sum(dim).numpy(), 1, rtol=1e-6)
        assert hard == (((y == 0) | (y == 1)).all().item() is True)


def test_the_temperature_sharpens():
    warm, cold = (seeded(tau=tau)(tg.tensor(LOGITS)).numpy() for tau in (1.0, 0.1))
    assert (warm.argmax(1) == cold.argmax(1)).all()
    assert (cold.max(1) > warm.max(1)).all()


def test_it_is_the_softmax_of_the_logits_and_noise():
    tg.manual_seed(7)
    noise = tg.random.generator().gumbel(size=LOGITS.shape)
    expected = F.softmax((LOGITS + noise) / 0.5, 1)
    np.testing.assert_allclose(seeded(tau=0.5)(tg.tensor(LOGITS)).numpy(), expected, rtol=1e-14)


def test_derivatives():
    x = tg.tensor(LOGITS, requires_grad=True)
    assert tg.autograd.gradcheck(seeded(tau=0.7), x)
    assert tg.autograd.gradgradcheck(seeded(tau=0.7), x)


def test_a_hard_sample_has_the_gradient_of_the_relaxed_one():
    v = tg.tensor(np.random.RandomState(0).uniform(-1, 1, LOGITS.shape))
    x = tg.tensor(LOGITS, requires_grad=True)
    (hard,), (relaxed,) = (tg.autograd.grad(seeded(hard=hard)(x), x, v) for hard in (True, False))
    assert hard.tolist() == relaxed.tolist()


def test_shapes_without_a_choice():
    assert F.gumbel_softmax(tg.tensor(3.0), hard=True).item() == 1.0
    assert F.gumbel_softmax(tg.zeros(0, 3), hard=True).shape == (0, 3)
    assert F.gumbel_softmax(tg.zeros(2, 1), hard=True).tolist() == [[1.0], [1.0]]


def test_refusals():
    with pytest.raises(TypeError, match=r"^gumbel_softmax: expected floating-point logits, got int64"):
        F.gumbel_softmax(tg.tensor([1, 2]))
    with pytest.raises(ValueError, match=r"^gumbel_softmax: tau must be positive, got 0"):
        F.gumbel_softmax(tg.ones(2), tau=0)
    with pytest.raises(IndexError, match="dim 1 is out of range"):
        F.gumbel_softmax(tg.ones(2), dim=1)
