"""`tensorgrad.compile`."""

from __future__ import annotations

import functools
from typing import Any

from tensorgrad.errors import describe
from tensorgrad.nn.module import Module
from tensorgrad.replay.compiled import Compiled
from tensorgrad.replay.module import CompiledModule


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "plan",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """A function, or a module, that runs faster: the Python between its kernels is run once, then left away.

    The first call runs as always and notes each kernel; later calls with arguments of the same shapes and dtypes run
    these one after the other: the same numbers bit for bit, the same ``.grad``, buffers, random masks and errors. A
    whole training step gains most. Arguments are tensors that require no grad, numbers, strings, and containers of
    them. Shapes, numbers and what is read beside the arguments (attributes, settings, global names, ``training``,
    ``no_grad``) are compared before each call, and what changes is noted anew.

    What cannot be repeated safely runs as Python, as if it were not compiled: ``compiled.reason`` says why (a value
    that is looked at, ``if loss > 3`` or ``loss.item()``, an array of NumPy's, printing, ``try``).
    With ``fullgraph`` that is a RuntimeError, after the call. ``compiled.plans[0].source`` is the program that runs.
    As a decorator, it may be given options: ``@tg.compile(fullgraph=True)``. ``dynamic``, ``backend``, ``mode`` and
    ``options`` are accepted and change nothing; ``disable`` returns ``model``.
    Source: ``torch.compile``, and CUDA graphs.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> @tg.compile
    ... def step(x):
    ...     loss = tg.relu(layer(x)).sum()
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = step(tg.ones(4, 2))
    >>> print(step.plans[0].source.split(chr(10))[3])
        v0 = linear(a0, w0, w1)
    """
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: expected a function or a module, got {describe(model)}")
    if disable:
        return model
    return CompiledModule(model, fullgraph) if isinstance(model, Module) else Compiled(model, fullgraph)


__all__ = ["compile"]
