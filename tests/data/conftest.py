"""A small data set in MNIST's format, and a server on this machine that plays the mirror."""

import contextlib
import gzip
import hashlib
import http.server
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.data import MNIST, write_idx
from tensorgrad.data import mnist as mnist_module
from tensorgrad.data.mnist import Archive


def small_class(folder: Path, *, images=None, labels=None, with_sha=True):
    """Write the four files of a small data set; the MNIST subclass that knows their hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(20, 28, 28), dtype=np.uint8) if images is None else images
    labels = (np.arange(20) % 10).astype(np.uint8) if labels is None else labels
    archives = {}
    for stem in ("train", "t10k"):
        for name, array in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
            write_idx(folder / f"{name}.gz", array)
            packed = (folder / f"{name}.gz").read_bytes()
            sha256 = hashlib.sha256(gzip.decompress(packed)).hexdigest()
            archives[name] = Archive(hashlib.md5(packed).hexdigest(), sha256 if with_sha else None)
    return type("Small", (MNIST,), {"archives": archives, "folder": "small", "mirrors": ()})


class Mirror:
    """A web server over a folder; ``answers`` overrides paths: a status, bytes, or a function(handler)."""

    def __init__(self, folder: Path) -> None:
        self.answers = {}
        self.asked = []
        mirror = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def do_GET(self):
                name = self.path.rsplit("/", 1)[-1]
                mirror.asked.append(name)
                answer = mirror.answers.get(name)
                if answer is None:
                    return super().do_GET()
                if isinstance(answer, int):
                    return self.send_error(answer)
                if callable(answer):
                    return answer(self)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                return self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/sub/.."
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def origin(tmp_path):
    """The folder that the mirror serves."""
    return tmp_path / "origin"


@pytest.fixture
def make_small():
    """Makes small datasets with other contents than the usual ones."""
    return small_class


@pytest.fixture
def small(origin):
    """A dataset class whose files lie in ``origin``, and nowhere else."""
    return small_class(origin)


@pytest.fixture
def mirror(origin):
    origin.mkdir(exist_ok=True)
    with contextlib.closing(Mirror(origin)) as server:
        yield server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no shipped files."""
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist_module, "_SHIPPED", tmp_path / "shipped")
    return tmp_path / "cache"


@pytest.fixture
def no_new_threads():
    """The threads of a loader are gone within two seconds of the test's end."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 2
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left
