"""Clipping, and parameters as a vector. Numbers against PyTorch's stand in tests/optim/test_trajectories."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.nn import utils
from tensorgrad.nn.utils.rnn import pad_sequence


def with_grad(*values, dtype=np.float32):
    p = tg.tensor(np.zeros(len(values), dtype), requires_grad=True)
    p.grad = tg.tensor(np.array(values, dtype))
    return p


def test_the_norm_is_of_all_gradients_together():
    a, b, none = with_grad(3.0), with_grad(0.0, 4.0), tg.ones(1, requires_grad=True)
    assert utils.clip_grad_norm_([a, none, b], 1.0).item() == 5.0
    np.testing.assert_allclose([*a.grad.numpy(), *b.grad.numpy()], [0.6, 0, 0.8], rtol=1e-6)
    assert none.grad is None
    assert utils.clip_grad_norm_(iter([a, b]), 10.0).item() == pytest.approx(1.0, rel=1e-6)
    assert utils.clip_grad_norm_(a, math.inf).item() == pytest.approx(0.6, rel=1e-6)
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_([none], 1.0).item() == 0


def test_squares_that_overflow_or_vanish_in_float32():
    for size in (1e30, 1e-30):
        p = with_grad(size, size)
        assert utils.clip_grad_norm_(p, size / 2).item() == pytest.approx(size * math.sqrt(2), rel=1e-6)
        assert p.grad.dtype == np.float32
        assert np.isfinite(p.grad.numpy()).all()


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_gradients_that_are_not_finite(bad):
    p = with_grad(bad, 1.0)
    with pytest.raises(RuntimeError, match="clip_grad_norm_"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.numpy()[1] == 1.0
    assert not np.isfinite(utils.clip_grad_norm_(p, 1.0).item())
    assert np.isnan(p.grad.numpy()[0])


def test_a_gradient_shared_by_two_entries_is_clipped_once():
    p = with_grad(3.0, 4.0)
    utils.clip_grad_norm_([p, p], 1.0)
    assert np.linalg.norm(p.grad.numpy()) == pytest.approx(1.0, rel=1e-5)


def test_clip_grad_value():
    p = with_grad(3.0, -4.0, 0.5)
    assert utils.clip_grad_value_([p], np.float64(1)) is None
    assert p.grad.tolist() == [1.0, -1.0, 0.5]
    assert p.grad.dtype == np.float32


def test_vector_there_and_back():
    net = tg.nn.Linear(3, 2)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (8,)
    (vector * vector).sum().backward()
    np.testing.assert_allclose(net.weight.grad.numpy(), 2 * net.weight.numpy(force=True))
    other = tg.nn.Linear(3, 2)
    array = other.weight.numpy(force=True)
    utils.vector_to_parameters(vector, other.parameters())
    assert other.weight.numpy(force=True) is array
    assert other.weight.tolist() == net.weight.tolist()
    assert other.bias.tolist() == net.bias.tolist()
    for wrong in (tg.ones(7), tg.ones(9), tg.ones(2, 4)):
        with pytest.raises(ValueError, match="vector of 8 elements"):
            utils.vector_to_parameters(wrong, other.parameters())
    with pytest.raises(TypeError, match="list"):
        utils.vector_to_parameters([1.0], other.parameters())
    assert other.weight.tolist() == net.weight.tolist()


def test_pad_sequence():
    a, b = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), tg.tensor([[5.0, 6.0]])
    padded = pad_sequence([a, b])
    assert padded.tolist() == [[[1.0, 2.0], [5.0, 6.0]], [[3.0, 4.0], [0.0, 0.0]]]
    assert pad_sequence(iter([a, b]), True, -1.0, "left")[1].tolist() == [[-1.0, -1.0], [5.0, 6.0]]
    (padded**2).sum().backward()
    assert a.grad.tolist() == [[2.0, 4.0], [6.0, 8.0]]
    labels = pad_sequence([tg.tensor([1]), tg.tensor([2, 3])], batch_first=True, padding_value=-100)
    assert (labels.tolist(), labels.dtype) == ([[1, -100], [2, 3]], np.int64)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pad_sequence([]), ValueError, "pad_sequence: expected at least one sequence"),
        (lambda: pad_sequence([tg.ones(1, 2), tg.ones(1, 3)]), ValueError, r"shape \(L, 2\) as the first, got .*1, 3"),
        (lambda: pad_sequence([tg.tensor(1.0)]), TypeError, "expected sequences, tensors of a length"),
        (lambda: pad_sequence([tg.ones(1)], padding_side="top"), ValueError, "'left' or 'right', got 'top'"),
    ],
)
def test_what_cannot_be_padded(call, error, words):
    with pytest.raises(error, match=words):
        call()
