"""The trap on `Tensor._data`: while a tape runs, it sees who reads an array and who puts another one in its place.

Operators may, and so may code that says it reads only shapes (`autograd.between`). Anything else could turn a value
into a Python number or a decision, which a plan would then repeat for other values: the tape is void.
"""

from __future__ import annotations

import sys
import threading
from types import CodeType, FunctionType
from typing import Any

from tensorgrad import creation
from tensorgrad.autograd.backward import Sweep, _as_result, _seed, accumulate_grad, grad
from tensorgrad.autograd.between import SHAPE_READERS
from tensorgrad.autograd.planned import carry_out
from tensorgrad.autograd.primitive import wrap
from tensorgrad.autograd.structural import add
from tensorgrad.autograd.view import View
from tensorgrad.errors import describe
from tensorgrad.methods_layout import Layout
from tensorgrad.methods_new import NewMethods
from tensorgrad.ops._arguments import raw
from tensorgrad.ops.recurrent import first_state
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.replay.places import is_users_frame, users_line
from tensorgrad.state import per_thread
from tensorgrad.tensor import Tensor, as_array

_OPERATOR: CodeType = add.__code__  # all operators are one function
_ENGINE = (
    Sweep.run,
    _as_result,
    _seed,
    accumulate_grad,
    grad,
    carry_out,
    View._derive,
    Tensor.detach,
    Tensor.__len__,
    Tensor.__iter__,
    describe,
)
_LAYOUT = [getattr(member, "fget", member) for member in vars(Layout).values()]  # what a tensor is, not what it holds
_READERS: set[CodeType] = {
    _OPERATOR,
    *(function.__code__ for function in _ENGINE),
    *(function.__code__ for function in _LAYOUT if isinstance(function, FunctionType)),
}
_WRITERS: set[CodeType] = {_OPERATOR, wrap.__code__}
_FILLERS: set[CodeType] = {
    function.__code__
    for function in (
        creation.zeros, creation.ones, creation.full, creation.arange, creation.linspace, creation.eye,
        creation.full_like, NewMethods.new_zeros, NewMethods.new_ones, first_state,
    )
}  # fmt: skip
_HANDED_ON: set[CodeType] = {raw.__code__, as_array.__code__}  # their callers are meant
_COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")
_slot: Any = Tensor.__dict__["_data"]
_METHODS = frozenset({"step", "zero_grad", "__class__"})  # of optimizers and schedules
_lock = threading.Lock()
_tapes = 0


def array_of(tensor: Any) -> Any:
    """What a tensor holds, an array or a plan that waits; whoever looks through here is not seen."""
    return _slot.__get__(tensor)


class _Trap:
    """Stands in the place of the slot."""

    def __get__(self, tensor: Any, cls: Any = None) -> Any:
        if tensor is None:
            return self
        tape = per_thread.state.tape
        if tape is not None:
            check_reader(tape, 1)
        return _slot.__get__(tensor)

    def __set__(self, tensor: Any, array: Any) -> None:
        tape = per_thread.state.tape
        if tape is not None:
            if _is_set(tensor) and sys._getframe(1).f_code not in _WRITERS:
                tape.void(f"the memory of a tensor is exchanged at {users_line()}")
            tape.born(tensor, array, _filler())
        _slot.__set__(tensor, array)


def _filler() -> bool:
    """True within a function that fills a new tensor with numbers which do not come from another array."""
    frame: Any = sys._getframe(2)
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_code in _FILLERS:
            return True
        frame = frame.f_back
    return False


def _is_set(tensor: Any) -> bool:
    try:
        _slot.__get__(tensor)
    except AttributeError:
        return False
    return True


def check_reader(tape: Any, depth: int) -> None:
    """Make the tape void if the function ``depth`` frames above the caller has no business with values."""
    frame: Any = sys._getframe(depth + 1)
    while frame.f_code in _HANDED_ON or frame.f_code.co_name in _COMPREHENSIONS:
        frame = frame.f_back
    if frame.f_code not in _READERS and frame.f_code not in SHAPE_READERS:
        tape.void(f"{frame.f_code.co_name} looks at values, at {users_line()}")


def _get_setting(self: Any, name: str) -> Any:
    """Stand for how attributes of an optimizer are read: its settings are no business of user code."""
    if name not in _METHODS:
        _check_settings(name)
    return object.__getattribute__(self, name)


def _set_setting(self: Any, name: str, value: Any) -> None:
    _check_settings(name)
    object.__setattr__(self, name, value)


def _check_settings(name: str) -> None:
    tape = per_thread.state.tape
    if tape is not None and is_users_frame(sys._getframe(2)):
        tape.void(f"it reads or writes {name} of an optimizer or a schedule, at {users_line()}")


def set_trap() -> None:
    """From now on, every look is seen, on threads that have a tape."""
    global _tapes
    with _lock:
        _tapes += 1
        if _tapes == 1:
            for cls in (Optimizer, LRScheduler):
                cls.__getattribute__, cls.__setattr__ = _get_setting, _set_setting  # type: ignore[method-assign]
            type.__setattr__(Tensor, "_data", _Trap())


def lift_trap() -> None:
    """The end of :func:`set_trap`."""
    global _tapes
    with _lock:
        _tapes -= 1
        if _tapes == 0:
            for cls in (Optimizer, LRScheduler):
                del cls.__getattribute__, cls.__setattr__
            type.__setattr__(Tensor, "_data", _slot)
