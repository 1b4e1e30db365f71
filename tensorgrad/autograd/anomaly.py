"""Anomaly detection: the first operator that makes a NaN or an infinity out of finite numbers is named."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Any

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.node import Node, Packed
from tensorgrad.autograd.primitive import TENSOR_CLASSES, Primitive
from tensorgrad.autograd.watch import Watcher
from tensorgrad.errors import describe, place
from tensorgrad.state import per_thread


class AnomalyError(RuntimeError):
    """An operator, or its backward, made a NaN or an infinity out of finite numbers."""


class _AnomalyMode(Watcher, contextlib.ContextDecorator):
    """Remembers the line of every call, and with ``check_nan`` looks at every result and gradient."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[tuple[Any, ...]] = []

    def __enter__(self) -> None:
        state = per_thread.state
        self._before.append(state.watchers)
        self._switch_on()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        per_thread.state.watchers = self._before.pop()

    def _switch_on(self) -> None:
        state = per_thread.state
        state.watchers = (self, *_others(state.watchers))

    def forward(self, op: Primitive, operands: list[Any], result: Any, node: Node | None) -> None:
        """Raise when ``op`` made ``result`` non-finite though its operands are finite."""
        if node is not None:
            node.source = in_place.user_line()
        if not self.check_nan or _finite(result) or not all(map(_finite, operands)):
            return
        if node is not None and not all(map(_finite, node.static.values())):
            return  # an infinity that the user gave: padding with -inf
        raise AnomalyError(
            f"{place(op.name, per_thread.state.module_path)} at {in_place.user_line()} made {_count(result)} "
            f"out of finite inputs{_listing(operands, 'input')}"
        )

    def before_backward(self, node: Node, gradient: Any) -> None:
        """Raise when the gradient is non-finite before a rule has made it so."""
        if self.check_nan and not _finite(gradient):
            raise AnomalyError(
                f"the gradient that reaches {node.origin}{_comma(node)} has "
                f"{_count(gradient)}, though the rules gave finite ones: it was given so to backward, a hook put it "
                "there, or the sum of the contributions overflowed"
            )

    def backward(self, node: Node, gradient: Any, found: list[Any]) -> None:
        """Raise when the rules of ``node`` made a non-finite gradient out of a finite one."""
        if not self.check_nan:
            return
        for i, value in enumerate(found):
            if value is not None and not _finite(value):
                values = [v for v in node.saved if v is not None] if not isinstance(node.saved, Packed) else []
                saved = _listing(values, "saved input") + _listing([v for v in [node.value] if v is not None], "output")
                raise AnomalyError(
                    f"backward of {node.origin}{_comma(node)} made {_count(value)} in the "
                    f"gradient of input {i} out of a finite gradient{_listing([gradient], 'gradient')}{saved}"
                )


class detect_anomaly(_AnomalyMode):
    """Inside the block, the first operator that makes a NaN or an infinity out of finite numbers raises.

    The :class:`AnomalyError` names the operator, the module, the line of the call (for backward: of the forward call)
    and the ranges of what went in. It sees forward, also under ``no_grad``, and backward, on this thread. Every value
    is looked at once more, which costs time. With ``check_nan=False`` only the lines are remembered, for the errors
    of the engine and for ``explain_grad``. Source: ``torch.autograd.detect_anomaly``, which looks at backward only.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.0, 4.0], requires_grad=True)
    >>> with tg.autograd.detect_anomaly():
    ...     x.sqrt().sum().backward()
    Traceback (most recent call last):
    tensorgrad.autograd.anomaly.AnomalyError: backward of sqrt, called at ... made 1 inf of 2 values ...
    """


class set_detect_anomaly(_AnomalyMode):
    """Switch anomaly detection on or off: at once as a call, until the end of the block as a context manager.

    Source: ``torch.autograd.set_detect_anomaly``.

    >>> import tensorgrad as tg
    >>> with tg.autograd.set_detect_anomaly(True):
    ...     tg.autograd.is_anomaly_enabled()
    True
    >>> tg.autograd.is_anomaly_enabled()
    False
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self.mode = bool(mode)
        self._outside = per_thread.state.watchers
        self._switch_on()

    def __enter__(self) -> None:
        self._before.append(self._outside)
        self._switch_on()

    def _switch_on(self) -> None:
        state = per_thread.state
        state.watchers = (self, *_others(state.watchers)) if self.mode else _others(state.watchers)


def is_anomaly_enabled() -> bool:
    """True when anomaly detection is on for this thread."""
    return len(_others(per_thread.state.watchers)) < len(per_thread.state.watchers)


def _others(watchers: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(w for w in watchers if not isinstance(w, _AnomalyMode))


def _array(value: Any) -> Any:
    return value._data if type(value) in TENSOR_CLASSES else value


def _finite(value: Any) -> bool:
    """False for a float, an array or a tensor with a NaN or an infinity in it; True for anything else."""
    value = _array(value)
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "f":
            return True
        # a sum is one quick pass; it may overflow although all is finite, so a bad one is looked at again
        with np.errstate(all="ignore"):
            return bool(np.isfinite(value.sum())) or bool(np.isfinite(value).all())
    return not isinstance(value, float) or bool(np.isfinite(value))


def _count(value: Any) -> str:
    """``3 nan and 1 inf of 6 values``."""
    array = np.asarray(_array(value))
    counts = [(int(np.isnan(array).sum()), "nan"), (int(np.isinf(array).sum()), "inf")]
    return f"{' and '.join(f'{n} {name}' for n, name in counts if n)} of {array.size} values"


def _range(value: Any) -> str:
    """Type, shape and range of an operand."""
    value = _array(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.size:
        return describe(value)
    finite = value[np.isfinite(value)]
    spread = f" from {finite.min():.6g} to {finite.max():.6g}" if finite.size else ""
    return f"{describe(value)}{spread}{'' if finite.size == value.size else ', ' + _count(value)}"


def _listing(values: list[Any], what: str) -> str:
    shown = [(i, v) for i, v in enumerate(values) if v is not None]
    return "".join(f"\n  {what} {i}: {_range(v)}" if len(shown) > 1 else f"\n  {what}: {_range(v)}" for i, v in shown)


def _comma(node: Node) -> str:
    return "," if node.origin != node.place else ""


__all__ = ["AnomalyError", "detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]
