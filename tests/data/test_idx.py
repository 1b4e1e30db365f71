"""IDX: whatever is wrong with a file is one DatasetError with its path, before memory is asked for."""

import contextlib
import gzip
import os
import struct
import threading
import tracemalloc

import numpy as np
import pytest

from tensorgrad.data import DatasetError, read_idx, write_idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = bytes([0, 0, 8, 3]) + struct.pack(">III", 2, 3, 4) + IMAGES.tobytes()


def header(*shape, byte=8):
    return bytes([0, 0, byte, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def refused(path, content, *words, **options):
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_idx(path, **options)
    assert str(path) in str(caught.value)
    for word in ("expected", "found", *words):
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8", ">i4", ">f8"])
def test_round_trip(tmp_path, name, dtype):
    array = np.arange(-3, 21).reshape(2, 3, 4).astype(dtype)
    write_idx(tmp_path / name, array[:, ::-1])
    back = read_idx(tmp_path / name)
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.dtype.isnative
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array[:, ::-1])


def test_writer_is_deterministic_and_leaves_no_other_file(tmp_path):
    write_idx(tmp_path / "a.gz", IMAGES)
    first = (tmp_path / "a.gz").read_bytes()
    write_idx(tmp_path / "a.gz", IMAGES)
    assert (tmp_path / "a.gz").read_bytes() == first
    assert os.listdir(tmp_path) == ["a.gz"]
    assert gzip.decompress(first) == PLAIN


@pytest.mark.parametrize(
    "array", [np.zeros(3, np.int64), np.zeros(3, np.complex64), np.float32(1), np.zeros((2, 0), np.uint8)]
)
def test_writer_refuses_what_the_format_cannot_say(tmp_path, array):
    with pytest.raises(ValueError, match="write_idx: expected"):
        write_idx(tmp_path / "a", array)
    assert os.listdir(tmp_path) == []


def test_the_suffix_does_not_matter(tmp_path):
    (tmp_path / "plain.gz").write_bytes(PLAIN)
    (tmp_path / "packed").write_bytes(gzip.compress(PLAIN))
    np.testing.assert_array_equal(read_idx(tmp_path / "plain.gz"), IMAGES)
    np.testing.assert_array_equal(read_idx(str(tmp_path / "packed")), IMAGES)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", range(16))
def test_truncated_header(tmp_path, length, packed):
    content = PLAIN[:length]
    refused(tmp_path / "a", gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [PLAIN[:-1], PLAIN + b"\0", PLAIN[:16], 2 * PLAIN], ids=len)
def test_short_or_long(tmp_path, content, packed):
    refused(tmp_path / "a", gzip.compress(content) if packed else content, "24 bytes of data", "(2, 3, 4)")


@pytest.mark.parametrize(
    "magic",
    ["00 00 08 00", "00 00 00 03", "00 00 0a 03", "00 00 0f 03", "00 01 08 03", "01 00 08 03", "00 00 08 ff"],
)
def test_bad_magic(tmp_path, magic):
    refused(tmp_path / "a", bytes.fromhex(magic) + PLAIN[4:] + b"\0" * 2000, magic)


def test_another_type_than_wanted(tmp_path):
    refused(tmp_path / "a", header(1, 1, 1, byte=0x0D) + b"\0" * 4, "uint8", "float32", dtype=np.uint8)
    refused(tmp_path / "a", header(1, 1, 1, byte=0x0B) + b"\0" * 2, "uint8", "int16", dtype=np.uint8)


def test_images_where_labels_are_wanted(tmp_path):
    refused(tmp_path / "a", PLAIN, "1 dimensions", "00 00 08 03", ndim=1)
    refused(tmp_path / "a", header(3) + b"abc", "3 dimensions", "00 00 08 01", ndim=3)


@pytest.mark.parametrize("shape", [(0,), (5, 0, 5), (0, 28, 28)])
def test_zero_sizes(tmp_path, shape):
    refused(tmp_path / "a", header(*shape), "sizes of at least 1")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "shape",
    [
        (2**31, 28, 28),  # np.empty would ask for 1.5 TiB
        (2**16, 2**16, 1),  # 0 in 32-bit arithmetic
        (2**32 - 1, 2**32 - 1, 2**32 - 1),
        (2**31, 2**31, 4),  # 0 in 64-bit arithmetic
        (25_000_000, 28, 28),  # 20 GB: np.empty would seem to succeed
        (2_000_000, 28, 28),  # below every cap, yet not there
    ],
)
def test_huge_claims_cost_nothing(tmp_path, shape, packed):
    content = header(*shape) + b"\0" * 100
    tracemalloc.start()
    try:
        refused(tmp_path / "a", gzip.compress(content) if packed else content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("expected", [24, 1 << 20])
def test_bomb_is_unpacked_only_as_far_as_the_header_goes(tmp_path, monkeypatch, expected):
    bomb = gzip.compress(header(expected) + b"\0" * 30_000_000)
    read = []
    original = gzip.GzipFile.read

    def counting(self, size=-1):
        data = original(self, size)
        read.append(len(data))
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    refused(tmp_path / "a", bomb, f"{expected} bytes", "more")
    assert sum(read) <= 8 + expected + 1


def test_cap_on_an_honest_giant(tmp_path):
    refused(tmp_path / "a", header(1000) + b"\0" * 1000, "max_bytes=999", max_bytes=999)


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><title>404</title>", b"\n <html>", b"<?xml version='1.0'?>"])
def test_web_page(tmp_path, content):
    refused(tmp_path / "a", content, "HTML")
    refused(tmp_path / "a", gzip.compress(content), "HTML")


def test_empty_file(tmp_path):
    refused(tmp_path / "a.gz", b"", "an empty file")
    refused(tmp_path / "a.gz", gzip.compress(b""), "only 0 bytes")


def test_every_truncation_of_a_gzip_file(tmp_path):
    packed = gzip.compress(PLAIN)
    for length in range(len(packed)):
        refused(tmp_path / "a", packed[:length])


def test_gzip_trailers(tmp_path):
    packed = gzip.compress(PLAIN)
    for at in range(-8, 0):  # CRC-32 and length
        damaged = bytearray(packed)
        damaged[at] ^= 0x40
        refused(tmp_path / "a", bytes(damaged), "gzip")
    refused(tmp_path / "a", packed + b"junk", "gzip")
    (tmp_path / "a").write_bytes(packed + b"\0" * 512)  # tape padding, allowed by gzip itself
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), IMAGES)


def test_every_flipped_byte_of_a_gzip_file(tmp_path):
    noise = np.random.default_rng(0).integers(256, size=600, dtype=np.uint8)
    packed = gzip.compress(header(600) + noise.tobytes(), mtime=0)
    outcomes = set()
    for at in range(len(packed)):
        damaged = bytearray(packed)
        damaged[at] ^= 0x11
        (tmp_path / "a").write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_idx(tmp_path / "a"), noise)
            outcomes.add("same")  # the time stamp and the like
        except DatasetError as error:
            outcomes.add(type(error.__cause__).__name__)
    assert {"error", "BadGzipFile"} <= outcomes  # zlib.error calls itself just "error"


def test_random_edits_give_a_dataset_error_or_an_array(tmp_path):
    rng = np.random.default_rng(1)
    for packed in (False, True):
        content = gzip.compress(PLAIN) if packed else PLAIN
        for _ in range(1500):
            damaged = bytearray(content)
            for at in rng.integers(len(damaged), size=3):
                damaged[at] = rng.integers(256)
            (tmp_path / "a").write_bytes(damaged)
            with contextlib.suppress(DatasetError):  # nothing else may come out
                assert read_idx(tmp_path / "a").size <= 24


def test_checksum(tmp_path):
    refused(tmp_path / "a", PLAIN, "0" * 64, sha256="0" * 64)


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")
    with pytest.raises(DatasetError, match="regular file"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="regular file"):
        read_idx(tmp_path / "pipe")


def test_reader_sees_the_old_or_the_new_file(tmp_path):
    old, new = np.zeros(200_000, np.uint8), np.ones(300_000, np.uint8)
    path = tmp_path / "a"
    write_idx(path, old)
    done = threading.Event()

    def replace():
        for i in range(60):
            write_idx(path, (new, old)[i % 2])
        done.set()

    writer = threading.Thread(target=replace)
    writer.start()
    while not done.is_set():
        found = read_idx(path)
        assert (len(found), found.min(), found.max()) in {(200_000, 0, 0), (300_000, 1, 1)}
    writer.join()
