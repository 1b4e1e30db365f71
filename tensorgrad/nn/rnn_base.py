"""What recurrent layers have in common: layers upon layers, two directions, the state before and after."""

from __future__ import annotations

import math
import warnings
from typing import Any

from tensorgrad.creation import empty
from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.dropout import check_probability
from tensorgrad.ops.join import cat, stack
from tensorgrad.ops.recurrent import first_state
from tensorgrad.tensor import Tensor

#: how many gates there are, each a block of rows of the weights
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RNNBase(Module):
    """What :class:`RNN`, :class:`LSTM` and :class:`GRU` share: parameters, layers and directions, shapes.

    ``mode`` is "RNN_TANH", "RNN_RELU", "LSTM" or "GRU", of 1, 1, 4 and 3 gates G. Parameters, for each layer k and
    again with ``_reverse``: ``weight_ih_lk`` (G H, features), ``weight_hh_lk`` (G H, P or H), ``bias_ih_lk`` and
    ``bias_hh_lk`` (G H), and ``weight_hr_lk`` (P, H) with ``proj_size`` P. Source: ``torch.nn.RNNBase``.
    """

    weight_ih_l0: Any

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings()
        for layer, suffix in self._places():
            for name, shape in self._shapes(layer).items():
                setattr(self, name + suffix, Parameter(empty(*shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _check_settings(self) -> None:
        """Refuse what is no size, no switch, no probability."""
        for name in ("input_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise self._error(f"{name} must be a positive integer, got {value!r}")
        for name in ("bias", "batch_first"):
            if not isinstance(value := getattr(self, name), bool):
                raise self._error(f"{name} must be True or False, got {value!r}", TypeError)
        if not 0 <= self.proj_size < self.hidden_size:
            raise self._error(f"proj_size must be smaller than hidden_size={self.hidden_size}, got {self.proj_size}")
        check_probability(self.dropout, type(self).__name__)
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"{type(self).__name__}: dropout={self.dropout} has no effect with num_layers=1, "
                "it drops what goes from one layer to the next",
                stacklevel=4,
            )

    def reset_parameters(self) -> None:
        """All parameters uniform on ``[-1/sqrt(hidden_size), 1/sqrt(hidden_size)]``."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: it is for memory on a GPU."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name + suffix) for name in self._shapes(layer)] for layer, suffix in self._places()]

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        """What the names of a layer's parameters end in, for each direction."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    def _places(self) -> list[tuple[int, str]]:
        """Every layer with every direction, in the order of the states."""
        return [(layer, suffix) for layer in range(self.num_layers) for suffix in self._suffixes(layer)]

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """The parameters of a layer in one direction, by name."""
        rows, size = GATES[self.mode] * self.hidden_size, self._state_sizes()[0]
        features = size * self._directions if layer else self.input_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, features), "weight_hh": (rows, size)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _state_sizes(self) -> tuple[int, ...]:
        """Features of each part of the state; the first is the output's."""
        return (self.hidden_size,)

    def _run(self, x: Any, suffix: str, state: list[Any], reverse: bool) -> tuple[Any, list[Any]]:
        """The outputs of one layer in one direction, (T, N, ...), and the state after the last step it takes."""
        raise NotImplementedError(f"{type(self).__name__}: use RNN, LSTM or GRU")

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Any]:
        """The output of every step, and the state of every layer and direction after the last step it takes."""
        x = operand(input, type(self).__name__)
        self._check_input(x)
        batched = x.ndim == 3
        if not batched:
            x = x[:, None]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        states = self._first_states(hx, x, batched)
        finals: list[list[Any]] = []
        for layer in range(self.num_layers):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for reverse, suffix in enumerate(self._suffixes(layer)):
                output, final = self._run(x, suffix, [state[len(finals)] for state in states], bool(reverse))
                outputs.append(output)
                finals.append(final)
            x = cat(outputs, -1) if self.bidirectional else outputs[0]
        # not the memory that backward will read: what is done to the output in place is the caller's business
        output = x if self.bidirectional else x.clone()
        output = output[:, 0] if not batched else output.swapaxes(0, 1) if self.batch_first else output
        last = [stack(part) if batched else cat(part) for part in zip(*finals, strict=True)]
        return output, self._as_given(last)

    def _input_part(self, x: Any, suffix: str, both_biases: bool = False) -> Any:
        """``W_ih x_t + b_ih`` for all steps in one product; with ``both_biases``, ``b_hh`` is added to that too."""
        bias = getattr(self, "bias_ih" + suffix, None)
        if both_biases and self.bias:
            bias = bias + getattr(self, "bias_hh" + suffix)
        return F.linear(x, getattr(self, "weight_ih" + suffix), bias)

    def _as_given(self, parts: list[Any]) -> Any:
        """The parts of a state in the form in which the caller gets them."""
        return parts[0]

    def _parts(self, hx: Any) -> list[Any]:
        """The parts of a state from the form in which the caller gives them; None for zeros."""
        return [hx]

    def _check_input(self, x: Any) -> None:
        """Sequences of at least one step, with the right number of features."""
        steps = x.shape[1 if self.batch_first and x.ndim == 3 else 0] if x.ndim else 0
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or not steps:
            form = "(N, T, {})" if self.batch_first else "(T, N, {})"
            wanted = f"{form} or (T, {{}}) with T > 0".replace("{}", str(self.input_size))
            raise self._error(f"expected input {wanted}, got {describe(x)}")

    def _first_states(self, hx: Any, x: Any, batched: bool) -> list[Any]:
        """Each part of the state from which to start, (layers times directions, N, ...)."""
        count, dtype = self.num_layers * self._directions, self.weight_ih_l0.dtype
        parts = self._parts(hx)
        found = []
        for i, (part, size) in enumerate(zip(parts, self._state_sizes(), strict=True)):
            shape = (count, x.shape[1], size) if batched else (count, size)
            state = first_state(part, shape, dtype, type(self).__name__, f"hx[{i}]" if len(parts) > 1 else "hx")
            found.append(state if batched else state[:, None])
        return found

    def extra_repr(self) -> str:
        """The sizes, and the settings that are not the usual ones."""
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        others = (f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value)
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *others])

    def _error(self, message: str, kind: type[Exception] = ValueError) -> Exception:
        return op_error(kind, type(self).__name__, message)


__all__ = ["RNNBase"]
