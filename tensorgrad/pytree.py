"""Nested tuples, lists and dictionaries of tensors: taken apart into leaves and put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of ``tree`` in order, and the function that builds the same structure around other leaves.

    >>> leaves, build = flatten({"a": (1, 2), "b": [3]})
    >>> leaves, build([x * 10 for x in leaves])
    ([1, 2, 3], {'a': (10, 20), 'b': [30]})
    """
    leaves: list[Any] = []
    shape = _take_apart(tree, leaves)
    count = len(leaves)

    def build(values: list[Any]) -> Any:
        if len(values) != count:
            raise ValueError(f"expected {count} leaves, got {len(values)}")
        return _put_together(shape, iter(values))

    return leaves, build


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` applied to every leaf.

    >>> tree_map(lambda x: -x, [1, (2, 3)])
    [-1, (-2, -3)]
    """
    leaves, build = flatten(tree)
    return build([function(leaf) for leaf in leaves])


def _take_apart(tree: Any, leaves: list[Any]) -> Any:
    if isinstance(tree, dict):
        return dict, [(key, _take_apart(value, leaves)) for key, value in tree.items()]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree), [_take_apart(value, leaves) for value in tree]
    if isinstance(tree, (tuple, list)):
        return type(tree), [_take_apart(value, leaves) for value in tree]
    leaves.append(tree)
    return None


def _put_together(shape: Any, values: Any) -> Any:
    if shape is None:
        return next(values)
    kind, parts = shape
    if kind is dict:
        return {key: _put_together(part, values) for key, part in parts}
    built = [_put_together(part, values) for part in parts]
    return kind(*built) if hasattr(kind, "_fields") else kind(built)
