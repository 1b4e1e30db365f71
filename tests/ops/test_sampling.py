"""Draws follow the distribution that they are given, come from the package's generator, and refuse what is none."""

import numpy as np
import pytest

import tensorgrad as tg


def shares(drawn, n):
    return np.bincount(drawn.numpy().ravel(), minlength=n) / drawn.numel()


def test_bernoulli():
    tg.manual_seed(0)
    p = tg.tensor([0.0, 0.2, 0.9, 1.0], dtype=tg.float64)
    drawn = tg.bernoulli(p.expand(20_000, 4))
    assert drawn.dtype == np.float64
    assert drawn.mean(0).tolist() == pytest.approx(p.tolist(), abs=0.015)
    assert tg.bernoulli(tg.zeros(10_000), 0.3).mean().item() == pytest.approx(0.3, abs=0.02)
    assert not tg.bernoulli(tg.full((3,), 0.5, requires_grad=True)).requires_grad
    assert tg.bernoulli(tg.tensor(1.0)).shape == ()
    assert tg.bernoulli(tg.tensor([5, 7]), 1.0).tolist() == [1, 1]
    assert tg.tensor([0.0, 1.0]).bernoulli().tolist() == [0, 1]
    x = tg.zeros(3, dtype=tg.int64)
    assert x.bernoulli_(tg.tensor([1.0, 0.0, 1.0])) is x
    assert x.tolist() == [1, 0, 1]


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_in_proportion(replacement):
    tg.manual_seed(0)
    weights = tg.tensor([1.0, 0.0, 5.0, 2.0])
    first = tg.multinomial(weights.expand(20_000, 4), 2, replacement)[:, 0]
    assert shares(first, 4) == pytest.approx([1 / 8, 0, 5 / 8, 2 / 8], abs=0.015)
    assert first.dtype == np.int64


def test_without_replacement_the_second_comes_from_the_rest():
    tg.manual_seed(0)
    pairs = tg.multinomial(tg.tensor([1.0, 1.0, 2.0]).expand(20_000, 3), 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    after_the_last = pairs[:, 1][pairs[:, 0] == 2]
    assert shares(after_the_last, 3) == pytest.approx([0.5, 0.5, 0], abs=0.02)
    assert sorted(tg.multinomial(tg.tensor([0.0, 1.0, 1e-30]), 2).tolist()) == [1, 2]


def test_with_replacement_a_position_of_weight_0_is_never_drawn():
    drawn = tg.multinomial(tg.tensor([0.0, 1.0, 0.0, 1.0, 0.0]), 20_000, replacement=True)
    assert set(drawn.tolist()) == {1, 3}
    assert tg.ones(0, 3).multinomial(5, True).shape == (0, 5)
    assert tg.multinomial(tg.ones(3, 2), 5, replacement=True).shape == (3, 5)


def test_normal():
    tg.manual_seed(0)
    mean, std = tg.tensor([0.0, 10.0]), tg.tensor([[1.0], [3.0]])
    drawn = tg.stack([tg.normal(mean, std) for _ in range(4_000)])
    assert drawn.shape == (4_000, 2, 2)
    assert drawn.dtype == np.float32
    assert drawn.mean(0).numpy() == pytest.approx(np.array([[0, 10], [0, 10]]), abs=0.2)
    assert drawn.std(0).numpy() == pytest.approx(np.array([[1, 1], [3, 3]]), abs=0.1)
    assert tg.normal(2.0, 0.0, (2, 1)).tolist() == [[2], [2]]
    assert tg.normal(tg.zeros(2, dtype=tg.float64)).dtype == np.float64
    assert tg.normal(tg.tensor(0.0, dtype=tg.float64), 1.0).dtype == np.float64
    assert tg.normal(np.float64(0.0), np.ones(2, np.float32)).dtype == np.float32
    drawn = tg.normal(0, 1, (2,), dtype=tg.float64, requires_grad=True)
    assert (drawn.dtype, drawn.requires_grad) == (np.float64, True)


def test_the_seed_decides():
    def draws():
        tg.manual_seed(3)
        half = tg.full((50,), 0.5)
        return [tg.bernoulli(half).tolist(), tg.multinomial(half, 9).tolist(), tg.normal(half, half).tolist()]

    assert draws() == draws()
    own = [tg.bernoulli(tg.full((50,), 0.5), generator=np.random.default_rng(1)).tolist() for _ in range(2)]
    assert own[0] == own[1]


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: tg.bernoulli(tg.tensor([1.5])), ValueError, "bernoulli: expected probabilities from 0 to 1"),
        (lambda: tg.bernoulli(tg.tensor([float("nan")])), ValueError, "from 0 to 1"),
        (lambda: tg.bernoulli(tg.tensor([1])), TypeError, "of a floating dtype, got int64"),
        (lambda: tg.multinomial(tg.tensor([1, 2]), 1), TypeError, "of a floating dtype, got int64"),
        (lambda: tg.multinomial(tg.ones(2, 2, 2), 1), ValueError, "expected one or more rows of weights"),
        (lambda: tg.multinomial(tg.zeros(2), 1), ValueError, "some of each row above it"),
        (lambda: tg.multinomial(tg.tensor([1.0, -1.0]), 1), ValueError, "finite weights of at least 0"),
        (lambda: tg.multinomial(tg.tensor([1.0, np.inf]), 1), ValueError, "finite weights of at least 0"),
        (
            lambda: tg.multinomial(tg.tensor([[1.0, 1.0], [0.0, 1.0]]), 2),
            ValueError,
            "expected 1 to 1 samples, as many as weights above 0, got 2; or give replacement=True",
        ),
        (lambda: tg.multinomial(tg.ones(3), 0), ValueError, "expected 1 to 3 samples, .* got 0$"),
        (lambda: tg.multinomial(tg.ones(3), 0, True), ValueError, "expected at least 1 sample, got 0"),
        (lambda: tg.zeros(2).bernoulli_(2.0), ValueError, "bernoulli_: expected probabilities from 0 to 1"),
        (lambda: tg.normal(0.0, 1.0), TypeError, r"two numbers need a size: normal\(0.0, 1.0, \(2, 3\)\)"),
        (lambda: tg.normal(tg.zeros(2), -1.0), ValueError, "normal: expected standard deviations of at least 0"),
    ],
)
def test_what_is_no_distribution(draw, error, message):
    with pytest.raises(error, match=message):
        draw()


def test_inference_mode():
    x = tg.ones(2, requires_grad=True)

    @tg.inference_mode()
    def double(x):
        return x * 2

    @tg.inference_mode
    def triple(x):
        return x * 3

    with tg.inference_mode():
        y = x * 2
        with tg.inference_mode(False):
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert not y.requires_grad
    assert not double(x).requires_grad
    assert not triple(x).requires_grad
    assert (x * 2).requires_grad
    (x * y).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_waiting_times_and_integers_in_place():
    tg.manual_seed(0)
    x = tg.zeros(20_000).exponential_(4.0)
    assert x.min() >= 0
    assert (x.mean().item(), x.std().item()) == (pytest.approx(0.25, abs=0.01), pytest.approx(0.25, abs=0.01))
    assert set(tg.zeros(100, dtype=tg.int64).random_(3).tolist()) == {0, 1, 2}
    assert set(tg.zeros(100).random_(2, 4).tolist()) == {2.0, 3.0}
    assert tg.zeros(100).random_().max() > 2**20
    assert set(tg.zeros(100, dtype=tg.bool).random_().tolist()) == {False, True}
    for call, error, words in [
        (lambda: tg.zeros(1).exponential_(0.0), ValueError, "exponential_: expected a rate lambd above 0"),
        (lambda: tg.zeros(1, dtype=tg.int64).exponential_(), TypeError, "exponential_: expected .* floating dtype"),
        (lambda: tg.zeros(1).random_(3, 3), ValueError, "random_: expected a range with numbers in it"),
    ]:
        with pytest.raises(error, match=words):
            call()
