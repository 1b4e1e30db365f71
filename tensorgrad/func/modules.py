"""Modules as functions of their parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tensorgrad.errors import op_error
from tensorgrad.ops.join import stack
from tensorgrad.tensor import Tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Call ``module`` with other values for the named parameters and buffers; the module is left as it was.

    ``parameter_and_buffer_dicts`` is a dictionary, or several, of paths to tensors; what is not named keeps its value,
    and what is tied is replaced together. ``args`` is a tuple, or the only argument. Raises ValueError for paths that
    the module does not have. Source: ``torch.func.functional_call``.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(1, 1)
    >>> new = {"weight": tg.tensor([[3.0]]), "bias": tg.tensor([1.0])}
    >>> tg.func.functional_call(layer, new, (tg.tensor([[2.0]]),)).item()
    7.0
    """
    given = parameter_and_buffer_dicts
    values: dict[str, Any] = {}
    for part in [given] if isinstance(given, Mapping) else given:
        values.update(part)
    known = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    unknown = [name for name in values if name not in known]
    if unknown:
        raise op_error(ValueError, "functional_call", f"{type(module).__name__} has no {', '.join(unknown)}")
    replaced = {id(known[name]): value for name, value in values.items()}
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for part_of in module.modules():
            attributes = vars(part_of)
            for name, value in list(attributes.items()):
                new = _exchanged(value, replaced)
                if new is not value:
                    before.append((attributes, name, value))
                    attributes[name] = new
        return module(*arguments, **(kwargs or {}))
    finally:
        for attributes, name, value in before:
            attributes[name] = value


def _exchanged(value: Any, replaced: dict[int, Any]) -> Any:
    """``value`` with other tensors in it, looking into plain containers as modules do; itself if there are none."""
    if id(value) in replaced:
        return replaced[id(value)]
    if isinstance(value, dict):
        items = {key: _exchanged(item, replaced) for key, item in value.items()}
        if all(items[key] is item for key, item in value.items()):
            return value
        twin = copy.copy(value)
        twin.update(items)
        return twin
    if isinstance(value, (list, tuple)):
        parts = [_exchanged(item, replaced) for item in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def stack_module_state(models: list[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and buffers of several models of one kind, stacked along a new first dimension: an ensemble.

    Raises ValueError for no models, or models with different parameters. Source: ``torch.func.stack_module_state``.

    >>> import tensorgrad as tg
    >>> parameters, buffers = tg.func.stack_module_state([tg.nn.Linear(2, 1), tg.nn.Linear(2, 1)])
    >>> parameters["weight"].shape
    (2, 1, 2)
    """
    params = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    if not models or any(p.keys() != params[0].keys() for p in params):
        raise op_error(ValueError, "stack_module_state", "expected at least one model, all with the same parameters")
    return (
        {name: stack([p[name].detach() for p in params]).requires_grad_() for name in params[0]},
        {name: stack([b[name] for b in buffers]) for name in buffers[0]},
    )
