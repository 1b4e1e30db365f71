"""Regions of compiled loops: every task once, on the threads of the team, whoever else wants them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from tensorgrad.kernels import threads, twin
from tensorgrad.kernels.threads import parallel

pytest.importorskip("numba")

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.compiled.pieces import add_up, piece, pieces, pieces_of
from tensorgrad.kernels.compiled.threads import shared

LONG = 400_000  # passes, some 20 ms: every thread gets its turn, however busy the machine is


@shared
@jit
def note(at, times, by, work, passes):
    """Count a task, and say who did it; passes over ``work`` keep the thread busy."""
    task, tasks, thread = at
    times[task] += 1
    by[task] = thread
    for _ in range(passes):
        for i in range(work.size):
            work[i] = np.sqrt(work[i] + tasks)


@pytest.fixture(autouse=True)
def _restore_threads():
    before = threads.get_num_threads()
    with twin.using("compiled"):
        yield
    threads.set_num_threads(before)


def regions(tasks=7, passes=1, times=200):
    """Run a region several times; how often each task was done, and the threads that did any."""
    done, by, work, seen = np.zeros(tasks, int), np.zeros(tasks, int), np.ones(50), set()
    for _ in range(times):
        note(tasks, done, by, work, passes)
        seen |= set(by.tolist())
    return done.tolist(), seen


def eventually(condition, seconds=60.0):
    """Whether the condition comes true; the machine may be busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
    return False


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_task_is_done_once(n):
    threads.set_num_threads(n)
    for tasks in (0, 1, 2, 40):
        done, seen = regions(tasks)
        assert done == [200] * tasks
        assert all(thread < n for thread in seen)


def test_a_thread_that_sleeps_is_woken():
    threads.set_num_threads(2)
    for _ in range(3):
        threading.Event().wait(0.05)  # longer than any patience
        assert eventually(lambda: len(regions(tasks=threads.WORTH_WAKING, passes=LONG, times=1)[1]) == 2)


def test_fewer_threads_than_the_pool_has():
    threads.set_num_threads(5)
    assert eventually(lambda: max(regions(tasks=7, passes=LONG, times=1)[1]) > 1)
    for _ in range(200):  # while all of them look for work
        threads.set_num_threads(5)
        regions(times=5)
        threads.set_num_threads(2)
        assert regions(tasks=40, passes=100, times=1)[1] <= {0, 1}


def test_users_in_several_threads():
    threads.set_num_threads(2)
    results = {}
    users = [threading.Thread(target=lambda k=k: results.update({k: regions(3 + k)})) for k in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert {k: done for k, (done, _) in results.items()} == {k: [200] * (3 + k) for k in range(6)}


def test_inside_a_task_there_is_nobody_to_help():
    threads.set_num_threads(2)
    assert parallel(lambda _: regions(), range(4)) == [([200] * 7, {0})] * 4


def test_regions_and_jobs_take_turns():
    threads.set_num_threads(3)
    for _ in range(50):
        assert parallel(lambda i: i, range(6)) == list(range(6))
        assert regions(times=3)[0] == [3] * 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_its_own_pool():
    threads.set_num_threads(2)
    regions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of fork with threads
        pid = os.fork()
    if pid == 0:
        os._exit(0 if regions()[0] == [200] * 7 else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_program_ends_while_threads_look_for_work():
    code = """
import numpy as np, tensorgrad as tg
tg.set_num_threads(4)
x = tg.ones(1_000_000)
assert (x.relu() == x).all()
"""
    environment = {**os.environ, "TENSORGRAD_KERNELS": "compiled"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


def test_pieces_depend_on_the_shape_alone():
    for n in (1, 4):
        threads.set_num_threads(n)
        assert pieces(np.empty((3, 1 << 18), np.float32)) == 3
        assert [pieces_of(length, 1 << 20) for length in (0, 1, 5, 1000)] == [1, 1, 5, 16]
    cut = [piece((i, 3, 0), 10) for i in range(3)]
    assert cut == [(0, 3), (3, 6), (6, 10)]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_add_up(rows):
    sums = np.random.default_rng(0).integers(0, 100, (rows, 200_000)).astype(np.float32)
    expected = sums.sum(axis=0)
    assert (add_up(sums) == expected).all()
