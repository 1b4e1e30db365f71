"""Fetching a file from the first mirror that has it, checked before it is published under its name."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tqdm import tqdm

from tensorgrad.data.idx import DatasetError
from tensorgrad.files import replacing

T = TypeVar("T")

_STALL = 10.0  # seconds without a byte after which a running transfer is given up
_CHUNK = 1 << 16
_LARGEST = 1 << 28  # bytes; no archive of this family comes near


def cache_dir() -> Path:
    """Where downloads go: ``$TENSORGRAD_DATA``, ``$XDG_CACHE_HOME/tensorgrad`` or ``~/.cache/tensorgrad``.

    Raises: DatasetError when none of them is known.

    >>> isinstance(cache_dir(), Path)
    True
    """
    if own := os.environ.get("TENSORGRAD_DATA"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):  # the XDG specification ignores relative ones
        return Path(shared, "tensorgrad")
    try:
        return Path.home() / ".cache" / "tensorgrad"
    except RuntimeError as error:
        raise DatasetError(
            "no folder for data sets: the user has no home folder; "
            "set the environment variable TENSORGRAD_DATA to a folder, or HOME"
        ) from error


def download(
    name: str,
    mirrors: Sequence[str],
    folder: Path,
    *,
    md5: str,
    check: Callable[[Path], T],
    timeout: float = 4.0,
) -> T:
    """Fetch ``name`` from the first of ``mirrors`` (URLs of folders) that has it, into ``folder``.

    A file is renamed into place only after its ``md5`` fits and ``check(path)`` returned; that result is
    returned. ``timeout`` is the time in seconds in which the mirrors, together, must have begun to answer.

    Raises: DatasetError listing what every mirror said, or why the folder cannot be written.
    """
    said = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for mirror in mirrors:
            url = f"{mirror.rstrip('/')}/{name}"
            try:
                with replacing(folder / name) as file:
                    _transfer(url, file, name, md5, timeout / len(mirrors))
                    file.flush()
                    return check(Path(file.name))
            except _MirrorError as error:
                said.append(f"{url}: {error}")
            except DatasetError as error:
                said.append(f"{url}: wrong contents: {error}")
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise DatasetError(
            f"cannot write {folder / name}: {error}; set the environment variable TENSORGRAD_DATA "
            "(or the argument root) to a folder that can be written and has room"
        ) from error
    raise DatasetError("\n".join(said) or f"{name}: there is no mirror to ask")


class _MirrorError(Exception):
    """This mirror did not deliver; the next one may."""


def _transfer(url: str, file: BinaryIO, name: str, md5: str, patience: float) -> None:
    """Copy the file at ``url`` into ``file``; whatever goes wrong on the other side is a _MirrorError."""
    digest = hashlib.md5(usedforsecurity=False)
    with _answer(url, patience) as response:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        # disable=None: quiet when the output is not a terminal
        with tqdm(desc=name, total=total, unit="B", unit_scale=True, leave=False, disable=None) as bar:
            while chunk := _next_chunk(response):
                file.write(chunk)  # an OSError of *this* line is ours, not the mirror's
                digest.update(chunk)
                bar.update(len(chunk))
                if file.tell() > _LARGEST:
                    raise _MirrorError(f"expected less than {_LARGEST} bytes, found more")
    if digest.hexdigest() != md5:
        raise _MirrorError(f"expected md5 {md5}, found {digest.hexdigest()} in {file.tell()} bytes")


def _next_chunk(response: Any) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorError(f"broke off: {_told(error)}") from error


def _answer(url: str, patience: float) -> Any:
    """The open response, or _MirrorError after ``patience`` seconds, which a name server would not keep."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            response = urllib.request.urlopen(url, timeout=_STALL)
        except urllib.error.HTTPError as error:
            error.close()
            answers.put(error)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: not a URL
            answers.put(error)
        else:
            answers.put(response)  # if nobody waits any more, it is closed with the queue that holds it

    threading.Thread(target=ask, name="tensorgrad-download", daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise _MirrorError(f"no answer within {patience:g} s") from None
    if isinstance(answer, BaseException):
        raise _MirrorError(_told(answer)) from answer
    return answer


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
