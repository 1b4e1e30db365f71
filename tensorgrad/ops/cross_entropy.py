"""Softmax cross-entropy as one primitive: loss = -sum_c q_c log p_c with p = softmax(x), so dloss/dx = p - q."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.between import of_values
from tensorgrad.autograd.primitive import primitive
from tensorgrad.errors import describe, op_error
from tensorgrad.kernels import cross_entropy as kernel
from tensorgrad.kernels.reduce import accurate_sum, select
from tensorgrad.ops._arguments import operand, raw
from tensorgrad.ops.activation import masked
from tensorgrad.ops.reduce import _sum
from tensorgrad.ops.reduction import check_reduction, takes_reduction
from tensorgrad.ops.shape import _reshape
from tensorgrad.ops.softmax import _log_softmax, _softmax


def _share(g: Any, divisor: float | None) -> Any:
    """The gradient of each sample's loss, ready to broadcast over the classes."""
    return _column(g) if divisor is None else g / np.asarray(divisor, g.dtype)


def _reduced(losses: np.ndarray, divisor: float | None) -> np.ndarray:
    """The losses as they are, or their sum over ``divisor``; a divisor of 0 gives NaN."""
    if divisor is None:
        return losses
    return accurate_sum(losses, tuple(range(losses.ndim))) / losses.dtype.type(divisor)


@primitive(
    lambda g, y, x, *, target, weight, divisor: cross_entropy_grad(
        (g if divisor is None else g / np.asarray(divisor, g.dtype)) * weight, x, target=target
    ),
    name="cross_entropy",
)
def _cross_entropy(x: Any, *, target: np.ndarray, weight: np.ndarray, divisor: float | None) -> Any:
    """For class indices; ``weight``, one number a sample, is 0 where the target is ``kernel.IGNORED``."""
    return _reduced(kernel.cross_entropy(x, target, weight), divisor)


# the derivative of p in the logits is diag(p) - p p'
@primitive(
    lambda h, y, g, x, *, target: _sum(h * _residual(x, target), dim=(1,), keepdim=False),
    lambda h, y, g, x, *, target: _through_softmax(h * _column(g), x, target),
    name="cross_entropy_grad",
)
def cross_entropy_grad(g: Any, x: Any, *, target: np.ndarray) -> Any:
    """``g * (softmax(x) - onehot(target))`` with one ``g`` for each sample: probabilities minus truth."""
    return kernel.cross_entropy_grad(g, x, target)


def _column(samples: Any) -> Any:
    """One number for each sample, ready to broadcast over the classes (dimension 1)."""
    return _reshape(samples, shape=(samples.shape[0], 1, *samples.shape[1:]))


def _residual(x: Any, target: np.ndarray) -> Any:
    classes = np.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2))
    truth = (_column(target) == classes).astype(x.dtype)
    return masked(_softmax(x, dim=1) - truth, mask=_column(target) != kernel.IGNORED)


def _through_softmax(h: Any, x: Any, target: np.ndarray) -> Any:
    p = _softmax(x, dim=1)
    return masked(p * (h - _sum(h * p, dim=(1,), keepdim=True)), mask=_column(target) != kernel.IGNORED)


# q need not sum to 1 (class weights, smoothing, ignored samples), hence p times its sum
@primitive(
    lambda g, y, x, q, *, kept, divisor: (
        masked(_share(g, divisor) * (_softmax(x, dim=1) * _sum(q, dim=(1,), keepdim=True) - q), mask=kept)
        if kept.any()
        else masked(x, mask=kept)  # zeros: where all are ignored, the share of each is infinite
    ),
    None,
    name="cross_entropy_mixed",
)
def _cross_entropy_mixed(x: Any, q: Any, *, kept: np.ndarray, divisor: float | None) -> Any:
    """For constant target weights ``q``; a class of weight 0 contributes nothing, even at -inf."""
    return _reduced(-select(kept & (q != 0), _log_softmax(x, dim=1) * q).sum(axis=1), divisor)


@primitive(
    lambda g, y, x, q, w, *, divisor: (
        _share(g, divisor) * (_softmax(x, dim=1) * _sum(q * w, dim=(1,), keepdim=True) - q * w)
    ),
    lambda g, y, x, q, w, *, divisor: -_share(g, divisor) * (_log_softmax(x, dim=1) * w),
    None,
    name="cross_entropy_soft",
)
def _cross_entropy_soft(x: Any, q: Any, w: Any, *, divisor: float | None) -> Any:
    """For target probabilities ``q``, which are differentiable too; ``w`` weighs the classes."""
    return _reduced(-(_log_softmax(x, dim=1) * q * w).sum(axis=1), divisor)


@takes_reduction
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """``-log softmax(input)[target]``: the negative log-likelihood of the true class, from logits.

    ``input`` is (N, C), (N, C, d1, ...) or (C); ``target`` holds class indices (the shape without C) or
    probabilities (the shape of ``input``). ``weight`` (C) weighs the classes; samples of class ``ignore_index``
    count for nothing, not in the mean either; ``label_smoothing`` in [0, 1] mixes the uniform distribution in.
    ``reduction`` is "mean" (over the weights of the samples), "sum" or "none". Raises IndexError for a class out of
    range (negative ones too), TypeError and ValueError for wrong dtypes and shapes.
    Source: ``torch.nn.functional.cross_entropy``.

    >>> import tensorgrad as tg
    >>> logits = tg.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], requires_grad=True)
    >>> loss = tg.nn.functional.cross_entropy(logits, tg.tensor([2, 0]))
    >>> round(loss.item(), 6)
    0.753109
    """
    op = "cross_entropy"
    check_reduction(reduction, op)
    x, t = operand(input, op), operand(target, op)
    if x.dtype.kind != "f":
        raise op_error(TypeError, op, _no_logits(x, t))
    if not 0 <= label_smoothing <= 1:
        raise op_error(ValueError, op, f"label_smoothing must lie in [0, 1], got {label_smoothing}")
    shape = tuple(x.shape)
    if not shape:
        raise op_error(ValueError, op, "expected logits of shape (C), (N, C) or (N, C, ...), got a 0-d tensor")
    unbatched = len(shape) == 1
    classes = shape[0] if unbatched else shape[1]
    if classes == 0:
        raise op_error(ValueError, op, f"expected at least one class, got logits of shape {shape}")
    soft = tuple(t.shape) == shape and t.dtype.kind == "f"
    if soft and ignore_index >= 0:
        raise op_error(ValueError, op, "ignore_index needs class indices, the target holds probabilities")
    if unbatched:
        x, t = x.reshape(1, classes), t.reshape(1, *t.shape)
    losses = (
        _soft_losses(x, t, weight, label_smoothing, reduction)
        if soft
        else _hard_losses(x, t, weight, ignore_index, label_smoothing, reduction)
    )
    return losses.reshape(losses.shape[1:]) if unbatched and reduction == "none" else losses


def _no_logits(x: Any, t: Any) -> str:
    """Say what to do about logits that are not floating point."""
    got = f"expected floating-point logits as first argument, got {describe(x)}"
    if x.dtype.kind in "iu" and t.dtype.kind == "f":
        return f"{got}, and {describe(t)} as target: call it as cross_entropy(logits, labels)"
    return f"{got}; convert with .float()"


def _soft_losses(x: Any, target: Any, weight: Any, smoothing: float, reduction: str) -> Any:
    if smoothing:
        target = target * (1 - smoothing) + smoothing / x.shape[1]
    w = of_values(_class_column, weight, x.shape, x.dtype)
    samples = math.prod(x.shape) // x.shape[1]
    return _cross_entropy_soft(x, target, w, divisor=_divisor(reduction, samples))


def _class_column(weight: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The class weights, in a shape that broadcasts against logits of ``shape``."""
    w = class_weight(weight, shape[1], dtype, "cross_entropy")
    return np.ones((), dtype) if w is None else w.reshape(-1, *[1] * (len(shape) - 2))


def _hard_losses(x: Any, t: Any, weight: Any, ignore_index: int, smoothing: float, reduction: str) -> Any:
    shape, dtype = x.shape, x.dtype
    if smoothing:
        q, kept, total = of_values(_smoothed, t, weight, shape, dtype, ignore_index, smoothing)
        return _cross_entropy_mixed(x, q, kept=kept, divisor=_divisor(reduction, total))
    target, own, total = of_values(_counted, t, weight, shape, dtype, ignore_index)
    return _cross_entropy(x, target=target, weight=own, divisor=_divisor(reduction, total))


def _counted(
    t: np.ndarray, weight: Any, shape: tuple[int, ...], dtype: Any, ignore_index: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The checked targets, what each sample weighs, and what they weigh together."""
    w = class_weight(weight, shape[1], dtype, "cross_entropy")
    target, kept = checked_classes(t, shape, ignore_index, "cross_entropy")
    if w is None:
        own = np.ones(target.shape, dtype) if kept is None else kept.astype(dtype)
        return target, own, float(target.size if kept is None else np.count_nonzero(kept))
    own = w[target] if kept is None else np.where(kept, w[target], 0).astype(dtype, copy=False)
    return target, own, float(own.sum())


def _smoothed(
    t: np.ndarray, weight: Any, shape: tuple[int, ...], dtype: Any, ignore_index: int, smoothing: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Target weights: 1 - smoothing at the class, the rest spread evenly, both times the class weights.

    With them, which of them count, and the weight of all samples.
    """
    target, own, total = _counted(t, weight, shape, dtype, ignore_index)
    w = class_weight(weight, shape[1], dtype, "cross_entropy")
    kept = target != kernel.IGNORED
    q = np.zeros(shape, dtype)
    np.put_along_axis(q, target[:, None], ((1 - smoothing) * own)[:, None], axis=1)
    uniform = np.ones(shape[1], dtype) if w is None else w
    q += kept[:, None] * (uniform * (smoothing / shape[1])).reshape(-1, *[1] * (len(shape) - 2)).astype(dtype)
    return q, np.broadcast_to(kept[:, None], shape), total


def _divisor(reduction: str, total: float) -> float | None:
    """What the sum of the losses is divided by; None leaves them as they are."""
    return {"none": None, "sum": 1.0, "mean": float(total)}[reduction]


def checked_classes(
    t: np.ndarray, shape: tuple[int, ...], ignore_index: int, op: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """The class indices, and which of the targets count, None for all; all errors of a target.

    The index of a target that does not count is ``kernel.IGNORED``.
    """
    expected = (shape[0], *shape[2:])
    if t.dtype.kind not in "iu":
        advice = "; class indices are target.long()" if t.shape == expected else ""
        raise op_error(
            TypeError,
            op,
            "target must hold integer class indices, or probabilities in the logits' shape; got "
            f"{t.dtype}{t.shape}{advice}",
        )
    if t.shape != expected:
        advice = ""
        if t.shape == (shape[0], 1, *shape[2:]):
            advice = f"; drop the dimension with target.squeeze({1 if t.ndim > 2 else -1})"
        elif t.shape == tuple(shape):
            advice = "; one-hot rows are target.argmax(1), or as probabilities target.float()"
        raise op_error(
            ValueError, op, f"expected a target of shape {expected} for logits {tuple(shape)}, got {t.shape}{advice}"
        )
    places = t.astype(np.intp)  # a copy: backward reads it again
    # read without a sign, a negative number is a large one
    if t.size and places.view(np.uintp).max() < shape[1] and not 0 <= ignore_index < shape[1]:
        return places, None
    kept = t != ignore_index
    bad = kept & ((t < 0) | (t >= shape[1]))
    if bad.any():
        raise op_error(
            IndexError, op, f"Target {t[bad].flat[0]} is out of bounds: there are {shape[1]} classes, from 0"
        )
    return np.where(kept, t, kernel.IGNORED).astype(np.intp), kept


def class_weight(weight: Any, classes: int, dtype: Any, op: str) -> np.ndarray | None:
    """The class weights as an array of the logits' dtype; ValueError unless there is one per class."""
    if weight is None:
        return None
    w = np.asarray(raw(weight), dtype)
    if w.shape != (classes,):
        raise op_error(ValueError, op, f"weight must hold one value for each of {classes} classes, got {describe(w)}")
    return w


__all__ = ["cross_entropy"]
