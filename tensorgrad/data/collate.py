"""Putting samples together to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.creation import as_tensor, owned
from tensorgrad.ops._arguments import SUPPORTED_KINDS
from tensorgrad.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples to a batch: what stands at the same place in each is stacked along a new first dimension.

    Tensors and arrays keep their dtype; Python ints give int64, floats float32, bools bool. Tuples, named
    tuples, lists and dictionaries are gone through and keep their kind; strings and bytes come as a list.

    Raises: ValueError for an empty batch, unequal shapes, lengths or keys; TypeError for anything else.
    Source: ``torch.utils.data.default_collate`` (there a tuple becomes a list and floats become float64).

    >>> x, y = default_collate([(np.zeros(3), 1), (np.ones(3), 0)])
    >>> x.shape, y.tolist()
    ((2, 3), [1, 0])
    """
    if len(batch) == 0:
        raise ValueError("default_collate: expected at least one sample, got none")
    return _collate(batch, "sample")


def default_convert(sample: Any) -> Any:
    """A single sample with its arrays as Tensors, all else as it is: what a loader without batches gives.

    Source: ``torch.utils.data.default_convert``.

    >>> default_convert((np.zeros(2), "name"))[1]
    'name'
    """
    if isinstance(sample, (np.ndarray, np.generic)) and sample.dtype.kind in SUPPORTED_KINDS:
        return as_tensor(np.asarray(sample))
    if isinstance(sample, Mapping):
        return {key: default_convert(value) for key, value in sample.items()}
    if isinstance(sample, (tuple, list)):
        return _like(sample, [default_convert(value) for value in sample])
    return sample


def _collate(batch: Sequence[Any], where: str) -> Any:
    """``where`` names the place inside the samples, for errors."""
    first = batch[0]
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        for sample in batch:
            if not isinstance(sample, Mapping) or sample.keys() != first.keys():
                raise ValueError(_differ(where, "keys", [first, sample], list))
        return {key: _collate([sample[key] for sample in batch], f"{where}[{key!r}]") for key in first}
    if isinstance(first, (tuple, list)):
        for sample in batch:
            if not isinstance(sample, (tuple, list)) or len(sample) != len(first):
                raise ValueError(_differ(where, "lengths", [first, sample], len))
        columns = zip(*batch, strict=True)
        return _like(first, [_collate(column, f"{where}[{i}]") for i, column in enumerate(columns)])
    return _stack(batch, where)


def _stack(batch: Sequence[Any], where: str) -> Tensor:
    dtype = np.float32 if type(batch[0]) is float else None  # a Python int gives int64, a bool bool
    arrays: list[np.ndarray] = []
    for sample in batch:
        array = sample._data if isinstance(sample, Tensor) else np.asarray(sample, dtype)
        if array.dtype.kind not in SUPPORTED_KINDS:
            raise TypeError(
                f"default_collate: {where}: expected tensors, arrays, numbers, strings, tuples, lists or "
                f"dictionaries, got {type(sample).__name__}; give the loader a collate_fn"
            )
        if isinstance(sample, Tensor) and sample.requires_grad:
            raise TypeError(
                f"default_collate: {where}: expected data, got a tensor that requires a gradient, and the "
                "gradient would end here; give the loader a collate_fn that stacks it"
            )
        if arrays and array.shape != arrays[0].shape:
            raise ValueError(_differ(where, "shapes", [arrays[0], array], np.shape))
        arrays.append(array)
    return owned(np.stack(arrays))


def _like(model: Any, values: list[Any]) -> Any:
    """``values`` as the kind of sequence that ``model`` is."""
    if hasattr(model, "_fields"):
        return type(model)(*values)
    return tuple(values) if isinstance(model, tuple) else values


def _differ(where: str, what: str, samples: list[Any], measure: Any) -> str:
    shown = " and ".join(str(measure(s)) if hasattr(s, "__len__") else type(s).__name__ for s in samples)
    return f"default_collate: {where}: expected equal {what}, got {shown}; give the loader a collate_fn"
