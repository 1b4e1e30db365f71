"""Replacing a file as a whole: readers see the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_STALE = 3600.0  # seconds after which a leftover of a killed process is taken for dead


@contextlib.contextmanager
def replacing(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new binary file that takes the place of ``target`` only if the block ends without an exception.

    Written beside ``target`` under a unique name, flushed to the disk, then renamed: no lock file is needed,
    and of several writers the last one wins with a complete file. The new file is ``file.name``. It takes over the
    permissions of the old one; of a symbolic link, the file that it leads to is replaced. A device or a pipe is
    written to as it is.

    Raises: OSError when the folder cannot be written or the disk is full; ``target`` is then as it was.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.txt")
    ...     with replacing(path) as file:
    ...         _ = file.write(b"whole")
    ...     path.read_bytes(), os.listdir(folder)
    (b'whole', ['a.txt'])
    """
    target = Path(os.path.realpath(target))
    if target.exists() and not (target.is_file() or target.is_dir()):
        with open(target, "wb") as file:
            yield file
        return
    _sweep(target)
    # Not tempfile.mkstemp: that forces mode 0600, and a cache may be shared. "x" makes the name ours alone.
    temporary = target.with_name(f"{_start(target)}{secrets.token_hex(6)}.part")
    file = open(temporary, "xb")  # noqa: SIM115 -- closed below, before the rename
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _start(target: Path) -> str:
    """How the names of the files that shall replace ``target`` begin: no name is too long for them."""
    return f".{target.name[:50]}."


def _sweep(target: Path) -> None:
    """Remove what killed writers of ``target`` left behind (a ``finally`` does not run under SIGKILL)."""
    for leftover in target.parent.glob(f"{glob.escape(_start(target))}*.part"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _STALE:
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
