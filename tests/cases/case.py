"""What a row of the table is: an operator, a function that runs on both libraries, and its inputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# RandomState's stream is frozen for ever (NEP 19), and the domains below only add, multiply and compare:
# the inputs of a row are the same bits on every machine, so that stored reference values stay valid.


def generator(*key: object) -> np.random.RandomState:
    """A generator that depends on nothing but `key`."""
    return np.random.RandomState(zlib.crc32(":".join(map(str, key)).encode()))


# --------------------------------------------------------------------------- inputs and their domains


@dataclass(frozen=True)
class Input:
    """A recipe for one array: its shape and how to fill it. Floats are differentiable unless `fixed`."""

    shape: tuple[int, ...]
    fill: Callable[[np.random.RandomState, tuple[int, ...]], np.ndarray]
    differentiable: bool = True

    def make(self, random: np.random.RandomState) -> np.ndarray:
        array = np.asarray(self.fill(random, self.shape))
        array.flags.writeable = False  # an operator that writes into its inputs fails at once
        return array


def between(low: float, high: float, *shape: int, kinks: tuple[float, ...] = ()) -> Input:
    """Uniform values of an interval, none of them within 0.1 of a kink."""

    def fill(random, shape):
        x = random.uniform(low, high, shape)
        near = np.zeros(shape, bool)
        while True:
            near = np.any([np.abs(x - kink) < 0.1 for kink in kinks], axis=0) if kinks else near
            if not np.any(near):
                return x
            x = np.where(near, random.uniform(low, high, shape), x)

    return Input(shape, fill)


def real(*shape: int) -> Input:
    return between(-2, 2, *shape)


def positive(*shape: int) -> Input:
    return between(0.5, 2.5, *shape)


def nonzero(*shape: int) -> Input:
    return between(-2, 2, *shape, kinks=(0.0,))


def distinct(*shape: int) -> Input:
    """Values at least 0.1 apart, in random order, both signs: there is one maximum."""

    def fill(random, shape):
        order = random.permutation(int(np.prod(shape))).reshape(shape)
        return 0.2 * order - 0.1 * order.size + random.uniform(0, 0.1, shape)

    return Input(shape, fill)


def probabilities(*shape: int, dim: int = 1) -> Input:
    """Positive values that sum to one along `dim`."""

    def fill(random, shape):
        x = random.uniform(0.2, 1.0, shape)
        return x / x.sum(axis=dim, keepdims=True)

    return Input(shape, fill)


def integers(high: int, *shape: int, low: int = 0) -> Input:
    return Input(shape, lambda random, shape: random.randint(low, high, shape).astype(np.int64), False)


def booleans(*shape: int) -> Input:
    return Input(shape, lambda random, shape: random.uniform(size=shape) < 0.5, False)


def exactly(values: Any) -> Input:
    """These very values: floats are differentiable, integers and booleans are not."""
    array = np.array(values)
    return Input(array.shape, lambda random, shape: array.copy(), array.dtype.kind == "f")


def fixed(recipe: Input) -> Input:
    """The same input, not differentiated."""
    return replace(recipe, differentiable=False)


# --------------------------------------------------------------------------- a row


class Case:
    """One row.

    Case("sum", "dim=0", lambda t, x: t.sum(x, 0), real(3, 4), linear=True)

    op        the operator's name in the registry; `covers` names further primitives this row exercises
    label     what is special about the row; op and label together are its unique id
    function  of `t`, torch or tensorgrad (`t.F` its nn.functional), and the inputs; gives a tensor or several
    inputs    one recipe an input

    linear    affine in each differentiable input taken alone: finite differences with h = 1 are exact
    smooth    False at a kink or a pole, where finite differences say nothing (the reference values still do)
    second    False where PyTorch has no second derivative to compare with
    torch     False where PyTorch has no counterpart; `numpy`, the same on arrays, may give the value
    float32   how far float32 may be from float64, relative to the largest value; None where it makes no sense
    """

    def __init__(
        self,
        op: str,
        label: str,
        function: Callable[..., Any],
        *inputs: Input,
        linear: bool = False,
        smooth: bool = True,
        second: bool = True,
        torch: bool = True,
        numpy: Callable[..., Any] | None = None,
        float32: float | None = 2e-6,
        covers: tuple[str, ...] = (),
    ) -> None:
        self.op, self.label, self.function, self.inputs = op, label, function, inputs
        self.linear, self.smooth, self.second, self.torch = linear, smooth, second, torch
        self.numpy, self.float32, self.covers = numpy, float32, covers

    @property
    def id(self) -> str:
        return f"{self.op}: {self.label}"

    def __repr__(self) -> str:
        return f"<Case {self.id}>"

    def arrays(self) -> list[np.ndarray]:
        """The inputs: float64, int64 or bool, read-only, the same in every run."""
        return [recipe.make(generator(self.id, k)) for k, recipe in enumerate(self.inputs)]

    def weights(self, what: str, k: int, shape: tuple[int, ...]) -> np.ndarray:
        """A fixed random array to weigh an output (its cotangent) or a gradient with."""
        return np.asarray(generator(self.id, what, k).uniform(-1, 1, shape))


# --------------------------------------------------------------------------- shorthands for functions


def function(name: str, *args: Any, **static: Any) -> Callable[..., Any]:
    """`t.name(*inputs, *args, **static)`."""
    return lambda t, *inputs: getattr(t, name)(*inputs, *args, **static)


def functional(name: str, *args: Any, **static: Any) -> Callable[..., Any]:
    """`t.F.name(*inputs, *args, **static)`."""
    return lambda t, *inputs: getattr(t.F, name)(*inputs, *args, **static)


def method(name: str, *args: Any, **static: Any) -> Callable[..., Any]:
    """`x.name(*other inputs, *args, **static)`."""
    return lambda t, x, *others: getattr(x, name)(*others, *args, **static)


def gradient(call: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of <call(x, ...), g> with respect to x, itself a function of x, ... and g."""

    def derivative(t: Any, x: Any, *others: Any) -> Any:
        *others, g = others
        x = x if x.requires_grad else x.detach().requires_grad_()
        return t.autograd.grad(call(t, x, *others), x, g, create_graph=True)[0]

    return derivative


def spelled(args: tuple[Any, ...] = (), static: dict[str, Any] | None = None) -> str:
    """Arguments as they are written in a call, for a label."""
    return ", ".join([*map(str, args), *(f"{key}={value}" for key, value in (static or {}).items())])
