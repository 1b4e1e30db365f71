"""A damaged file, or one made to do harm, is refused with one kind of error; it never loads as something else."""

import contextlib
import io
import json
import pickle
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import tensorgrad as tg
from tensorgrad.serialization import CONTENT, DIGEST, CheckpointError, _digest

GOLDEN = Path(__file__).with_name("version_1.safetensors")
PACKAGE = Path(tg.__file__).parent


def example():
    """A small state with something of every kind."""
    w = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    return {
        "model": {"weight": w, "tied": w, "steps": tg.tensor(7)},
        "optimizer": {"state": {0: {"step": 3, "v": np.arange(3.0)}}, "betas": (0.9, float("inf"))},
        "name": "ü", "epoch": np.int64(4), "best": None,
    }  # fmt: skip


def bytes_of(obj):
    file = io.BytesIO()
    tg.save(obj, file)
    return file.getvalue()


def content(obj):
    """What a loaded object holds, in a form that compares."""
    if isinstance(obj, dict):
        return [(key, content(value)) for key, value in obj.items()]
    if isinstance(obj, (list, tuple)):
        return [type(obj).__name__, *map(content, obj)]
    if isinstance(obj, tg.Tensor):
        return ["tensor", obj.requires_grad, content(obj.detach().numpy())]
    if isinstance(obj, (np.ndarray, np.generic)):
        return [type(obj).__name__, obj.dtype.name, obj.shape, obj.tobytes()]
    return repr(obj)


def loaded(data):
    return tg.load(io.BytesIO(data))


def file_of(header, numbers=b""):
    """A file with this header, a dictionary or text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def refused(data, match="the file"):
    """Loading ``data`` raises the one error, soon, and without memory for what the file claims."""
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(CheckpointError, match=match):
            loaded(data)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(data) + (1 << 20)
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < 5


def test_cut_off_anywhere():
    data = bytes_of(example())
    for length in range(len(data)):
        with pytest.raises(CheckpointError):
            loaded(data[:length])


@pytest.mark.parametrize("junk", [b"\0", b"x" * 1000, bytes_of([])])
def test_something_behind(junk):
    refused(bytes_of(example()) + junk)


def test_every_byte_changed():
    data, expected = bytes_of(example()), content(example())
    refusals = 0
    for i in range(len(data)):
        for change in (1, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[i] ^= change
            try:
                assert content(loaded(bytes(damaged))) == expected
            except CheckpointError:
                refusals += 1
    assert refusals > 2.9 * len(data)  # only padding and the like can change without harm


def test_random_edits():
    data, expected = bytes_of(example()), content(example())
    rng = random.Random(0)
    for _ in range(5_000):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(damaged))
            match rng.randrange(3):
                case 0:
                    damaged[at] = rng.randrange(256)
                case 1:
                    del damaged[at : at + rng.randint(1, 20)]
                case 2:
                    damaged[at:at] = rng.randbytes(rng.randint(1, 20))
        with contextlib.suppress(CheckpointError):
            assert content(loaded(bytes(damaged))) == expected


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


LIES = [
    b"",
    b"\0",
    b"\0" * 8,
    b"\0" * 1000,
    b"not a state file at all",
    b"PK\3\4" + bytes(100),
    b"\x93NUMPY" + bytes(200),
    (1 << 63).to_bytes(8, "little") + b"{}",
    ((1 << 64) - 1).to_bytes(8, "little"),
    struct.pack("<Q", 1 << 33),
    file_of(b"[]"),
    file_of(b"3"),
    file_of(b"{"),
    file_of(b"\xff\xfe"),
    file_of(b"{" * 100_000),
    file_of(b"[" * 100_000),
    file_of({"a": 1}),
    file_of({"a": {}}),
    file_of({"a": []}),
    file_of({"a": F32}),
    file_of({"a": F32}, bytes(3)),
    file_of({"a": F32}, bytes(5)),
    file_of({"a": {**F32, "shape": [-1]}}, bytes(4)),
    file_of({"a": {**F32, "shape": [1.0]}}, bytes(4)),
    file_of({"a": {**F32, "shape": [2]}}, bytes(4)),
    file_of({"a": {**F32, "shape": [1 << 62, 8]}}, bytes(4)),
    file_of({"a": {**F32, "shape": [10**12]}}, bytes(4)),
    file_of({"a": {**F32, "shape": [10**30]}}, bytes(4)),
    file_of({"a": {**F32, "data_offsets": [4, 0]}}, bytes(4)),
    file_of({"a": {**F32, "data_offsets": [-4, 0]}}, bytes(4)),
    file_of({"a": {**F32, "data_offsets": [4, 8]}}, bytes(8)),
    file_of({"a": F32, "b": F32}, bytes(4)),
    file_of({"a": F32, "b": {**F32, "data_offsets": [8, 12]}}, bytes(12)),
    file_of({"a": {**F32, "dtype": "O"}}, bytes(4)),
    file_of({"a": {**F32, "dtype": "F31"}}, bytes(4)),
    file_of(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', bytes(4)),
    file_of(b'{"__metadata__":{"tensorgrad":3}}'),
    file_of({"__metadata__": {"tensorgrad": "{}"}}),
    file_of({"__metadata__": {"tensorgrad.sha256": "0"}}),
    file_of({"__metadata__": []}),
]


@pytest.mark.parametrize("number", range(len(LIES)))
def test_files_that_lie(number):
    refused(LIES[number])


@pytest.mark.parametrize(("dtype", "name"), [("BF16", "'BF16'"), ("F8_E4M3", "'F8_E4M3'"), ("C64", "complex64")])
def test_numbers_that_tensors_cannot_have(dtype, name):
    size = {"BF16": 2, "F8_E4M3": 1, "C64": 8}[dtype]
    entry = {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * size]}
    refused(file_of({"a": entry}, bytes(2 * size)), f"holds numbers of dtype {name}")


def test_metadata_that_is_null():
    assert loaded(file_of({"__metadata__": None, "a": F32}, bytes(4)))["a"].tolist() == [0]


def test_a_file_of_pytorchs_own_format():
    refused(b"PK\3\4" + bytes(100), "an archive, as torch.save writes them; save tensors there with safetensors.torch")


def forged(text):
    """A file with a content that somebody wrote on purpose: its checksum is right."""
    arrays = {"a": np.ones(1, np.float32), "n": np.ones(1, np.int64)}
    return safetensors.numpy.save(arrays, {CONTENT: text, DIGEST: _digest(text, arrays)})


NONSENSE = [
    "",
    "{",
    "3",
    "null",
    "[]",
    "{}",
    '{"version": 1}',
    '{"version": "1", "content": 1}',
    '{"version": null, "content": 1}',
    '{"version": 1, "content": {}}',
    '{"version": 1, "content": {"tensor": "b"}}',
    '{"version": 1, "content": {"tensor": 3}}',
    '{"version": 1, "content": {"tensor": ["a"]}}',
    '{"version": 1, "content": {"eval": "a"}}',
    '{"version": 1, "content": {"tuple": 3}}',
    '{"version": 1, "content": {"dict": [1]}}',
    '{"version": 1, "content": {"dict": [["k"]]}}',
    '{"version": 1, "content": {"dict": [[[], 1]]}}',
    '{"version": 1, "content": {"dict": {}, "tuple": []}}',
    '{"version": 1, "content": {"float": "1"}}',
    '{"version": 1, "content": {"float": []}}',
    '{"version": 1, "content": {"requires_grad": "n"}}',
    '{"version": 1, "content": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"version": 1, "content": ' + '{"tuple":[' * 20_000 + "]}" * 20_000 + "}",
]


@pytest.mark.parametrize("number", range(len(NONSENSE)))
def test_contents_that_make_no_sense(number):
    refused(forged(NONSENSE[number]))


def test_a_later_version():
    refused(forged('{"version": 2, "content": 1}'), "is of version 2, this tensorgrad reads up to 1; use a later one")


def test_files_of_the_first_version_are_read():
    assert content(tg.load(GOLDEN)) == content(example())


def test_reading_takes_the_memory_of_the_numbers_once():
    """That of the file and of the tensors, no more."""
    data = bytes_of([tg.zeros(500_000), tg.zeros(500_000)])
    tracemalloc.start()
    try:
        file = io.BytesIO(data)
        state = tg.load(file)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * len(data)
    finally:
        tracemalloc.stop()
    assert len(state) == 2


def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"load: .*state is no state file, or is damaged: "):
        tg.load(path)
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "other")
    with pytest.raises(IsADirectoryError):
        tg.load(tmp_path)
    assert issubclass(CheckpointError, ValueError)


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_is_executed(tmp_path):
    """Files for other readers that would run code there; the process ends if anything is run here."""
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Evil()))
    np.save(tmp_path / "b.npy", np.array([Evil()]), allow_pickle=True)
    np.savez(tmp_path / "c.npz", a=np.array([Evil()]))
    tg.save(example(), tmp_path / "d.safetensors")
    script = (
        "import os, sys, tensorgrad as tg\n"
        "tg.load(sys.argv[-1])\n"
        "def watch(event, arguments):\n"
        "    if event in ('pickle.find_class', 'os.system', 'subprocess.Popen', 'exec', 'compile'):\n"
        "        os.write(2, event.encode()); os._exit(3)\n"
        "sys.addaudithook(watch)\n"
        "for path in sys.argv[1:]:\n"
        "    try: tg.load(path)\n"
        "    except tg.serialization.CheckpointError: print('refused')\n"
        "    else: print('loaded')\n"
    )
    command = [sys.executable, "-c", script, *sorted(tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["refused", "refused", "refused", "loaded"]


def test_the_package_runs_nothing_that_it_reads():
    for path in PACKAGE.rglob("*.py"):
        words = set(path.read_text().replace("(", " ").replace(".", " ").split())
        assert not words & {"pickle", "marshal", "shelve", "allow_pickle=True"}, path
