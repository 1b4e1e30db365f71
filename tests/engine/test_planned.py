"""Results that wait until they are read: nobody sees a difference, and a rectifier makes its input's pass its own."""

import copy
import pickle
import threading

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.autograd import planned
from tensorgrad.kernels import standardization

MODES = {
    "training": lambda x: F.batch_norm(x, None, None, WEIGHT, BIAS, training=True),
    "evaluation": lambda x: F.batch_norm(x, MEAN, VAR, WEIGHT, BIAS),
}
WEIGHT, BIAS = tg.tensor([1.0, -0.5, 2.0]), tg.tensor([0.1, 0.2, -0.3])
MEAN, VAR = tg.tensor([0.1, 0.0, -2.0]), tg.tensor([1.0, 2.0, 0.5])


def images():
    return tg.tensor(np.random.default_rng(0).standard_normal((4, 3, 5, 6), np.float32), requires_grad=True)


@pytest.fixture(params=MODES)
def norm(request):
    return MODES[request.param]


@pytest.fixture
def x():
    """A computed tensor: memory that only tensors hold."""
    return images() * 2


@pytest.fixture
def passes(monkeypatch):
    """Every pass of `standardize` from now on: whether it rectified."""
    seen = []
    original = standardization.standardize

    def standardize(*args, rectify):
        seen.append(rectify)
        return original(*args, rectify=rectify)

    monkeypatch.setattr(standardization, "standardize", standardize)
    return seen


def waits(tensor):
    return id(tensor) in planned._waiting


def read(tensor):
    """Its numbers; the tensor's own memory is not lent."""
    return tensor.detach().clone().numpy()


def test_a_rectifier_shares_the_pass(norm, x, passes):
    y = F.relu(norm(x))
    assert passes == [True]
    np.testing.assert_array_equal(read(y), np.maximum(read(norm(x)), 0))


def test_a_residual_block_ends_in_one_pass(norm, x, passes):
    shortcut = images() * 3
    y = F.relu(norm(x) + shortcut)
    assert passes == [True]
    z = F.relu(shortcut + norm(x))
    assert passes == [True, True]
    sums = norm(x) + shortcut
    assert waits(sums)
    expected = read(norm(x)) + read(shortcut)
    np.testing.assert_array_equal(read(sums), expected)
    for found in (y, z):
        np.testing.assert_array_equal(read(found), np.maximum(expected, 0))


def test_sums_of_other_kinds_are_made_of_arrays(norm, x):
    expected = read(norm(x))
    row = tg.ones(6, requires_grad=True) * 2
    np.testing.assert_array_equal(read(norm(x) + row), expected + 2)
    np.testing.assert_array_equal(read(norm(x) + 1.5), expected + np.float32(1.5))
    np.testing.assert_array_equal(read(norm(x) + norm(x)), expected + expected)
    np.testing.assert_array_equal(read(norm(x) + x + x), expected + read(x) + read(x))
    np.testing.assert_array_equal(read(norm(x) + np.ones((4, 3, 5, 6), np.float32)), expected + 1)
    double = norm(x) + x.double()
    assert double.dtype == np.float64
    np.testing.assert_array_equal(read(double), expected + read(x).astype(np.float64))


def test_a_write_into_the_residual_comes_after_it(norm, x):
    shortcut = images() * 3
    expected = read(norm(x)) + read(shortcut)
    y = norm(x) + shortcut
    shortcut.detach().zero_()
    np.testing.assert_array_equal(read(y), expected)


def test_nan_and_infinity_pass_as_they_do_through_an_array(norm, x):
    with tg.no_grad():
        x[0, 0, 0, 0], x[1, 1, 0, 0], x[2, 2, 0, 0] = np.nan, np.inf, -np.inf
    together = read(F.relu(norm(x)))
    np.testing.assert_array_equal(together, read(F.relu(norm(x) + 0)))
    assert np.isnan(together).any()


def test_gradients_are_those_of_the_parts(norm):
    results = []
    for between in (lambda y: y, lambda y: y.clone()):
        x = images()
        (F.relu(between(norm(x * 2)) + x * 3) ** 2).sum().backward()
        results.append(read(x.grad))
    np.testing.assert_array_equal(*results)


def test_whoever_reads_it_finds_it_made(norm, x, passes):
    y = norm(x)
    assert waits(y)
    assert not passes
    assert isinstance(y, tg.Tensor)
    assert y.shape == (4, 3, 5, 6)  # a reader like any other
    assert passes == [False]
    assert not waits(y)
    assert type(y) is tg.Tensor
    F.relu(y), y + 1
    assert passes == [False]


def test_after_the_rectifier_it_can_still_be_read(norm, x):
    y = norm(x)
    z = F.relu(y)
    np.testing.assert_array_equal(np.maximum(read(y), 0), read(z))
    (y.sum() + z.sum()).backward()


def test_a_write_into_what_it_reads_comes_after_it(norm, x):
    expected = read(norm(x))
    y = norm(x)
    x.detach().zero_()
    assert not waits(y)
    np.testing.assert_array_equal(read(y), expected)


def test_a_write_into_a_buffer_or_a_bias_does_not_reach_it(x):
    mean, bias = MEAN.clone(), BIAS.clone()
    expected = read(F.batch_norm(x, mean, VAR, None, bias))
    y = F.batch_norm(x, mean, VAR, None, bias)
    mean.zero_()
    bias.zero_()
    np.testing.assert_array_equal(read(y), expected)


def test_memory_that_numpy_can_write_is_read_at_once(norm, x):
    expected = read(norm(x))
    y = norm(x)
    array = x.detach().numpy()
    assert not waits(y)
    z = norm(x)
    assert not waits(z)
    array[...] = 0
    for t in (y, z):
        np.testing.assert_array_equal(t.detach().numpy(), expected)
    assert not waits(norm(np.ones((2, 3, 4, 4), np.float32)))


def test_it_is_copied_and_saved_as_a_tensor(norm, x):
    expected = read(norm(x))
    with tg.no_grad():
        for duplicate in (copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), lambda t: t.clone()):
            made = duplicate(norm(x))
            assert type(made) is tg.Tensor
            np.testing.assert_array_equal(read(made), expected)


def test_its_data_can_be_exchanged_unread(x):
    with tg.no_grad():
        y = MODES["evaluation"](x)
    y._data = np.zeros(3, np.float32)
    assert type(y) is tg.Tensor
    assert y.tolist() == [0, 0, 0]


def test_none_waits_after_it_is_gone(norm, x):
    before = len(planned._waiting)
    tensors = [norm(x) for _ in range(3)]
    assert len(planned._waiting) == before + 3
    del tensors
    assert len(planned._waiting) == before


def test_two_threads_may_read_it_at_once(norm, x):
    expected = read(norm(x))
    y, found = norm(x), []
    threads = [threading.Thread(target=lambda: found.append(y.detach())) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for each in found:
        np.testing.assert_array_equal(read(each), expected)


def test_the_graph_shows_both_operators(norm, x):
    z = F.relu(norm(x))
    assert z.node.op.name == "relu"
    assert z.node.edges[0].op.name in ("batch_norm", "standardize")


def test_whoever_watches_sees_arrays(norm, x):
    y = norm(x)
    with tg.autograd.detect_anomaly():
        F.relu(y).sum().backward()
        assert not waits(y)
        assert not waits(norm(x))


def test_in_double_precision_too(passes):
    x = tg.randn(4, 3, 5, 6, dtype=np.float64, requires_grad=True) * 1
    y = F.relu(F.batch_norm(x, None, None, training=True))
    assert passes == [True]
    assert y.dtype == np.float64
