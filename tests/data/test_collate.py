"""Samples to batches."""

import collections

import numpy as np
import pytest

from tensorgrad.creation import as_tensor
from tensorgrad.data import DataLoader, default_collate, default_convert
from tensorgrad.tensor import Tensor

Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("samples", "dtype", "values"),
    [
        ([1, 2], np.int64, [1, 2]),
        ([1.5, 2], np.float32, [1.5, 2.0]),
        ([True, False], np.bool_, [True, False]),
        ([np.float32(1), np.float32(2)], np.float32, [1.0, 2.0]),
        ([np.uint8(1), np.uint8(255)], np.uint8, [1, 255]),
        ([np.zeros(2), np.ones(2)], np.float64, [[0.0, 0.0], [1.0, 1.0]]),
        ([as_tensor(np.zeros(1, np.int32)), as_tensor(np.ones(1, np.int32))], np.int32, [[0], [1]]),
        ([as_tensor(np.array(3)), as_tensor(np.array(4))], np.int64, [3, 4]),
    ],
)
def test_leaves(samples, dtype, values):
    batch = default_collate(samples)
    assert type(batch) is Tensor
    assert batch.dtype == dtype
    assert batch.tolist() == values


def test_nesting():
    sample = {"image": np.zeros((1, 2)), "boxes": [Point(1, 2.0), (b"raw", "name")]}
    batch = default_collate([sample, sample, sample])
    assert batch["image"].shape == (3, 1, 2)
    point, names = batch["boxes"]
    assert type(point) is Point
    assert point.x.tolist() == [1, 1, 1]
    assert point.y.dtype == np.float32
    assert names == ([b"raw"] * 3, ["name"] * 3)


def test_a_batch_owns_its_memory():
    array = np.zeros(3)
    default_collate([array]).data[:] = 1
    assert array.sum() == 0


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([], ValueError, "at least one sample"),
        ([None], TypeError, "got NoneType"),
        ([(1, {2})], TypeError, r"sample\[1\].*got set"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"equal shapes, got \(2,\) and \(3,\)"),
        ([{"a": np.zeros(2)}, {"a": np.zeros((2, 1))}], ValueError, r"sample\['a'\].*equal shapes"),
        ([(1, 2), (1, 2, 3)], ValueError, "equal lengths, got 2 and 3"),
        ([(1, 2), 5], ValueError, "equal lengths, got 2 and int"),
        ([{"a": 1}, {"b": 1}], ValueError, r"equal keys, got \['a'\] and \['b'\]"),
        ([{"a": 1}, 3], ValueError, r"equal keys, got \['a'\] and int"),
        ([np.array(["s"])], TypeError, "got ndarray"),
        ([1j], TypeError, "got complex"),
    ],
)
def test_what_does_not_fit(samples, error, words):
    with pytest.raises(error, match=words):
        default_collate(samples)


def test_gradients_are_not_dropped_in_silence():
    with pytest.raises(TypeError, match="requires a gradient"):
        default_collate([Tensor(np.zeros(2), requires_grad=True)])


def test_single_samples():
    samples = [(np.zeros(2), "a", 3, {"k": np.float32(1)})] * 2
    (array, name, number, inner), _ = list(DataLoader(samples, batch_size=None))
    assert type(array) is Tensor
    assert (name, number) == ("a", 3)
    assert inner["k"].dtype == np.float32
    assert default_convert(np.array(["s"])).tolist() == ["s"]
    assert default_convert(Point(np.zeros(1), 2)).y == 2
