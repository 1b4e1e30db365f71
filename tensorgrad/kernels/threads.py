"""One pool of Python threads for all kernels; NumPy and BLAS release the GIL, so plain threads run at once.

Meanwhile BLAS itself is held at one thread (see `blas`), and who waits looks at a flag for a while before it sleeps.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tensorgrad.kernels.blas import single_threaded_blas
from tensorgrad.kernels.flag import Flag
from tensorgrad.kernels.memory import keep_freed_memory
from tensorgrad.kernels.twin import has_twin

Task = TypeVar("Task")
Result = TypeVar("Result")


def _first_choice() -> int:
    """Return what ``TENSORGRAD_NUM_THREADS`` says, else the number of cores that this process may use."""
    chosen = os.environ.get("TENSORGRAD_NUM_THREADS")
    if chosen is not None:
        if not chosen.isdecimal() or int(chosen) < 1:
            raise ValueError(f"TENSORGRAD_NUM_THREADS: expected a number of at least 1, got {chosen!r}")
        return int(chosen)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_num_threads = _first_choice()


def get_num_threads() -> int:
    """The number of threads that kernels may use. Source: ``torch.get_num_threads``."""
    return _num_threads


def set_num_threads(n: int) -> None:
    """Let kernels use ``n`` threads; results do not depend on it, bit for bit. ValueError if n < 1.

    A program starts with ``TENSORGRAD_NUM_THREADS``, or with the number of cores that the process may use.
    Source: ``torch.set_num_threads``.
    """
    global _num_threads
    if n < 1:
        raise ValueError(f"set_num_threads: expected at least 1 thread, got {n}")
    _num_threads = int(n)


# ---- what the threads of a pool look at --------------------------------------------------------------------

# A thread that sleeps takes 50 to 100 us to wake. So a thread that has worked looks for the next region, without the
# GIL, before it goes to sleep.
PATIENCE = 300_000  # looks, about 0.3 ms: longer than the Python between two operators
WORTH_WAKING = 4  # tasks of compiled loops, 10 to 20 us each
COURTESY = 50_000  # looks, about 25 us: until the thread that posted a job has given the GIL away

# Places in the memory of a pool. Numbers that change while others are read lie on cache lines of their own.
POSTED, LOOKING = 0, 8  # how many jobs there have been; how many threads look for work
BUSY, REGION, THREADS, TASKS, ENTRY, PACKED = 16, 24, 25, 26, 27, 28  # of a region of compiled loops
TICKET, BACK, ENTERED, INSIDE = 32, 33, 40, 48
WORDS = 56


@has_twin
def serve(box: int, posted: int, called: Flag) -> None:
    """Wait for a job, for a while; the compiled version also helps in the regions that open."""
    called.wait()


# ---- the pool ----------------------------------------------------------------------------------------------


class _Pool:
    """Daemon threads that take jobs from one queue, or help in regions of compiled loops; grows on demand."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._memory = np.zeros(WORDS, np.int64)
        self._box = self._memory.ctypes.data
        self._called = Flag()
        self._teams: dict[int, NDArray[np.int64]] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._size = 0

    def submit(self, job: Callable[[], None], copies: int) -> None:
        """Let so many threads run the job."""
        self._grow(copies)
        for _ in range(copies):
            self._jobs.put(job)
        self._memory[POSTED] += copies
        self._called.put(True)

    def team(self, threads: int, worth: int) -> NDArray[np.int64]:
        """Return where the threads of the pool look for work, and how many there are with the caller.

        Those that sleep are woken if there is much to do: it takes the caller 10 us, and the GIL for a while.
        """
        asleep = threads - 1 - int(self._memory[LOOKING])
        if asleep > 0 and worth >= WORTH_WAKING and self._jobs.empty():  # else some are on their way
            self._grow(threads - 1)
            for _ in range(asleep):
                self._jobs.put(_wake)
        found = self._teams.get(threads)
        if found is None:
            found = self._teams[threads] = np.array([self._box, threads])
        return found

    def _grow(self, size: int) -> None:
        if self._size < size:
            with self._lock:
                while self._size < size:
                    name = f"tensorgrad-kernel-{self._size}"
                    threading.Thread(target=self._serve, name=name, daemon=True).start()
                    self._size += 1

    def _serve(self) -> None:
        _here.inside = True
        while True:
            posted = int(self._memory[POSTED])
            self._called.put(False)
            if self._jobs.empty():
                serve(self._box, posted, self._called)
            job = self._jobs.get()
            job()
            del job  # a waiting thread must not keep the last region's arrays alive


def _wake() -> None:
    """A thread that has taken this job is awake."""


class _Here(threading.local):
    """What is true of the current thread only."""

    inside = False  # running a task of a parallel region

    def __init__(self) -> None:
        self.end = Flag()  # of the region that this thread has opened; a late thread of the one before may raise it


_here = _Here()
_pool = _Pool()


def _current_pool() -> _Pool:
    global _pool
    if _pool.pid != os.getpid():  # threads do not survive a fork
        _pool = _Pool()
    return _pool


def _after_fork() -> None:
    _here.inside = False
    _current_pool()
    single_threaded_blas.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Region:
    """The tasks of one `parallel` call: the caller takes them from the front, helpers from the back.

    What a core wrote in one region it most often reads in the next, and finds in its own cache.
    """

    def __init__(self, fn: Callable[[Any], Any], tasks: Sequence[Any]) -> None:
        self.fn = fn
        self.tasks = tasks
        self.results: list[Any] = [None] * len(tasks)
        self.errors: dict[int, BaseException] = {}
        self._ticket, self._ended = itertools.count(), itertools.count(1)  # next() on them is atomic
        self._front, self._back = itertools.count(), itertools.count(len(tasks) - 1, -1)
        self._unfinished = threading.Lock()
        self._unfinished.acquire()
        self._finished = False
        self._end = _here.end
        self._end.put(False)
        self._context = contextvars.copy_context()  # np.errstate lives here

    def help(self) -> None:
        self._context.copy().run(self._work, self._back)

    def work(self) -> None:
        self._work(self._front)

    def _work(self, places: Iterator[int]) -> None:
        count = len(self.tasks)
        while next(self._ticket) < count:
            i = next(places)
            if not self.errors:  # after a failure the remaining tasks are only counted off
                try:
                    self.results[i] = self.fn(self.tasks[i])
                except BaseException as error:
                    self.errors[i] = error
            if next(self._ended) == count:
                self._finished = True
                self._unfinished.release()
                self._end.put(True)

    def wait(self) -> None:
        """Return when the last task has ended; a helper that comes later finds none, and keeps no array alive.

        An interrupt comes out then too: tasks write into scratch memory.
        """
        try:
            if self._unfinished.locked():
                self._end.wait()
            self._unfinished.acquire()
        except BaseException:
            while not self._finished:
                self._unfinished.acquire(timeout=0.01)
            raise
        finally:
            self.tasks = ()
            del self.fn


def parallel(fn: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """Run ``fn`` over ``tasks`` on the pool and return the results in order; the caller works along.

    One task, one thread, or a call from inside a task runs inline (a hand-over costs some 30 us).
    An exception in a task is raised here, after the tasks already running have ended.
    """
    keep_freed_memory()
    helpers = min(_num_threads, len(tasks)) - 1
    if _here.inside:
        return [fn(task) for task in tasks]
    _here.inside = True
    try:
        with single_threaded_blas:
            if helpers < 1:
                return [fn(task) for task in tasks]
            region = _Region(fn, tasks)
            _current_pool().submit(region.help, helpers)
            region.work()
            region.wait()
    finally:
        _here.inside = False
    if region.errors:
        try:
            raise region.errors[min(region.errors)]
        finally:
            del region  # the traceback holds this frame, which holds the error: break the circle
    return region.results


#: The team of one: no pool, one thread.
ALONE = np.array([0, 1])


def team(tasks: int, worth: int) -> NDArray[np.int64]:
    """Return the threads that share so many tasks of compiled loops: the pool's address, and their number.

    See `kernels.compiled.threads`; ``worth`` counts tasks of usual length. Inside a task of `parallel` there is only
    the caller itself.
    """
    if _here.inside:
        return ALONE
    keep_freed_memory()
    threads = min(_num_threads, tasks)
    return ALONE if threads < 2 else _current_pool().team(threads, worth)


# ---- cutting work ------------------------------------------------------------------------------------------


def split(length: int, parts: int) -> list[tuple[int, int]]:
    """Cut range(length) into at most ``parts`` nearly equal (start, stop) pieces, none of them empty."""
    parts = max(1, min(parts, length))
    edges = [length * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in itertools.pairwise(edges) if a < b]


def shared_out(pieces: Sequence[Task]) -> list[Sequence[Task]]:
    """Deal pieces whose results do not depend on each other out into one task for each thread, or two if many."""
    each = 2 if len(pieces) > 8 * _num_threads else 1
    return [pieces[slice(*at)] for at in split(len(pieces), each * _num_threads)]
