"""Runs a row on a library, PyTorch or tensorgrad, and takes its first and second derivatives."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tests.cases.case import Case


class Library:
    """A library under one roof: `t.exp`, `t.F.relu`, and the three things to do with its tensors."""

    def __init__(
        self,
        module: ModuleType,
        functional: ModuleType,
        tensor: Callable[[np.ndarray, bool], Any],
        array: Callable[[Any], np.ndarray],
        grad: Callable[..., Sequence[Any]],
    ) -> None:
        self.module, self.F = module, functional
        self.new_tensor, self.to_array, self.gradients = tensor, array, grad

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


class Outcome(NamedTuple):
    """What a row gives.

    first    the gradient of <outputs, v> with respect to each differentiable input
    second   the gradient of <first, u> with respect to the same inputs and then to each v
    """

    values: list[np.ndarray]
    first: list[np.ndarray] | None = None
    second: list[np.ndarray] | None = None
    roots: tuple[Any, ...] = ()  # the tensors that hold the recorded graphs


def flat(result: Any) -> list[Any]:
    """A function's result as a list of tensors: an operator may return one, or several."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def run(
    library: Library,
    case: Case,
    arrays: Sequence[np.ndarray] | None = None,
    order: int = 0,
    cotangents: Sequence[np.ndarray] | None = None,
) -> Outcome:
    """Values (order 0), gradients (1) and second derivatives (2) of a row at `arrays`."""
    arrays = case.arrays() if arrays is None else arrays
    inputs = [
        library.new_tensor(array, order > 0 and recipe.differentiable and is_float(array))
        for array, recipe in zip(arrays, case.inputs, strict=True)
    ]
    outputs = flat(case.function(library, *inputs))
    values = [library.to_array(output) for output in outputs]
    wanted = [x for x in inputs if x.requires_grad]
    recorded = [k for k, output in enumerate(outputs) if output.requires_grad]
    if order == 0 or not recorded:
        return Outcome(values)

    if cotangents is None:
        cotangents = cotangents_of(case, values)
    v = [library.new_tensor(cotangents[k].astype(values[k].dtype), order > 1) for k in recorded]
    roots = [outputs[k] for k in recorded]
    gradients = library.gradients(roots, wanted, v, create_graph=order > 1, allow_unused=True)
    first = arrays_of(library, gradients, wanted)
    if order == 1:
        return Outcome(values, first)

    live = [k for k, g in enumerate(gradients) if g is not None and g.requires_grad]
    if not live:  # the gradient is a constant: it depends on neither x nor v
        return Outcome(values, first, [np.zeros_like(library.to_array(x)) for x in [*wanted, *v]], tuple(roots))
    u = [library.new_tensor(case.weights("u", k, first[k].shape).astype(first[k].dtype), False) for k in live]
    targets = [*wanted, *v]
    gradients = tuple(gradients[k] for k in live)
    second = library.gradients(gradients, targets, u, retain_graph=True, allow_unused=True)
    return Outcome(values, first, arrays_of(library, second, targets), (*roots, *gradients))


def arrays_of(library: Library, gradients: Sequence[Any], tensors: Sequence[Any]) -> list[np.ndarray]:
    """Gradients as arrays; the gradient of an unused tensor is zero."""
    return [
        np.zeros_like(library.to_array(x)) if g is None else library.to_array(g)
        for g, x in zip(gradients, tensors, strict=True)
    ]


def cotangents_of(case: Case, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights v of the outputs (empty arrays stand in for the integer and boolean ones)."""
    return [case.weights("v", k, y.shape if is_float(y) else (0,)) for k, y in enumerate(values)]


def fingerprint(arrays: Sequence[np.ndarray]) -> int:
    """A number that changes when the inputs of a row change: its reference values are then out of date."""
    return zlib.crc32(b"".join(str((x.dtype.name, x.shape)).encode() + x.tobytes() for x in arrays))
