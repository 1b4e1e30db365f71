"""gradcheck: are the gradients those of the function? Central differences in float64 say so, entry by entry.

At a kink, such as relu at 0, there is no derivative; any number between the slopes on the two sides is a
subgradient and is accepted. A difference over h has an error of order h^2 f''' and of order eps |f| / h: with
h = 1e-5 both are near 1e-10 for numbers around 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.backward import grad
from tensorgrad.autograd.mode import enable_grad
from tensorgrad.pytree import flatten
from tensorgrad.random import generator
from tensorgrad.tensor import Tensor


class GradcheckError(RuntimeError):
    """A gradient is not the derivative of its function, or cannot be checked."""


class Mismatch(NamedTuple):
    """One entry of a Jacobian that differs."""

    output: str
    argument: str
    entry: tuple[int, ...]
    element: tuple[int, ...]
    analytic: float
    numerical: float

    @property
    def error(self) -> float:
        """How far apart the two values are; infinite when one is not a number."""
        difference = abs(self.analytic - self.numerical)
        return difference if np.isfinite(difference) else np.inf

    def __str__(self) -> str:
        return (
            f"d {self.output}{list(self.element) or ''} / d {self.argument}{list(self.entry) or ''}: "
            f"analytic {self.analytic:.12g}, numerical {self.numerical:.12g}"
        )


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-5,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    *,
    linear: bool = False,
    fast_mode: bool = False,
    nondet_tol: float = 0.0,
) -> bool:
    """True when the gradients of ``func`` at ``inputs`` are those that central differences give.

    ``func`` is a function, or a whole Module, whose parameters are checked too. ``inputs``: a tensor or a tuple; those
    with ``requires_grad`` are moved, by ``eps`` each way. An entry passes when it differs by at most
    ``atol + rtol * |numerical|``, or when it lies between two different one-sided slopes (a kink). ``linear``: the
    function is affine in each input taken alone, so differences over 1 are exact. ``fast_mode``: check one random
    direction instead of every entry. ``nondet_tol``: how much two calls may differ.
    Raises GradcheckError (a RuntimeError) with the worst entry, or returns False without ``raise_exception``;
    ValueError for what cannot be checked, such as inputs that are not float64.
    Source: ``torch.autograd.gradcheck``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, -2.0], dtype=tg.float64, requires_grad=True)
    >>> tg.autograd.gradcheck(lambda x: x.tanh() * x, x)
    True
    """
    check = _Check(func, inputs, nondet_tol)
    if linear:
        eps, atol, rtol = 1.0, min(atol, 1e-10), min(rtol, 1e-10)
    try:
        check.prepare()
        (check.along_a_direction if fast_mode else check.every_entry)(eps, atol, rtol, linear)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-5,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    **options: Any,
) -> bool:
    """As :func:`gradcheck`, for the gradients of ``func`` as functions of its inputs and of the incoming gradients.

    ``grad_outputs`` are drawn at random when not given. Source: ``torch.autograd.gradgradcheck``.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, -2.0], dtype=tg.float64, requires_grad=True)
    >>> tg.autograd.gradgradcheck(lambda x: x.tanh() * x, x)
    True
    """
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    with _buffers_put_back(func):
        outputs = [y for y in flatten(func(*args))[0] if isinstance(y, Tensor) and y.requires_grad]
    if grad_outputs is None:
        seeds = [Tensor(generator().uniform(-1, 1, y.shape).astype(y.dtype), requires_grad=True) for y in outputs]
    else:
        given = grad_outputs if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
        seeds = [v.detach().requires_grad_() for v in given]

    parameters = dict(func.named_parameters()) if hasattr(func, "named_parameters") else {}

    def gradients(*values: Any) -> tuple[Any, ...]:
        inner, cotangents = values[: len(args)], values[len(args) :]
        found = [y for y in flatten(func(*inner))[0] if isinstance(y, Tensor) and y.requires_grad]
        targets = [inner[i] for i in wanted] + [p for p in parameters.values() if p.requires_grad]
        result = grad(found, targets, list(cotangents), create_graph=True, allow_unused=True)
        return tuple(g for g in result if g is not None)

    gradients.__name__ = f"the gradient of {_name(func)}"
    if parameters:
        gradients = _WithParameters(gradients, func)
    return gradcheck(gradients, (*args, *seeds), eps, atol, rtol, raise_exception, **options)


class _WithParameters:
    """A function that reads a module's parameters, so that they are moved too."""

    def __init__(self, function: Callable[..., Any], module: Any) -> None:
        self.__name__ = function.__name__
        self.function = function
        self.named_parameters, self.buffers = module.named_parameters, module.buffers

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


class _Check:
    """One function at one point: its variables, its outputs and its analytic gradients."""

    def __init__(self, func: Callable[..., Any], inputs: Any, nondet_tol: float) -> None:
        self.func, self.name, self.nondet_tol = func, _name(func), nondet_tol
        args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        # leaves of our own over the same memory, with the strides the user chose
        self.args = [self._leaf(x) if isinstance(x, Tensor) else x for x in args]
        self.variables = {f"inputs[{i}]": x for i, x in enumerate(self.args) if isinstance(x, Tensor)}
        if hasattr(func, "named_parameters"):
            self.variables |= dict(func.named_parameters())
        self.variables = {name: x for name, x in self.variables.items() if x.requires_grad}
        for name, x in self.variables.items():
            if x.dtype != np.float64:
                raise ValueError(
                    f"gradcheck of {self.name}: {name} is {x.dtype}, and finite differences need float64; use .double()"
                )
        if not self.variables:
            raise ValueError(f"gradcheck of {self.name}: no input requires grad; set requires_grad=True on one")

    @staticmethod
    def _leaf(x: Tensor) -> Tensor:
        return Tensor(x, requires_grad=x.requires_grad)

    def prepare(self) -> None:
        """Run the function twice, and note outputs and gradients."""
        before = {name: x._data.copy() for name, x in self.variables.items()}
        with enable_grad():
            self.outputs = self._call()
        self.kinds = [f"output {i}" if len(self.outputs) > 1 else "output" for i in range(len(self.outputs))]
        for name, x in self.variables.items():
            if not np.array_equal(x._data, before[name], equal_nan=True):
                raise GradcheckError(f"gradcheck of {self.name}: the function modified {name} in place")
        self.values = [y._data.copy() for y in self.outputs]
        for first, second in zip(self.values, self._values(), strict=True):
            if first.shape != second.shape or not np.allclose(first, second, 0, self.nondet_tol, equal_nan=True):
                raise GradcheckError(
                    f"gradcheck of {self.name}: the function is not deterministic, two calls with the same inputs "
                    "gave different values; call .eval() on modules with dropout, seed what is random inside"
                )

    def _call(self) -> list[Tensor]:
        """The floating-point outputs."""
        with _buffers_put_back(self.func):
            found = flatten(self.func(*self.args))[0]
        outputs = [y for y in found if isinstance(y, Tensor) and y.dtype.kind == "f"]
        if not outputs:
            raise ValueError(f"gradcheck of {self.name}: the function returned no floating-point tensor")
        return outputs

    def _values(self) -> list[np.ndarray]:
        with enable_grad():  # the function may differentiate inside
            return [y._data for y in self._call()]

    def moved(self, name: str, step: np.ndarray) -> np.ndarray:
        """All outputs in one vector, with the variable ``name`` moved by ``step``."""
        x = self.variables[name]
        before = x._data
        x._data = before + step
        try:
            return np.concatenate([y.ravel() for y in self._values()])
        finally:
            x._data = before

    def pulled(self, cotangents: list[np.ndarray]) -> list[np.ndarray]:
        """The gradients of <outputs, cotangents>, one for each variable."""
        live = [(y, Tensor(v)) for y, v in zip(self.outputs, cotangents, strict=True) if y.requires_grad]
        xs = list(self.variables.values())
        if not live:
            return [np.zeros(x.shape) for x in xs]
        found = grad([y for y, _ in live], xs, [v for _, v in live], retain_graph=True, allow_unused=True)
        return [np.zeros(x.shape) if g is None else g._data for g, x in zip(found, xs, strict=True)]

    def jacobian(self) -> list[np.ndarray]:
        """For each variable (all output elements, all its elements), by backward."""
        rows: list[list[np.ndarray]] = []
        for k, y in enumerate(self.values):
            for element in np.ndindex(y.shape):
                cotangents = [np.zeros(v.shape, v.dtype) for v in self.values]
                cotangents[k][element] = 1
                rows.append([g.ravel() for g in self.pulled(cotangents)])
        return [np.array(column) for column in zip(*rows, strict=True)] if rows else []

    def every_entry(self, eps: float, atol: float, rtol: float, linear: bool) -> None:
        """Compare the whole Jacobian."""
        analytic = self.jacobian()
        if analytic:
            self._compare_again_after(self.jacobian(), analytic)
        worst: Mismatch | None = None
        wrong = total = 0
        for (name, x), expected in zip(self.variables.items(), analytic, strict=False):
            for j, entry in enumerate(np.ndindex(x.shape)):
                step = np.zeros(x.shape)
                step[entry] = 1.0
                numerical, good = self._slopes(name, step, expected[:, j], eps, atol, rtol, linear)
                total += len(good)
                for row in np.flatnonzero(~good):
                    wrong += 1
                    output, element = self._element(int(row))
                    found = Mismatch(output, name, entry, element, float(expected[row, j]), float(numerical[row]))
                    worst = found if worst is None or found.error > worst.error else worst
        if worst is not None:
            self._fail(worst, wrong, total)

    def along_a_direction(self, eps: float, atol: float, rtol: float, linear: bool) -> None:
        """Compare <v, J u> for random v and u, one variable at a time."""
        random = generator()
        v = [random.uniform(-1, 1, y.shape) for y in self.values]
        flat = np.concatenate([w.ravel() for w in v])
        for (name, x), g in zip(self.variables.items(), self.pulled(v), strict=True):
            u = random.uniform(-1, 1, x.shape)
            difference = flat @ (self.moved(name, eps * u) - self.moved(name, -eps * u)) / (2 * eps)
            analytic = float(np.vdot(g, u))
            if not abs(analytic - difference) <= atol + rtol * abs(difference):
                self._fail(Mismatch("<output, v>", f"{name} along u", (), (), analytic, float(difference)), 1, 1)

    def _slopes(
        self, name: str, direction: np.ndarray, analytic: np.ndarray, eps: float, atol: float, rtol: float, linear: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Central differences, and for each output element whether the analytic slope is right."""
        base = np.concatenate([y.ravel() for y in self.values])
        numerical = good = np.zeros(0)
        gap_before: np.ndarray | None = None
        # smaller steps, when needed, tell a kink (the gap between the sides stays) from curvature (it shrinks) and
        # get away from a kink nearby
        for shrink in (1,) if linear else (1, 4, 16):
            h = eps / shrink
            right, left = self.moved(name, h * direction), self.moved(name, -h * direction)
            central = (right - left) / (2 * h)
            slack = atol + rtol * np.abs(central) + (0 if shrink == 1 and not linear else 8e-16 * np.abs(base) / h)
            right, left = (right - base) / h, (base - left) / h
            low, high = np.minimum(left, right), np.maximum(left, right)
            gap = high - low
            passed = np.abs(analytic - central) <= slack
            if gap_before is not None:
                kink = (gap > 0.75 * gap_before) & (gap < 1.5 * gap_before)
                passed |= kink & (analytic >= low - slack) & (analytic <= high + slack)
            numerical, good = (central, passed) if shrink == 1 else (numerical, good | passed)
            if good.all():
                break
            gap_before = gap
        return numerical, good

    def _compare_again_after(self, again: list[np.ndarray], analytic: list[np.ndarray]) -> None:
        for name, a, b in zip(self.variables, analytic, again, strict=True):
            if not np.allclose(a, b, 0, self.nondet_tol, equal_nan=True):
                raise GradcheckError(
                    f"gradcheck of {self.name}: backward is not deterministic, two passes gave different gradients "
                    f"with respect to {name}"
                )

    def _element(self, row: int) -> tuple[str, tuple[int, ...]]:
        """Which output, and which element of it, a row of the Jacobian is."""
        for kind, y in zip(self.kinds, self.values, strict=True):
            if row < y.size:
                return kind, tuple(int(i) for i in np.unravel_index(row, y.shape))
            row -= y.size
        raise IndexError(row)

    def _fail(self, worst: Mismatch, wrong: int, total: int) -> None:
        nodes = {y.node.op.name for y in self.outputs if y.node is not None}
        raise GradcheckError(
            f"gradcheck of {self.name}: {wrong} of {total} entries are wrong; the worst:\n  {worst}\n"
            f"  the output is a result of: {', '.join(sorted(nodes)) or 'nothing recorded'}"
        )


@contextmanager
def _buffers_put_back(func: Any) -> Iterator[None]:
    """Running moments are after the block what they were before."""
    before = [(b, b._data, b._data.copy()) for b in (func.buffers() if hasattr(func, "buffers") else ())]
    try:
        yield
    finally:
        for buffer, array, values in before:
            buffer._data = array
            array[...] = values


def _name(func: Any) -> str:
    name = getattr(func, "__name__", None) or type(func).__name__
    return str(name)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
