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


def flatten_like(like: Any, tree: Any) -> list[Any]:
    """The leaves of ``tree`` in the order of the leaves of ``like``; ValueError when the structures differ.

    Entries of dictionaries are matched by key, whatever their order.

    >>> flatten_like({"a": 0, "b": (0, 0)}, {"b": (2, 3), "a": 1})
    [1, 2, 3]
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            found = f"keys {list(tree)}" if isinstance(tree, dict) else type(tree).__name__
            raise ValueError(f"expected a dictionary with keys {list(like)}, got {found}")
        return [leaf for key in like for leaf in flatten_like(like[key], tree[key])]
    if isinstance(like, (tuple, list)):
        if not isinstance(tree, (tuple, list)) or len(tree) != len(like):
            found = f"{len(tree)} entries" if isinstance(tree, (tuple, list)) else type(tree).__name__
            raise ValueError(f"expected {len(like)} entries in a {type(like).__name__}, got {found}")
        return [leaf for a, b in zip(like, tree, strict=True) for leaf in flatten_like(a, b)]
    if isinstance(tree, (dict, tuple, list)):
        raise ValueError(f"expected one value, got a {type(tree).__name__}")
    return [tree]


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` applied to every leaf.

    >>> tree_map(lambda x: -x, [1, (2, 3)])
    [-1, (-2, -3)]
    """
    leaves, build = flatten(tree)
    return build([function(leaf) for leaf in leaves])


def _take_apart(tree: Any, leaves: list[Any]) -> Any:
    if isinstance(tree, dict):
        return tree, [(key, _take_apart(value, leaves)) for key, value in tree.items()]
    if isinstance(tree, (tuple, list)):
        return tree, [_take_apart(value, leaves) for value in tree]
    leaves.append(tree)
    return None


def _put_together(shape: Any, values: Any) -> Any:
    if shape is None:
        return next(values)
    like, parts = shape
    if isinstance(like, dict):
        items = {key: _put_together(part, values) for key, part in parts}
        if type(like) is dict:
            return items
        twin = like.copy()  # an OrderedDict or a defaultdict stays what it is
        twin.update(items)
        return twin
    built = [_put_together(part, values) for part in parts]
    return type(like)(*built) if hasattr(like, "_fields") else type(like)(built)
