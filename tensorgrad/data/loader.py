"""DataLoader: a dataset in batches, epoch after epoch."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np

from tensorgrad.data.collate import default_collate, default_convert
from tensorgrad.data.prefetch import Prefetcher
from tensorgrad.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """An iterable over the batches of a dataset; every ``iter()`` is a new epoch, independent of others.

    With ``shuffle`` an epoch's order is a function of (seed, epoch), see :class:`RandomSampler`; the seed is
    ``seed``, or drawn from ``generator``, or from the package's generator at the first epoch. So the order is
    the same for any ``num_workers``, and :meth:`state_dict` needs three integers to resume inside an epoch.

    A dataset with ``__getitems__(indices)``, such as :class:`TensorDataset` and :class:`MNIST`, makes a batch
    with one indexing operation an array, unless a ``collate_fn`` asks for the single items.

    Parameters: ``num_workers``, threads that prepare ``prefetch_factor`` batches each ahead (0: none; NumPy
    and file reading run in parallel, pure Python does not); ``drop_last``, leave out a short last batch;
    ``timeout``, seconds to wait for a worker's batch (0: for ever); ``worker_init_fn(number)``, called in
    each thread as it starts; ``batch_size=None``, single samples instead of batches. ``pin_memory``,
    ``multiprocessing_context`` and ``persistent_workers`` are taken for PyTorch's sake and do nothing.

    Raises: ValueError or TypeError for arguments out of range or against each other. While iterating:
    whatever the dataset raises, at the position of that batch; RuntimeError after ``timeout``.
    Source: ``torch.utils.data.DataLoader``.

    >>> from tensorgrad.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> len(loader), [x.tolist() for (x,) in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = False,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: np.random.Generator | None = None,
        *,
        seed: int | None = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
    ) -> None:
        if not hasattr(dataset, "__getitem__"):
            raise TypeError(f"DataLoader: expected a dataset with __getitem__, got {type(dataset).__name__}")
        if operator.index(num_workers) < 0:
            raise ValueError(f"DataLoader: num_workers: expected an integer of at least 0, got {num_workers}")
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout: expected at least 0 seconds, got {timeout}")
        ahead = 2 if prefetch_factor is None else operator.index(prefetch_factor)
        if ahead <= 0:
            raise ValueError(f"DataLoader: prefetch_factor: expected a positive integer, got {prefetch_factor}")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler and shuffle=True exclude each other; got both")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None makes no batches, so drop_last has none to drop")

        if sampler is None and batch_sampler is None:
            sampler = RandomSampler(dataset, generator=generator, seed=seed) if shuffle else SequentialSampler(dataset)
        if batch_sampler is None and batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = None if batch_sampler is not None and batch_size is None else batch_size
        self.drop_last = drop_last
        self.sampler = sampler if batch_sampler is None else getattr(batch_sampler, "sampler", sampler)
        self.batch_sampler = batch_sampler
        self.num_workers = operator.index(num_workers)
        self.collate_fn = collate_fn
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = ahead
        self._epoch = 0  # of the next iter(), where no RandomSampler counts
        self._skip = 0  # batches that the next iter() leaves out: a resumed run has seen them
        self._position: _Position | None = None  # of the youngest iterator

    def __iter__(self) -> LoaderIterator:
        order = self._order
        shuffler = self._shuffler
        if shuffler is not None:
            _ = shuffler.seed  # drawn now: a new seed begins with epoch 0
        position = _Position(self._epoch if shuffler is None else shuffler.epoch, self._skip)
        positions = itertools.islice(iter(order), self._skip, None)
        fetch = _Fetch(self.dataset, self.collate_fn, self.batch_sampler is not None)
        batches: Iterator[Any] = (
            Prefetcher(
                fetch,
                positions,
                self.num_workers,
                self.num_workers * self.prefetch_factor,
                self.timeout,
                self.worker_init_fn,
            )
            if self.num_workers
            else map(fetch, positions)
        )
        self._epoch, self._skip, self._position = position.epoch + 1, 0, position
        return LoaderIterator(batches, position)

    def __len__(self) -> int:
        """How many batches a whole epoch has."""
        order = self._order
        if not isinstance(order, Sized):
            raise TypeError(f"DataLoader: {type(order).__name__} defines no __len__()")
        return len(order)

    def __repr__(self) -> str:
        return f"DataLoader({self.dataset!r}, batch_size={self.batch_size}, num_workers={self.num_workers})"

    def state_dict(self) -> dict[str, int | None]:
        """Where the youngest iterator stands: ``seed`` (None without shuffling), ``epoch``, next ``batch``.

        Plain integers, for a checkpoint. In the loop's body the batch in hand counts as done.
        """
        shuffler = self._shuffler
        seed = None if shuffler is None else shuffler.seed
        if self._position is not None:
            return {"seed": seed, "epoch": self._position.epoch, "batch": self._position.batch}
        return {
            "seed": seed,
            "epoch": self._epoch if shuffler is None else shuffler.epoch,
            "batch": self._skip,
        }

    def load_state_dict(self, state: Mapping[str, int | None]) -> None:
        """Let the next ``iter()`` give the batches that were still to come, and the epochs after be the same.

        Raises: ValueError if ``state`` is not of this kind of loader; the loader is then as it was.

        >>> a, b = (DataLoader(range(6), 2, shuffle=True, seed=s) for s in (1, 2))
        >>> epoch = iter(a); _ = next(epoch); b.load_state_dict(a.state_dict())
        >>> [x.tolist() for x in epoch] == [x.tolist() for x in b]
        True
        """
        if set(state) != {"seed", "epoch", "batch"}:
            raise ValueError(f"DataLoader: expected a state with seed, epoch and batch, got {sorted(state)}")
        seed, epoch, batch = state["seed"], state["epoch"], state["batch"]
        numbers = [n for n in (seed, epoch, batch) if n is not None]
        if epoch is None or batch is None or not all(hasattr(n, "__index__") and n >= 0 for n in numbers):
            raise ValueError(f"DataLoader: expected a state of integers of at least 0, got {dict(state)}")
        shuffler = self._shuffler
        if (seed is None) != (shuffler is None):
            kinds = "does not shuffle", "shuffles"
            raise ValueError(
                f"DataLoader: the state is of a loader that {kinds[seed is not None]}, this one "
                f"{kinds[shuffler is not None]}"
            )
        order = self._order
        if isinstance(order, Sized) and batch > len(order):
            raise ValueError(f"DataLoader: the state stands at batch {batch}, but an epoch has only {len(order)}")
        if shuffler is not None and seed is not None:
            shuffler.resume(seed, epoch)
        self._epoch, self._skip, self._position = operator.index(epoch), operator.index(batch), None

    @property
    def _order(self) -> Iterable[Any]:
        """What gives the positions: lists of them, or single ones without batches."""
        order = self.batch_sampler if self.batch_sampler is not None else self.sampler
        return () if order is None else order

    @property
    def _shuffler(self) -> RandomSampler | None:
        """The sampler that owns seed and epoch, if it is ours."""
        return self.sampler if isinstance(self.sampler, RandomSampler) else None


class _Position:
    """How far an iterator has come; shared by it and its loader, so that neither holds the other."""

    __slots__ = ("batch", "epoch")

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch = epoch
        self.batch = batch


class LoaderIterator:
    """One epoch of a :class:`DataLoader`.

    >>> epoch = iter(DataLoader([3, 4], num_workers=1))
    >>> next(epoch).tolist()
    [3]
    >>> epoch.close()
    """

    def __init__(self, batches: Iterator[Any], position: _Position) -> None:
        self._batches = batches
        self._position = position
        self._next = position.batch
        self._ended = False

    def __iter__(self) -> LoaderIterator:
        return self

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        try:
            batch = next(self._batches)
        except StopIteration:
            self._ended = True
            self._position.epoch, self._position.batch = self._position.epoch + 1, 0
            raise
        except BaseException:
            self._next += 1  # the position stays: a run resumed from here tries this batch again
            raise
        self._next += 1
        self._position.batch = self._next
        return batch

    def close(self) -> None:
        """End the epoch, and its threads, here."""
        self._ended = True
        if isinstance(self._batches, Prefetcher):
            self._batches.close()


class _Fetch:
    """From positions to a batch; knows the dataset but neither loader nor iterator, for threads hold it."""

    __slots__ = ("batched", "collate", "dataset", "whole")

    def __init__(self, dataset: Any, collate: Callable[[Any], Any] | None, batched: bool) -> None:
        self.dataset = dataset
        self.batched = batched
        self.whole = batched and collate is None and hasattr(dataset, "__getitems__")
        self.collate = collate or (default_collate if batched else default_convert)

    def __call__(self, positions: Any) -> Any:
        try:
            if self.whole:
                batch = self.dataset.__getitems__(positions)
                return self.collate(batch) if isinstance(batch, list) else batch
            if self.batched:
                return self.collate([self.dataset[i] for i in positions])
            return self.collate(self.dataset[positions])
        except StopIteration as error:  # would pass for the end of the epoch
            raise RuntimeError(f"DataLoader: the dataset raised StopIteration at {positions}") from error
