"""Loader threads: order kept, errors in their place, nothing left running."""

import collections
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.data import DataLoader, Dataset, TensorDataset
from tensorgrad.data.prefetch import Prefetcher

pytestmark = pytest.mark.usefixtures("no_new_threads")


class Items(Dataset):
    """0 .. n-1; ``visit(i)`` is called at each access and may wait or raise."""

    def __init__(self, n, visit=lambda i: None):
        self.n = n
        self.visit = visit

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.visit(i)
        return i


def loader_threads():
    return [t for t in threading.enumerate() if t.name.startswith("tensorgrad-loader")]


def fail_at(*bad):
    def visit(i):
        if i in bad:
            raise LookupError(f"no item {i}")

    return visit


def test_order_is_kept_when_early_batches_are_slow():
    def visit(i):
        time.sleep(0.02 * (i % 4 == 0))

    loader = DataLoader(Items(40, visit), num_workers=4)
    assert [x.item() for x in loader] == list(range(40))
    assert loader_threads() == []


def test_waiting_is_shared():
    together = threading.Barrier(4)  # is passed only when four items are waited for at the same time
    assert len(list(DataLoader(Items(8, lambda i: together.wait(10)), num_workers=4))) == 8


def test_work_ahead_is_bounded():
    visited = []
    epoch = iter(DataLoader(Items(100, visited.append), num_workers=2, prefetch_factor=3))
    next(epoch)
    time.sleep(0.1)
    assert len(visited) == 6
    epoch.close()


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("bad", [0, 3, 9])
def test_an_error_comes_at_its_place(workers, bad):
    loader = DataLoader(Items(10, fail_at(bad)), num_workers=workers)
    epoch, seen = iter(loader), []
    with pytest.raises(LookupError, match=f"^no item {bad}$") as caught:
        seen.extend(x.item() for x in epoch)
    assert caught.type is LookupError
    frames = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert frames[-2:] == ["__getitem__", "visit"]
    assert loader_threads() == []
    assert seen == list(range(bad))
    assert loader.state_dict()["batch"] == bad
    rest = []
    for x in epoch:  # who goes on misses nothing else
        rest.append(x.item())
        assert loader.state_dict()["batch"] == rest[-1] + 1
    assert rest == list(range(bad + 1, 10))
    assert loader_threads() == []


@pytest.mark.parametrize("workers", [0, 3])
def test_two_errors_and_a_second_epoch(workers):
    bad = [2, 3]
    loader = DataLoader(Items(6, lambda i: fail_at(*bad)(i)), num_workers=workers)
    epoch, seen = iter(loader), []
    while True:
        try:
            seen.append(next(epoch).item())
        except LookupError as error:
            seen.append(str(error))
        except StopIteration:
            break
    assert seen == [0, 1, "no item 2", "no item 3", 4, 5]
    bad.clear()
    assert [x.item() for x in loader] == list(range(6))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_any_kind_of_exception_passes(kind):
    def visit(i):
        if i == 2:
            raise kind("gone")

    with pytest.raises(kind, match="gone"):
        list(DataLoader(Items(5, visit), num_workers=2))


def test_errors_of_collate_and_sampler():
    def collate(batch):
        raise ArithmeticError(str(batch))

    with pytest.raises(ArithmeticError, match=r"\[0\]"):
        list(DataLoader(Items(5), num_workers=2, collate_fn=collate))

    def sampler():
        yield 0
        yield 1
        raise OSError("sampler")

    seen = []
    with pytest.raises(OSError, match="sampler"):
        seen.extend(x.item() for x in DataLoader(Items(5), sampler=sampler(), num_workers=2))
    assert seen == [0, 1]  # although the sampler was asked ahead


def test_an_error_holds_no_batch():
    class Canary:
        pass

    alive = []

    def collate(batch):
        canary = Canary()
        alive.append(weakref.ref(canary))
        if batch == [3]:
            raise ValueError("three")
        return canary

    gc.disable()
    try:
        for _ in range(2):
            with contextlib.suppress(ValueError):
                collections.deque(DataLoader(Items(8), num_workers=2, collate_fn=collate), maxlen=0)
        assert [ref for ref in alive if ref() is not None] == []  # by reference count alone
    finally:
        gc.enable()


def test_idle_threads_hold_no_batch():
    class Batch:
        pass

    results = Prefetcher(lambda i: Batch(), iter(range(30)), workers=3, ahead=1)
    for _ in range(20):
        seen = weakref.ref(next(results))
        end = time.monotonic() + 2
        while seen() is not None and time.monotonic() < end:
            time.sleep(0.001)
        assert seen() is None
    results.close()


def test_timeout():
    release = threading.Event()
    loader = DataLoader(Items(4, lambda i: i == 1 and release.wait(20)), num_workers=1, timeout=0.2)
    epoch = iter(loader)
    assert next(epoch).item() == 0
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"not ready after timeout=0.2 seconds"):
        next(epoch)
    assert time.monotonic() - start < 3
    release.set()
    assert [x.item() for x in epoch] == [1, 2, 3]


def test_early_break():
    for _ in range(20):
        for x in DataLoader(Items(100), num_workers=3):
            if x.item() == 5:
                break
    assert loader_threads() == []


def test_break_while_threads_are_busy():
    start = time.monotonic()
    for _ in DataLoader(Items(100, lambda i: time.sleep(0.1)), num_workers=3):
        break
    assert loader_threads() == []
    assert time.monotonic() - start < 2


def test_collection_of_an_unfinished_iterator():
    epoch = iter(DataLoader(Items(100), num_workers=3))
    next(epoch)
    assert len(loader_threads()) == 3
    del epoch
    assert loader_threads() == []
    cycle = [iter(DataLoader(Items(100), num_workers=3))]
    next(cycle[0])
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert loader_threads() == []


def test_an_iterator_that_is_not_used_starts_nothing():
    epochs = [iter(DataLoader(Items(3), num_workers=2)) for _ in range(5)]
    assert loader_threads() == []
    del epochs


def test_close():
    epoch = iter(DataLoader(Items(100), num_workers=3))
    next(epoch)
    epoch.close()
    epoch.close()
    assert loader_threads() == []
    assert list(epoch) == []


def test_an_exception_in_the_loop_s_body():
    def train():
        for _ in DataLoader(Items(100), num_workers=3):
            raise ZeroDivisionError

    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError):
            train()
        assert loader_threads() == []


INTERRUPTED = """
import signal, threading, time
from tensorgrad.data import DataLoader, Dataset

class Items(Dataset):
    def __len__(self): return 1000
    def __getitem__(self, i):
        time.sleep(DELAY)
        return i

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
loader = DataLoader(Items(), num_workers=2)
try:
    for x in loader:
        print("ready", flush=True)
        time.sleep(PAUSE)
except KeyboardInterrupt:
    start = time.monotonic()
    while [t for t in threading.enumerate() if "loader" in t.name] and time.monotonic() - start < 2: pass
    print([t.name for t in threading.enumerate()], flush=True)
    print(next(iter(loader)).item(), flush=True)
"""


@pytest.mark.parametrize(("delay", "pause"), [(0.5, 0), (0, 5)], ids=["waiting", "working"])
def test_interrupt(delay, pause):
    script = INTERRUPTED.replace("DELAY", str(delay)).replace("PAUSE", str(pause))
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.1)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        lines = [line for line in child.communicate(timeout=20)[0].splitlines() if line != "ready"]
        assert time.monotonic() - start < 4
        assert child.returncode == 0
    assert lines == ["['MainThread']", "0"]


def test_a_worker_that_hangs_does_not_keep_the_interpreter():
    script = (
        "import time\n"
        "from tensorgrad.data import DataLoader\n"
        "class Hang:\n"
        "    def __len__(self): return 9\n"
        "    def __getitem__(self, i): time.sleep(60 * (i == 1)); return i\n"
        "epoch = iter(DataLoader(Hang(), num_workers=1))\n"
        "print(next(epoch).item())\n"
    )
    start = time.monotonic()
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr, result.returncode) == ("0\n", "", 0)
    assert time.monotonic() - start < 10


def test_threads_are_prepared():
    called = []
    loader = DataLoader(Items(30), num_workers=3, worker_init_fn=called.append)
    assert len(list(loader)) == 30
    assert sorted(called) == [0, 1, 2]

    def broken(number):
        raise OSError(f"worker {number}")

    with pytest.raises(OSError, match="worker 0"):
        list(DataLoader(Items(3), num_workers=1, worker_init_fn=broken))


def test_a_forked_child_is_told():
    epoch = iter(DataLoader(Items(50), num_workers=2))
    next(epoch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python >= 3.12 warns of fork with threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            next(epoch)
        except RuntimeError as error:
            fresh = [x.item() for x in DataLoader(Items(5), num_workers=2)]
            code = 0 if "fork" in str(error) and fresh == [0, 1, 2, 3, 4] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(epoch)) == 49


def test_many_epochs_by_many_threads():
    data = TensorDataset(np.arange(64))
    results = []

    def consume():
        loader = DataLoader(data, 8, shuffle=True, seed=1, num_workers=2)
        results.append([x.tolist() for _ in range(10) for (x,) in loader])

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for thread in consumers:
        thread.start()
    for thread in consumers:
        thread.join()
    assert len(results) == 4
    assert all(result == results[0] for result in results)
