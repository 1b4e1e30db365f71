"""Hooks: callables that see gradients on their way, and may replace them."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from tensorgrad.autograd.handle import PostHook
from tensorgrad.autograd.primitive import TENSOR_CLASSES, wrap
from tensorgrad.errors import describe


def run_hooks(hooks: dict[int, Any], gradient: Any, owner: Any) -> Any:
    """Pass ``gradient`` through the hooks in order; a result that is not None takes its place.

    What is retained is what they leave, whenever it was asked for.
    """
    raw = type(gradient) not in TENSOR_CLASSES
    current = _as_tensor(gradient)
    for hook in sorted(hooks.values(), key=lambda hook: type(hook) is RetainGrad):
        if type(hook) is PostHook:
            continue
        result = hook(current)
        if result is None:
            continue
        if type(result) not in TENSOR_CLASSES or result.shape != current.shape:
            raise ValueError(
                f"hook of {owner!r}: expected a tensor of shape {tuple(current.shape)} or None, got {describe(result)}"
            )
        current = result
    return current._data if raw else current


def run_post_hooks(hooks: dict[int, Any], found: list[Any], gradient: Any, owner: Any) -> list[Any]:
    """Pass the gradients ``found`` by the rules of a node through its hooks; what they return takes their place.

    Arrays come back as views: the hooks may hold on to them, so no leaf takes their memory for its own.
    """
    after = [hook.hook for hook in list(hooks.values()) if type(hook) is PostHook]
    if not after:
        return found
    raw = type(gradient) not in TENSOR_CLASSES
    current = tuple([None if d is None else _as_tensor(d) for d in found])
    for hook in after:
        result = hook(current, (_as_tensor(gradient),))
        if result is None:
            continue
        replaced = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if [_shape(d) for d in replaced] != [_shape(d) for d in current]:
            raise ValueError(
                f"hook of {owner!r}: expected one gradient for each input, of shapes {[_shape(d) for d in current]}, "
                f"or None; got {[_shape(d) for d in replaced]}"
            )
        current = replaced
    return [d._data.view() if raw and d is not None else d for d in current]


def _as_tensor(gradient: Any) -> Any:
    return gradient if type(gradient) in TENSOR_CLASSES else wrap(np.asarray(gradient))


def _shape(gradient: Any) -> Any:
    """The shape of a tensor; what is no tensor describes itself."""
    return tuple(gradient.shape) if type(gradient) in TENSOR_CLASSES else gradient


class RetainGrad:
    """The hook behind ``Tensor.retain_grad``: stores the gradient on a tensor that is no leaf."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, gradient: Any) -> None:
        """Store ``gradient`` on the tensor, if it still exists."""
        tensor = self.tensor()
        if tensor is None:
            return
        if gradient.node is None:
            gradient = wrap(gradient._data.copy())
        tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient


def retains_grad(tensor: Any) -> bool:
    """True for a computed tensor that keeps its gradient."""
    return any(isinstance(hook, RetainGrad) and hook.tensor() is tensor for hook in (tensor.node.hooks or {}).values())
