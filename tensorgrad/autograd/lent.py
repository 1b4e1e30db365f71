"""Memory that NumPy code can reach, and so change without a word: lent arrays, and how a change is found out.

An array is *lent* when ``t.numpy()`` or ``np.asarray(t)`` hands it out, or when a tensor is made around an array of
the user's. A graph may have saved it before, or may save it later, and both are covered by a fingerprint of the bytes:

- a node that saves lent memory seals it, with a fingerprint of what it saved;
- a node older than the loan saved what was there at the loan, so the loan carries a fingerprint of all the memory.

Backward compares. While nothing is lent, the engine pays one comparison per recorded operator.
"""

from __future__ import annotations

import sys
import weakref
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.planned import carry_out
from tensorgrad.autograd.storage import storage

if TYPE_CHECKING:
    from tensorgrad.autograd.node import Node

#: Seals of a node: each array (weakly), and the fingerprint it had when it was saved.
Seals = list[tuple["weakref.ref[np.ndarray]", int]]


class Loan:
    """One storage that was lent: from which number of the clock on, what it held then, and who took it."""

    __slots__ = ("fingerprint", "line", "number", "storage")

    def __init__(self, reference: weakref.ref[np.ndarray], fingerprint: int | None) -> None:
        self.storage = reference
        self.fingerprint = fingerprint  # None for an array that never was the engine's own
        self.line = in_place.user_line()
        self.number = sys.maxsize


#: The loans by id of their storage; empty in a program that keeps to tensors.
loans: dict[int, Loan] = {}


def fingerprint(array: np.ndarray) -> int:
    """A checksum of the bytes, in the order of memory: CRC-32, which no single changed element escapes."""
    if not array.flags.c_contiguous:
        array = array[tuple(slice(None) if step else slice(1) for step in array.strides)]  # repeated elements: once
        order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        array = np.ascontiguousarray(array.transpose(order))
    return zlib.crc32(array.data)


def lend(array: np.ndarray, ours: bool = True) -> np.ndarray:
    """Note that NumPy code holds ``array`` from now on; returns it. ``ours``: until now only tensors did."""
    owner = storage(array)
    carry_out(owner)
    key = id(owner)
    if key not in loans:
        reference = weakref.ref(owner, lambda _: loans.pop(key, None))
        loan = loans[key] = Loan(reference, fingerprint(owner) if ours else None)
        loan.number = in_place.advance()  # after it was entered: a node that came first is older
    return array


def is_lent(value: Any) -> bool:
    """True for an array in memory that was lent."""
    return isinstance(value, np.ndarray) and id(storage(value)) in loans


def sealed(arrays: Iterable[np.ndarray]) -> Seals:
    """Fingerprints of ``arrays`` as they are now."""
    seals = [(weakref.ref(array), fingerprint(array)) for array in arrays]
    if seals:
        in_place.advance()  # what is older than this looks at its seals
    return seals


def seal(node: Node, operands: Iterable[Any]) -> None:
    """Seal what ``node`` saved in memory that others can write: lent arrays, and arrays among its ``operands``."""
    found = [value for value in node.saved if isinstance(value, np.ndarray) and _reachable(value, operands)]
    if node.value is not None and _reachable(node.value, ()):
        found.append(node.value)
    for static in node.static.values():
        for value in static if type(static) is tuple else (static,):
            if isinstance(value, np.ndarray) and _reachable(value, ()):
                found.append(value)
    if found:
        node.seals = sealed(found)


def _reachable(array: np.ndarray, operands: Iterable[Any]) -> bool:
    """True for an array that is one of the ``operands``, or in memory that was lent."""
    for operand in operands:
        if operand is array:
            return True
    return is_lent(array)


def is_broken(value: Any, seals: Seals) -> bool:
    """True for an array that one of the ``seals`` is on and whose bytes are no longer those."""
    for saved, before in seals:
        array = saved()
        if array is not None and array is value and fingerprint(array) != before:
            return True
    return False


def changed_since(array: Any, number: int, seals: Seals) -> str | None:
    """Where ``array`` was changed after it was saved at ``number`` of the clock, in words; None if it was not."""
    if not isinstance(array, np.ndarray):
        return None
    change = in_place.written_since(array, number)
    if change is not None:
        return f"modified in place at {change.line}"
    owner = storage(array)
    loan = loans.get(id(owner))
    changed = is_broken(array, seals)
    if loan is not None and loan.number > number and loan.fingerprint is not None:
        changed = changed or fingerprint(owner) != loan.fingerprint
    if not changed:
        return None
    taken = "" if loan is None else f" (taken or given at {loan.line})"
    return f"changed through a NumPy array that shares its memory{taken}"


def check_saved(node: Node, place: str) -> None:
    """Raise RuntimeError when a value that ``node`` saved for backward is not what it was."""
    seals: Seals = getattr(node, "seals", [])
    names = [f"input {i}" for i in range(len(node.saved))] + ["its output"]
    values = [*node.saved, node.value]
    for name, static in node.static.items():
        for value in static if type(static) is tuple else (static,):
            names.append(f"argument {name}")
            values.append(value)
    for what, value in zip(names, values, strict=True):
        change = changed_since(value, node.number, seals)
        if change is not None:
            source = getattr(node, "source", None)
            saved_at = f" at {source}" if source else ""
            raise RuntimeError(
                f"backward of {place}: {what} was saved for backward{saved_at} and has been {change}; call backward "
                "before the write (optimizer.step() is one), or write into a copy: x = x.clone()"
            )
