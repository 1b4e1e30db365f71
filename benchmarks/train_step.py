"""One full training step of the benchmark networks, ours against PyTorch in one run.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --inference --filter ResNet

A step is zero_grad, forward, cross-entropy, backward, SGD with momentum. Ours runs with the compiled kernels and with
NumPy alone, PyTorch in NCHW and in channels-last memory; a ratio is the better PyTorch over ours, so above 1 ours is
faster. ``--inference`` times the forward pass alone, in eval mode under no_grad; with ``--compile``, ours is what
`tg.compile` makes of the step.
"""

from __future__ import annotations

import argparse

from alternate import OURS, TORCH, Comparison, Table, geometric_mean, ratio, run, seconds, times
from libraries import network_step
from networks import NETWORKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inference", action="store_true", help="the forward pass alone, eval mode, no gradients")
    parser.add_argument("--compile", action="store_true", help="ours by tg.compile")
    bench = Comparison(__file__, OURS | TORCH, parser)
    inference, compiled = bench.args.inference, bench.args.compile

    columns = {name: column.heading for name, column in (OURS | TORCH).items()}
    name, batch = ("network", "<33"), ("batch", ">5")
    what = "Inference (forward, eval, no_grad)" if inference else "Training step"
    what += ", ours by tg.compile" if compiled else ""
    table = Table(
        f"{what}, ms; ratio = better PyTorch / ours, above 1 ours is faster", name, batch,
        *((heading, ">9.2f") for heading in columns.values()), ("ratio", ">8.2f"), ("r. NumPy", ">8.2f"),
    )  # fmt: skip
    tasks = [
        {"name": name, "batch": batch, "inference": inference, "compiled": compiled}
        for name, network in NETWORKS.items()
        for batch in network.batches
    ]
    measured = []
    for task, results in bench.rows(tasks, baseline={}):
        ratios = [ratio(results, ours, *TORCH) for ours in OURS]
        measured.append((task, results, ratios))
        table.row(task["name"], task["batch"], *(times(seconds(results, c), 1e3) for c in columns), *ratios)
    means = [geometric_mean(ratios[i] for *_, ratios in measured) for i in range(len(OURS))]
    table.row("geometric mean", "", *[""] * len(columns), *means)

    table = Table(
        "Peak memory, MiB: above the imported libraries, and of the whole process", name, batch,
        *((heading, ">9.0f") for heading in columns.values()),
        *((f"whole {heading}", ">14.0f") for heading in columns.values()),
    )  # fmt: skip
    for task, results, _ in measured:
        memory = [results[c][what] if c in results else None for what in ("memory", "process") for c in columns]
        table.row(task["name"], task["batch"], *memory)
    bench.finish()


if __name__ == "__main__":
    run(main, network_step)
