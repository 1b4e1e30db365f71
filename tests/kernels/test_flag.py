"""A flag is seen without the GIL, and by whom it is meant."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tensorgrad.kernels import threads
from tensorgrad.kernels.flag import Flag
from tensorgrad.kernels.threads import parallel


@pytest.fixture(autouse=True)
def _two_threads():
    before = threads.get_num_threads()
    threads.set_num_threads(2)
    yield
    threads.set_num_threads(before)


def test_a_wait_ends_with_what_the_flag_says():
    flag = Flag()
    assert flag.wait() is False
    flag.put(True)
    assert flag.wait() is True
    assert flag.wait() is True, "to look does not take it down"
    flag.put(False)
    assert flag.wait() is False


def test_another_thread_raises_it_meanwhile():
    flag, seen = Flag(), threading.Event()

    def wait():
        while not flag.wait():
            pass
        seen.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    flag.put(True)  # this thread runs: who waits does not hold the GIL
    assert seen.wait(30)
    waiting.join()


def test_a_flag_that_a_late_thread_of_another_region_raises_ends_nothing():
    end, done = threads._here.end, np.zeros(4)

    def slow(i):
        end.put(True)  # as a thread does that was put to sleep before its last line
        time.sleep(0.01)
        done[i] = 1

    parallel(slow, range(4))
    assert done.all()
