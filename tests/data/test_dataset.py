"""Datasets and the ways to cut and join them."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.creation import as_tensor
from tensorgrad.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset, random_split


def test_tensor_dataset_shares_memory():
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    data = TensorDataset(array, as_tensor(np.array([1, 2, 3])))
    assert len(data) == 3
    x, y = data[2]
    assert (x.tolist(), y.item(), x.dtype) == ([4.0, 5.0], 3, np.float32)
    array[2] = 7
    assert data[2][0].tolist() == [7.0, 7.0]


def test_tensor_dataset_batch_is_a_copy():
    array = np.arange(6.0)
    (batch,) = TensorDataset(array).__getitems__([0, 1])
    batch.data[:] = -1
    assert array[0] == 0


def test_length_mismatch_names_the_sizes():
    with pytest.raises(ValueError, match=r"equal length.*3, 4, 3"):
        TensorDataset(np.zeros(3), np.zeros((4, 2)), np.zeros(3))


@pytest.mark.parametrize("tensors", [(), (1.0,), (np.zeros(3), np.float32(1))])
def test_tensor_dataset_needs_something_to_index(tensors):
    with pytest.raises(ValueError, match="at least one dimension"):
        TensorDataset(*tensors)


def test_abstract_dataset():
    with pytest.raises(NotImplementedError, match="Dataset must define __getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError, match="Dataset defines no __len__"):
        len(Dataset())


def test_subset_batches_like_what_it_is_cut_from():
    data = TensorDataset(np.arange(10), np.arange(10) * 10)
    part = Subset(Subset(data, [9, 7, 5, 3]), np.array([3, 0, 1]))
    assert [x.item() for x, _ in (part[i] for i in range(3))] == [3, 9, 7]
    x, y = next(iter(DataLoader(part, batch_size=3)))
    assert (x.tolist(), y.tolist()) == ([3, 9, 7], [30, 90, 70])
    assert next(iter(DataLoader(Subset([(1, "a"), (2, "b")], [1, 0]), 2)))[1] == ["b", "a"]
    with pytest.raises(IndexError):
        part[3]


def test_concat():
    data = TensorDataset(np.arange(3)) + TensorDataset(np.arange(10, 12)) + Subset(TensorDataset(np.array([7])), [0])
    assert isinstance(data, ConcatDataset)
    assert len(data) == 6
    assert [data[i][0].item() for i in range(-6, 6)] == [0, 1, 2, 10, 11, 7] * 2
    for outside in (6, -7):
        with pytest.raises(IndexError, match="out of range"):
            data[outside]
    with pytest.raises(ValueError, match="at least one dataset"):
        ConcatDataset([])


@pytest.mark.parametrize(
    ("total", "lengths", "sizes"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0, 10], [0, 10]),
        (1, [1], [1]),
        (10, [0.33, 0.33, 0.34], [4, 3, 3]),
        (7, [0.5, 0.5], [4, 3]),
        (60_000, [0.9, 0.1], [54_000, 6_000]),
        (3, [1.0], [3]),
    ],
)
def test_random_split(total, lengths, sizes):
    parts = random_split(range(total), lengths, seed=1)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(total))


@pytest.mark.parametrize("lengths", [[5, 6], [5, 4], [-1, 11], [0.5, 0.6], [2.0, 8.0], [float("nan")], []])
def test_random_split_refuses(lengths):
    with pytest.raises(ValueError, match="random_split: expected"):
        random_split(range(10), lengths)


def test_random_split_is_reproducible():
    def split(**source):
        return random_split(range(50), [40, 10], **source)[0].indices

    assert split(seed=3) == split(seed=3) != split(seed=4)
    assert split(generator=np.random.default_rng(0)) == split(generator=np.random.default_rng(0))
    tg.manual_seed(5)
    first = split()
    assert split() != first
    tg.manual_seed(5)
    assert split() == first
