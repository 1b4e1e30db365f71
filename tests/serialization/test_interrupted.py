"""Whatever happens while a state is saved, the file holds the old state or the new one, whole."""

import errno
import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tensorgrad as tg

A, B = ({"name": name, "w": tg.full((5_000,), value)} for name, value in (("A", 1.0), ("B", 2.0)))

PROLOGUE = """
import itertools, os, signal, sys
import tensorgrad as tg
path = sys.argv[1]
A, B = ({"name": name, "w": tg.full((5_000,), value)} for name, value in (("A", 1.0), ("B", 2.0)))
"""


def child(script, *arguments, **options):
    command = [sys.executable, "-c", PROLOGUE + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def state_in(path):
    """The name of the state that the file holds, all of it."""
    state = tg.load(path)
    expected = {"A": A, "B": B}[state["name"]]
    assert (state["w"] == expected["w"]).all()
    return state["name"]


@pytest.mark.parametrize("end", ["os._exit(137)", "raise OSError(5, 'broken')", "raise KeyboardInterrupt"])
def test_every_step_may_be_the_last(tmp_path, end):
    """The steps: opening, flushing, syncing and renaming the file, syncing the folder."""
    script = f"""
import builtins
count, last = 0, int(sys.argv[2])
def counted(step):
    def stand_in(*arguments, **options):
        global count
        count += 1
        if count == last:
            {end}
        return step(*arguments, **options)
    return stand_in
tg.save  # what it needs is imported before
for owner, name in [(builtins, "open"), (os, "open"), (os, "fsync"), (os, "replace"), (os, "close")]:
    setattr(owner, name, counted(getattr(owner, name)))
tg.save(B, path)
print("saved")
"""
    outcomes = []
    for last in range(1, 20):
        path = tmp_path / str(last)
        path.mkdir()
        tg.save(A, path / "state")
        done = child(script, path / "state", last)
        outcomes.append(state_in(path / "state"))
        left = sorted(os.listdir(path))
        assert left[-1] == "state"
        if "_exit" not in end:
            assert left == ["state"]  # the rest of the file is gone, too
        if "saved" in done.stdout:
            break
    assert done.stdout == "saved\n"
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {"A", "B"}
    assert len(outcomes) >= 4


def test_killed_at_any_moment(tmp_path):
    script = "for state in itertools.cycle((A, B)):\n    tg.save(state, path)\n    print(flush=True)\n"
    path = tmp_path / "state"
    for round_ in range(8):
        command = [sys.executable, "-c", PROLOGUE + script, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.0037 * round_)
            process.send_signal(signal.SIGKILL)
        assert state_in(path) in "AB"


def test_two_processes_and_a_reader(tmp_path):
    script = "for _ in range(150):\n    tg.save(A, path)\n    tg.save(B, path)\n"
    path = tmp_path / "state"
    tg.save(A, path)
    command = [sys.executable, "-c", PROLOGUE + script, path]
    writers = [subprocess.Popen(command) for _ in range(2)]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        assert state_in(path) in "AB"
        reads += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert reads > 10
    assert os.listdir(tmp_path) == ["state"]


def test_a_thread_that_trains_on():
    """What it changes while a state is saved is in the file or is not, but the file is always whole."""
    array = np.zeros(20_000)
    running = True

    def train():
        while running:
            array[:] += 1

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(100):
            file = io.BytesIO()
            tg.save({"w": tg.Tensor(array)}, file)
            file.seek(0)
            assert tg.load(file)["w"].shape == (20_000,)
    finally:
        running = False
        thread.join()


def test_a_file_that_may_grow_no_more(tmp_path):
    """As on a full disk: the write itself fails, and the same program saves elsewhere afterwards."""

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    script = """
try:
    tg.save(B, path)
except OSError as error:
    print(error.errno)
tg.save({"w": B["w"][:100]}, path + ".small")
"""
    tg.save(A, tmp_path / "state")
    done = child(script, tmp_path / "state", preexec_fn=limited)
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert state_in(tmp_path / "state") == "A"
    assert tg.load(tmp_path / "state.small")["w"].tolist() == [2.0] * 100
    assert sorted(os.listdir(tmp_path)) == ["state", "state.small"]


def test_a_full_device():
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        tg.save(A, file)


def test_a_stream_that_breaks():
    class Broken(io.BytesIO):
        def write(self, data):
            raise OSError(errno.EPIPE, "broken")

    with pytest.raises(OSError, match="broken"):
        tg.save(A, Broken())


def test_places_where_no_file_can_be(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        tg.save(A, tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        tg.save(A, tmp_path / "missing" / "state")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_folder_without_permission(tmp_path):
    """As a user without rights, since root may write everywhere."""
    script = "tg.save; tg.load\nif os.geteuid() == 0: os.setuid(65534)\ntg.save(B, path)\n"
    folder = tmp_path / "folder"
    folder.mkdir()
    tg.save(A, folder / "state")
    os.chmod(folder, 0o555)
    done = child(script, folder / "state")
    assert "PermissionError" in done.stderr
    assert os.listdir(folder) == ["state"]
    assert state_in(folder / "state") == "A"
