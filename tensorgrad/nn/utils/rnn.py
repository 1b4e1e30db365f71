"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tensorgrad.creation import full
from tensorgrad.errors import describe, op_error
from tensorgrad.ops.join import stack
from tensorgrad.tensor import Tensor


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """The sequences side by side, each padded to the longest; shapes (L_i, *) give (L, N, *), or (N, L, *).

    ``padding_side`` "left" puts the padding before a sequence. Gradients flow to the sequences. Raises ValueError
    for no sequence at all, for sizes that differ behind the first, and for another side, TypeError for what is no
    tensor.
    Source: ``torch.nn.utils.rnn.pad_sequence``.

    >>> import tensorgrad as tg
    >>> tg.nn.utils.rnn.pad_sequence([tg.ones(3), tg.ones(1)], batch_first=True)
    tensor([[1., 1., 1.],
            [1., 0., 0.]])
    """
    given = list(sequences)
    if padding_side not in ("left", "right"):
        raise op_error(ValueError, "pad_sequence", f"padding_side must be 'left' or 'right', got {padding_side!r}")
    if not given:
        raise op_error(ValueError, "pad_sequence", "expected at least one sequence, got none")
    for one in given:
        if not isinstance(one, Tensor) or not one.ndim:
            raise op_error(TypeError, "pad_sequence", f"expected sequences, tensors of a length, got {describe(one)}")
        if one.shape[1:] != given[0].shape[1:]:
            expected = f"sequences of shape (L, {', '.join(map(str, given[0].shape[1:]))})"
            raise op_error(ValueError, "pad_sequence", f"expected {expected} as the first, got {describe(one)}")
    longest = max(len(one) for one in given)
    rows = []
    for one in given:
        row: Any = full((longest, *one.shape[1:]), padding_value, dtype=given[0].dtype)
        row[slice(len(one)) if padding_side == "right" else slice(longest - len(one), None)] = one
        rows.append(row)
    return stack(rows, 0 if batch_first else 1)


__all__ = ["pad_sequence"]
