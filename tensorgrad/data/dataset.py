"""Datasets: anything with a length and items."""

from __future__ import annotations

import bisect
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tensorgrad.creation import as_tensor, owned
from tensorgrad.data.sampler import seed_from
from tensorgrad.tensor import Tensor


class Dataset:
    """The base of all datasets: a subclass defines ``__getitem__(index)`` and ``__len__()``.

    It may also define ``__getitems__(indices)`` for speed, returning either a list of items, or anything else
    (usually a tuple of Tensors) that then counts as the finished batch.

    Source: ``torch.utils.data.Dataset``.

    >>> class Squares(Dataset):
    ...     def __len__(self): return 3
    ...     def __getitem__(self, i): return i * i
    >>> squares = Squares()
    >>> [squares[i] for i in range(len(squares))]
    [0, 1, 4]
    """

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} defines no __len__()")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Tensors (or arrays) of equal length; item i is the tuple of their rows i. Memory is shared, not copied.

    Raises: ValueError if the lengths differ or there is nothing to index.
    Source: ``torch.utils.data.TensorDataset``.

    >>> data = TensorDataset(np.eye(3), np.array([5, 6, 7]))
    >>> len(data), data[1][1].item()
    (3, 6)
    """

    def __init__(self, *tensors: Tensor | ArrayLike) -> None:
        self.tensors = tuple(as_tensor(t) for t in tensors)
        shapes = [t.shape for t in self.tensors]
        if not shapes or () in shapes:
            raise ValueError(f"TensorDataset: expected one or more tensors of at least one dimension, got {shapes}")
        if len({shape[0] for shape in shapes}) > 1:
            sizes = ", ".join(str(shape[0]) for shape in shapes)
            raise ValueError(f"TensorDataset: expected tensors of equal length, got the lengths {sizes}")

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        """A whole batch: one indexing operation a tensor."""
        rows = np.asarray(indices, np.intp)
        # Without a gradient to record, rows are gathered straight from the array: a third of the time.
        return tuple(t[rows] if t.requires_grad else owned(t._data[rows]) for t in self.tensors)


class Subset(Dataset):
    """The items of ``dataset`` at ``indices``.

    Raises: IndexError for a position outside.
    Source: ``torch.utils.data.Subset``.

    >>> list(Subset([10, 11, 12], [2, 0]))
    [12, 10]
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """A whole batch, if the dataset below can make one; else a list of items."""
        chosen = [self.indices[i] for i in indices]
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]


class ConcatDataset(Dataset):
    """Several datasets one after the other.

    Raises: ValueError if there is none, IndexError for a position outside.
    Source: ``torch.utils.data.ConcatDataset``.

    >>> both = ConcatDataset([["a", "b"], ["c"]])
    >>> len(both), both[2], both[-3]
    (3, 'c', 'a')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one dataset, got none")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"ConcatDataset: index {position} is out of range for length {len(self)}")
        position %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, position)
        return self.datasets[which][position - (self.cumulative_sizes[which - 1] if which else 0)]


def random_split(
    dataset: Any,
    lengths: Sequence[int | float],
    generator: np.random.Generator | None = None,
    *,
    seed: int | None = None,
) -> list[Subset]:
    """Cut a dataset into disjoint random parts of the given ``lengths``, or of fractions that sum to 1.

    What rounding fractions down leaves over goes to the parts in turn, as in PyTorch. The draw comes from
    ``generator`` or ``seed``, else from the package's generator.

    Raises: ValueError if the lengths are negative or do not sum to ``len(dataset)``.
    Source: ``torch.utils.data.random_split``.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25], seed=0)]
    [8, 2]
    """
    total = len(dataset)
    if any(not length >= 0 for length in lengths):
        raise ValueError(f"random_split: expected lengths of at least 0, got {list(lengths)}")
    if math.isclose(sum(lengths), 1) and any(isinstance(length, float) for length in lengths):
        sizes = [math.floor(total * length) for length in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        sizes = [operator.index(length) if not isinstance(length, float) else -1 for length in lengths]
    if sum(sizes) != total or min(sizes) < 0:
        raise ValueError(
            f"random_split: expected lengths that sum to the {total} items (or fractions that sum to 1), "
            f"got {list(lengths)}"
        )
    order = np.random.Generator(np.random.PCG64(seed_from(generator, seed))).permutation(total).tolist()
    ends = list(itertools.accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
