"""Which dtype an operator on mixed operands works in: PyTorch's rules, on raw operands.

Python numbers never decide the width of a float; an integer array with a float array gives the float's dtype;
0-d arrays count only when no other array is of their category.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: dtype of results that must be floating point though every operand is an integer
DEFAULT_FLOAT = np.dtype(np.float32)
_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}


def _category(value: Any) -> int:
    if isinstance(value, np.ndarray):
        try:
            return _CATEGORY[value.dtype.kind]
        except KeyError:
            raise TypeError(
                f"dtype {value.dtype} is not supported: tensors are real floats, integers or booleans"
            ) from None
    return 0 if isinstance(value, bool) else 1 if isinstance(value, int) else 2


def result_type(operands: list[Any]) -> np.dtype[Any]:
    """The common dtype of arrays and Python numbers.

    >>> import numpy as np
    >>> result_type([np.ones(2, np.int64), np.ones(2, np.float32)])
    dtype('float32')
    >>> result_type([np.ones(2, np.float32), np.array(1.0)]), result_type([np.ones(2, np.int64), 1.5])
    (dtype('float32'), dtype('float32'))
    """
    arrays = [v for v in operands if isinstance(v, np.ndarray)]
    alone = len(arrays) == len(operands)  # beside numbers, only a float's dtype is sure to stay
    if arrays and len({a.dtype for a in arrays}) == 1 and _category(arrays[0]) >= (0 if alone else _CATEGORY["f"]):
        return arrays[0].dtype  # they agree already, as most operands do
    by_rank = [[a for a in arrays if a.ndim], [a for a in arrays if not a.ndim]]
    dtype: np.dtype[Any] | None = None
    category = -1
    for group in by_rank:
        top = max((_category(a) for a in group), default=-1)
        if top > category:
            dtype = np.result_type(*[a.dtype for a in group if _category(a) == top])
            category = top
    scalars = [v for v in operands if v is not None and not isinstance(v, np.ndarray)]
    top = max((_category(v) for v in scalars), default=-1)
    if top > category or dtype is None:
        return (np.dtype(bool), np.dtype(np.int64), DEFAULT_FLOAT)[top]
    return dtype


def promote_operands(raw: list[Any]) -> list[Any]:
    """The same list when the arrays agree already, else the arrays cast to their common dtype."""
    return _cast(raw, result_type(raw))


def promote_to_float(raw: list[Any]) -> list[Any]:
    """As :func:`promote_operands`; operands that are all integers become floats of the default dtype."""
    dtype = result_type(raw)
    return _cast(raw, dtype if dtype.kind == "f" else DEFAULT_FLOAT)


def _cast(raw: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    if all(not isinstance(v, np.ndarray) or v.dtype == dtype for v in raw):
        return raw
    return [v.astype(dtype) if isinstance(v, np.ndarray) else v for v in raw]
