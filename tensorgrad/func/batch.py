"""vmap: a function of one sample becomes a function of a batch."""

from __future__ import annotations

import functools
from typing import Any

from tensorgrad import random
from tensorgrad.errors import describe, op_error
from tensorgrad.func.trace import Function
from tensorgrad.ops.join import stack
from tensorgrad.pytree import flatten, flatten_like
from tensorgrad.tensor import Tensor


def vmap(
    func: Function,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "different",
    *,
    chunk_size: int | None = None,
) -> Function:
    """The function mapped over a batch dimension of its arguments: a loop over samples and a stack, always right.

    ``in_dims`` is the batch dimension of every argument (an int, or one per argument, or one per leaf of an argument;
    None: the same for all samples); ``out_dims`` where the batch stands in the results. Random operators draw anew
    for each sample, or the same with ``randomness="same"``. ``chunk_size`` is accepted and changes nothing.
    Differentiable, nests with every transform. Raises ValueError for batches of different sizes or none at all,
    TypeError for a result that is no tensor. Source: ``torch.func.vmap``.

    >>> import tensorgrad as tg
    >>> per_sample = tg.func.vmap(tg.func.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))
    >>> per_sample(tg.tensor([1.0, 1.0]), tg.tensor([[1.0, 0.0], [0.0, 3.0]])).tolist()
    [[2.0, 0.0], [0.0, 18.0]]
    """
    if randomness not in ("different", "same", "error"):
        raise op_error(ValueError, "vmap", f"randomness must be 'different', 'same' or 'error', got {randomness!r}")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, build = flatten(args)
        dims = [_batch_dim(leaf, dim) for leaf, dim in zip(leaves, _spread(in_dims, args, "in_dims"), strict=True)]
        size = _common_size(leaves, dims)
        state = random.get_rng_state()
        results = []
        for i in range(size):
            if randomness == "same":
                random.set_rng_state(state)
            sample = [x if dim is None else x[(slice(None),) * dim + (i,)] for x, dim in zip(leaves, dims, strict=True)]
            results.append(flatten(func(*build(sample), **kwargs)))
        for result in results[0][0]:
            if not isinstance(result, Tensor):
                raise op_error(TypeError, "vmap", f"the function must return tensors, got {describe(result)}")
        arrange = results[0][1]
        columns = list(zip(*[found for found, _ in results], strict=True))
        places = _spread(out_dims, arrange(list(range(len(columns)))), "out_dims")
        return arrange([stack(list(column), dim=place) for column, place in zip(columns, places, strict=True)])

    return mapped


def _spread(dims: Any, tree: Any, name: str) -> list[Any]:
    """One dimension for each leaf of ``tree``: an int counts for all leaves below it."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree)[0])
    parts = list(tree.values()) if isinstance(tree, dict) else list(tree) if isinstance(tree, (tuple, list)) else None
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        entries = [dims[key] for key in tree]
    elif isinstance(dims, (tuple, list)) and parts is not None and len(dims) == len(parts):
        entries = list(dims)
    elif isinstance(dims, (tuple, list)) and parts is None and len(dims) == 1:
        return flatten_like(tree, dims[0])
    else:
        count = "one value" if parts is None else f"{len(parts)} of them"
        raise op_error(ValueError, "vmap", f"{name} {dims!r} does not fit the arguments or results: there is {count}")
    return [dim for entry, part in zip(entries, parts or [], strict=True) for dim in _spread(entry, part, name)]


def _batch_dim(leaf: Any, dim: Any) -> int | None:
    """The batch dimension of a leaf, counted from the front."""
    if dim is None:
        return None
    if not isinstance(leaf, Tensor):
        raise op_error(
            TypeError, "vmap", f"in_dims is {dim} for {describe(leaf)}, which is no tensor; give None for it"
        )
    if not -leaf.ndim <= dim < leaf.ndim:
        raise op_error(IndexError, "vmap", f"in_dims is {dim} for a tensor of shape {tuple(leaf.shape)}")
    return int(dim % leaf.ndim)


def _common_size(leaves: list[Any], dims: list[int | None]) -> int:
    sizes = {leaf.shape[dim] for leaf, dim in zip(leaves, dims, strict=True) if dim is not None}
    if len(sizes) != 1:
        found = f"sizes {sorted(sizes)}" if sizes else "no batch dimension at all"
        raise op_error(ValueError, "vmap", f"the batch dimensions must have one common size, got {found}")
    (size,) = sizes
    if size == 0:
        raise op_error(ValueError, "vmap", "the batch is empty, so the results are not known")
    return int(size)
