"""`summary`: a table of a model's layers, their output shapes, parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.autograd import no_grad
from tensorgrad.nn.module import Module
from tensorgrad.tensor import Tensor


@dataclass
class LayerRow:
    """One module, with all its calls together."""

    path: str  # "features.0", "" for the model itself
    cls: str
    depth: int
    kernel: tuple[int, ...] | None  # of a convolution's weight, or a pooling layer's kernel_size
    calls: int  # 0 where the forward did not reach it, more than 1 where it is shared
    input_shape: tuple[int, ...] | None  # of the first call
    output_shape: tuple[int, ...] | None  # of the first call; None without one, or where it gave no tensor
    parameters: int  # of the module and all below it
    own_parameters: int  # of the module alone
    mult_adds: int  # of the module alone, in all its calls
    trainable: str  # "yes", "no", "partly", "" without parameters
    output_bytes: int = 0  # of all calls
    shapes_differ: bool = False  # later calls gave other shapes than the first
    leaf: bool = True  # without modules below it


@dataclass
class Summary:
    """What :func:`summary` returns: the rows and the totals; ``str()`` of it is the table."""

    model: str
    rows: list[LayerRow] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    mult_adds: int = 0
    input_bytes: int = 0
    output_bytes: int = 0  # of all layers without layers below them
    parameter_bytes: int = 0
    depth: int | None = None  # deepest level that str() shows

    def __str__(self) -> str:
        shown = [row for row in self.rows if self.depth is None or row.depth <= self.depth]
        head = ("Layer (path: class)", "Kernel", "Output shape", "Parameters", "Mult-adds", "Trainable")
        names = [_tree_name(shown, i) for i in range(len(shown))]
        body = [
            (
                name,
                _by_x(row.kernel),
                _shape_text(row),
                f"{row.parameters:,}" if row.parameters else "-",
                f"{work:,}" if (work := self._work(row)) else "-",
                row.trainable or "-",
            )
            for name, row in zip(names, shown, strict=True)
        ]
        widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        lines = [_align(head, widths), rule, *(_align(line, widths) for line in body), rule, *self._totals(), rule]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<Summary of {self.model}: {self.parameters:,} parameters, {self.mult_adds:,} multiply-adds>"

    def _work(self, row: LayerRow) -> int:
        """Multiply-adds of a row; a row whose layers are not shown has theirs too."""
        if row.leaf or self.depth is None or row.depth < self.depth:
            return row.mult_adds
        start = next(i for i, other in enumerate(self.rows) if other is row)
        total = row.mult_adds
        for other in self.rows[start + 1 :]:
            if other.depth <= row.depth:
                break
            total += other.mult_adds
        return total

    def _totals(self) -> list[str]:
        sizes = self.input_bytes, 2 * self.output_bytes, self.parameter_bytes
        values = [
            ("Parameters", f"{self.parameters:,}"),
            ("  trainable", f"{self.trainable:,}"),
            ("  frozen", f"{self.parameters - self.trainable:,}"),
            ("Multiply-adds", f"{self.mult_adds:,}"),
            ("Input", _megabytes(sizes[0])),
            ("Forward and backward", _megabytes(sizes[1])),
            ("Parameters' memory", _megabytes(sizes[2])),
            ("Estimated total", _megabytes(sum(sizes))),
        ]
        width = max(len(value) for _, value in values)
        return [f"{name:<22}{value:>{width}}" for name, value in values]


def summary(
    model: Module,
    input_size: Any = None,
    *,
    input_data: Any = None,
    depth: int | None = None,
    dtype: Any = np.float32,
    verbose: int = 1,
) -> Summary:
    """Run ``model`` once and print the table of its layers, as torchinfo does.

    Parameters: ``input_size``, the input's shape with the batch, or a list of shapes for several inputs, or tensors;
    ``input_data``, the input tensor (or a tuple of several) instead; ``depth``, the deepest level shown; ``dtype`` of
    the inputs made from shapes; ``verbose``, 0 prints nothing. Returns a :class:`Summary`, whose str() is the table.
    Where the output has no lines to draw with (a file on Windows), they are printed as ``+--``.

    The model runs in evaluation mode and without recording; its modes, buffers and the random state are as before.
    A multiply-add is one use of one weight: a kernel's at every output position (every input position of a
    transposed convolution), a matrix's for every row, a bias's or norm's for every output element. A module that is
    called several times has one row, marked ``×3``, with the work of all calls; its parameters count once.
    Raises TypeError when ``model`` is no Module or the input is missing.
    Source: https://github.com/TylerYep/torchinfo.

    >>> import tensorgrad as tg, tensorgrad.viz
    >>> class Line(tg.nn.Module):
    ...     def __init__(self):
    ...         self.weight = tg.nn.Parameter(tg.ones(2, 3))
    ...     def forward(self, x):
    ...         return x @ self.weight.T
    >>> table = tg.viz.summary(Line(), (8, 3), verbose=0)
    >>> table.parameters, table.mult_adds, table.rows[0].output_shape
    (6, 48, (8, 2))
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    inputs = _inputs(input_size if input_data is None else input_data, dtype)
    calls: list[tuple[Module, Any, Any]] = []
    with _undisturbed(model):
        handles = []
        try:
            for module in model.modules():
                handles.append(module.register_forward_hook(lambda m, args, out: calls.append((m, args, out))))
            with no_grad():
                model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
    table = _tabulate(model, calls)
    table.input_bytes = sum(tensor._data.nbytes for tensor in inputs if isinstance(tensor, Tensor))
    table.depth = depth
    if verbose:
        _print(str(table))
    return table


def _print(text: str) -> None:
    """Print the table, with letters for its lines where the output has no such characters."""
    try:
        print(text)
    except UnicodeEncodeError:  # raised before anything is written
        print(text.translate(_PLAIN).encode("ascii", "replace").decode())


_PLAIN = str.maketrans({"─": "-", "├": "+", "└": "+", "│": "|", "×": "x", "…": "..."})


@contextmanager
def _undisturbed(model: Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module's mode, every buffer and the random state are as before."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer._data, buffer._data.copy()) for buffer in model.buffers()]
    state = random.get_rng_state()
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, data, values in buffers:
            buffer._data = data
            if not np.array_equal(data, values, equal_nan=data.dtype.kind == "f"):
                data[...] = values
        random.set_rng_state(state)


def _tabulate(model: Module, calls: list[tuple[Module, Any, Any]]) -> Summary:
    """One row for each module, in the tree's order; also for those that were not called."""
    made: dict[int, list[tuple[Any, Any]]] = {}
    for module, args, out in calls:
        made.setdefault(id(module), []).append((args, out))
    table = Summary(type(model).__name__)
    for path, module in model.named_modules():
        row = _row(path, module, made.get(id(module), []))
        table.rows.append(row)
        table.mult_adds += row.mult_adds
        table.output_bytes += row.output_bytes if row.leaf else 0
    for parameter in model.parameters():
        table.parameters += parameter._data.size
        table.trainable += parameter._data.size if parameter.requires_grad else 0
        table.parameter_bytes += parameter._data.nbytes
    return table


def _row(path: str, module: Module, calls: list[tuple[Any, Any]]) -> LayerRow:
    own = list(module.parameters(recurse=False))
    every = list(module.parameters())
    needs = {parameter.requires_grad for parameter in every}
    ends = [(_first_tensor(args), _first_tensor(out)) for args, out in calls]
    source, result = ends[0] if ends else (None, None)
    shapes = {None if out is None else tuple(out.shape) for _, out in ends}
    return LayerRow(
        path=path,
        cls=type(module).__name__,
        depth=path.count(".") + 1 if path else 0,
        kernel=_kernel(module, own, source),
        calls=len(calls),
        input_shape=None if source is None else tuple(source.shape),
        output_shape=None if result is None else tuple(result.shape),
        parameters=sum(p._data.size for p in every),
        own_parameters=sum(p._data.size for p in own),
        mult_adds=sum(_mult_adds(module, own, start, end) for start, end in ends if end is not None),
        trainable="" if not needs else "partly" if len(needs) == 2 else "yes" if True in needs else "no",
        output_bytes=sum(tensor._data.nbytes for _, out in calls for tensor in _tensors(out)),
        shapes_differ=len(shapes) > 1,
        leaf=next(iter(module.children()), None) is None,
    )


def _mult_adds(module: Module, own: list[Any], source: Tensor | None, result: Tensor) -> int:
    name = type(module).__name__
    if "Embedding" in name:
        return 0  # a look-up
    spatial = max((p.ndim - 2 for p in own), default=0)
    total = 0
    for parameter in own:
        if parameter.ndim >= 3:
            transposed = "Transpose" in name and source is not None
            shape = source.shape if transposed and source is not None else result.shape
            total += parameter._data.size * _positions(shape, spatial)
        elif parameter.ndim == 2:
            total += parameter._data.size * (result._data.size // max(result.shape[-1], 1) if result.ndim else 1)
        elif parameter.ndim == 1 and parameter._data.size:
            total += result._data.size
        else:
            total += parameter._data.size
    return total


def _positions(shape: tuple[int, ...], spatial: int) -> int:
    """Places where a kernel is applied: those of every image of the batch."""
    if len(shape) <= spatial:
        return 1
    return int(np.prod(shape[len(shape) - spatial :])) * int(np.prod(shape[: len(shape) - spatial - 1]))


def _kernel(module: Module, own: list[Any], source: Tensor | None) -> tuple[int, ...] | None:
    for parameter in own:
        if parameter.ndim >= 3:
            return tuple(parameter.shape[2:])
    size = getattr(module, "kernel_size", None)
    if isinstance(size, int):
        return (size,) * max(1, source.ndim - 2 if source is not None else 1)
    return tuple(size) if isinstance(size, (tuple, list)) else None


# --- inputs -----------------------------------------------------------------------------------------------------------


def _inputs(given: Any, dtype: Any) -> list[Any]:
    """Tensors from tensors, arrays, a shape, or several of them. Values come from a generator of our own."""
    if given is None:
        raise TypeError("summary: give input_size, the input's shape with the batch, or input_data, a tensor")
    if isinstance(given, (Tensor, np.ndarray)) or (isinstance(given, (tuple, list)) and _is_shape(given)):
        given = [given]
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"summary: expected a shape or a tensor, or several, got {type(given).__name__}")
    rng = np.random.default_rng(0)
    made = []
    for item in given:
        if isinstance(item, (tuple, list)) and _is_shape(item):
            item = Tensor(rng.random(tuple(item)).astype(dtype))
        elif isinstance(item, np.ndarray):
            item = Tensor(item)
        elif not isinstance(item, Tensor):
            raise TypeError(f"summary: expected a shape or a tensor for every input, got {type(item).__name__}")
        made.append(item)
    return made


def _is_shape(value: Any) -> bool:
    return len(value) > 0 and all(isinstance(size, (int, np.integer)) for size in value)


def _first_tensor(value: Any) -> Tensor | None:
    return next(_tensors(value), None)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


# --- text -------------------------------------------------------------------------------------------------------------


def _tree_name(rows: list[LayerRow], index: int) -> str:
    row = rows[index]
    times = f" ×{row.calls}" if row.calls > 1 else ""
    if row.depth == 0:
        return row.cls + times
    name = f"{row.path.rpartition('.')[2]}: {row.cls}{times}"
    branches = ["├─ " if _has_sibling(rows, index, row.depth) else "└─ "]
    branches += ["│  " if _has_sibling(rows, index, depth) else "   " for depth in range(row.depth - 1, 0, -1)]
    return "".join(reversed(branches)) + name


def _has_sibling(rows: list[LayerRow], index: int, depth: int) -> bool:
    """True when another row of ``depth`` follows before the tree goes up."""
    for row in rows[index + 1 :]:
        if row.depth <= depth:
            return row.depth == depth
    return False


def _shape_text(row: LayerRow) -> str:
    if row.calls == 0:
        return "not called"
    return f"{'-' if row.output_shape is None else row.output_shape}{', …' if row.shapes_differ else ''}"


def _by_x(sizes: tuple[int, ...] | None) -> str:
    return "x".join(map(str, sizes)) if sizes else "-"


def _align(cells: tuple[str, ...], widths: list[int]) -> str:
    left = "  ".join(cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True))
    right = "  ".join(cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True))
    return f"{left}  {right}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
