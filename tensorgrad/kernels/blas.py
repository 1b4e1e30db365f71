"""BLAS at one thread while ours are at work; the user's setting comes back when the last region ends.

Two pools of threads that fight over the same cores are far slower than one thread alone.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any


class _SingleThreadedBlas:
    """Context that holds every BLAS at one thread; regions may overlap, the last one restores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._libraries: list[Any] | None = None  # found at first use: the search takes milliseconds
        self._depth = 0
        self._before: list[tuple[Any, int]] = []  # the libraries we changed, and what they had

    def __enter__(self) -> None:
        with self._lock:
            if self._depth == 0:
                if self._libraries is None:
                    from threadpoolctl import ThreadpoolController  # its import takes milliseconds too

                    found = ThreadpoolController().lib_controllers
                    self._libraries = [library for library in found if library.user_api == "blas"]
                self._before = []
                for library in self._libraries:
                    threads = library.get_num_threads()
                    if threads is not None and threads != 1:
                        library.set_num_threads(1)
                        self._before.append((library, threads))
            self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._restore()

    def _restore(self) -> None:
        for library, threads in self._before:
            library.set_num_threads(threads)
        self._before = []

    def after_fork(self) -> None:
        """Start afresh in a child process, where the regions that were running do not exist."""
        self._lock = threading.Lock()  # another thread of the parent may have held the old one
        self._depth = 0
        self._restore()


single_threaded_blas = _SingleThreadedBlas()
