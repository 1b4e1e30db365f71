"""Recurrent cells: one step of a recurrent layer, for loops of your own."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.creation import empty
from tensorgrad.errors import describe, op_error
from tensorgrad.nn import functional as F
from tensorgrad.nn import init
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.nn.rnn import check_nonlinearity, pair
from tensorgrad.ops._arguments import operand
from tensorgrad.ops.gru import gru
from tensorgrad.ops.lstm import lstm
from tensorgrad.ops.recurrent import first_state
from tensorgrad.ops.rnn import rnn
from tensorgrad.tensor import Tensor


class RNNCellBase(Module):
    """What the cells share: the parameters ``weight_ih`` (G H, input_size), ``weight_hh`` (G H, H), and biases (G H).

    G, ``num_chunks``, is the number of gates. Source: ``torch.nn.RNNCellBase``.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        like = {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(empty(rows, input_size, **like))
        self.weight_hh = Parameter(empty(rows, hidden_size, **like))
        self.bias_ih = Parameter(empty(rows, **like)) if bias else None
        self.bias_hh = Parameter(empty(rows, **like)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All parameters uniform on ``[-1/sqrt(hidden_size), 1/sqrt(hidden_size)]``."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _arranged(self, input: Any, *states: Any) -> tuple[Any, list[Any]]:
        """The input as a sequence of one step, (1, N, input_size), and the states as (N, H)."""
        name = type(self).__name__
        x = operand(input, name)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            wanted = f"(N, {self.input_size}) or ({self.input_size},)"
            raise op_error(ValueError, name, f"expected input {wanted}, got {describe(x)}")
        shape, dtype = (*x.shape[:-1], self.hidden_size), self.weight_ih.dtype
        names = ["hx"] if len(states) == 1 else [f"hx[{i}]" for i in range(len(states))]
        found = [first_state(h, shape, dtype, name, label) for h, label in zip(states, names, strict=True)]
        return (x[None, None], [h[None] for h in found]) if x.ndim == 1 else (x[None], found)

    def _both_biases(self) -> Any:
        return None if self.bias_ih is None or self.bias_hh is None else self.bias_ih + self.bias_hh

    def extra_repr(self) -> str:
        """The sizes, and the settings that are not the usual ones."""
        bias = "" if self.bias else f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return f"{self.input_size}, {self.hidden_size}{bias}" + (
            "" if nonlinearity == "tanh" else f", nonlinearity={nonlinearity}"
        )


class RNNCell(RNNCellBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or ``relu`` of it: one step of :class:`RNN`.

    Shapes: input (N, input_size), hx and result (N, H), all without N too; no hx means zeros. Raises ValueError for
    sizes that do not fit and for another ``nonlinearity``. Source: ``torch.nn.RNNCell``.

    >>> import tensorgrad as tg
    >>> tg.nn.RNNCell(3, 4)(tg.ones(2, 3)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity(nonlinearity, type(self).__name__)
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """The state after this step."""
        x, state = self._arranged(input, hx)
        z = F.linear(x, self.weight_ih, self._both_biases())
        y = rnn(z, self.weight_hh, *state, nonlinearity=self.nonlinearity, reverse=False)
        return y.reshape(*input.shape[:-1], self.hidden_size)


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: the state (h, c) after it.

    Shapes: input (N, input_size), h and c (N, H), all without N too; no hx means zeros. Raises ValueError for sizes
    that do not fit. Source: ``torch.nn.LSTMCell``.

    >>> import tensorgrad as tg
    >>> h, c = tg.nn.LSTMCell(3, 4)(tg.ones(2, 3))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        """The state and the memory after this step."""
        x, state = self._arranged(input, *((None, None) if hx is None else pair(hx, type(self).__name__)))
        y = lstm(F.linear(x, self.weight_ih, self._both_biases()), self.weight_hh, *state, None, reverse=False)
        y = y.reshape(*input.shape[:-1], 2 * self.hidden_size)
        return y[..., : self.hidden_size], y[..., self.hidden_size :]


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`.

    Shapes: input (N, input_size), hx and result (N, H), all without N too; no hx means zeros. Raises ValueError for
    sizes that do not fit. Source: ``torch.nn.GRUCell``.

    >>> import tensorgrad as tg
    >>> tg.nn.GRUCell(3, 4)(tg.ones(3)).shape
    (4,)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """The state after this step."""
        x, state = self._arranged(input, hx)
        y = gru(F.linear(x, self.weight_ih, self.bias_ih), self.weight_hh, self.bias_hh, *state, reverse=False)
        return y.reshape(*input.shape[:-1], self.hidden_size)


__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]
