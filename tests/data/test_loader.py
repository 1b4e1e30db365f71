"""DataLoader: arguments, order, batches, resume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler, TensorDataset

WORKERS = pytest.mark.parametrize("workers", [0, 1, 4])
pytestmark = pytest.mark.usefixtures("no_new_threads")


def numbers(n=10):
    return TensorDataset(np.arange(n))


def values(loader):
    return [x.tolist() for (x,) in loader]


def flat(lists):
    return [value for inner in lists for value in inner]


@WORKERS
def test_order_and_the_last_batch(workers):
    loader = DataLoader(numbers(5), 2, num_workers=workers)
    assert values(loader) == [[0, 1], [2, 3], [4]]
    assert values(loader) == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3
    dropped = DataLoader(numbers(5), 2, drop_last=True, num_workers=workers)
    assert values(dropped) == [[0, 1], [2, 3]]
    assert len(dropped) == 2
    assert len(DataLoader(numbers(5))) == 5


def test_argument_order_is_pytorch_s():
    def collate(batch):
        return ([int(x) for (x,) in batch],)

    class Two(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return (i,)

    loader = DataLoader(Two(), 2, False, None, None, 0, collate, False, True, 0, None, None, None)
    assert list(loader) == [([0, 1],)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": -1}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor"),
        ({"shuffle": True, "sampler": [1, 2]}, "sampler and shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler excludes"),
        ({"batch_sampler": [[1]], "shuffle": True}, "batch_sampler excludes"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "batch_sampler excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, "drop"),
        ({"dataset": [], "shuffle": True}, "not empty"),
        ({"shuffle": True, "seed": -1}, "seed"),
        ({"shuffle": True, "seed": 1, "generator": np.random.default_rng(0)}, "both"),
    ],
)
def test_arguments_out_of_range(arguments, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(**{"dataset": range(3)} | arguments)


def test_arguments_of_a_wrong_type():
    with pytest.raises(TypeError, match="expected a dataset with __getitem__, got int"):
        DataLoader(3)
    with pytest.raises(TypeError):
        DataLoader([1], num_workers=1.5)
    with pytest.raises(TypeError, match="generator defines no __len__"):
        len(DataLoader([1], sampler=(i for i in [0])))


def test_an_empty_dataset_has_no_batches():
    loader = DataLoader([], batch_size=2)
    assert list(loader) == []
    assert len(loader) == 0
    assert list(DataLoader([], num_workers=2)) == []


@WORKERS
def test_shuffling(workers):
    tg.manual_seed(3)
    loader = DataLoader(numbers(), 4, shuffle=True, num_workers=workers)
    first, second = values(loader), values(loader)
    assert [len(b) for b in first] == [4, 4, 2]
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(10))
    assert first != second
    tg.manual_seed(3)
    assert [values(loader), values(loader)] == [first, second]  # the same loader
    tg.manual_seed(3)
    other = DataLoader(numbers(), 4, shuffle=True, num_workers=4 - workers)
    assert [values(other), values(other)] == [first, second]


def test_loaders_have_orders_of_their_own():
    tg.manual_seed(0)
    a, b = (DataLoader(numbers(50), 50, shuffle=True) for _ in range(2))
    assert values(a) != values(b)


def test_a_loader_that_does_not_shuffle_draws_nothing():
    tg.manual_seed(0)
    expected = tg.random.spawn_seed()
    tg.manual_seed(0)
    loader = DataLoader(numbers())
    values(loader)
    loader.state_dict()
    assert tg.random.spawn_seed() == expected


def test_seed_and_generator():
    def order(**source):
        return values(DataLoader(numbers(50), 50, shuffle=True, **source))

    assert order(seed=1) == order(seed=1) != order(seed=2)
    assert order(generator=np.random.default_rng(1)) == order(generator=np.random.default_rng(1))
    assert order(generator=tg.manual_seed(1)) == order(generator=tg.manual_seed(1))


def test_the_same_order_in_another_process():
    script = (
        "import numpy as np, tensorgrad as tg\n"
        "from tensorgrad.data import DataLoader, TensorDataset\n"
        "tg.manual_seed(7)\n"
        "loader = DataLoader(TensorDataset(np.arange(10)), 3, shuffle=True, num_workers=2)\n"
        "print([[x.tolist() for x, in loader] for _ in range(2)])\n"
    )
    root = Path(__file__).parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    tg.manual_seed(7)
    loader = DataLoader(numbers(), 3, shuffle=True)
    assert outputs == {f"{[values(loader) for _ in range(2)]}\n"}


@WORKERS
def test_nested_iteration(workers):
    loader = DataLoader(numbers(4), 2, num_workers=workers)
    assert [(a[0].tolist(), b[0].tolist()) for a in loader for b in loader] == [
        ([0, 1], [0, 1]),
        ([0, 1], [2, 3]),
        ([2, 3], [0, 1]),
        ([2, 3], [2, 3]),
    ]
    shuffled = DataLoader(numbers(), 5, shuffle=True, seed=1, num_workers=workers)
    pairs = [next(epochs) for epochs in (iter(shuffled), iter(shuffled)) for _ in range(2)]
    assert sorted(flat(values(pairs[:2]))) == list(range(10))
    assert sorted(flat(values(pairs[2:]))) == list(range(10))


class Slow(Dataset):
    """The same data as a TensorDataset, without the fast path."""

    def __init__(self, *arrays):
        self.data = TensorDataset(*arrays)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.data[i]


@WORKERS
def test_the_fast_path_gives_the_same_batches(workers):
    arrays = np.random.default_rng(0).random((11, 2, 3)).astype(np.float32), np.arange(11)
    fast = DataLoader(TensorDataset(*arrays), 4, shuffle=True, seed=5, num_workers=workers)
    slow = DataLoader(Slow(*arrays), 4, shuffle=True, seed=5)
    for a, b in zip(fast, slow, strict=True):
        assert type(a) is type(b) is tuple
        for x, y in zip(a, b, strict=True):
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x.data, y.data)


def test_getitems_of_pytorch_s_kind():
    class Listed(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [(i, float(i)) for i in indices]

    x, y = list(DataLoader(Listed(), 2))[1]
    assert (x.tolist(), y.tolist()) == ([2, 3], [2.0, 3.0])


def test_own_collate_gets_the_items():
    batches = list(DataLoader(TensorDataset(np.arange(3)), 2, collate_fn=lambda batch: len(batch)))
    assert batches == [2, 1]


def test_own_samplers():
    assert values(DataLoader(numbers(), 2, sampler=[5, 1, 9])) == [[5, 1], [9]]
    assert values(DataLoader(numbers(), batch_sampler=[[1, 2, 3], [0]])) == [[1, 2, 3], [0]]
    batches = BatchSampler(RandomSampler(range(10), seed=1), 5)
    assert sorted(flat(values(DataLoader(numbers(), batch_sampler=batches)))) == list(range(10))


def test_stop_iteration_of_the_dataset_is_not_the_end():
    class Broken(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return next(iter(()))

    for workers in (0, 2):
        with pytest.raises(RuntimeError, match="raised StopIteration at"):
            list(DataLoader(Broken(), num_workers=workers))


@WORKERS
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stop", range(8))
def test_resume_inside_an_epoch(workers, shuffle, stop):
    """3 epochs of 4 batches, or `stop` batches, a checkpoint and the rest: the same sequence."""

    def fresh(seed):
        return DataLoader(numbers(), 3, shuffle=shuffle, seed=seed, num_workers=workers)

    whole = fresh(1)
    expected = [batch for _ in range(3) for batch in values(whole)]
    first, seen = fresh(1), []
    for _ in range(3):
        if len(seen) == stop:
            break
        for (x,) in first:
            seen.append(x.tolist())
            if len(seen) == stop:
                break
    state = json.loads(json.dumps(first.state_dict()))
    second = fresh(99)
    second.load_state_dict(state)
    assert second.state_dict() == state
    assert len(second) == 4
    for _ in range(state["epoch"], 3):
        seen += values(second)
    assert seen == expected


def test_states():
    loader = DataLoader(numbers(), 3, shuffle=True, seed=8)
    assert loader.state_dict() == {"seed": 8, "epoch": 0, "batch": 0}
    epoch = iter(loader)
    next(epoch), next(epoch)
    assert loader.state_dict() == {"seed": 8, "epoch": 0, "batch": 2}
    assert len(list(epoch)) == 2
    assert list(epoch) == []
    assert loader.state_dict() == {"seed": 8, "epoch": 1, "batch": 0}
    assert DataLoader(numbers()).state_dict() == {"seed": None, "epoch": 0, "batch": 0}


def test_resume_follows_the_package_s_generator_as_before():
    tg.manual_seed(2)
    loader = DataLoader(numbers(), 3, shuffle=True)
    epoch = iter(loader)
    next(epoch)
    state = loader.state_dict()
    tg.manual_seed(3)
    other = DataLoader(numbers(), 3, shuffle=True)
    other.load_state_dict(state)
    assert values(other) == values(epoch)
    assert values(other) == values(DataLoader(numbers(), 3, sampler=_resumed(state["seed"], 1)))


def _resumed(seed, epoch):
    sampler = RandomSampler(range(10))
    sampler.resume(seed, epoch)
    return sampler


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"seed": 1, "epoch": 0},
        {"seed": 1, "epoch": 0, "batch": 0, "more": 1},
        {"seed": None, "epoch": 0, "batch": 0},
        {"seed": 1, "epoch": -1, "batch": 0},
        {"seed": 1, "epoch": 0, "batch": 5},
        {"seed": 1, "epoch": 0, "batch": None},
        {"seed": 1, "epoch": 1.5, "batch": 0},
        {"seed": "1", "epoch": 0, "batch": 0},
    ],
)
def test_states_of_another_kind(state):
    loader = DataLoader(numbers(), 3, shuffle=True, seed=8)
    next(iter(loader))
    before = loader.state_dict()
    with pytest.raises(ValueError, match=r"DataLoader: .*state"):
        loader.load_state_dict(state)
    assert loader.state_dict() == before
    with pytest.raises(ValueError, match="shuffles, this one does not"):
        DataLoader(numbers()).load_state_dict(before)


def test_representation_and_public_attributes():
    loader = DataLoader([1, 2, 3], 2, num_workers=1)
    assert repr(loader) == "DataLoader([1, 2, 3], batch_size=2, num_workers=1)"
    assert isinstance(loader.sampler, SequentialSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)
    assert (loader.dataset, loader.drop_last) == ([1, 2, 3], False)
