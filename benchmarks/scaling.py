"""How cost grows: with the batch, with the channels, with the threads, and with the depth of the graph.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --filter depth

Batch: microseconds an image of a training step. Channels: a 3x3 convolution with as many channels out as in, batch
norm and ReLU, forward and backward, on 16 images of 16x16. Threads: a training step with one thread, with two ... and
how many times faster than with one. Depth: a chain of additions of eight numbers, microseconds a node to record it
and to go back through it.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from alternate import OURS, TORCH, Comparison, Step, Table, ratio, run, seconds, times
from libraries import load, network_step

LENET, MNIST = "LeNet-5", "conv32-conv64-pool-dropout-128-10"
COLUMNS = {"compiled": ["compiled"], "NumPy": ["numpy"], "torch": list(TORCH)}  # torch: the better layout

BATCHES = [
    {"name": f"batch {n}: {net}", "network": net, "batch": n}
    for net in (LENET, MNIST)
    for n in (1, 4, 16, 64, 256, 1024)
]
CHANNELS = [{"name": f"channels {c}", "channels": c} for c in (8, 16, 32, 64, 128, 256)]
THREADS = [{"name": f"threads: {net}", "network": net, "batch": 64} for net in (LENET, MNIST, "ResNet-20")]
DEPTHS = [
    {"name": f"depth {depth}, {direction}", "depth": depth, "direction": direction}
    for direction in ("forward", "backward")
    for depth in (1, 10, 100, 1000, 10_000)
]


def build(column: str, threads: int, **task: Any) -> Step:
    """The step of one row in one column."""
    if "network" in task:
        return network_step(column, task["network"], task["batch"], threads)
    if "channels" in task:
        return block(column, threads, task["channels"])
    return chain(column, threads, task["depth"], task["direction"])


def block(column: str, threads: int, channels: int) -> Step:
    """Forward and backward of convolution, batch norm and ReLU."""
    lib = load(column, threads)
    model = lib.nn.Sequential(
        lib.nn.Conv2d(channels, channels, 3, padding=1, bias=False), lib.nn.BatchNorm2d(channels), lib.nn.ReLU()
    )
    x, g = (lib.image(16, channels, 16, 16) for _ in range(2))
    x.requires_grad_()
    if column == "torch_last":
        model = model.to(memory_format=lib.tg.channels_last)
    wanted = [x, *model.parameters()]
    return lambda: lib.tg.autograd.grad(model(x), wanted, g)


def chain(column: str, threads: int, depth: int, direction: str) -> Step:
    """So many additions in a row; the step says itself how long the direction in question took."""
    tg = load(column, threads).tg
    x, y = tg.ones(8, requires_grad=True), tg.ones(8, requires_grad=True)
    g = tg.ones(8)

    def step() -> float:
        started = time.perf_counter()
        h = x
        for _ in range(depth):
            h = h + y
        middle = time.perf_counter()
        tg.autograd.grad(h, (x, y), g)
        end = time.perf_counter()
        return middle - started if direction == "forward" else end - middle

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = Comparison(__file__, OURS | TORCH, parser)
    headings = [(heading, ">10.2f") for heading in COLUMNS]
    ratios = [("ratio", ">8.2f"), ("r. NumPy", ">8.2f")]

    table = Table("Batch: microseconds an image of a training step", ("", "<46"), *headings, *ratios)
    for task, results in bench.rows(BATCHES):
        figures(table, task, results, 1e6 / task["batch"])

    table = Table(
        "Channels: ms of a 3x3 convolution, batch norm and ReLU, there and back", ("", "<46"), *headings, *ratios
    )
    for task, results in bench.rows(CHANNELS):
        figures(table, task, results, 1e3)

    speed_ups = [(f"x {heading}", ">10.2f") for heading in COLUMNS]
    table = Table("Threads: ms of a training step, and times faster than with one", ("", "<46"), *headings, *speed_ups)
    alone: dict[str, list[float | None]] = {}
    for threads in range(1, bench.args.threads + 1):
        for task, results in bench.rows(THREADS, threads):
            now = [seconds(results, *columns) for columns in COLUMNS.values()]
            one = alone.setdefault(task["name"], now)
            gains = [a / b if a and b else None for a, b in zip(one, now, strict=True)]
            table.row(f"{threads} {task['name']}", *(times(value, 1e3) for value in now), *gains)

    table = Table("Depth: microseconds a node", ("", "<46"), *headings, *ratios)
    for task, results in bench.rows(DEPTHS):
        figures(table, task, results, 1e6 / task["depth"])
    bench.finish()


def figures(table: Table, task: Any, results: Any, factor: float) -> None:
    """One row: each column's time in the table's unit, and the ratios."""
    values = (times(seconds(results, *columns), factor) for columns in COLUMNS.values())
    table.row(task["name"], *values, *(ratio(results, ours, *TORCH) for ours in OURS))


if __name__ == "__main__":
    run(main, build)
