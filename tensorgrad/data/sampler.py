"""Samplers: in which order a dataset is visited, and how positions are put together to batches."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.creation import from_numpy
from tensorgrad.ops.sampling import multinomial


def seed_from(generator: np.random.Generator | None, seed: int | None) -> int:
    """``seed``, else one drawn from ``generator``, else one from the package's generator.

    Raises: ValueError if both are given or the seed is negative, TypeError for another kind of generator.

    >>> seed_from(None, 7)
    7
    """
    if generator is not None and seed is not None:
        raise ValueError("expected a generator or a seed, got both")
    if generator is not None:
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"generator: expected a numpy.random.Generator, got {type(generator).__name__}")
        return int(generator.integers(2**63))
    if seed is None:
        return random.spawn_seed()
    if operator.index(seed) < 0:
        raise ValueError(f"seed: expected an integer of at least 0, got {seed}")
    return operator.index(seed)


class Sampler:
    """The base of all samplers: a subclass defines ``__iter__``, giving positions (or lists of them).

    Source: ``torch.utils.data.Sampler``.

    >>> class Backwards(Sampler):
    ...     def __iter__(self): return iter([2, 1, 0])
    >>> list(Backwards())
    [2, 1, 0]
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class SequentialSampler(Sampler):
    """The positions 0, 1, 2, ... of a dataset.

    Source: ``torch.utils.data.SequentialSampler``.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A new random order in each epoch: ``Generator(PCG64([seed, epoch])).permutation(n)``.

    The pair (seed, epoch) says all about an order, so a run can be resumed inside an epoch. The ``epoch``
    counts up with every ``iter()``. The seed is ``seed``, or drawn once from ``generator``, or, at first use,
    from the package's generator; in the last case :func:`tensorgrad.manual_seed` begins again, with a new
    seed and epoch 0.

    Parameters: ``replacement``, draw each position independently; ``num_samples``, how many positions an
    epoch has (default: as many as the dataset).

    Raises: ValueError if there is nothing to draw from or nothing to draw.
    Source: ``torch.utils.data.RandomSampler`` (whose orders for a given seed are other ones).

    >>> sampler = RandomSampler(range(5), seed=0)
    >>> first, second = list(sampler), list(sampler)
    >>> first == second, sorted(first) == sorted(second) == [0, 1, 2, 3, 4]
    (False, True)
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: np.random.Generator | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        count = len(data_source) if num_samples is None else operator.index(num_samples)
        if len(data_source) == 0 or count <= 0:
            raise ValueError(
                "RandomSampler: expected a dataset that is not empty and at least one sample, "
                f"got {len(data_source)} items and num_samples={count}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.epoch = 0
        self._seed = None if generator is None and seed is None else seed_from(generator, seed)
        self._own_seed = self._seed is not None
        self._drawn_from: np.random.Generator | None = None

    @property
    def num_samples(self) -> int:
        """How many positions an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    @property
    def seed(self) -> int:
        """The seed of all epochs, drawn now if there is none yet."""
        current = random.generator()
        if self._seed is None or (not self._own_seed and current is not self._drawn_from):
            if self._seed is not None:  # manual_seed was called: this is a new run
                self.epoch = 0
            self._seed = random.spawn_seed()
            self._drawn_from = current
        return self._seed

    def resume(self, seed: int, epoch: int) -> None:
        """Continue the run that a sampler with this ``seed`` has begun, with its ``epoch``.

        >>> sampler = RandomSampler(range(3))
        >>> sampler.resume(seed=5, epoch=2)
        >>> sampler.seed, sampler.epoch
        (5, 2)
        """
        self._seed, self.epoch = seed_from(None, seed), operator.index(epoch)
        self._drawn_from = random.generator()

    def __iter__(self) -> Iterator[int]:
        seed = self.seed  # first: it may set the epoch
        order = self._order(np.random.Generator(np.random.PCG64([seed, self.epoch])))
        self.epoch += 1
        return iter(order.tolist())

    def __len__(self) -> int:
        return self.num_samples

    def _order(self, rng: np.random.Generator) -> np.ndarray:
        n, count = len(self.data_source), self.num_samples
        if self.replacement:
            return rng.integers(n, size=count)
        rounds = [rng.permutation(n) for _ in range(-(-count // n))]  # more samples than items: begin again
        return rounds[0][:count] if len(rounds) == 1 else np.concatenate(rounds)[:count]


class SubsetRandomSampler(RandomSampler):
    """Some positions of a dataset, in a new random order in each epoch.

    ``indices`` is a list, an array or a tensor of integers, each of which comes once an epoch. Seeds and errors are
    those of :class:`RandomSampler`. Source: ``torch.utils.data.SubsetRandomSampler``.

    >>> sorted(SubsetRandomSampler([7, 8, 3], seed=0))
    [3, 7, 8]
    """

    def __init__(self, indices: Any, generator: np.random.Generator | None = None, *, seed: int | None = None) -> None:
        super().__init__(indices, generator=generator, seed=seed)
        self.indices = indices

    def _order(self, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.indices)[super()._order(rng)]


class WeightedRandomSampler(RandomSampler):
    """``num_samples`` positions an epoch, each drawn in proportion to its weight: rare classes as often as others.

    ``weights`` holds a number of at least 0 for each position of the dataset; they need not add up to 1. Without
    ``replacement`` no position comes twice in an epoch. Seeds are those of :class:`RandomSampler`. Raises ValueError
    for weights of which nothing can be drawn, see ``tensorgrad.multinomial``.
    Source: ``torch.utils.data.WeightedRandomSampler``.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: np.random.Generator | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(weights, replacement, num_samples, generator, seed=seed)
        self.weights = np.asarray(weights, np.float64)
        self._order(np.random.default_rng(0))  # what cannot be drawn is an error now

    def _order(self, rng: np.random.Generator) -> np.ndarray:
        drawn = multinomial(from_numpy(self.weights), self.num_samples, self.replacement, generator=rng)
        order: np.ndarray = drawn.numpy()
        return order


class BatchSampler(Sampler):
    """Lists of ``batch_size`` positions from another sampler; the last one is short, or dropped.

    Raises: ValueError if ``batch_size`` is not a positive integer.
    Source: ``torch.utils.data.BatchSampler``.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool = False) -> None:
        if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size <= 0:
            raise ValueError(f"batch_size: expected a positive integer, got {batch_size!r}")
        self.sampler = sampler
        self.batch_size = operator.index(batch_size)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return self._batches(iter(self.sampler))  # iter() now, not at the first batch: it fixes the epoch

    def _batches(self, positions: Iterator[Any]) -> Iterator[list[Any]]:
        batch = []
        for position in positions:
            batch.append(position)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        if not isinstance(self.sampler, Sized):
            raise TypeError(f"{type(self.sampler).__name__} defines no __len__()")
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + (rest > 0 and not self.drop_last)
