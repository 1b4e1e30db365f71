"""IDX, the file format of MNIST: a strict reader and its writer.

Big-endian: two zero bytes, a type byte, the number of dimensions, one 32-bit size each, then the elements.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import stat
import struct
import zlib
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from tensorgrad.files import replacing

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_TYPE_BYTES = {dtype.newbyteorder("="): byte for byte, dtype in _TYPES.items()}
_MAX_NDIM = 32
_CHUNK = 1 << 20
_DEFLATE_LIMIT = 1032  # no deflate stream grows by more than this factor
_GZIP = b"\x1f\x8b"


class DatasetError(ValueError):
    """A data file is damaged, is not what it claims to be, or cannot be found."""


def read_idx(
    path: str | os.PathLike[str],
    *,
    dtype: DTypeLike | None = None,
    ndim: int | None = None,
    sha256: str | None = None,
    max_bytes: int = 2**31,
) -> np.ndarray:
    """The array in an IDX file, plain or gzip'd (told by its first bytes), in native byte order.

    Parameters: ``dtype`` and ``ndim``, what the file must hold; ``sha256``, the hex digest its unpacked
    contents must have; ``max_bytes``, the largest array accepted. Never more than one byte beyond what the
    header announces is unpacked, and memory grows with the data that is really there, not with the claim.

    Raises: DatasetError, naming the file, what was expected and what was found; OSError if the file cannot be
    opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(folder + "/a.gz", np.arange(6, dtype=np.uint8).reshape(2, 3))
    ...     read_idx(folder + "/a.gz", ndim=2)
    array([[0, 1, 2],
           [3, 4, 5]], dtype=uint8)
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        _refuse(path, "a regular file", "a folder, pipe or device")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            _refuse(path, "an IDX file", "an empty file")
        packed = file.read(2) == _GZIP
        file.seek(0)
        try:
            if not packed:
                return _read(path, file, size, False, dtype, ndim, sha256, max_bytes)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(path, unpacked, size, True, dtype, ndim, sha256, max_bytes)
        except (OSError, EOFError, zlib.error) as error:  # zlib.error is not an OSError
            kind = "a whole gzip stream" if packed else "a readable file"
            raise DatasetError(f"{os.fspath(path)}: expected {kind}, found: {error}") from error


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as an IDX file, gzip'd if the name ends in ``.gz``; an existing file is replaced whole.

    Raises: ValueError for 0-d and empty arrays and for a dtype that IDX has no code for (it has uint8, int8,
    int16, int32, float32, float64); OSError when it cannot be written.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(folder + "/labels", np.array([7, 2, 1], np.uint8))
    ...     pathlib.Path(folder, "labels").read_bytes().hex(" ")
    '00 00 08 01 00 00 00 03 07 02 01'
    """
    data = np.asarray(array)
    byte = _TYPE_BYTES.get(data.dtype.newbyteorder("="))
    if byte is None:
        names = ", ".join(str(known) for known in _TYPE_BYTES)
        raise ValueError(f"write_idx: expected one of the dtypes {names}, got {data.dtype}")
    if not 1 <= data.ndim <= _MAX_NDIM or data.size == 0 or max(data.shape) >= 2**32:
        raise ValueError(f"write_idx: expected 1 to {_MAX_NDIM} dimensions of size >= 1, got {data.shape}")
    header = struct.pack(f">BBBB{data.ndim}I", 0, 0, byte, data.ndim, *data.shape)
    content = header + data.astype(_TYPES[byte], copy=False).tobytes()
    if os.fspath(path).endswith(".gz"):
        content = gzip.compress(content, mtime=0)  # no time stamp: equal arrays give equal files
    with replacing(path) as file:
        file.write(content)


def _read(
    path: str | os.PathLike[str],
    stream: BinaryIO | gzip.GzipFile,
    size: int,
    packed: bool,
    dtype: DTypeLike | None,
    ndim: int | None,
    sha256: str | None,
    max_bytes: int,
) -> np.ndarray:
    """Header, checks, data, checks; ``size`` is the size of the file on disk."""
    head = stream.read(4)
    found_type, found_ndim = _magic(path, head, dtype, ndim)
    sizes = stream.read(4 * found_ndim)
    if len(sizes) < 4 * found_ndim:
        _refuse(path, f"a header of {4 + 4 * found_ndim} bytes", f"only {4 + len(sizes)} bytes")
    shape = struct.unpack(f">{found_ndim}I", sizes)
    if 0 in shape:
        _refuse(path, "sizes of at least 1", f"shape {shape}")

    expected = math.prod(shape) * found_type.itemsize  # Python integers: this cannot overflow
    claim = f"{expected} bytes of data for shape {shape}"
    if expected > max_bytes:
        _refuse(path, f"at most max_bytes={max_bytes} of data", f"a claim of {expected} for shape {shape}")
    present = size - 4 - 4 * found_ndim
    if packed and expected > size * _DEFLATE_LIMIT:
        _refuse(path, claim, f"a gzip file of {size} bytes, which cannot hold them")
    if not packed and present != expected:
        _refuse(path, claim, f"{present} bytes")

    digest = hashlib.sha256(head + sizes)
    data = bytearray()
    while len(data) < expected and (chunk := stream.read(min(_CHUNK, expected - len(data)))):
        digest.update(chunk)
        data += chunk
    if len(data) < expected:
        _refuse(path, claim, f"{len(data)} bytes")
    if stream.read(1):  # at the end of a gzip stream this read also checks its CRC
        _refuse(path, claim, "more")
    if sha256 is not None and digest.hexdigest() != sha256:
        _refuse(path, f"contents with sha256 {sha256}", f"sha256 {digest.hexdigest()}")
    return np.frombuffer(data, found_type).reshape(shape).astype(found_type.newbyteorder("="), copy=False)


def _magic(
    path: str | os.PathLike[str], head: bytes, dtype: DTypeLike | None, ndim: int | None
) -> tuple[np.dtype[Any], int]:
    """The element type and the number of dimensions that the first four bytes announce."""
    wanted = "the magic number 00 00 TT NN of an IDX file"
    if len(head) < 4:
        _refuse(path, wanted, f"only {len(head)} bytes")
    if head.lstrip()[:1] == b"<":
        _refuse(path, wanted, "an HTML or XML page (a download that went wrong?)")
    if head[:2] != b"\0\0" or head[2] not in _TYPES or not 1 <= head[3] <= _MAX_NDIM:
        _refuse(path, wanted, f"{head.hex(' ')}")
    found = _TYPES[head[2]]
    if dtype is not None and np.dtype(dtype) != found.newbyteorder("="):
        _refuse(path, f"elements of type {np.dtype(dtype)}", f"{found.newbyteorder('=')} (magic {head.hex(' ')})")
    if ndim is not None and head[3] != ndim:
        _refuse(path, f"{ndim} dimensions", f"{head[3]} (magic {head.hex(' ')})")
    return found, head[3]


def _refuse(path: str | os.PathLike[str], expected: str, found: str) -> NoReturn:
    raise DatasetError(f"{os.fspath(path)}: expected {expected}, found {found}")
