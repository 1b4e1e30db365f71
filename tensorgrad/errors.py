"""One way to say what went wrong: operator, module path, what was expected, what came.

Every error that an operator raises starts with the operator's name and, when a module's ``forward`` is
running, with that module's path: ``conv2d (in Net.features.0): expected ...``.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from tensorgrad.state import per_thread

E = TypeVar("E", bound=Exception)

#: What is added where None came in the place of a tensor.
RETURNED_NOTHING = "; a forward without return gives None"


def op_error(kind: type[E], operator: str, message: str, path: str | None = None) -> E:
    """An exception whose message names the operator and the module that called it.

    >>> op_error(ValueError, "stack", "expected at least one tensor, got none")
    ValueError('stack: expected at least one tensor, got none')
    """
    return kind(f"{place(operator, path or per_thread.state.module_path)}: {message}")


def place(operator: str, path: str | None) -> str:
    """Where something happened: the operator, and the path of the module that called it.

    >>> place("conv2d", "Net.features.0"), place("conv2d", None)
    ('conv2d (in Net.features.0)', 'conv2d')
    """
    return f"{operator} (in {path})" if path else operator


def describe(value: object) -> str:
    """Type and shape of an operand, short enough for an error message.

    >>> import numpy as np
    >>> describe(np.zeros((2, 3), np.float32)), describe(1.5)
    ('float32(2, 3)', 'float 1.5')
    """
    array = getattr(value, "_data", value)
    if isinstance(array, np.ndarray):
        return f"{array.dtype}{tuple(array.shape)}"
    if isinstance(value, (bool, int, float)):
        return f"{type(value).__name__} {value!r}"
    return type(value).__name__
