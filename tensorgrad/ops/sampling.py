"""Random draws whose distribution a tensor says: nothing flows back through them.

Gradients of an expectation go around the draw: ``mean + std * tg.randn_like(std)`` (a normal number is a shifted and
stretched one), or ``F.gumbel_softmax`` for a choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.autograd.primitive import wrap
from tensorgrad.errors import describe, op_error
from tensorgrad.ops._arguments import as_int, loose, operand, raw


def _probabilities(values: Any, op: str) -> np.ndarray:
    """The array of ``values``, floating-point numbers."""
    array = raw(operand(values, op))
    if array.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected probabilities of a floating dtype, got {describe(array)}")
    return array


def bernoulli(input: Any, p: Any = None, *, generator: np.random.Generator | None = None) -> Any:
    """1 with the probability that stands in ``input``, else 0; with ``p`` that probability everywhere.

    Shape and dtype of ``input``. Raises ValueError for probabilities outside of [0, 1], TypeError for an ``input`` of
    integers without ``p``. Source: ``torch.bernoulli``.

    >>> import tensorgrad as tg
    >>> tg.bernoulli(tg.tensor([0.0, 1.0, 1.0]))
    tensor([0., 1., 1.])
    """
    like = raw(operand(input, "bernoulli"))
    drawn = successes(_probabilities(input, "bernoulli") if p is None else p, like.shape, "bernoulli", generator)
    return wrap(drawn.astype(like.dtype))


def successes(p: Any, shape: tuple[int, ...], op: str, generator: np.random.Generator | None = None) -> np.ndarray:
    """An array of ``shape`` that is True with probability ``p``, which broadcasts; ValueError for what is none."""
    chance = raw(operand(p, op))
    if not ((chance >= 0) & (chance <= 1)).all():
        raise op_error(ValueError, op, "expected probabilities from 0 to 1")
    return np.asarray((generator or random.generator()).random(shape) < chance)


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: np.random.Generator | None = None
) -> Any:
    """``num_samples`` positions of each row, drawn in proportion to the numbers that stand there.

    Shapes: input (n,) or (m, n), floats of at least 0 that need not add up to 1; result (num_samples,) or
    (m, num_samples), int64. Without ``replacement`` the positions of a row differ. Raises ValueError for a row of
    zeros, negative numbers, infinities or NaN, and for more samples than positions above 0.
    Source: ``torch.multinomial``.

    >>> import tensorgrad as tg
    >>> sorted(tg.multinomial(tg.tensor([0.0, 3.0, 1.0]), 2).tolist())
    [1, 2]
    """
    weights = _probabilities(input, "multinomial").astype(np.float64)
    count = as_int(num_samples, "multinomial", "num_samples")
    if weights.ndim not in (1, 2) or weights.shape[-1] == 0:
        raise op_error(ValueError, "multinomial", f"expected one or more rows of weights, got {describe(weights)}")
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any(-1).all():
        raise op_error(ValueError, "multinomial", "expected finite weights of at least 0, some of each row above it")
    above = int(np.count_nonzero(weights, -1).min(initial=weights.shape[-1]))
    if count < 1 or (count > above and not replacement):
        expected = "at least 1 sample" if replacement else f"1 to {above} samples, as many as weights above 0"
        hint = "" if count < 1 else "; or give replacement=True"
        raise op_error(ValueError, "multinomial", f"expected {expected}, got {count}{hint}")
    draw = generator or random.generator()
    if replacement:
        # where a number between 0 and the sum falls among the running sums
        ends = np.cumsum(weights, -1)
        at = draw.random((*weights.shape[:-1], count)) * ends[..., -1:]
        found = np.empty(at.shape, np.int64)
        for row in np.ndindex(at.shape[:-1]):
            found[row] = np.searchsorted(ends[row], at[row], side="right")
        return wrap(found)
    # a race: the first to arrive when each waits an exponential time at its own rate
    with np.errstate(all="ignore"):
        arrival = draw.standard_exponential(weights.shape) / weights
    return wrap(np.argsort(arrival, -1)[..., :count])


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: np.random.Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Normal numbers of the means and standard deviations given, which broadcast; two numbers need a ``size``.

    The dtype is that of the tensors given, float32 for two numbers. Raises ValueError for a negative deviation,
    TypeError for two numbers without a size. Source: ``torch.normal``.

    >>> import tensorgrad as tg
    >>> tg.normal(tg.tensor([1.0, 2.0]), 0.0), tg.normal(0.0, 1.0, (2, 3)).shape
    (tensor([1., 2.]), (2, 3))
    """
    operands = [operand(value, "normal") for value in (mean, std)]
    centre, spread = map(raw, operands)
    given = [raw(x) for x, value in zip(operands, (mean, std), strict=True) if x is value]  # as no number is
    if not given and size is None:
        raise op_error(TypeError, "normal", f"two numbers need a size: normal({mean}, {std}, (2, 3))")
    if (spread < 0).any():
        raise op_error(ValueError, "normal", "expected standard deviations of at least 0")
    if dtype is None:
        dtype = np.result_type(*[array.dtype for array in given if array.dtype.kind == "f"] or [np.float32])
    shape = np.broadcast_shapes(centre.shape, spread.shape) if size is None else loose((size,), "normal")
    drawn = (generator or random.generator()).standard_normal(shape)
    out = wrap(np.asarray(drawn * spread + centre, dtype))
    return out.requires_grad_() if requires_grad else out


__all__ = ["bernoulli", "multinomial", "normal"]
