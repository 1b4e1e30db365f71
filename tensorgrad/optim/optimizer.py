"""Optimizer: parameter groups, state per parameter, and the loop that every rule of descent runs in."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from tensorgrad.autograd import in_place
from tensorgrad.autograd.between import leaves_traces, writes_arguments
from tensorgrad.autograd.mode import enable_grad
from tensorgrad.autograd.primitive import wrap
from tensorgrad.errors import describe
from tensorgrad.tensor import Tensor, as_array

#: ``update(state, p, g)`` writes a parameter's new values into its array.
Update = Callable[[dict[str, Any], np.ndarray, np.ndarray], None]


class Optimizer:
    """Base class: ``params`` is an iterable of tensors, of ``(name, tensor)``, or of dictionaries (groups).

    A group is ``{"params": [...], "lr": ..., ...}``; what it does not say comes from ``defaults``. ``state[p]`` holds
    what is remembered of parameter ``p``, in its shape and dtype. A subclass gives :meth:`_update`, the names of its
    slots, and what :meth:`_check` shall look at. Raises ValueError for no parameters, one that occurs twice, one that
    was computed (no leaf), and settings out of range; TypeError for what is no tensor.
    Source: ``torch.optim.Optimizer``.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Linear(3, 1))
    >>> optimizer = tg.optim.SGD([{"params": net[0].parameters()}, {"params": net[1].parameters(), "lr": 1.0}], lr=0.1)
    >>> [group["lr"] for group in optimizer.param_groups]
    [0.1, 1.0]
    """

    #: Names of the state's arrays; all else in a state is a number, of the type that stands beside its name.
    _array_slots: ClassVar[tuple[str, ...]] = ()
    _number_slots: ClassVar[dict[str, type]] = {}
    #: Settings that must be at least 0.
    _not_negative: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        kind = type(self).__name__
        groups = _listed(params, kind)
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        if not groups:
            raise ValueError(f"{kind}: there are no parameters to optimize")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # --- what a subclass gives --------------------------------------------------------------------------------------

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for settings that are out of range."""
        for name in self._not_negative:
            check_range(name, type(self).__name__, group[name])

    def _update(self, group: dict[str, Any]) -> Update:
        """The rule of a group, its settings read once."""
        raise NotImplementedError

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        """What the state of a parameter that has been updated must hold."""
        raise NotImplementedError

    # --- using it -----------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize further parameters, with settings of their own."""
        kind = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{kind}: a parameter group is a dictionary with 'params', got {describe(param_group)}")
        group = {**self.defaults, **param_group}
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else _listed(params, kind)
        if params and all(isinstance(p, tuple) and len(p) == 2 for p in params):
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                hint = "; pass net.parameters()" if _is_module(p) else ""
                raise TypeError(f"{kind}: expected tensors to optimize, got {describe(p)}{hint}")
            if p.node is not None:
                raise ValueError(
                    f"{kind}: only leaf tensors can be optimized, {describe(p)} came from {p.node.op.name}"
                )
            if id(p) in known:
                raise ValueError(f"{kind}: a parameter ({describe(p)}) is there twice; give each once")
            known.add(id(p))
        group["params"] = params
        self._check(group)
        self.param_groups.append(group)

    @writes_arguments
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for p in self._params():
            if p._grad is not None:
                p._grad = None if set_to_none else wrap(np.zeros_like(p._data))

    @leaves_traces
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns what ``closure`` (evaluated first) returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        due = [(group, [p for p in group["params"] if p._grad is not None]) for group in self.param_groups]
        arrays = []
        for p in itertools.chain.from_iterable(params for _, params in due):
            array = p._data
            if p._grad._data.shape != array.shape:
                raise ValueError(f"{type(self).__name__}: the gradient of {describe(p)} is {describe(p._grad)}")
            if in_place.refuses(array):
                raise RuntimeError(
                    f"{type(self).__name__}: the parameter {describe(p)} lies in read-only or expanded memory; "
                    "give it some of its own: p.data = p.data.clone()"
                )
            arrays.append(array)
        in_place.write(*arrays)  # a later backward through an older graph will say so
        with np.errstate(all="ignore"):
            for group, params in due:
                update = self._update(group)
                for p in params:
                    update(self.state[p], p._data, p._grad._data)
        return loss

    def _params(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    # --- saving and loading -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: {...}}, "param_groups": [...]}``, parameters replaced by their number, as PyTorch's.

        The tensors share memory with the optimizer's: copy what shall outlast the next step.
        """
        params = list(self._params())
        number = {id(p): i for i, p in enumerate(params)}
        return {
            "state": {i: dict(self.state[p]) for i, p in enumerate(params) if self.state.get(p)},
            "param_groups": [{**g, "params": [number[id(p)] for p in g["params"]]} for g in self.param_groups],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of what :meth:`state_dict` returned, all or nothing.

        Everything is checked first: groups, settings, and for each parameter the slots and their shapes. One
        ValueError says what does not fit, and the optimizer is left as it was.
        """
        groups, states = self._checked_parts(state_dict)
        problems: list[str] = []
        loaded: dict[Tensor, dict[str, Any]] = {}
        known: set[Any] = set()
        for i, (own, given) in enumerate(zip(self.param_groups, groups, strict=True)):
            missing = [key for key in self.defaults if key not in given]
            if missing:
                problems.append(f"group {i} lacks {', '.join(missing)}")
                continue
            try:
                self._check(given)
            except (ValueError, TypeError) as error:
                problems.append(f"group {i}: {error}")
                continue
            known.update(given["params"])
            for p, number in zip(own["params"], given["params"], strict=True):
                if states.get(number):
                    loaded[p] = self._loaded_slots(p, number, states[number], given, problems)
        if not problems:
            problems += [f"there is no parameter {number}" for number in states if number not in known]
        if problems:
            raise self._misfit("\n  ".join(problems))
        self.state = defaultdict(dict, loaded)
        for own, given in zip(self.param_groups, groups, strict=True):
            own.update({key: value for key, value in given.items() if key != "params"})

    def _misfit(self, what: str) -> ValueError:
        return ValueError(
            f"load_state_dict of {type(self).__name__}: the state does not fit, nothing was loaded\n  {what}"
        )

    def _checked_parts(self, state_dict: Any) -> tuple[list[dict[str, Any]], dict[Any, Any]]:
        """The groups and the states, when they have the form of this optimizer's."""
        try:
            groups, states = [dict(group) for group in state_dict["param_groups"]], dict(state_dict["state"])
            sizes = [len(group["params"]) for group in groups]
        except (KeyError, TypeError, ValueError) as error:
            raise self._misfit(f"it is no optimizer's state ({error!r})") from None
        own = [len(group["params"]) for group in self.param_groups]
        if own != sizes:
            raise self._misfit(f"the optimizer has groups of {own} parameters, the state of {sizes}")
        for group in groups:
            if isinstance(group.get("betas"), list):
                group["betas"] = tuple(group["betas"])
        return groups, states

    def _loaded_slots(
        self, p: Tensor, number: Any, given: Any, group: dict[str, Any], problems: list[str]
    ) -> dict[str, Any]:
        """Copies of a parameter's slots; what is wrong with them is added to ``problems``."""
        slots: dict[str, Any] = {}
        try:
            values = {name: value for name, value in dict(given).items() if value is not None}
            for name, value in values.items():
                if name in self._number_slots:
                    slots[name] = self._number_slots[name](value)
                elif name not in self._array_slots:
                    problems.append(f"parameter {number}: there is no slot {name!r}")
                elif (array := as_array(value)).shape == p.shape and array.dtype.kind == "f":
                    slots[name] = wrap(np.array(array, dtype=p.dtype))
                else:
                    problems.append(f"parameter {number} is {describe(p)}, its {name} {describe(array)}")
            absent = [name for name in self._required_slots(group) if name not in values]
            if absent:
                problems.append(f"parameter {number} lacks {', '.join(absent)}")
        except (TypeError, ValueError) as error:
            problems.append(f"parameter {number}: {error}")
        return slots

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _is_module(value: Any) -> bool:
    return hasattr(value, "parameters")


def _listed(params: Any, optimizer: str) -> list[Any]:
    """Parameters or groups as a list; TypeError for a module of modules, and for what has no order or no items."""
    ordered = isinstance(params, Iterable) and not isinstance(params, (Tensor, set, frozenset, str))
    if not ordered or (_is_module(params) and not all(isinstance(p, Tensor) for p in params)):
        hint = "; pass net.parameters()" if callable(params) else ""
        raise TypeError(
            f"{optimizer}: params must be an ordered iterable of tensors or groups, got {describe(params)}{hint}"
        )
    return list(params)


def slot(state: dict[str, Any], name: str, p: np.ndarray, first: float = 0.0) -> np.ndarray:
    """That array in the parameter's dtype (``net.double()`` may have changed it), at first all ``first``."""
    kept = state.get(name)
    if kept is None:
        kept = state[name] = wrap(np.full_like(p, first))
    elif kept._data.dtype != p.dtype:
        kept = state[name] = kept.to(p.dtype, copy=True)
    array: np.ndarray = kept._data
    return array


def next_step(state: dict[str, Any]) -> int:
    """Count an update of a parameter, and return how many there were with it."""
    step: int = state.get("step", 0) + 1
    state["step"] = step
    return step


def refuse_differentiable(optimizer: str, differentiable: bool) -> None:
    """ValueError for an optimizer whose steps shall be part of the graph."""
    if differentiable:
        raise ValueError(
            f"{optimizer}: differentiable must be False, steps are not recorded; to differentiate through a step, "
            "compute the new parameters with operators"
        )


def check_range(
    name: str, optimizer: str, value: Any, low: float = 0.0, below: float = math.inf, up_to: float = math.inf
) -> None:
    """ValueError unless ``low <= value < below`` and ``value <= up_to`` (NaN never is), TypeError for no number."""
    if below < math.inf:
        expected = f"in [{low:g}, {below:g})"
    elif up_to < math.inf:
        expected = f"in [{low:g}, {up_to:g}]"
    else:
        expected = f"at least {low:g}" if low > -math.inf else "not NaN"
    try:
        fits = low <= value <= up_to and (value < below or below == math.inf)
    except (TypeError, ValueError):  # an array of several numbers has no truth
        got = describe(value) if hasattr(value, "shape") else repr(value)
        raise TypeError(f"{optimizer}: {name} must be a number, {expected}, got {got}") from None
    if not fits:
        raise ValueError(f"{optimizer}: {name} must be {expected}, got {value}")


__all__ = ["Optimizer"]
