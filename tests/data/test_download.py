"""Downloads, from a mirror on this machine, through every kind of failure."""

import errno
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.data import DatasetError, cache_dir
from tensorgrad.data import download as download_module

HERE = Path(__file__).parents[2]  # for children: the package is found from there
NAMES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]


def files(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_an_empty_cache_is_filled_once(small, mirror, cache, capfd):
    data = small(mirrors=[mirror.url])
    assert len(data) == 20
    assert files(cache / "small") == NAMES
    assert mirror.asked == NAMES
    assert small(mirrors=[mirror.url]).labels.tolist() == data.labels.tolist()
    assert mirror.asked == NAMES
    assert capfd.readouterr() == ("", "")  # no progress bar where nobody looks


def test_a_file_mirror_and_no_sha256(make_small, origin, cache):
    fashion = make_small(origin, with_sha=False)
    assert len(fashion(mirrors=[origin.as_uri()])) == 20
    assert len(fashion(download=False)) == 20
    (cache / "small" / NAMES[0]).write_bytes(gzip.compress(gzip.decompress((origin / NAMES[0]).read_bytes()), 1))
    with pytest.raises(DatasetError, match="expected the original archive with md5"):
        fashion(download=False)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"\x1f\x8b and then nothing")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (404, "404"),
        (503, "503"),
        (b"<html>captive portal</html>", "md5"),
        (b"", "md5"),
        (cut_off, "md5|broke off"),
        (lambda handler: handler.connection.shutdown(2), "closed|reset"),
        (lambda handler: handler.wfile.write(b"not http\r\n\r\n"), "not http"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_next_mirror_is_asked(small, mirror, origin, cache, answer, word, monkeypatch):
    monkeypatch.setattr(mirror.server, "handle_error", lambda *args: None)
    mirror.answers[NAMES[0]] = answer
    with pytest.raises(DatasetError, match=f"(?is){word}") as caught:
        small(mirrors=[mirror.url])
    assert mirror.url in str(caught.value)
    assert files(cache / "small") == []  # what failed the check is not left behind
    assert len(small(mirrors=[mirror.url, origin.as_uri()])) == 20


def test_right_archive_with_wrong_contents_is_not_published(small, origin, cache):
    name = NAMES[0].removesuffix(".gz")
    small.archives = small.archives | {name: small.archives[name]._replace(sha256="0" * 64)}
    with pytest.raises(DatasetError, match=r"wrong contents.*sha256"):
        small(mirrors=[origin.as_uri()])
    assert files(cache / "small") == []


def test_a_transfer_that_never_ends(small, mirror, cache, monkeypatch):
    monkeypatch.setattr(download_module, "_LARGEST", 1000)
    with pytest.raises(DatasetError, match="expected less than 1000 bytes"):
        small(mirrors=[mirror.url])
    assert files(cache / "small") == []


def test_a_transfer_that_stalls(small, mirror, cache, monkeypatch):
    monkeypatch.setattr(download_module, "_STALL", 0.2)

    def stall(handler):
        cut_off(handler)
        time.sleep(0.6)

    mirror.answers[NAMES[0]] = stall
    with pytest.raises(DatasetError, match="broke off: timed out"):
        small(mirrors=[mirror.url])


def test_no_network_fails_at_once_and_says_what_to_do(small, cache):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/mnist"
        start = time.monotonic()
        with pytest.raises(DatasetError) as caught:
            small(mirrors=[url, "http://nowhere.invalid/"])
        assert time.monotonic() - start < 5
    message = str(caught.value)
    for part in (url, "nowhere.invalid", str(cache / "small"), "TENSORGRAD_DATA", "root=", *NAMES):
        assert part in message
    assert files(cache / "small") == []


def test_a_black_hole_is_given_up_in_time(small, cache):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(DatasetError, match=r"no answer within 0.2 s"):
            small(mirrors=[url, url], timeout=0.4)
        assert time.monotonic() - start < 2
        silent.close()
        time.sleep(0.1)  # the thread that still asked sees the end


def test_an_answer_that_comes_too_late_is_closed(small, mirror, cache):
    def late(handler):
        time.sleep(0.4)
        cut_off(handler)

    mirror.answers[NAMES[0]] = late
    with pytest.raises(DatasetError, match=r"no answer within 0.1 s"):
        small(mirrors=[mirror.url], timeout=0.1)
    time.sleep(0.6)  # an unclosed socket would be a warning, thus an error, here


@pytest.mark.parametrize("url", ["", "no-scheme/", "foo://x", "http://", "http://[::1"])
def test_mirrors_that_are_no_addresses(small, cache, url):
    with pytest.raises(DatasetError, match="To place the files by hand"):
        small(mirrors=[url])


def test_no_mirrors(small, cache):
    with pytest.raises(DatasetError, match="there is no mirror to ask"):
        small(mirrors=[])


def test_a_damaged_cache_is_replaced(small, origin, cache):
    small(mirrors=[origin.as_uri()])
    for content in (b"", b"<html>", (origin / NAMES[0]).read_bytes()[:-9]):
        (cache / "small" / NAMES[0]).write_bytes(content)
        with pytest.raises(DatasetError, match=NAMES[0]):
            small(download=False)
        assert len(small(mirrors=[origin.as_uri()])) == 20
        assert (cache / "small" / NAMES[0]).read_bytes() == (origin / NAMES[0]).read_bytes()


CHILD = """
import json, sys
from tensorgrad.data import MNIST
from tensorgrad.data import mnist
archives = {name: mnist.Archive(*hashes) for name, hashes in json.loads(sys.argv[1]).items()}
Small = type("Small", (MNIST,), {"archives": archives, "folder": "small", "mirrors": ()})
data = Small(mirrors=sys.argv[2:])
print(len(data), int(data.images.sum()))
"""


def child(small, mirrors):
    command = [sys.executable, "-W", "error", "-c", CHILD, json.dumps(small.archives), *mirrors]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE)


def test_eight_processes_on_an_empty_cache(small, origin, mirror, cache):
    children = [child(small, [mirror.url]) for _ in range(8)]
    results = [process.communicate(timeout=60) for process in children]
    assert {error for _, error in results} == {""}
    assert len({out for out, _ in results}) == 1
    assert results[0][0].startswith("20 ")
    assert files(cache / "small") == NAMES


def test_a_killed_download_blocks_nobody(small, origin, mirror, cache):
    def slow(handler):
        cut_off(handler)
        time.sleep(1)

    mirror.answers[NAMES[0]] = slow
    victim = child(small, [mirror.url])
    end = time.monotonic() + 20
    while not files(cache / "small") and time.monotonic() < end:
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert len(files(cache / "small")) == 1  # its temporary file
    assert len(small(mirrors=[origin.as_uri()])) == 20
    assert files(cache / "small")[1:] == NAMES


@pytest.mark.parametrize("obstacle", ["file", "loop", "parent"])
def test_a_cache_that_cannot_be(small, origin, cache, monkeypatch, obstacle):
    if obstacle == "file":
        cache.write_bytes(b"in the way")
    elif obstacle == "loop":
        cache.symlink_to(cache)
    else:
        monkeypatch.setenv("TENSORGRAD_DATA", "/dev/null/below")
    with pytest.raises(DatasetError, match=r"(?s)cannot write.*TENSORGRAD_DATA"):
        small(mirrors=[origin.as_uri()])


def test_a_read_only_cache(small, mirror, cache, tmp_path):
    """As a user without rights, since root may write everywhere; what that user imports is loaded before."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        drop = "Small(sys.argv[2], mirrors=sys.argv[3:]); import os\nif os.geteuid() == 0: os.setuid(65534)\n"
        script = CHILD.replace("data = Small(mirrors=sys.argv[2:])", drop + "Small(mirrors=sys.argv[3:])")
        command = [sys.executable, "-c", script, json.dumps(small.archives), tmp_path / "warm", mirror.url]
        environment = os.environ | {"TENSORGRAD_DATA": folder}
        process = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, check=False)
        for words in ("DatasetError: ", "cannot write", "Permission denied", "TENSORGRAD_DATA"):
            assert words in process.stderr
        assert os.listdir(folder) == []


def test_a_full_disk(small, origin, cache, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match=r"(?s)No space left.*TENSORGRAD_DATA"):
        small(mirrors=[origin.as_uri()])
    assert files(cache / "small") == []


def test_interrupt_leaves_nothing(small, mirror, cache, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(download_module, "_next_chunk", interrupt)
    with pytest.raises(KeyboardInterrupt):
        small(mirrors=[mirror.url])
    assert files(cache / "small") == []


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("TENSORGRAD_DATA", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert cache_dir() == Path("/a")
    monkeypatch.setenv("TENSORGRAD_DATA", "")
    assert cache_dir() == Path("/b/tensorgrad")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == Path("/c/.cache/tensorgrad")


def test_no_home(small, cache, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("TENSORGRAD_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DatasetError, match="TENSORGRAD_DATA"):
        small(mirrors=[])


def test_downloads_into_root(small, origin, cache, tmp_path):
    root = tmp_path / "given"
    data = small(root, mirrors=[origin.as_uri()])
    assert files(root / "Small" / "raw") == NAMES
    np.testing.assert_array_equal(small(root, download=False).images, data.images)
    assert not cache.exists()
