"""A file is replaced whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from tensorgrad.files import replacing


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        with replacing(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_permissions_of_the_old_file_stay(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "\U0001f600" * 63], ids=["a", "é", "smile"])
def test_names_as_long_as_they_can_be(tmp_path, name):
    with replacing(tmp_path / name) as file:
        file.write(b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
    assert os.listdir(tmp_path) == [name]


def test_a_pipe_stays_a_pipe(tmp_path):
    """And a device a device: as root, /dev/null would become a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe) as file:
        file.write(b"whole")
    assert os.read(reader, 100) == b"whole"
    os.close(reader)
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real" / "a")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path / "real") == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def write():
        with replacing(tmp_path / "a") as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_step_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    (tmp_path / "a").write_bytes(b"old")

    def fail(*args):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, step, fail)

    def write():
        with replacing(tmp_path / "a") as file:
            file.write(b"new")

    with pytest.raises(OSError, match="broken"):
        write()
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_killed_writers_leave_a_whole_file_and_their_rests_are_swept(tmp_path):
    script = (
        "import itertools, sys\n"
        "from tensorgrad.files import replacing\n"
        "for i in itertools.count():\n"
        "    with replacing(sys.argv[1]) as file:\n"
        "        for _ in range(50): file.write(b'AB'[i % 2:][:1] * 20_000)\n"
        "    print(i, flush=True)\n"
    )
    path = tmp_path / "a"
    for round_ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(0.01 * round_)
            child.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert content in (b"A" * 1_000_000, b"B" * 1_000_000)
    stray = tmp_path / ".a.0.part"
    stray.write_bytes(b"rest")
    with replacing(path) as file:
        file.write(b"C")
    assert stray.exists()  # young: its writer may still live
    os.utime(stray, (0, 0))
    with replacing(path) as file:
        file.write(b"C")
    assert not stray.exists()
