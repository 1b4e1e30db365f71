"""Recurrent layers: every step of a sequence reads and writes a state."""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import describe, op_error
from tensorgrad.nn.rnn_base import RNNBase
from tensorgrad.ops.gru import gru
from tensorgrad.ops.lstm import lstm
from tensorgrad.ops.rnn import NONLINEARITIES, rnn


class RNN(RNNBase):
    """``h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)`` at every step t, or ``relu`` of it.

    ``num_layers`` layers run one upon another, each over the outputs of the one below, of which ``dropout`` drops some
    while training. ``bidirectional`` runs each from both ends and joins the outputs. D is 2 then, else 1.

    Shapes: input (T, N, input_size), output (T, N, D H), hx and the last state (D num_layers, N, H), zeros unless
    given; with ``batch_first`` input and output have N first; without a batch there is no N. Packed sequences do not
    exist here: pad them. Raises ValueError for sizes that do not fit and for another ``nonlinearity``, TypeError for
    dtypes that differ. Source: ``torch.nn.RNN``; Elman 1990.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.RNN(3, 4, num_layers=2)
    >>> output, h = layer(tg.ones(5, 2, 3))
    >>> output.shape, h.shape, bool((output[-1] == h[-1]).all())
    ((5, 2, 4), (2, 2, 4), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity(nonlinearity, type(self).__name__)
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, device=device, dtype=dtype,
        )  # fmt: skip

    def _run(self, x: Any, suffix: str, state: list[Any], reverse: bool) -> tuple[Any, list[Any]]:
        z, weight = self._input_part(x, suffix, both_biases=True), getattr(self, "weight_hh" + suffix)
        y = rnn(z, weight, *state, nonlinearity=self.nonlinearity, reverse=reverse)
        return y, [y[0 if reverse else -1]]


class GRU(RNNBase):
    """A state that two gates let change: how much of it is forgotten for what is new, and how much is replaced by that.

    With ``x = W_ih x_t + b_ih`` and ``u = W_hh h + b_hh``, in three blocks each, and ``h`` of the step before:

        r = sigmoid(x_r + u_r),  z = sigmoid(x_z + u_z),  n = tanh(x_n + r u_n),  h_t = (1 - z) n + z h

    Arguments, shapes and errors are those of :class:`RNN`. Source: ``torch.nn.GRU``; Cho et al. 2014.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.GRU(3, 4, bidirectional=True, batch_first=True)
    >>> output, h = layer(tg.ones(2, 5, 3))
    >>> output.shape, h.shape
    ((2, 5, 8), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device=device, dtype=dtype,
        )  # fmt: skip

    def _run(self, x: Any, suffix: str, state: list[Any], reverse: bool) -> tuple[Any, list[Any]]:
        z, weight = self._input_part(x, suffix), getattr(self, "weight_hh" + suffix)
        y = gru(z, weight, getattr(self, "bias_hh" + suffix, None), *state, reverse=reverse)
        return y, [y[0 if reverse else -1]]


class LSTM(RNNBase):
    """A memory ``c`` that gates let in, keep and let out, and the state ``h`` that is let out of it.

    With ``z = W_ih x_t + b_ih + W_hh h + b_hh`` in four blocks, and ``h`` and ``c`` of the step before:

        i, f, g, o = sigmoid(z_i), sigmoid(z_f), tanh(z_g), sigmoid(z_o),  c_t = f c + i g,  h_t = o tanh(c_t)

    ``proj_size`` P > 0 makes that ``h_t = W_hr (o tanh(c_t))``, of P features. The state is the pair (h, c), of shapes
    (D num_layers, N, P or H) and (D num_layers, N, H). The other arguments, shapes and errors are those of
    :class:`RNN`. Source: ``torch.nn.LSTM``; Hochreiter and Schmidhuber 1997; Sak, Senior and Beaufays 2014.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.LSTM(3, 4)
    >>> output, (h, c) = layer(tg.ones(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    ((5, 2, 4), (1, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
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
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device=device, dtype=dtype,
        )  # fmt: skip

    def _run(self, x: Any, suffix: str, state: list[Any], reverse: bool) -> tuple[Any, list[Any]]:
        z, weight = self._input_part(x, suffix, both_biases=True), getattr(self, "weight_hh" + suffix)
        y = lstm(z, weight, *state, getattr(self, "weight_hr" + suffix, None), reverse=reverse)
        size, last = self._state_sizes()[0], y[0 if reverse else -1]
        return y[..., :size], [last[:, :size], last[:, size:]]

    def _state_sizes(self) -> tuple[int, ...]:
        return self.proj_size or self.hidden_size, self.hidden_size

    def _parts(self, hx: Any) -> list[Any]:
        return [None, None] if hx is None else list(pair(hx, type(self).__name__))

    def _as_given(self, parts: list[Any]) -> Any:
        return tuple(parts)


def check_nonlinearity(nonlinearity: Any, name: str) -> None:
    """ValueError unless it is one of those that there are."""
    if nonlinearity not in NONLINEARITIES:
        raise op_error(ValueError, name, f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")


def pair(hx: Any, name: str) -> Any:
    """The state (h, c); ValueError for anything that is not two."""
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        got = f"{len(hx)} tensors" if isinstance(hx, (tuple, list)) else describe(hx)
        raise op_error(ValueError, name, f"hx must be the pair (h, c), got {got}")
    return hx


__all__ = ["GRU", "LSTM", "RNN"]
