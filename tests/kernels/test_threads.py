from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tensorgrad.kernels import threads
from tensorgrad.kernels.blas import single_threaded_blas
from tensorgrad.kernels.threads import parallel, split


@pytest.fixture(autouse=True)
def _restore_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_set_num_threads():
    assert threads.get_num_threads() >= 1
    threads.set_num_threads(3)
    assert threads.get_num_threads() == 3
    for n in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            threads.set_num_threads(n)


def test_the_environment_variable_sets_the_number():
    code = "import tensorgrad; print(tensorgrad.get_num_threads())"

    def run(value):
        environment = {**os.environ, "TENSORGRAD_NUM_THREADS": value}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert run("3").stdout.strip() == "3"
    for wrong in ("0", "-1", "two"):
        assert f"TENSORGRAD_NUM_THREADS: expected a number of at least 1, got '{wrong}'" in run(wrong).stderr


def test_pieces_are_shared_out_once():
    threads.set_num_threads(2)
    for count in (0, 1, 2, 5, 16, 17, 100):
        pieces = list(range(count))
        tasks = threads.shared_out(pieces)
        assert [piece for task in tasks for piece in task] == pieces
        assert len(tasks) == min(count, 2 if count <= 16 else 4)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_results_come_in_order(n):
    threads.set_num_threads(n)
    assert parallel(lambda i: i * i, range(100)) == [i * i for i in range(100)]
    assert parallel(lambda i: i, []) == []
    assert parallel(lambda i: i, [7]) == [7]


def test_several_threads_do_work():
    threads.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=30)
    names = parallel(lambda _: (meeting.wait(), threading.current_thread().name)[1], range(2))
    assert len(set(names)) == 2


def test_one_thread_runs_here():
    threads.set_num_threads(1)
    assert set(parallel(lambda _: threading.get_ident(), range(5))) == {threading.get_ident()}


@pytest.mark.parametrize("n", [1, 2])
def test_exceptions_propagate(n):
    threads.set_num_threads(n)
    before = blas_threads()

    def fail(i):
        if i >= 3:  # with two threads the last one may fail first: tasks are taken from both ends
            raise KeyError(i)

    with pytest.raises(KeyError, match="3" if n == 1 else "[3-9]"):
        parallel(fail, range(10))
    assert blas_threads() == before
    assert parallel(lambda i: i, range(4)) == [0, 1, 2, 3]


def test_an_interrupt_while_waiting_comes_out_when_no_task_runs_any_more(monkeypatch):
    """A task that went on would write into scratch memory that the next operator uses."""

    class Interrupted:
        def put(self, value):
            pass

        def wait(self):
            raise KeyboardInterrupt

    threads.set_num_threads(2)
    here, helped, ended = threading.current_thread(), threading.Event(), []

    def task(i):
        if threading.current_thread() is here:
            helped.wait(10)
        else:
            helped.set()
            time.sleep(0.2)
        ended.append(i)

    monkeypatch.setattr(threads._here, "end", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        parallel(task, [0, 1])
    assert sorted(ended) == [0, 1]
    monkeypatch.undo()
    assert parallel(lambda i: i, [1, 2, 3]) == [1, 2, 3]


def test_nested_calls_run_inline():
    threads.set_num_threads(2)

    def outer(i):
        return set(parallel(lambda _: threading.get_ident(), range(8))) == {threading.get_ident()}

    assert all(parallel(outer, range(8)))


def test_several_user_threads_at_once():
    threads.set_num_threads(2)
    before = blas_threads()
    results = {}

    def user(k):
        for _ in range(50):
            results[k] = sum(parallel(lambda i: i * k, range(10)))

    users = [threading.Thread(target=user, args=(k,)) for k in range(6)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join()
    assert results == {k: 45 * k for k in range(6)}
    assert blas_threads() == before


def test_blas_is_held_at_one_thread_and_restored():
    threads.set_num_threads(2)
    before = blas_threads()
    inside = parallel(lambda _: blas_threads(), range(3))
    assert all(set(counts) <= {1} for counts in inside)
    assert blas_threads() == before
    with single_threaded_blas:
        with single_threaded_blas:
            pass
        assert set(blas_threads()) <= {1}
    assert blas_threads() == before


def test_a_helper_that_comes_late_keeps_no_array_alive():
    threads.set_num_threads(2)
    pool, gate = threads._current_pool(), threading.Event()
    pool.submit(gate.wait, max(1, pool._size))  # all threads are elsewhere: the region ends without them
    try:
        arrays = [np.zeros(3) for _ in range(5)]
        watched = [weakref.ref(array) for array in arrays]
        parallel(functools.partial(np.add, arrays.pop()), arrays)
        del arrays
        assert not any(ref() is not None for ref in watched)
    finally:
        gate.set()


def test_the_callers_errstate_holds_in_the_workers():
    threads.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=30)

    def divide(_):
        meeting.wait()
        return np.ones(2) / np.zeros(2)

    with np.errstate(divide="ignore"):
        parallel(divide, range(2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_its_own_pool():
    threads.set_num_threads(2)
    parallel(lambda i: i, range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of fork with threads
        pid = os.fork()
    if pid == 0:
        ok = parallel(lambda i: i, range(4)) == [0, 1, 2, 3]
        os._exit(0 if ok else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_importing_neither_starts_threads_nor_searches_blas_and_exit_does_not_hang():
    code = """
import threading
from tensorgrad.kernels import threads
assert threading.active_count() == 1
assert threads.single_threaded_blas._libraries is None
threads.set_num_threads(4)
threads.parallel(lambda i: i, range(9))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_split():
    assert split(10, 3) == [(0, 3), (3, 6), (6, 10)]
    assert split(2, 5) == [(0, 1), (1, 2)]
    assert split(0, 5) == []
