"""Dropout's masks: their probabilities, and what they do to arrays of any memory order."""

import numpy as np
import pytest

from tensorgrad.kernels import dropout as kernel
from tensorgrad.kernels import slices, threads

pytestmark = pytest.mark.usefixtures("version")


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(slices, "SLICE_FLOATS", 50)
    monkeypatch.setattr(slices, "SHARED_FLOATS", 100)


def draw(p, shape=(1_000_000,), seed=0):
    return kernel.random_mask(np.random.default_rng(seed), p, shape)


@pytest.mark.parametrize("p", [1e-5, 1e-3, 0.01, 0.1, 0.25, 0.5, 1 / 3, 0.9, 0.99, 0.999, 1 - 1e-5])
def test_probability(p):
    """Within five standard deviations of a million draws."""
    dropped = 1e6 - np.count_nonzero(draw(p))
    assert abs(dropped - p * 1e6) < 5 * np.sqrt(1e6 * p * (1 - p)) + 1


def test_probabilities_below_the_steps_of_16_bits():
    assert 0 < np.count_nonzero(~draw(7e-6, (4_000_000,))) < 100
    assert 0 < np.count_nonzero(draw(1 - 7e-6, (4_000_000,))) < 100


def test_certainty():
    assert draw(0.0).all()
    assert not draw(1.0).any()


@pytest.mark.parametrize("p", [0.3, 0.001])
def test_neighbours_and_repetitions_are_independent(p):
    mask, again = draw(p) - (1 - p), draw(p, seed=1) - (1 - p)
    for other in (*(np.roll(mask, shift) for shift in (1, 2, 3, 4, 8)), again):
        assert abs(np.mean(mask * other)) < 5 * p * (1 - p) / 1000


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5])
def test_sizes(size):
    assert draw(0.5, (size,)).shape == (size,)
    np.testing.assert_array_equal(draw(0.5, (size,)), draw(0.5, (8,))[:size])


def test_masks_of_images_lie_channels_last():
    mask = draw(0.5, (2, 3, 4, 5))
    assert mask.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(np.moveaxis(mask, 1, -1).ravel(), draw(0.5, (mask.size,)))
    assert np.moveaxis(mask, 1, -1).flags.c_contiguous
    np.testing.assert_array_equal(draw(0.5, (6, 20)).ravel(), draw(0.5, (120,)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("lay", ["alike", "channels last", "every second", "0-d", "empty"])
def test_applied(lay, dtype):
    x = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(dtype)
    x.ravel()[::7], x.ravel()[::11], x.ravel()[::13] = np.nan, np.inf, -np.inf
    mask = draw(0.4, x.shape)
    if lay == "channels last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif lay == "every second":
        x = np.repeat(x, 2, axis=1)[:, ::2]
    elif lay == "0-d":
        x, mask = x[0, 0, 0, 1], np.asarray(True)
        x = np.asarray(x)
    elif lay == "empty":
        x, mask = x[:0], mask[:0]
    before = x.copy()
    y = kernel.apply_mask(x, mask, 1.7)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.where(mask, x * dtype(1.7), dtype(0)))
    np.testing.assert_array_equal(x, before)


def test_a_mask_of_whole_channels_broadcasts():
    x = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(np.float32)
    mask = draw(0.5, (4, 3, 1, 1))
    np.testing.assert_array_equal(kernel.apply_mask(x, mask, 2.0), x * mask * np.float32(2))


@pytest.mark.parametrize("n", [1, 2])
def test_versions_and_threads_agree_to_the_last_bit(n):
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        x = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
        mask = draw(0.3, x.shape)
        np.testing.assert_array_equal(kernel.apply_mask(x, mask, 1 / 0.7), np.where(mask, x * np.float32(1 / 0.7), 0))
    finally:
        threads.set_num_threads(before)
