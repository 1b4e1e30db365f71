"""Work done ahead by threads and handed out in order."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

_PATIENCE = 2.0  # seconds that closing waits for threads to end the item they are at


class _Job:
    """One call to make, and later its result or its error."""

    __slots__ = ("argument", "done", "error", "value")

    def __init__(self, argument: Any, error: BaseException | None = None) -> None:
        self.argument = argument
        self.value: Any = None
        self.error = error
        self.done = threading.Event()
        if error is not None:
            self.done.set()

    def run(self, call: Callable[[Any], Any]) -> None:
        try:
            self.value = call(self.argument)
        except BaseException as error:  # whatever it is belongs to the consumer
            self.error = error
        self.done.set()


class Prefetcher:
    """``map(call, arguments)`` made ahead by ``workers`` threads: the same results, in the same order.

    At most ``ahead`` calls are outstanding. An exception comes out, itself and with its traceback, where its
    result would have come; the results after it can still be asked for. Threads start at the first ``next()``
    and end when the items do, at any exception, at ``close()`` and when the iterator is collected.

    Raises: RuntimeError if a result takes longer than ``timeout`` seconds (0: wait for ever).

    >>> list(Prefetcher(abs, iter([-2, 1, -3]), workers=2, ahead=4))
    [2, 1, 3]
    """

    def __init__(
        self,
        call: Callable[[Any], Any],
        arguments: Iterator[Any],
        workers: int,
        ahead: int,
        timeout: float = 0,
        prepare: Callable[[int], Any] | None = None,
    ) -> None:
        self._call = call
        self._arguments = arguments
        self._workers = workers
        self._ahead = ahead
        self._timeout = timeout
        self._prepare = prepare
        self._jobs: collections.deque[_Job] = collections.deque()  # the next to hand out is the first
        self._todo: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stop: Callable[[], Any] | None = None
        self._process = os.getpid()

    def __iter__(self) -> Prefetcher:
        return self

    def __next__(self) -> Any:
        if os.getpid() != self._process:
            raise RuntimeError(
                "DataLoader: this iterator was made before fork(), and threads do not survive one; "
                "make a new iterator in the child process"
            )
        try:
            self._refill()
            if not self._jobs:
                raise StopIteration
            job = self._jobs[0]
            if not job.done.wait(self._timeout or None):
                raise RuntimeError(
                    f"DataLoader: a batch was not ready after timeout={self._timeout:g} seconds; "
                    "raise timeout, or look for what blocks in the dataset or in collate_fn"
                )
            self._jobs.popleft()
            error, job.error = job.error, None  # the error's traceback holds the job: no cycle
            if error is not None:
                raise error
            return job.value
        except BaseException:
            self.close()
            raise
        finally:
            error = None

    def close(self) -> None:
        """End the threads: idle ones at once, busy ones after their item, waiting at most two seconds."""
        if self._stop is not None:
            stop, self._stop = self._stop, None
            stop()

    def _refill(self) -> None:
        """Keep the threads busy, and start them if there are none."""
        while len(self._jobs) < self._ahead:
            try:
                job = _Job(next(self._arguments))
            except StopIteration:
                break
            except BaseException as error:  # of the sampler; its turn comes after the batches before it
                self._jobs.append(_Job(None, error))
                self._arguments = iter(())
                break
            self._jobs.append(job)
            if self._stop is not None:
                self._todo.put(job)
        if self._stop is None and self._jobs:
            self._start()

    def _start(self) -> None:
        self._todo = queue.SimpleQueue()
        for job in self._jobs:
            if not job.done.is_set():
                self._todo.put(job)
        threads = [
            threading.Thread(
                target=_work,
                args=(self._todo, self._call, self._prepare, number),
                name=f"tensorgrad-loader-{number}",
                daemon=True,  # one that hangs must not keep the interpreter from ending
            )
            for number in range(self._workers)
        ]
        # Neither the threads nor the finalizer may hold the iterator, or it would never be collected.
        self._stop = weakref.finalize(self, _shut, self._todo, threads)
        for thread in threads:
            thread.start()


def _work(
    todo: queue.SimpleQueue[_Job | None],
    call: Callable[[Any], Any],
    prepare: Callable[[int], Any] | None,
    number: int,
) -> None:
    """What a thread does: one job after the other, until it is given None."""
    first = _Job(number)
    if prepare is not None:
        first.run(prepare)
    while (job := todo.get()) is not None:
        if first.error is None:
            job.run(call)
        else:
            job.error = first.error
            job.done.set()
        del job  # while it waits, a thread holds no batch


def _shut(todo: queue.SimpleQueue[_Job | None], threads: list[threading.Thread]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            todo.get_nowait()
    for _ in threads:
        todo.put(None)
    end = time.monotonic() + _PATIENCE
    for thread in threads:
        # Collection may happen in a worker itself, or before all threads were started.
        if thread is not threading.current_thread() and thread.ident is not None:
            thread.join(max(0.0, end - time.monotonic()))
