"""Whose code and whose things: this package's, Python's and NumPy's, or the user's."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import CodeType, FrameType
from typing import Any

import numpy as np

import tensorgrad

PACKAGE = os.path.dirname(os.path.abspath(tensorgrad.__file__)) + os.sep
PROGRAM = os.path.join(PACKAGE, "replay", "<plan>")  # the file that the code of plans says it is in
NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_SITE = "site-packages"
_LIBRARIES = tuple(
    f"{os.sep}{_SITE}{os.sep}{name}" for name in ("numba", "llvmlite", "threadpoolctl", "_distutils", "__editable__")
)
_HEAP_TYPE = 1 << 9  # of classes that a class statement has made


def is_users_file(path: str) -> bool:
    """True for a file, or a name such as ``<stdin>``, that is neither this package's nor Python's nor NumPy's."""
    if path.startswith((PACKAGE, NUMPY, "<frozen")) or any(part in path for part in _LIBRARIES):
        return False
    return not path.startswith(STANDARD) or _SITE in path


def is_users_frame(frame: FrameType) -> bool:
    """True where code of the user runs."""
    path = frame.f_code.co_filename
    made = path == "<string>" and str(frame.f_globals.get("__name__", "")).startswith("namedtuple_")
    return not made and is_users_file(path)


def is_users_code(code: CodeType) -> bool:
    """True for code of the user."""
    return is_users_file(code.co_filename)


def is_users_class(cls: type) -> bool:
    """True for a class of the user."""
    if not cls.__flags__ & _HEAP_TYPE:
        return False
    name = str(vars(cls).get("__module__", ""))
    module = sys.modules.get(name)
    return module is None or name == "builtins" or is_users_module(module)  # what runs in no module says "builtins"


def is_plain_python(cls: type) -> bool:
    """True for a class of Python's own library that is written in Python."""
    module = sys.modules.get(str(vars(cls).get("__module__", "")))
    path = None if module is None else vars(module).get("__file__")
    return bool(cls.__flags__ & _HEAP_TYPE) and path is not None and path.endswith(".py") and path.startswith(STANDARD)


def is_users_module(module: Any) -> bool:
    """True for a module of the user; one without a file is, unless it is built in."""
    path = vars(module).get("__file__")
    if path is None:
        return (
            vars(module).get("__name__") not in sys.builtin_module_names or vars(module).get("__name__") == "__main__"
        )
    return is_users_file(os.path.abspath(path))


def is_ours(cls: type) -> bool:
    """True for a class of this package."""
    module = sys.modules.get(str(vars(cls).get("__module__", "")))
    path = None if module is None else vars(module).get("__file__")
    return path is not None and os.path.abspath(path).startswith(PACKAGE)


def users_line() -> str:
    """``file:line`` of the innermost frame of the user's."""
    frame: Any = sys._getframe(1)
    while frame is not None and not is_users_frame(frame):
        frame = frame.f_back
    return "unknown" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
