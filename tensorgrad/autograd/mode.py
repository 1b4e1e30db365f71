"""Whether operators are recorded: per thread, as context managers and decorators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

from tensorgrad.autograd.in_place import user_line
from tensorgrad.state import per_thread

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """True when operators on this thread are being recorded. Source: ``torch.is_grad_enabled``.

    >>> is_grad_enabled()
    True
    """
    return per_thread.state.recording


class _GradMode:
    """Sets recording to ``mode`` inside a ``with`` block or a decorated function, restores it after."""

    mode: bool
    _line: str | None = None  # of a decorated function; otherwise it is that of the `with`
    _before: Any = None  # (recording, cut line, those before them): blocks of one manager may be nested

    def __init__(self, mode: bool, line: str | None = None) -> None:
        self.mode = mode
        self._line = line

    def __enter__(self) -> None:
        state = per_thread.state
        self._before = state.recording, state.cut_line, self._before
        state.recording = self.mode
        if not self.mode:
            state.cut_line = self._line or user_line()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state = per_thread.state
        state.recording, state.cut_line, self._before = self._before

    def __call__(self, function: F) -> F:
        """Decorate ``function`` (a generator function too: the mode holds inside it, not between yields)."""
        mode = self.mode
        code = getattr(function, "__code__", None)
        line = f"{code.co_filename}:{code.co_firstlineno}" if code else None
        if inspect.isgeneratorfunction(function):
            return _decorate_generator(function, mode, line)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with _GradMode(mode, line):
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


def _decorate_generator(function: Callable[..., Any], mode: bool, line: str | None) -> Callable[..., Any]:
    """Each resumption of the generator runs under ``mode``; between yields the caller's mode stands."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _GradMode(mode, line):
            generator = function(*args, **kwargs)
        step, payload = generator.send, None
        while True:
            try:
                with _GradMode(mode, line):
                    item = step(payload)
            except StopIteration as stop:
                return stop.value
            try:
                payload = yield item
                step = generator.send
            except GeneratorExit:
                with _GradMode(mode, line):
                    generator.close()
                raise
            except BaseException as error:
                step, payload = generator.throw, error

    return wrapper


class no_grad(_GradMode):
    """Nothing is recorded inside: results need no gradient and hold no graph.

    Source: ``torch.no_grad``. Works as ``with no_grad():`` and as ``@no_grad()`` or ``@no_grad``.

    >>> import tensorgrad as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    mode = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """A context manager, or at once the decorated function."""
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __init__(self) -> None:
        """Only :meth:`__new__` is given a function."""


class inference_mode(_GradMode):
    """As :class:`no_grad`, under the name of PyTorch's faster form of it; ``inference_mode(False)`` records.

    Results may be used in recorded code afterwards, as constants. Source: ``torch.inference_mode``.

    >>> import tensorgrad as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> with tg.inference_mode():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        """A context manager, or at once the decorated function."""
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        _GradMode.__init__(self, False)
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)


class enable_grad(_GradMode):
    """Recording is on inside, even within :class:`no_grad`. Source: ``torch.enable_grad``."""

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_GradMode):
    """Turn recording on or off: at once as a call, until the end of the block as a context manager.

    Source: ``torch.set_grad_enabled``.

    >>> import tensorgrad as tg
    >>> with tg.set_grad_enabled(False):
    ...     tg.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        state = per_thread.state
        self._outside = state.recording, state.cut_line
        self._switch()

    def _switch(self) -> None:
        state = per_thread.state
        state.recording = self.mode
        if not self.mode:
            state.cut_line = user_line()

    def __enter__(self) -> None:
        self._before = *self._outside, self._before
        self._switch()

    def __call__(self, function: F) -> F:
        """Decorate ``function``: the call that made this object then has no effect of its own."""
        per_thread.state.recording, per_thread.state.cut_line = self._outside
        return super().__call__(function)
