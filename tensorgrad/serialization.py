"""State files: dictionaries, lists, numbers and strings around tensors, in the safetensors format.

Such a file holds names, dtypes and shapes as JSON, then the numbers; other programs read the tensors of ours by name,
and we read theirs. What stands around the tensors is JSON in the file's metadata:

    tensorgrad            {"version": 1, "content": ...}, where {"tensor": "net.weight"} stands for a tensor
    tensorgrad.sha256     of that text and of all tensors

Nothing that is read is ever executed, whatever the file holds. Source: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter, OrderedDict
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from tensorgrad.autograd.primitive import wrap
from tensorgrad.errors import describe
from tensorgrad.files import replacing
from tensorgrad.tensor import Tensor

VERSION = 1
CONTENT, DIGEST = "tensorgrad", "tensorgrad.sha256"

_DTYPES = frozenset(map(np.dtype, "?BHIQbhiqefd"))  # of tensors, all of which the format has
_MAPPINGS: dict[str, type[dict[Any, Any]]] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_NO_JSON = {"nan", "inf", "-inf"}  # floats that JSON does not have
_ZIP = "it is an archive, as torch.save writes them; save tensors there with safetensors.torch.save_file instead"
_DEEPEST = 100  # levels of dicts, lists and tuples; Python's reader of JSON has room for some three times as many


class CheckpointError(ValueError):
    """A state file is damaged, or was never one."""


def save(obj: Any, f: str | os.PathLike[str] | BinaryIO) -> None:
    """Write ``obj`` to the file ``f``: tensors, arrays, numbers, strings and None, in dicts, lists and tuples.

    A file is replaced whole or not at all: after a crash or with a full disk the old one is still there. ``f`` may be
    an open binary file instead. What two places share is written once, and shared again when it is loaded.

    Raises: TypeError that names the place of what cannot be saved; ValueError for more than 100 levels of nesting;
    OSError when the file cannot be written.
    Source: ``torch.save``; the file is none of PyTorch's but one of safetensors, which
    ``safetensors.torch.load_file`` reads there.

    >>> import tempfile, tensorgrad as tg
    >>> net = tg.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save({"model": net.state_dict(), "epoch": 3}, f"{folder}/state.safetensors")
    ...     state = tg.load(f"{folder}/state.safetensors")
    >>> state["epoch"], state["model"]["weight"].shape
    (3, (1, 2))
    """
    arrays = _Arrays()
    content = _described(obj, (), arrays)
    text = json.dumps({"version": VERSION, "content": content}, allow_nan=False, separators=(",", ":"))
    # the checksum is of copies: a thread that trains on meanwhile does no harm
    copies = {name: np.array(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.by_name.items()}
    data = safetensors.numpy.save(copies, {CONTENT: text, DIGEST: _digest(text, copies)})
    opened = replacing(f) if isinstance(f, (str, os.PathLike)) else nullcontext(_checked_file(f, "save", "write"))
    with opened as file:
        file.write(data)


def load(f: str | os.PathLike[str] | BinaryIO, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What :func:`save` wrote to the file ``f``; of another program's safetensors file, a dict of its tensors.

    The tensors have memory of their own. ``map_location`` and ``weights_only`` are accepted and change nothing: there
    is one device, and nothing in a file is ever executed.

    Raises: CheckpointError (a ValueError) that names the file when it is damaged, cut off, of a later version, or none
    of this format; OSError when it cannot be read. Source: ``torch.load``.

    >>> import io, tensorgrad as tg
    >>> file = io.BytesIO()
    >>> tg.save([tg.ones(2), ("a", 1.5)], file)
    >>> _ = file.seek(0)
    >>> tg.load(file)
    [tensor([1., 1.]), ('a', 1.5)]
    """
    if isinstance(f, (str, os.PathLike)):
        name, data = os.fspath(f), Path(f).read_bytes()
    else:
        name, data = str(getattr(f, "name", "the file")), _checked_file(f, "load", "read").read()
    try:
        arrays = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except KeyError as error:
        raise CheckpointError(f"load: {name} holds numbers of dtype {error}, which NumPy does not have") from None
    except (SafetensorError, ValueError) as error:
        what = _ZIP if data.startswith(b"PK") else error
        raise CheckpointError(f"load: {name} is no state file, or is damaged: {what}") from error
    for array in arrays.values():
        if array.dtype not in _DTYPES:
            raise CheckpointError(f"load: {name} holds numbers of dtype {array.dtype}, which tensors cannot have")
    about = header.get("__metadata__") or {}
    if CONTENT not in about and DIGEST not in about:
        return _tensors(arrays)
    text = about.get(CONTENT, "")
    if about.get(DIGEST) != _digest(text, arrays):
        raise CheckpointError(f"load: {name} is damaged: it is not what was saved, by its checksum")
    try:
        whole = json.loads(text)
        version, content = whole["version"], whole["content"]
        if version <= VERSION:
            return _rebuilt(content, _tensors(arrays))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"load: {name} has a content that makes no sense: {error!r}") from error
    raise CheckpointError(
        f"load: {name} is of version {version}, this tensorgrad reads up to {VERSION}; use a later one"
    )


class _Arrays:
    """The arrays of a file, each under a name of its own."""

    def __init__(self) -> None:
        self.by_name: dict[str, np.ndarray] = {}
        self._known: dict[int, tuple[Any, str]] = {}  # the objects too, so that no other can get their address

    def add(self, owner: Any, array: np.ndarray, place: tuple[Any, ...]) -> str:
        """The name of ``array``: the keys and positions that lead to ``owner``, or to where it was met before."""
        if id(owner) in self._known:
            return self._known[id(owner)][1]
        if array.dtype.newbyteorder("=") not in _DTYPES:
            raise TypeError(f"save: {_spelled(place)} is {describe(array)}: its dtype has no place in the format")
        joined = ".".join(map(str, place)) or "value"
        name = wanted = joined.encode(errors="replace").decode()  # half a surrogate pair is no text for others
        number = 1
        while name in self.by_name or name == "__metadata__":
            number += 1
            name = f"{wanted}#{number}"
        self.by_name[name] = array
        self._known[id(owner)] = owner, name
        return name


def _described(value: Any, place: tuple[Any, ...], arrays: _Arrays) -> Any:
    """``value`` as JSON has it, its arrays put among ``arrays``; a dict of one key says what else it is."""
    if len(place) > _DEEPEST:
        raise ValueError(f"save: the object contains itself, or is nested more than {_DEEPEST} levels deep")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if np.isfinite(value) else {"float": str(value)}
    if kind is list:
        return [_described(v, (*place, i), arrays) for i, v in enumerate(value)]
    if kind is tuple:
        return {"tuple": [_described(v, (*place, i), arrays) for i, v in enumerate(value)]}
    if _MAPPINGS.get(kind.__name__) is kind:
        pairs = [[_key(k, place), _described(v, (*place, k), arrays)] for k, v in value.items()]
        return {kind.__name__: pairs}
    if isinstance(value, Tensor):
        return {"requires_grad" if value.requires_grad else "tensor": arrays.add(value, value._data, place)}
    if isinstance(value, np.generic):
        return {"number": arrays.add(value, np.asarray(value), place)}
    if kind is np.ndarray:
        return {"array": arrays.add(value, value, place)}
    raise TypeError(
        f"save: {_spelled(place)} is of type {kind.__name__}; expected tensors, arrays, numbers, strings and None, in "
        "dicts, lists and tuples (of a module, an optimizer or a schedule, save the state_dict())"
    )


def _key(key: Any, place: tuple[Any, ...]) -> Any:
    """A key of a dict: a string, a number or None."""
    if key is None or type(key) in (bool, int, str) or (type(key) is float and np.isfinite(key)):
        return key
    raise TypeError(f"save: {_spelled(place)} has the key {key!r}; expected strings and numbers")


def _spelled(place: tuple[Any, ...]) -> str:
    """How a program would name a place: ``obj['model'][0]``."""
    return "obj" + "".join(f"[{key!r}]" for key in place)


def _rebuilt(described: Any, tensors: dict[str, Tensor]) -> Any:
    """The value that :func:`_described` saw; any error means that it never saw one."""
    if isinstance(described, list):
        return [_rebuilt(v, tensors) for v in described]
    if not isinstance(described, dict):
        return described
    ((kind, inner),) = described.items()
    if kind == "tuple":
        return tuple([_rebuilt(v, tensors) for v in inner])
    if kind in _MAPPINGS:
        return _MAPPINGS[kind]({key: _rebuilt(v, tensors) for key, v in inner})
    if kind == "float" and inner in _NO_JSON:
        return float(inner)
    tensor = tensors[inner]
    if kind == "tensor":
        return tensor
    if kind == "requires_grad":
        return tensor.requires_grad_()
    if kind == "array":
        return tensor._data
    if kind == "number":
        return tensor._data[()]
    raise KeyError(kind)


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The arrays as tensors, copied where they are read-only."""
    return {name: wrap(array if array.flags.writeable else array.copy()) for name, array in arrays.items()}


def _checked_file(f: Any, op: str, method: str) -> BinaryIO:
    """``f``, TypeError unless it is a binary file."""
    if isinstance(f, io.TextIOBase) or not hasattr(f, method):
        got = "a text file; open it with mode 'rb' or 'wb'" if isinstance(f, io.TextIOBase) else describe(f)
        raise TypeError(f"{op}: expected a path or an open binary file, got {got}")
    file: BinaryIO = f
    return file


def _digest(text: str, arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 of the content and of every array with its name, dtype and shape."""
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{json.dumps(name)} {array.dtype.name} {array.shape}\n".encode())
        array = array.reshape(-1).view(np.uint8)
        digest.update(array.data)
    return digest.hexdigest()
