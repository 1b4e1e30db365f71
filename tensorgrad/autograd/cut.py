"""Where a tensor was cut off from its history: what ``explain_grad`` reads."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from tensorgrad.autograd.in_place import user_line


class Cut(NamedTuple):
    """The mark that ``detach`` leaves on its result."""

    line: str
    source: weakref.ref[Any]  # the tensor that was detached, while it lives

    def __reduce__(self) -> Any:
        return _forgotten, ()  # a copy in another process has no history to speak of


def cut_from(source: Any) -> Cut:
    """A mark that says: detached from ``source`` by the user's line that runs now."""
    return Cut(user_line(), weakref.ref(source))


def _forgotten() -> None:
    return None
