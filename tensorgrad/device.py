"""The device: there is one, and programs may ask for it by name as they do in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import op_error


class device(str):
    """The CPU under PyTorch's name for it: a string that also has ``type`` and ``index``.

    Raises ValueError for any other device. Source: ``torch.device``.

    >>> import tensorgrad as tg
    >>> place = tg.device("cuda" if tg.cuda.is_available() else "cpu")
    >>> place, place == "cpu", tg.ones(2, device=place).device == place
    (device(type='cpu'), True, True)
    """

    __slots__ = ()

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> device:
        """``"cpu"``, ``"cpu:0"``, or the two parts of it."""
        name = str(type) if index is None else f"{type}:{index}"
        check_device(name, "device")
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """Always "cpu"."""
        return "cpu"

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """The number behind the colon, if there is one."""
        number = self.partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"


def names_device(value: Any) -> bool:
    """True for a string that is not the name of a dtype, where either may stand.

    >>> names_device("cuda:0"), names_device("float32")
    (True, False)
    """
    if not isinstance(value, str):
        return False
    try:
        np.dtype(value)
    except TypeError:
        return True
    return False


def check_device(name: Any, op: str) -> None:
    """Accept None and the CPU; anything else is an error that says so."""
    if name is not None and str(name).split(":")[0] != "cpu":
        raise op_error(ValueError, op, f"tensorgrad runs on the CPU only, got device {name!r}")
