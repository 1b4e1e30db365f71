"""The path of a module, which nodes, errors and drawings speak of: ``Net.features.0``."""

from __future__ import annotations

import weakref
from typing import Any


class ModulePath(str):
    """The text of a path, and the outermost module, whose class its first part names.

    Two networks of one class have equal paths; drawings must tell them apart. A node keeps the path, not the network.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 2))
    >>> path = net(tg.ones(1, 2)).node.module_path
    >>> path, path.root() is net
    ('Sequential.0', True)
    """

    __slots__ = ("root",)
    root: weakref.ref[Any]

    def __new__(cls, text: str, root: weakref.ref[Any]) -> ModulePath:
        """The path ``text`` below the module that ``root`` refers to."""
        self = super().__new__(cls, text)
        self.root = root
        return self


__all__ = ["ModulePath"]
