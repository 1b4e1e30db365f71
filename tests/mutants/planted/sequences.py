"""Faults in the layers for sequences."""

from tests.mutants.planted.fault import Fault, table

FAULTS = [
    Fault(
        "lstm: the gradient of the memory stops at each step",
        "tensorgrad/kernels/lstm.py",
        "return kept",
        "return 0 * kept",
        table("LSTM"),
    ),
    Fault(
        "lstm: the gradient of the memory stops at each step of a recorded rule",
        "tensorgrad/ops/lstm.py",
        "return cat(to_gates, 1), kept",
        "return cat(to_gates, 1), 0 * kept",
        "tests/nn/test_rnn.py",
    ),
    Fault(
        "lstm, compiled: small numbers lose the digits of 1 - e^-2x",
        "tensorgrad/kernels/compiled/lstm.py",
        "small if abs(x) < SMALL else large",
        "large",
        "tests/kernels/test_lstm.py",
    ),
    Fault(
        "lstm: the forward's gates are constants of a recorded rule",
        "tensorgrad/ops/lstm.py",
        "    if recorded:\n        gates =",
        "    if False:\n        gates =",
        table("LSTM"),
    ),
    Fault(
        "gru: the state's bias is outside the reset gate",
        "tensorgrad/ops/gru.py",
        "tanh(xn + r * un), un",
        "tanh(xn + r * un + (1 - r) * un), un",
        table("GRU"),
    ),
    Fault(
        "gru: the gradient does not pass the update gate to the step before",
        "tensorgrad/ops/gru.py",
        "dh = _matmul(du[k], weight) + kept",
        "dh = _matmul(du[k], weight)",
        table("GRU"),
    ),
    Fault(
        "rnn: the weight's gradient is taken with the states after the steps",
        "tensorgrad/ops/recurrent.py",
        "found[k], first = first, states[k]",
        "found[k], first = states[k], states[k]",
        table("RNN"),
    ),
    Fault(
        "recurrent layers: the reverse direction's last state is that of the last step in time",
        "tensorgrad/nn/rnn.py",
        "size, last = self._state_sizes()[0], y[0 if reverse else -1]",
        "size, last = self._state_sizes()[0], y[-1]",
        table("LSTM"),
    ),
    Fault(
        "recurrent layers: dropout of the input, too",
        "tensorgrad/nn/rnn_base.py",
        "            if layer:\n",
        "            if self.num_layers > 1:\n",
        "tests/nn/test_rnn.py",
    ),
    Fault(
        "recurrent layers: the caller writes into what backward reads",
        "tensorgrad/nn/rnn_base.py",
        "x if self.bidirectional else x.clone()",
        "x",
        "tests/nn/test_rnn.py",
    ),
    Fault(
        "transformer: norm_first normalises the sum, too",
        "tensorgrad/nn/transformer_layers.py",
        "return x + dropout(block(norm(x))) if self.norm_first",
        "return norm(x + dropout(block(norm(x)))) if self.norm_first",
        table("TransformerEncoderLayer"),
    ),
    Fault(
        "transformer: the layers of a stack share their parameters",
        "tensorgrad/nn/transformer.py",
        "copy.deepcopy(layer)",
        "layer",
        "tests/nn/test_transformer.py",
    ),
]
