"""Results that are not made before somebody reads them.

    y = batch_norm(x)       the moments are there, the pass that writes y waits
    z = relu(y)             one pass over x writes z; nobody has read y, so y never takes memory

A forward may return a *plan* in the place of an array: it has ``shape`` and ``dtype``, ``reads`` some arrays, and
``np.asarray`` makes the result. The tensor is then of a subclass in which ``_data`` is a property: whoever reads it
first makes the array, and from then on the tensor is an ordinary one. Operators that can do better than to read
the array (`operator`, ``takes_plans``) are handed the plan. Before memory is written or lent, the plans that read it
are carried out, so that nobody sees the difference.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.storage import storage
from tensorgrad.state import per_thread

#: The tensors that wait, by id.
_waiting: dict[int, weakref.ref[Any]] = {}


def planned_class(cls: type) -> type:
    """A subclass of the class of tensors, for those that wait."""
    slot: Any = cls.__dict__["_data"]

    def read(self: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            plan = slot.__get__(self)
            array = np.asarray(plan)
        write(self, array)
        if per_thread.state.tape is not None:
            per_thread.state.tape.carried_out(plan, array)
        return array

    def write(self: Any, array: np.ndarray) -> None:
        slot.__set__(self, array)
        self.__class__ = cls
        _waiting.pop(id(self), None)

    members = {"__slots__": (), "__module__": cls.__module__, "_data": property(read, write), "_plan": slot}
    return type(cls.__name__, (cls,), members)


def wait(tensor: Any, plan: Any) -> None:
    """Let a tensor of a planned class wait with its plan."""
    type(tensor)._plan.__set__(tensor, plan)
    key = id(tensor)
    _waiting[key] = weakref.ref(tensor, _forgetting(key))


def waiting() -> list[Any]:
    """The tensors that wait."""
    found = [reference() for reference in list(_waiting.values())]
    return [tensor for tensor in found if tensor is not None]


def plan_or_array(tensor: Any, any_dtype: bool) -> Any:
    """What an operator that takes plans is given: the array where somebody watches, or dtypes may have to change."""
    plan = getattr(tensor, "_plan", None)  # another thread may have read it
    waits = plan is not None and (any_dtype or plan.dtype == np.float32) and not per_thread.state.watchers
    return plan if waits else tensor._data


def _forgetting(key: int) -> Callable[[Any], Any]:
    """What is called when the tensor of that id is gone."""
    return lambda _: _waiting.pop(key, None)


def carry_out(array: np.ndarray) -> None:
    """Make the results that wait and are to read the memory of ``array``, which may be written now."""
    for tensor in waiting():
        plan = getattr(tensor, "_plan", None)
        if plan is not None and any(storage(read) is storage(array) for read in plan.reads):
            _ = tensor._data
