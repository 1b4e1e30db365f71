"""Kinds of things: which never change, which keep all they have in attributes, and which functions are pure."""

from __future__ import annotations

import builtins
import datetime
import decimal
import fractions
import functools
import pathlib
import re
import types
from collections import OrderedDict, defaultdict, deque
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import Primitive
from tensorgrad.replay.places import is_ours, is_plain_python, is_users_class, is_users_module

PLAIN = (int, float, str, bool, bytes, type(None), complex)
#: Things that never change, and functions and types that are no state.
_FIXED = (
    *PLAIN, np.generic, np.dtype, np.ufunc, type(np.sum), range, slice, type(Ellipsis), type(NotImplemented),
    re.Pattern, pathlib.PurePath, decimal.Decimal, fractions.Fraction, datetime.date, datetime.time, datetime.timedelta,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.ClassMethodDescriptorType, types.MethodWrapperType, types.CodeType, types.GenericAlias, types.UnionType,
    Primitive,
)  # fmt: skip
_CACHED = type(functools.lru_cache(len))
_BASES = frozenset(
    {object, list, tuple, dict, set, frozenset, deque, defaultdict, OrderedDict, BaseException, Exception}
)
_MODULES = frozenset({
    "math", "operator", "functools", "itertools", "typing", "collections", "dataclasses", "enum", "abc", "contextlib",
    "types", "copy", "__future__", "warnings", "builtins", "numbers", "tensorgrad", "numpy",
})  # fmt: skip
_PURE_MODULES = frozenset({"math", "_operator", "operator", "itertools", "_functools", "_collections", "_abc"})
_PURE_BUILTINS = frozenset({
    "abs", "all", "any", "bin", "bool", "callable", "chr", "dir", "divmod", "getattr", "hasattr", "hex", "isinstance",
    "issubclass", "iter", "len", "max", "min", "oct", "ord", "pow", "repr", "round", "setattr", "sorted", "sum", "vars",
})  # fmt: skip


def is_fixed(kind: type) -> bool:
    """True for the class of things that never change: numbers, strings, dates, and what a class is made of."""
    return issubclass(kind, _FIXED) and not issubclass(kind, np.void) and not is_users_class(kind)


def is_open(kind: type) -> bool:
    """True for instances that keep all they have in attributes: of a class of the user's, or of plain Python."""
    if kind is types.SimpleNamespace:
        return True
    if hasattr(kind, "__next__") or is_ours(kind) or kind is _CACHED:
        return False
    return all(cls in _BASES or is_users_class(cls) or is_plain_python(cls) for cls in kind.__mro__)


def is_pure(function: Any) -> bool:
    """True for a built-in function that looks at nothing but its arguments."""
    module = getattr(function, "__module__", None)
    if module == "builtins":
        return function.__name__ in _PURE_BUILTINS and getattr(builtins, function.__name__, None) is function
    return module in _PURE_MODULES


def is_harmless(module: types.ModuleType) -> bool:
    """True for a module that code may mention: the user's, this package, and what has no state."""
    return is_users_module(module) or str(vars(module).get("__name__")).partition(".")[0] in _MODULES
