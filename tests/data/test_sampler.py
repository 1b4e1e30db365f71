"""Samplers: an order is a function of (seed, epoch) and of nothing else."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def test_sequential():
    sampler = SequentialSampler(range(3))
    assert list(sampler) == list(sampler) == [0, 1, 2]
    assert len(sampler) == 3


def test_random_order_is_the_documented_one():
    sampler = RandomSampler(range(100), seed=12)
    for epoch in range(3):
        expected = np.random.Generator(np.random.PCG64([12, epoch])).permutation(100)
        assert list(sampler) == expected.tolist()
    assert sampler.epoch == 3


def test_iterators_are_independent():
    sampler, again = RandomSampler(range(50), seed=1), RandomSampler(range(50), seed=1)
    first, second = iter(sampler), iter(sampler)
    mixed = list(zip(first, second, strict=True))
    assert [a for a, _ in mixed] == list(again)
    assert [b for _, b in mixed] == list(again)


def test_manual_seed_begins_again():
    sampler = RandomSampler(range(50))
    tg.manual_seed(1)
    run = list(sampler), list(sampler)
    tg.manual_seed(1)
    assert (list(sampler), list(sampler)) == run
    tg.manual_seed(1)
    other = RandomSampler(range(50))
    assert (list(other), list(other)) == run
    assert run[0] != run[1]


def test_own_seeds_do_not_follow_manual_seed():
    for source in ({"seed": 4}, {"generator": np.random.default_rng(4)}):
        sampler = RandomSampler(range(50), **source)
        tg.manual_seed(1)
        first = list(sampler)
        tg.manual_seed(1)
        assert list(sampler) != first


def test_seeds():
    with pytest.raises(ValueError, match="got both"):
        RandomSampler(range(3), generator=np.random.default_rng(0), seed=0)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        RandomSampler(range(3), seed=-1)
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator, got RandomState"):
        RandomSampler(range(3), generator=np.random.RandomState(0))
    a = RandomSampler(range(50), generator=np.random.default_rng(0))
    assert a.seed == RandomSampler(range(50), generator=np.random.default_rng(0)).seed


@pytest.mark.parametrize(("data", "count"), [([], None), ([], 3), ([1], 0), ([1], -1)])
def test_nothing_to_draw(data, count):
    with pytest.raises(ValueError, match="not empty and at least one sample"):
        RandomSampler(data, num_samples=count)


def test_number_of_samples():
    assert sorted(RandomSampler(range(3), num_samples=7, seed=0))[:6] == [0, 0, 1, 1, 2, 2]
    few = RandomSampler(range(100), num_samples=5, seed=0)
    assert len(few) == len(set(few)) == 5
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=300, seed=0))
    assert np.bincount(drawn).min() > 60
    assert len(drawn) == 300


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "2"])
def test_batch_size(size):
    with pytest.raises(ValueError, match="batch_size: expected a positive integer"):
        BatchSampler(range(3), size)


@pytest.mark.parametrize("total", range(7))
def test_batches(total):
    full = BatchSampler(range(total), 3, drop_last=False)
    assert [len(b) for b in full] == [3] * (total // 3) + ([total % 3] if total % 3 else [])
    assert [i for b in full for i in b] == list(range(total))
    dropped = BatchSampler(range(total), 3, drop_last=True)
    assert [len(b) for b in dropped] == [3] * (total // 3)
    assert (len(list(full)), len(list(dropped))) == (len(full), len(dropped))
    assert [len(b) for b in BatchSampler(range(5), 2)] == [2, 2, 1]


def test_batches_of_a_sampler_without_length():
    with pytest.raises(TypeError, match="generator defines no __len__"):
        len(BatchSampler((i for i in range(3)), 2))
    with pytest.raises(NotImplementedError, match="Sampler must define __iter__"):
        iter(Sampler())


def test_numpy_global_state_is_untouched():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 -- it is the point
    list(RandomSampler(range(9)))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("kind", [list, np.array, tg.tensor])
def test_some_positions_in_random_order(kind):
    indices = [5, 1, 8, 30, 2, 77]
    sampler = SubsetRandomSampler(kind(indices), seed=3)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == sorted(indices)
    assert first != second
    assert list(SubsetRandomSampler(indices, np.random.default_rng(1))) == list(
        SubsetRandomSampler(indices, np.random.default_rng(1))
    )
    loader = DataLoader(tg.data.TensorDataset(np.arange(100)), batch_size=4, sampler=SubsetRandomSampler(kind(indices)))
    assert sorted(x for (batch,) in loader for x in batch.tolist()) == sorted(indices)
    assert loader.state_dict()["seed"] == loader.sampler.seed  # enough to resume inside an epoch


@pytest.mark.parametrize("kind", [list, np.array, tg.tensor])
def test_positions_in_proportion_to_their_weights(kind):
    sampler = WeightedRandomSampler(kind([1.0, 0.0, 3.0]), 20_000, seed=0)
    first, second = list(sampler), list(sampler)
    assert len(sampler) == len(first) == 20_000
    assert first != second
    assert (np.bincount(first) / 20_000).tolist() == pytest.approx([0.25, 0.0, 0.75], abs=0.01)
    once = list(WeightedRandomSampler(kind([1, 5, 3]), 3, replacement=False))
    assert sorted(once) == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SubsetRandomSampler([]), "at least one sample"),
        (lambda: WeightedRandomSampler([1.0], 0), "at least one sample"),
        (lambda: WeightedRandomSampler([1.0, -1.0], 1), "multinomial: expected finite weights"),
        (lambda: WeightedRandomSampler([1.0, 0.0], 2, False), "give replacement=True"),
    ],
)
def test_samplers_with_nothing_to_draw(make, words):
    with pytest.raises(ValueError, match=words):
        make()
