"""Two versions of one kernel behind one name: NumPy's, and a compiled one where the ``fast`` extra is installed.

    @has_twin
    def max_pool(x, kernel, ...): ...          # kernels/pool.py, NumPy: the version that is read first

    def max_pool(x, kernel, ...): ...          # kernels/compiled/pool.py: the same name and signature, Numba's loops

Which one runs is decided once, at the first call: ``import tensorgrad`` never imports Numba, and no operator asks.
The environment variable ``TENSORGRAD_KERNELS`` forces one of them: ``numpy`` or ``compiled`` (default ``auto``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, update_wrapper
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

CHOICES = ("auto", "numpy", "compiled")

#: Every kernel that has a compiled twin, by module and name: what the tests compare.
TWINS: dict[str, Twin] = {}


class Twin:
    """A kernel that is NumPy's function ``numpy`` or, where Numba is installed, the function ``compiled``."""

    __slots__ = ("__dict__", "__weakref__", "_chosen", "numpy")

    def __init__(self, kernel: Callable[..., Any]) -> None:
        update_wrapper(self, kernel)
        self.numpy = kernel
        self._chosen: Callable[..., Any] | None = None
        TWINS[f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}"] = self

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run the version that was chosen."""
        return (self._chosen or self._choose())(*args, **options)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The compiled version; ImportError where Numba is not installed."""
        room, _, module = self.numpy.__module__.rpartition(".")
        found: Callable[..., Any] = getattr(importlib.import_module(f"{room}.compiled.{module}"), self.numpy.__name__)
        return found

    def _choose(self) -> Callable[..., Any]:
        self._chosen = self.compiled if compiled_kernels() else self.numpy
        return self._chosen


def has_twin(kernel: Kernel) -> Kernel:
    """Let the function of the same name in ``kernels/compiled`` take over where Numba is installed."""
    return Twin(kernel)  # type: ignore[return-value]


def compiled_kernels() -> bool:
    """Return whether compiled kernels run: Numba is installed and nobody asked for NumPy's."""
    if _choice == "auto":
        return _numba_is_installed()
    return _choice == "compiled"


@cache
def _numba_is_installed() -> bool:
    return importlib.util.find_spec("numba") is not None


@contextmanager
def using(choice: str) -> Iterator[None]:
    """Inside the block, run only the kernels named: ``numpy`` or ``compiled``. For tests and measurements."""
    global _choice
    before, _choice = _choice, _checked(choice)
    _forget()
    try:
        yield
    finally:
        _choice = before
        _forget()


def _forget() -> None:
    for kernel in TWINS.values():
        kernel._chosen = None


def _checked(choice: str) -> str:
    if choice not in CHOICES:
        raise ValueError(f"TENSORGRAD_KERNELS: expected one of {', '.join(CHOICES)}, got {choice!r}")
    return choice


_choice = _checked(os.environ.get("TENSORGRAD_KERNELS", "auto"))
