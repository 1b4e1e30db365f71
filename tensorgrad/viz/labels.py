"""What an operator is called in a drawing, which family it belongs to, and its static arguments in short."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.node import Faded

#: Families in the legend's order, and the modules of `tensorgrad.ops` whose operators they are: an operator added
#: to one of these files has its colour. Operators of a family share a colour.
FAMILIES = {
    "conv, linear": "conv embedding matmul rnn lstm gru",
    "activation": "activation piecewise softmax",
    "normalise, dropout": "norm batch_norm group_norm dropout",
    "pool, shape": """pool adaptive_pool max_pool avg_pool shape index join diagonal fold interpolate grid_sample pad
        scatter write structural view""",
    "loss": "loss loss_likelihood cross_entropy",
    "elementwise, reduce": "",  # and everything that stands nowhere else
}
_OF_MODULE = {module: family for family, modules in FAMILIES.items() for module in modules.split()}

#: Operators that are more than the file they are in.
_OF_NAME = {"linear": "conv, linear", "sigmoid": "activation", "tanh": "activation", "clone": "pool, shape"}

#: Primitives that work in any number of dimensions and are called by it: "conv" of an image is conv2d.
_BY_DIMENSION = ("conv", "max_pool", "adaptive_avg_pool", "avg_pool")

#: Static arguments that say nothing which the shapes do not say, or that are rarely asked for.
_QUIET = {"shape", "size", "sizes", "keepdim", "eps", "count_include_pad", "ceil_mode", "output_size", "divisor"}

_LONGEST = 40


def family(op: Any) -> str:
    """The family of a primitive, by the file that declares it.

    >>> from tensorgrad.autograd.primitive import REGISTRY
    >>> family(REGISTRY["conv"]), family(REGISTRY["add"])
    ('conv, linear', 'elementwise, reduce')
    """
    module = getattr(getattr(op, "forward", None), "__module__", None) or ""
    package, _, file = module.rpartition(".")
    known = _OF_MODULE.get(file) if package.startswith("tensorgrad") else None
    return _OF_NAME.get(op.name) or known or "elementwise, reduce"


def display_name(operator: str, static: dict[str, Any], shape: tuple[int, ...]) -> str:
    """The name users know: dimension-free primitives get their number of dimensions.

    >>> display_name("conv_input_grad", {"stride": (1, 1)}, (1, 1, 8, 8))
    'conv2d_input_grad'
    """
    for stem in _BY_DIMENSION:
        if operator == stem or operator.startswith(f"{stem}_"):
            sizes = static.get("stride", static.get("output_size"))
            dims = len(sizes) if isinstance(sizes, tuple) else len(shape) - 2
            return f"{stem}{dims}d{operator[len(stem) :]}" if dims > 0 else operator
    return operator


def short(operator: str, static: dict[str, Any], kernel: tuple[int, ...] | None = None) -> str:
    """Static arguments as a label shows them; ``kernel`` is the weight's, for convolutions.

    >>> short("conv", dict(stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1), (3, 3))
    'k3 s1 p1 g1'
    >>> short("sum", dict(dim=(1,), keepdim=False))
    'dim=(1,)'
    """
    if "stride" in static and "padding" in static:
        return _window(static, kernel)
    if operator == "dropout" and isinstance(static.get("scale"), float) and static["scale"] > 0:
        return f"p={1 - 1 / static['scale']:.3g}"
    if operator == "getitem":
        return _clip(index_text(static.get("index")))
    if operator.startswith("adaptive_avg_pool"):
        return f"to {_sizes(static['output_size'])}" if "output_size" in static else ""
    shown = {k: v for k, v in static.items() if k not in _QUIET and v is not False and v is not None}
    return _clip(" ".join(f"{k}={value_text(v)}" for k, v in shown.items() if _plain(v)))


def summaries(static: dict[str, Any]) -> dict[str, str]:
    """Every static argument as a short text: arrays by dtype and shape, never by their elements.

    >>> summaries({"dim": (1,), "mask": np.zeros((2, 3), bool)})
    {'dim': '(1,)', 'mask': 'bool(2, 3)'}
    """
    return {key: _clip(value_text(value)) for key, value in sorted(static.items())}


def value_text(value: Any) -> str:
    """A static argument in one line, without addresses, which differ between processes."""
    if isinstance(value, (np.ndarray, np.generic, Faded)) or hasattr(value, "requires_grad"):
        return f"{value.dtype}{tuple(value.shape)}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (bool, int, str, type(None), np.dtype)):
        return str(value)
    if isinstance(value, slice):
        ends = ["" if end is None else value_text(end) for end in (value.start, value.stop)]
        return ":".join(ends) + ("" if value.step is None else f":{value_text(value.step)}")
    if isinstance(value, (tuple, list)):
        shown = [value_text(item) for item in value[:8]] + ["…"] * (len(value) > 8)
        return f"({', '.join(shown)}{',' * (len(value) == 1)})"
    return "…" if value is Ellipsis else getattr(value, "__name__", type(value).__name__)


def index_text(index: Any) -> str:
    """An index as it was written.

    >>> index_text((slice(None), slice(1, 3), 0))
    '[:, 1:3, 0]'
    """
    parts = index if isinstance(index, tuple) else (index,)
    return "[" + ", ".join(value_text(part) for part in parts) + "]"


def count_text(count: int) -> str:
    """A number of parameters.

    >>> count_text(1), count_text(61706)
    ('1 parameter', '61,706 parameters')
    """
    return f"{count:,} parameter{'s' * (count != 1)}"


def visible(text: str, longest: int = 60) -> str:
    """Text as it can be shown: control characters by their escapes, cut when it is too long.

    >>> print(visible("a\\tb"))
    a\\tb
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _window(static: dict[str, Any], kernel: tuple[int, ...] | None) -> str:
    kernel = static.get("kernel", kernel)
    parts = [f"k{_sizes(kernel)}" if kernel else "", f"s{_sizes(static['stride'])}", f"p{_sizes(static['padding'])}"]
    dilation = static.get("dilation", 1)
    if _sizes(dilation) != "1":
        parts.append(f"d{_sizes(dilation)}")
    if "groups" in static:
        parts.append(f"g{static['groups']}")
    return " ".join(part for part in parts if part)


def _sizes(value: Any) -> str:
    """``3`` for (3, 3), ``3x5`` for (3, 5), ``1:2x0`` for ((1, 2), (0, 0))."""
    if not isinstance(value, (tuple, list)):
        return str(value)
    texts = [
        (str(v[0]) if v[0] == v[-1] else ":".join(map(str, v))) if isinstance(v, (tuple, list)) and v else str(v)
        for v in value
    ]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def _plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return not isinstance(value, Faded) and all(_plain(item) for item in value)
    return isinstance(value, (bool, int, float, str, np.dtype))


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
