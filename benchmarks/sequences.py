"""Layers for sequences: forward and backward, ours against PyTorch in one run.

    python benchmarks/sequences.py

The input is an image of 28 rows read row by row, 64 of them: (28, 64, 28), and 128 hidden features; the transformer's
layer sees (28, 64, 128). A ratio is PyTorch over ours, so above 1 ours is faster.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from alternate import OURS, TORCH, Comparison, Step, Unsupported, compare_by_name, run
from libraries import load

STEPS, BATCH, FEATURES, HIDDEN = 28, 64, 28, 128


class Layer(NamedTuple):
    """A class of ``nn``, how it is made, and the features of its input."""

    cls: str
    features: int
    arguments: tuple[int, ...]
    settings: dict[str, Any]


RECURRENT = FEATURES, HIDDEN
LAYERS = {
    "RNN": Layer("RNN", FEATURES, RECURRENT, {}),
    "GRU": Layer("GRU", FEATURES, RECURRENT, {}),
    "LSTM": Layer("LSTM", FEATURES, RECURRENT, {}),
    "LSTM, two layers, both directions": Layer("LSTM", FEATURES, RECURRENT, {"num_layers": 2, "bidirectional": True}),
    "TransformerEncoderLayer, 4 heads": Layer(
        "TransformerEncoderLayer", HIDDEN, (HIDDEN, 4), {"dim_feedforward": 4 * HIDDEN, "dropout": 0.0}
    ),
}


def build(column: str, name: str, threads: int) -> Step:
    """The gradients of the sum of a layer's output."""
    if column == "torch_last":
        raise Unsupported("no images, no memory order")
    lib, layer = load(column, threads), LAYERS[name]
    module = getattr(lib.nn, layer.cls)(*layer.arguments, **layer.settings)
    x = lib.tg.randn(STEPS, BATCH, layer.features)

    def step() -> None:
        module.zero_grad()
        y = module(x)
        (y[0] if isinstance(y, tuple) else y).sum().backward()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = Comparison(__file__, OURS | TORCH, parser)
    compare_by_name(bench, "Layers for sequences", ("layer", "<35"), LAYERS)


if __name__ == "__main__":
    run(main, build)
