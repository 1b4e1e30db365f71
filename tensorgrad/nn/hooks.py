"""Hooks of modules: what is called before and after ``forward``, and when gradients pass through the module.

The gradients at the two ends of a module are seen by identities there: one operator through which all inputs go, and
one for all outputs. An operator's backward is called once it has the gradients of everything that went through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tensorgrad.autograd.function import Function
from tensorgrad.autograd.handle import RemovableHandle, add_hook
from tensorgrad.errors import describe
from tensorgrad.tensor import Tensor

Gradients = tuple[Any, ...]


class _ForwardHook(NamedTuple):
    """An entry of the tables of forward hooks."""

    hook: Callable[..., Any]
    with_kwargs: bool


class Hooked:
    """Mixin of Module: its tables of hooks, each filled by a method."""

    _forward_hooks: dict[int, _ForwardHook]
    _forward_pre_hooks: dict[int, _ForwardHook]
    _backward_hooks: dict[int, Callable[..., Any]]
    _backward_pre_hooks: dict[int, Callable[..., Any]]

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, result)`` after forward; a result that is not None takes its place.

        ``prepend`` calls it before the hooks that are there already; ``with_kwargs`` passes the keyword arguments too:
        ``hook(module, args, kwargs, result)``. Source: ``torch.nn.Module.register_forward_hook``.
        """
        return add_hook(self._forward_hooks, hook, _ForwardHook(hook, with_kwargs), prepend=prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; a result that is not None takes the arguments' place.

        ``with_kwargs`` calls ``hook(module, args, kwargs)``, which returns None or both.
        Source: ``torch.nn.Module.register_forward_pre_hook``.
        """
        return add_hook(self._forward_pre_hooks, hook, _ForwardHook(hook, with_kwargs), prepend=prepend)

    def register_full_backward_hook(
        self, hook: Callable[[Any, Gradients, Gradients], Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known.

        ``grad_input`` has one entry for each positional argument, None where it needs no gradient; what the hook
        returns takes its place. An output that nothing used has a gradient of zeros.
        Source: ``torch.nn.Module.register_full_backward_hook``.

        >>> import tensorgrad as tg
        >>> net, x = tg.nn.Linear(2, 1, bias=False), tg.ones(1, 2, requires_grad=True)
        >>> handle = net.register_full_backward_hook(lambda module, grad_input, grad_output: grad_input[0] * 0 + 7)
        >>> net(x).sum().backward(); x.grad
        tensor([[7., 7.]])
        """
        return add_hook(self._backward_hooks, hook, prepend=prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[[Any, Gradients], Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before gradients enter the module; what it returns takes their place.

        Source: ``torch.nn.Module.register_full_backward_pre_hook``.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)


def before_forward(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Positional and keyword arguments as the hooks before forward leave them."""
    for hook, with_kwargs in list(module._forward_pre_hooks.values()):
        changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if changed is None:
            continue
        if with_kwargs:
            if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
                raise RuntimeError(
                    f"forward pre-hook of {type(module).__name__}: with with_kwargs=True it must return None or "
                    f"(args, kwargs), got {describe(changed)}"
                )
            changed, kwargs = changed
        args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def after_forward(module: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
    """The result as the hooks after forward leave it."""
    for hook, with_kwargs in list(module._forward_hooks.values()):
        changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        if changed is not None:
            result = changed
    return result


class BackwardHooks:
    """The hooks on the gradients of one call of a module, as they are at that call."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.pre_hooks = list(module._backward_pre_hooks.values())
        self.hooks = list(module._backward_hooks.values())
        self.arity = 0  # of the call
        self.places: list[int] = []  # of the arguments that need a gradient
        self.grad_output: Gradients = ()  # between the two ends of a backward pass

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, such that their gradients come by."""
        self.arity, self.places = len(args), _tracked(args)
        return tuple(_replaced(args, self.places, self.leaving)) if self.hooks else args

    def leave(self, result: Any) -> Any:
        """The result (a tensor, or a tuple or list with tensors), such that its gradients come by."""
        values = list(result) if isinstance(result, (tuple, list)) else [result]
        values = _replaced(values, _tracked(values), self.entering)
        if not isinstance(result, (tuple, list)):
            return values[0]
        return type(result)(*values) if hasattr(result, "_fields") else type(result)(values)

    def entering(self, gradients: Gradients) -> Gradients:
        """The gradients of the outputs on their way into the module."""
        for hook in self.pre_hooks:
            gradients = self._checked(hook(self.module, gradients), gradients, "full backward pre-hook")
        if not self.hooks:
            return gradients
        self.grad_output = gradients
        if not self.places:  # no gradient will come out at the other end
            self.leaving(())
        return gradients

    def leaving(self, gradients: Gradients) -> Gradients:
        """The gradients of the inputs on their way out."""
        grad_output, self.grad_output = self.grad_output, ()
        found = dict(zip(self.places, gradients, strict=True))
        grad_input = tuple([found.get(i) for i in range(self.arity)])
        for hook in self.hooks:
            grad_input = self._checked(hook(self.module, grad_input, grad_output), grad_input, "full backward hook")
        return tuple([grad_input[i] for i in self.places])

    def _checked(self, result: Any, before: Gradients, kind: str) -> Gradients:
        """What a hook returned as a tuple; ValueError when it has another number of entries."""
        if result is None:
            return before
        after = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if len(after) != len(before):
            raise ValueError(
                f"{kind} of {type(self.module).__name__}: expected {len(before)} gradients or None, got {len(after)}"
            )
        return after


class _Passage(Function):
    """The identity of several tensors; ``see(gradients)`` is called with all of theirs."""

    @staticmethod
    def forward(ctx: Any, see: Callable[[Gradients], Gradients], *tensors: Any) -> Any:
        ctx.see = see
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return (None, *ctx.see(gradients))


def _tracked(values: Sequence[Any]) -> list[int]:
    return [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]


def _replaced(values: Sequence[Any], places: list[int], see: Callable[[Gradients], Gradients]) -> list[Any]:
    """``values`` with those at ``places`` sent through a passage."""
    values = list(values)
    if places:
        for i, value in zip(places, _Passage.apply(see, *[values[i] for i in places]), strict=True):
            values[i] = value
    return values
