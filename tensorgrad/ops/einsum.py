"""Einstein summation, composed of permutations, sums and one matrix product per pair: exact to any order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.index import _getitem
from tensorgrad.ops.linalg import _matmul
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.shape import _permute, _reshape

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(equation: str, *operands: Any) -> Any:
    """Products of the operands summed over the letters that the result does not name.

    Repeated letters take a diagonal, ``...`` stands for broadcast dimensions; without ``->`` the result has the
    letters that occur once, in alphabetical order. Raises ValueError when letters and shapes do not fit.
    Source: ``torch.einsum``, ``numpy.einsum``.

    >>> import tensorgrad as tg
    >>> tg.einsum("ij,j->i", tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [operand(o, "einsum") for o in operands]
    terms, result = _parse(equation, tensors)
    parts = [_diagonals(x, term) for x, term in zip(tensors, terms, strict=True)]
    parts = _broadcast_ones(parts)
    while len(parts) > 1:
        i, j = _cheapest_pair(parts)
        second, first = parts.pop(j), parts.pop(i)
        others = set(result).union(*(term for _, term in parts))
        parts.append(_contract(first, second, others))
    x, term = parts[0]
    x, term = _sum_out(x, term, set(result))
    return _permute(x, dims=tuple(term.index(letter) for letter in result))


def _parse(equation: str, tensors: list[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with ``...`` spelled out."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise op_error(ValueError, "einsum", f"{equation!r} names {len(terms)} operands, got {len(tensors)}")
    free = [c for c in _LETTERS if c not in equation]
    widths = [x.ndim - len(t.replace("...", "")) for t, x in zip(terms, tensors, strict=True) if "..." in t]
    if any(w < 0 for w in widths) or max(widths, default=0) > len(free):
        raise op_error(ValueError, "einsum", f"{equation!r} names more dimensions than an operand has")
    dots = "".join(free[: max(widths, default=0)])
    spelled = []
    for term, x in zip(terms, tensors, strict=True):
        width = x.ndim - len(term.replace("...", ""))
        spelled.append(term.replace("...", dots[len(dots) - width :]) if "..." in term else term)
        if len(spelled[-1]) != x.ndim or not all(c in _LETTERS for c in spelled[-1]):
            raise op_error(ValueError, "einsum", f"{term!r} does not fit an operand of shape {tuple(x.shape)}")
    letters = "".join(spelled)
    if not arrow:
        right = "..." * bool(dots) + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))
    result = right.replace("...", dots)
    if len(set(result)) < len(result) or not set(result) <= set(letters):
        raise op_error(ValueError, "einsum", f"the result {right!r} must name letters of the operands, each once")
    return spelled, result


def _diagonals(x: Any, term: str) -> tuple[Any, str]:
    """One dimension per letter: a repeated letter reads the diagonal."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            n = x.shape[first]
            if n != x.shape[second]:
                raise op_error(ValueError, "einsum", f"letter {letter!r} stands for sizes {n} and {x.shape[second]}")
            others = [d for d in range(x.ndim) if d not in (first, second)]
            x = _getitem(_permute(x, dims=(first, second, *others)), index=(np.arange(n), np.arange(n)))
            term = letter + "".join(term[d] for d in others)
    return x, term


def _broadcast_ones(parts: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """Drop size-1 dimensions where another operand has the letter in full; other sizes must agree."""
    sizes: dict[str, int] = {}
    for x, term in parts:
        for letter, n in zip(term, x.shape, strict=True):
            known = sizes.setdefault(letter, n)
            if known == 1:
                sizes[letter] = n
            elif n not in (1, known):
                raise op_error(ValueError, "einsum", f"letter {letter!r} stands for sizes {known} and {n}")
    out = []
    for x, term in parts:
        drop = [d for d, letter in enumerate(term) if x.shape[d] == 1 != sizes[letter]]
        kept = [d for d in range(x.ndim) if d not in drop]
        x = _reshape(x, shape=tuple(x.shape[d] for d in kept)) if drop else x
        out.append((x, "".join(term[d] for d in kept)))
    return out


def _cheapest_pair(parts: list[tuple[Any, str]]) -> tuple[int, int]:
    """The two operands whose product touches the fewest elements."""

    def cost(i: int, j: int) -> int:
        sizes = dict(zip(parts[i][1] + parts[j][1], (*parts[i][0].shape, *parts[j][0].shape), strict=True))
        return math.prod(sizes.values())

    return min(((i, j) for j in range(len(parts)) for i in range(j)), key=lambda pair: cost(*pair))


def _sum_out(x: Any, term: str, wanted: set[str]) -> tuple[Any, str]:
    """Sum over the letters nobody else names."""
    dims = tuple(d for d, letter in enumerate(term) if letter not in wanted)
    return (_sum(x, dim=dims, keepdim=False), "".join(c for c in term if c in wanted)) if dims else (x, term)


def _contract(first: tuple[Any, str], second: tuple[Any, str], others: set[str]) -> tuple[Any, str]:
    """One batched matrix product: (shared kept | rows | summed) @ (shared kept | summed | columns)."""
    a, left = _sum_out(*first, others | set(second[1]))
    b, right = _sum_out(*second, others | set(left))
    batch = [c for c in left if c in right and c in others]
    summed = [c for c in left if c in right and c not in others]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    size = dict(zip(left + right, (*a.shape, *b.shape), strict=True))

    def arranged(x: Any, term: str, *groups: list[str]) -> Any:
        order = "".join(c for group in (batch, *groups) for c in group)
        shape = (*(size[c] for c in batch), *(math.prod(size[c] for c in group) for group in groups))
        return _shaped(_ordered(x, term, order), shape)

    y = _matmul(arranged(a, left, rows, summed), arranged(b, right, summed, columns))
    letters = "".join([*batch, *rows, *columns])
    return _shaped(y, tuple(size[c] for c in letters)), letters


def _ordered(x: Any, term: str, wanted: str) -> Any:
    """The dimensions in the order of the letters wanted."""
    return x if term == wanted else _permute(x, dims=tuple(term.index(c) for c in wanted))


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else _reshape(x, shape=shape)


__all__ = ["einsum"]
