"""explain_grad: why a gradient is None, or zero, said in words and with the line that is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.autograd.backward import grad
from tensorgrad.autograd.cut import Cut
from tensorgrad.autograd.hooks import RetainGrad, retains_grad
from tensorgrad.autograd.node import Node
from tensorgrad.autograd.primitive import TENSOR_CLASSES
from tensorgrad.autograd.watch import Watcher
from tensorgrad.errors import describe
from tensorgrad.state import per_thread


@dataclass(frozen=True)
class Explanation:
    """Why a gradient is what it is: ``cause`` in a word or two, ``text`` in a sentence, ``line`` as ``file:line``."""

    cause: str
    text: str
    line: str | None = None

    def __str__(self) -> str:
        return f"{self.cause}: {self.text}" + (f" ({self.line})" if self.line and self.line not in self.text else "")


def explain_grad(t: Any, loss: Any = None) -> Explanation:
    """Say why ``t.grad`` is None or zero after, or before, ``loss.backward()``.

    With ``loss`` it knows whether ``t`` is connected to it at all, where the graph was cut, and, while the graph is
    not freed, which operator turned the gradient into zeros; for that it runs a backward pass of its own, hooks
    included, that leaves every ``.grad`` as it is. Lines of operators are known for what ran under
    ``detect_anomaly(check_nan=False)``; lines of ``detach`` and ``no_grad`` always. Causes: "integer dtype",
    "requires_grad is False", "requires_grad set too late", "detach", "no_grad", "not connected", "not a leaf",
    "graph freed", "backward not called", "zero", "hook", "cancelled", "nothing wrong". Raises TypeError for what is
    no tensor.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = x.relu().sum()
    >>> print(tg.autograd.explain_grad(x, loss))
    zero: relu turned a gradient of magnitudes up to 1 into zeros: all its inputs are <= 0
    """
    for name, value in (("t", t), ("loss", loss)):
        if type(value) not in TENSOR_CLASSES and not (value is None and name == "loss"):
            raise TypeError(f"explain_grad: {name} must be a tensor, got {describe(value)}")
    return _of_the_tensor(t) or _of_the_path(t, loss) or _of_the_backward(t, loss)


# --- the tensor itself ------------------------------------------------------------------------------------------------


def _of_the_tensor(t: Any) -> Explanation | None:
    if t.dtype.kind != "f":
        return Explanation(
            "integer dtype", f"a tensor of dtype {t.dtype} has no gradient; use t.float() before the computation"
        )
    if not t.requires_grad:
        if t.cut is not None:
            return _of_a_cut(t.cut, "this tensor", certain=True)
        return Explanation(
            "requires_grad is False",
            "the tensor does not require grad, and was not made from one that does; set t.requires_grad_() before "
            "the computation",
        )
    return None


def _of_a_cut(cut: Any, what: str, *, certain: bool) -> Explanation:
    cause, line = ("detach", cut.line) if isinstance(cut, Cut) else ("no_grad", cut)
    how = "by detach()" if cause == "detach" else "by computing under no_grad"
    probably = "" if certain else "probably "
    return Explanation(cause, f"{what} was {probably}cut off from its history {how} at {line}", line)


# --- the graph between the loss and the tensor ------------------------------------------------------------------------


def _of_the_path(t: Any, loss: Any) -> Explanation | None:
    """Is there a way from the loss to the tensor?"""
    if loss is None or _reaches(loss, t):
        return None
    cuts: list[Any] = []
    roots, searched = [(loss, None)], {id(loss)}
    while roots:
        root, through = roots.pop()
        if through is not None and (root is t or _reaches(root, t)):
            return _of_a_cut(through, "what the loss was made from", certain=True)
        for tensor in _constants(root):
            if tensor is t:
                return Explanation(
                    "requires_grad set too late",
                    "the tensor went into the loss before it required grad; set requires_grad first, then compute",
                )
            if tensor.cut is None:
                continue
            cuts.append(tensor.cut)
            source = tensor.cut.source() if isinstance(tensor.cut, Cut) else None
            if source is not None and id(source) not in searched:
                searched.add(id(source))
                roots.append((source, through or tensor.cut))
    if cuts:
        unknown = [cut for cut in cuts if not isinstance(cut, Cut) or cut.source() is None]
        if unknown:
            return _of_a_cut(unknown[0], "what the loss was made from", certain=False)
    return Explanation(
        "not connected",
        "the loss was not computed from this tensor; was it replaced by a copy, or turned into an array, a number or "
        "an index (.data, .item(), numpy, argmax) on the way?",
    )


def _nodes(root: Any) -> list[Node]:
    """All nodes that made ``root``, newest first."""
    seen: set[Node] = set()
    stack = [root.node]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            stack += [edge for edge in node.edges if type(edge) is Node]
    return sorted(seen, key=lambda node: -node.number)


def _reaches(root: Any, t: Any) -> bool:
    """True when gradients of ``root`` can flow to ``t``."""
    if root is t:
        return bool(t.requires_grad)
    nodes = _nodes(root)
    if t.node is not None:
        return t.node in nodes
    return any(edge is t for node in nodes for edge in node.edges)


def _constants(root: Any) -> list[Any]:
    """The tensors without gradient that went into ``root``; itself when it is one."""
    if not root.requires_grad:
        return [root]
    return [tensor for node in _nodes(root) for tensor in (node.constants or {}).values()]


# --- what backward does -----------------------------------------------------------------------------------------------


def _of_the_backward(t: Any, loss: Any) -> Explanation:
    if t.grad is not None and t.grad._data.any():
        return Explanation("nothing wrong", f"the gradient is there, with magnitudes up to {_size(t.grad)}")
    if t.grad is None and t.node is not None and not retains_grad(t):
        return Explanation(
            "not a leaf",
            f"the tensor was computed (by {t.node.place}), and only leaves keep their gradient; call t.retain_grad() "
            "before backward",
            getattr(t.node, "source", None),
        )
    if loss is None:
        if t.grad is None:
            return Explanation(
                "backward not called",
                "no backward has reached this tensor since its grad was None (zero_grad sets it so); pass the loss to "
                "explain_grad to know more",
            )
        return Explanation("zero", "the gradient is exactly zero; pass the loss to explain_grad to know which operator")
    if any(node.freed for node in _nodes(loss)):
        if t.grad is None:
            return Explanation(
                "graph freed",
                "backward through this loss has run and freed the graph; the gradient was set to None since "
                "(zero_grad), or backward was given other inputs=",
            )
        return Explanation(
            "zero",
            "the gradient is exactly zero, and the graph is freed; ask before backward, or keep it with "
            "retain_graph=True, to know which operator made it so",
        )
    found, walk = _walk(loss, t)
    if found.any():
        return Explanation(
            "backward not called",
            f"loss.backward() has not been called since the gradient was cleared; it would be of magnitudes up to "
            f"{_size(found)}",
        )
    if walk.events:
        return walk.events[0]
    return Explanation("cancelled", "the contributions to the gradient are not zero, but their sum is")


class _Walk(Watcher):
    """Watches a backward pass for the places where a gradient becomes zero."""

    def __init__(self) -> None:
        self.events: list[Explanation] = []
        self.sent: set[Any] = set()  # owners that some rule gave a gradient other than zero

    def before_backward(self, node: Node, gradient: Any) -> None:
        if node in self.sent and gradient.size and not gradient.any():
            self.events.append(_vanished(node.hooks, f"the output of {node.place}", getattr(node, "source", None)))

    def backward(self, node: Node, gradient: Any, found: list[Any]) -> None:
        for i, (edge, value) in enumerate(zip(node.edges, found, strict=False)):
            if edge is None or value is None:
                continue
            if value.any() or not value.size:
                self.sent.add(edge)
            elif gradient.any() or not gradient.size:
                why = _REASONS.get(node.op.name, "its derivative is zero at these inputs")
                which = f" with respect to input {i}" if sum(e is not None for e in node.edges) > 1 else ""
                self.events.append(
                    Explanation(
                        "zero",
                        f"{node.place} turned {_described(gradient)} into zeros{which}: {why}",
                        getattr(node, "source", None),
                    )
                )


def _vanished(hooks: Any, what: str, line: str | None) -> Explanation:
    if hooks:
        return Explanation("hook", f"a hook on {what} replaced the gradient by zeros", line)
    return Explanation("cancelled", f"the contributions to the gradient of {what} are not zero, but their sum is", line)


def _walk(loss: Any, t: Any) -> tuple[np.ndarray, _Walk]:
    """The gradient of the loss with respect to ``t``, and what happened on the way."""
    walk = _Walk()
    state = per_thread.state
    watchers = state.watchers
    kept = [
        (hook.tensor(), hook)
        for node in _nodes(loss)
        for hook in (node.hooks or {}).values()
        if isinstance(hook, RetainGrad)
    ]
    before = [(tensor, tensor.grad) for tensor, _ in kept if tensor is not None]
    walk.sent.add(loss.node or loss)
    state.watchers = (walk,)
    try:
        (found,) = grad(loss, t, grad_outputs=np.ones(loss.shape, loss.dtype), retain_graph=True)
    finally:
        state.watchers = watchers
        for tensor, gradient in before:
            tensor.grad = gradient
    owner = t.node or t
    if owner in walk.sent and not found._data.any() and not walk.events:
        walk.events.append(_vanished(t.hooks, "this tensor", None))
    return found._data, walk


def _size(gradient: Any) -> str:
    return f"{np.abs(np.asarray(getattr(gradient, '_data', gradient))).max():.3g}"


def _described(gradient: Any) -> str:
    return f"a gradient of magnitudes up to {_size(gradient)}" if np.size(gradient) else "an empty gradient"


_OTHER_FACTOR = "what it was multiplied by is zero everywhere"
_LARGER = "other elements are the extreme ones everywhere"
_STEPS = "it is constant between its steps, so its derivative is zero"
_FLAT = "it is saturated: its derivative is too small for the dtype"
_ELSEWHERE = "it took other elements"

_REASONS = {
    "relu": "all its inputs are <= 0",
    "relu6": "all its inputs are <= 0 or >= 6",
    "cat": "only what came from its other inputs has a gradient",
    "masked": "its mask is False everywhere",
    "clamp": "all its inputs lie outside of the bounds",
    "hardtanh": "all its inputs lie outside of the bounds",
    "dropout": "it dropped all values (p = 1, or bad luck)",
    "where": "its condition takes the other input everywhere",
    **dict.fromkeys(("maximum", "minimum", "amax", "amin", "max", "min", "fmax", "fmin"), _LARGER),
    **dict.fromkeys(("sign", "floor", "ceil", "round", "trunc"), _STEPS),
    **dict.fromkeys(("sigmoid", "tanh", "softmax", "log_softmax", "cross_entropy", "erf"), _FLAT),
    **dict.fromkeys(("mul", "matmul", "linear", "conv", "conv2d", "einsum"), _OTHER_FACTOR),
    **dict.fromkeys(("getitem", "gather", "index_select", "blank", "setitem"), _ELSEWHERE),
}

__all__ = ["Explanation", "explain_grad"]
