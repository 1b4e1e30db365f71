"""What an operator says that was declared wrongly, or cannot run: expected, got, where, what to do."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from numpy import ndarray, ufunc

from tensorgrad.errors import RETURNED_NOTHING, describe, op_error, place
from tensorgrad.state import per_thread

if TYPE_CHECKING:
    from tensorgrad.autograd.primitive import Primitive

_KINDS = (IndexError, TypeError, ValueError, RuntimeError)


def check_rules(prim: Primitive) -> None:
    """Raise where the forward has more inputs than rules, whose gradients would be lost, or fewer."""
    forward = inspect.unwrap(prim.forward)
    code = getattr(forward, "__code__", None)
    if isinstance(forward, ufunc):
        least = most = forward.nin
    elif code is not None and not code.co_flags & inspect.CO_VARARGS:
        most = code.co_argcount
        least = most - len(forward.__defaults__ or ())
    else:
        return
    if prim.rules and not least <= len(prim.rules) <= most:
        raise TypeError(
            f"primitive: {prim.name} has {most} input{'s' * (most != 1)} and {len(prim.rules)} "
            f"rule{'s' * (len(prim.rules) != 1)}; give one rule for each input (None where it has no derivative), or "
            "joint= for all; what is no array goes behind a * in the forward"
        )


def refuse_arguments(operator: str, inputs: int, args: tuple[Any, ...], static: dict[str, Any]) -> NoReturn:
    """Raise for arguments that NumPy's function would take for something else: where to write, which numbers."""
    if static:
        raise op_error(TypeError, operator, f"got an unexpected keyword argument {next(iter(static))!r}")
    got = ", ".join(map(describe, args)) or "none"
    raise op_error(TypeError, operator, f"expected {inputs} operand{'s' * (inputs > 1)}, got {got}")


def fail(error: Exception, prim: Primitive, raw: list[Any]) -> NoReturn:
    """Raise ``error`` anew with operator, module path and operands in front.

    What is no plain error of Python's or NumPy's is made of more than a message: it passes, with a note of the place.
    """
    text = str(error)
    if text.startswith((f"{prim.name}: ", f"{prim.name} (in ")):  # it says all that already
        raise error
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), None)  # NumPy's AxisError is of two kinds
    plain = type(error).__module__.partition(".")[0] in ("builtins", "numpy")
    if kind is None or not plain:
        error.add_note(f"in {place(prim.name, per_thread.state.module_path)}")
        raise error
    if "could not be broadcast" in text:
        text = _mismatch(raw)
    elif "NoneType" in text and any(a is None for a in raw):
        raise op_error(TypeError, prim.name, f"expected a tensor, got NoneType{RETURNED_NOTHING}") from None
    operands = ", ".join(describe(a) for a in raw if a is not None)
    raise op_error(kind, prim.name, f"{text}; got {operands}") from error


def _mismatch(raw: list[Any]) -> str:
    """Where the shapes of operands that do not broadcast first disagree, from the last dimension on."""
    shapes = [tuple(a.shape) for a in raw if isinstance(a, ndarray)]
    for dim in range(-1, -max(map(len, shapes), default=0) - 1, -1):
        sizes = sorted({shape[dim] for shape in shapes if len(shape) >= -dim} - {1})
        if len(sizes) > 1:
            named = " and ".join(map(str, sizes))
            return f"the shapes do not broadcast: sizes {named} meet in dimension {dim}, they must be equal or 1"
    return "the shapes do not broadcast"
