"""Each operator of the benchmark networks by itself: time, rate, and its share of what this machine can do.

    python benchmarks/operators.py
    python benchmarks/operators.py --filter "grad weight"

The limits are measured first, in the same run: the largest matrix product for arithmetic, copies of several sizes for
memory, each with the library that does it fastest. A row cannot be faster than its multiplications and additions at
the one rate, nor than its inputs and outputs, read and written once, at the other; the slower of the two is its limit.
Convolutions count as direct ones, so a faster algorithm may pass 100 %.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from alternate import OURS, TORCH, Comparison, Step, Table, Unsupported, geometric_mean, ratio, run, seconds, times
from libraries import Library, load
from networks import NETWORKS

GEMM = 1536
COPIES = [2**exponent for exponent in range(18, 29, 2)]  # bytes read plus bytes written
IMAGE = 64, 64, 32, 32  # the size of an activation for operators without a shape of their own


class Row(NamedTuple):
    """How to build the step, and the least that it must do."""

    build: Callable[[Library], Step]
    flops: float = 0
    floats: float = 0  # numbers read plus numbers written
    images: bool = False  # whether the memory order of images matters


# ---- convolution -------------------------------------------------------------------------------------------


def convolution(n: int, c: int, o: int, k: int, size: int, stride: int = 1, padding: int = 0, groups: int = 1) -> Any:
    """The three passes of one convolution."""
    options = {"stride": stride, "padding": padding, "groups": groups}
    out = (size + 2 * padding - k) // stride + 1
    x_shape, w_shape, y_shape = (n, c, size, size), (o, c // groups, k, k), (n, o, out, out)
    work = {
        "flops": 2 * math.prod(y_shape) * math.prod(w_shape[1:]),
        "floats": math.prod(x_shape) + math.prod(w_shape) + math.prod(y_shape),
        "images": True,
    }

    def forward(lib: Library) -> Step:
        x, w = lib.image(*x_shape), lib.weight(*w_shape).requires_grad_()
        return lambda: lib.F.conv2d(x, w, **options)

    def backward(lib: Library, wanted: str) -> Step:
        tensors = {"input": lib.image(*x_shape), "weight": lib.weight(*w_shape)}
        tensors[wanted].requires_grad_()
        y, g = lib.F.conv2d(tensors["input"], tensors["weight"], **options), lib.image(*y_shape)
        return lambda: lib.tg.autograd.grad(y, tensors[wanted], g, retain_graph=True)

    return {
        "forward": Row(forward, **work),
        "grad input": Row(lambda lib: backward(lib, "input"), **work),
        "grad weight": Row(lambda lib: backward(lib, "weight"), **work),
    }


CONVOLUTIONS = {
    "conv 3x3 1-32": convolution(64, 1, 32, 3, 28),
    "conv 5x5 1-32": convolution(64, 1, 32, 5, 28),
    "conv 5x5 32-32": convolution(64, 32, 32, 5, 24),
    "conv 3x3 16-16": convolution(64, 16, 16, 3, 32, padding=1),
    "conv 3x3 32-64": convolution(64, 32, 64, 3, 26),
    "conv 3x3 64-64": convolution(64, 64, 64, 3, 16, padding=1),
    "conv 3x3 128-128": convolution(32, 128, 128, 3, 16, padding=1),
    "conv 3x3 16-32 stride 2": convolution(64, 16, 32, 3, 32, stride=2, padding=1),
    "conv 1x1 64-128": convolution(64, 64, 128, 1, 16),
    "depthwise 3x3 64": convolution(64, 64, 64, 3, 32, padding=1, groups=64),
    "depthwise 3x3 128 stride 2": convolution(64, 128, 128, 3, 16, stride=2, padding=1, groups=128),
}


# ---- operators of the size of an activation, forward and backward together ---------------------------------


def there_and_back(function: Callable[..., Any], arrays: float, shape: tuple[int, ...] = IMAGE) -> Row:
    """``function(lib, x)`` and the gradient of x; ``arrays``: how many arrays of x's size are read and written."""

    def build(lib: Library) -> Step:
        x = (lib.image(*shape) if len(shape) == 4 else lib.tg.randn(*shape)).requires_grad_()
        y = function(lib, x)
        g = lib.image(*y.shape) if len(y.shape) == 4 else lib.tg.ones(())
        return lambda: lib.tg.autograd.grad(function(lib, x), x, g)

    return Row(build, floats=arrays * math.prod(shape), images=len(shape) == 4)


def batch_norm() -> Row:
    """Batch norm in training mode with its three gradients."""

    def build(lib: Library) -> Step:
        x = lib.image(*IMAGE).requires_grad_()
        weight, bias = (lib.tg.ones(IMAGE[1], requires_grad=True) for _ in range(2))
        mean, var, g = lib.tg.zeros(IMAGE[1]), lib.tg.ones(IMAGE[1]), lib.image(*IMAGE)

        def step() -> None:
            y = lib.F.batch_norm(x, mean, var, weight, bias, training=True)
            lib.tg.autograd.grad(y, (x, weight, bias), g)

        return step

    return Row(build, floats=5 * math.prod(IMAGE), images=True)


def cross_entropy(n: int, classes: int) -> Row:
    """Softmax cross-entropy of (n, classes) logits."""

    def build(lib: Library) -> Step:
        logits, labels = lib.tg.randn(n, classes).requires_grad_(), lib.tg.randint(classes, (n,))
        return lambda: lib.tg.autograd.grad(lib.F.cross_entropy(logits, labels), logits)

    return Row(build, floats=3 * n * classes)


# ---- operators without gradients ---------------------------------------------------------------------------


def of_images(function: Callable[..., Any], operands: int, arrays: float) -> Row:
    """``function`` of so many activations."""

    def build(lib: Library) -> Step:
        inputs = [lib.image(*IMAGE) for _ in range(operands)]
        return lambda: function(*inputs)

    return Row(build, floats=arrays * math.prod(IMAGE), images=True)


def matmul(m: int, k: int, n: int) -> Row:
    """(m, k) @ (k, n)."""

    def build(lib: Library) -> Step:
        a, b = lib.tg.randn(m, k), lib.tg.randn(k, n)
        return lambda: a @ b

    return Row(build, flops=2 * m * k * n, floats=m * k + k * n + m * n)


def optimizer_step(name: str, arrays: int, **options: float) -> Row:
    """A step of an optimizer over the 1.2 million parameters of PyTorch's MNIST network."""
    network = NETWORKS["conv32-conv64-pool-dropout-128-10"]

    def build(lib: Library) -> Step:
        model = network.build(lib.nn, lib.F)
        for p in model.parameters():
            p.grad = lib.tg.randn(*p.shape)
        step: Step = getattr(lib.optim, name)(model.parameters(), lr=1e-3, **options).step
        return step

    return Row(build, floats=arrays * 1_199_882)


def copy(traffic: int) -> Row:
    """A copy that reads and writes ``traffic`` bytes in all: the limit of memory."""
    half = traffic // 8  # floats

    def build(lib: Library) -> Step:
        if lib.tg.__name__ == "torch":
            target, source = lib.tg.zeros(half), lib.tg.ones(half)
            return lambda: target.copy_(source)
        import numpy as np

        threads = lib.tg.get_num_threads()
        pool = ThreadPoolExecutor(threads)
        arrays = np.zeros(half, np.float32), np.ones(half, np.float32)
        parts = [np.array_split(array, threads) for array in arrays]
        return lambda: list(pool.map(np.copyto, *parts))

    return Row(build, floats=2 * half)


LIMITS = {f"matmul {GEMM}": matmul(GEMM, GEMM, GEMM)} | {f"copy {size >> 10:,} KiB": copy(size) for size in COPIES}

OPERATORS = {f"{name}, {which}": row for name, rows in CONVOLUTIONS.items() for which, row in rows.items()} | {
    "max_pool2d 2, there and back": there_and_back(lambda lib, x: lib.F.max_pool2d(x, 2), 2.5),
    "avg_pool2d 2, there and back": there_and_back(lambda lib, x: lib.F.avg_pool2d(x, 2), 2.5),
    "global average, there and back": there_and_back(lambda lib, x: lib.F.adaptive_avg_pool2d(x, 1), 2),
    "batch_norm, there and back": batch_norm(),
    "relu, there and back": there_and_back(lambda lib, x: lib.F.relu(x), 5),
    "dropout 0.5, there and back": there_and_back(lambda lib, x: lib.F.dropout(x, 0.5), 4),
    "cross_entropy 128x10, there and back": cross_entropy(128, 10),
    "cross_entropy 256x1000, there and back": cross_entropy(256, 1000),
    "add": of_images(lambda a, b: a + b, 2, 3),
    "mul": of_images(lambda a, b: a * b, 2, 3),
    "sum": of_images(lambda a: a.sum(), 1, 1),
    "sum over all but channels": of_images(lambda a: a.sum(dim=(0, 2, 3)), 1, 1),
    "matmul 64x9216 @ 9216x128": matmul(64, 9216, 128),
    "matmul 256x1024 @ 1024x1024": matmul(256, 1024, 1024),
    "SGD with momentum, a step": optimizer_step("SGD", 5, momentum=0.9),
    "Adam, a step": optimizer_step("Adam", 7),
    "RMSprop, a step": optimizer_step("RMSprop", 5),
    "Adagrad, a step": optimizer_step("Adagrad", 5),
    "Adadelta, a step": optimizer_step("Adadelta", 7),
    "Adamax, a step": optimizer_step("Adamax", 7),
    "NAdam, a step": optimizer_step("NAdam", 7),
}


def build(column: str, name: str, threads: int) -> Step:
    """The step of one row in one column."""
    row = (LIMITS | OPERATORS)[name]
    if column == "torch_last" and not row.images:
        raise Unsupported("no images, no memory order")
    return row.build(load(column, threads))


class Limits:
    """What this machine can do: operations a second, and bytes a second by how many there are."""

    def __init__(self, bench: Comparison) -> None:
        self.gemm, self.copies = 0.0, {}
        chosen, bench.args.filter = bench.args.filter, [""]
        table = Table("The limits of this machine", ("", "<18"), ("ms", ">10.3f"), ("rate", ">8.1f"), ("", "<8"))
        for task, results in bench.rows([{"name": name} for name in LIMITS]):
            row, best = LIMITS[task["name"]], seconds(results, *results)
            assert best is not None
            if row.flops:
                self.gemm = row.flops / best
            else:
                self.copies[4 * row.floats] = 4 * row.floats / best
            rate, unit = (self.gemm, "GFLOP/s") if row.flops else (4 * row.floats / best, "GB/s")
            table.row(task["name"], best * 1e3, rate / 1e9, unit)
        bench.args.filter = chosen

    def of(self, row: Row) -> tuple[float, str, float]:
        """The least seconds of a row, the unit of its rate, and how many of them it does."""
        traffic = 4 * row.floats
        size = min(self.copies, key=lambda size: abs(math.log(size / traffic)))
        arithmetic, memory = row.flops / self.gemm, traffic / self.copies[size]
        return (arithmetic, "GFLOP/s", row.flops) if arithmetic > memory else (memory, "GB/s", traffic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = Comparison(__file__, OURS | TORCH, parser)
    limits = Limits(bench)
    table = Table(
        "Operators, ms; ratio = better PyTorch / ours; the rate is compiled's; share of the limit",
        ("operator", "<41"), ("compiled", ">9.3f"), ("NumPy", ">9.3f"), ("torch", ">9.3f"),
        ("ratio", ">8.2f"), ("r. NumPy", ">8.2f"), ("rate", ">7.1f"), ("", "<7"),
        ("share", ">6.0%"), ("NumPy", ">6.0%"), ("torch", ">6.0%"),
    )  # fmt: skip
    ratios = []
    for task, results in bench.rows([{"name": name} for name in OPERATORS]):
        row = OPERATORS[task["name"]]
        least, unit, amount = limits.of(row)
        ours, plain, torch = (seconds(results, *columns) for columns in (["compiled"], ["numpy"], TORCH))
        ratios.append([ratio(results, column, *TORCH) for column in OURS])
        table.row(
            task["name"], *(times(value, 1e3) for value in (ours, plain, torch)), *ratios[-1],
            ours and amount / ours / 1e9, unit, *(value and least / value for value in (ours, plain, torch)),
        )  # fmt: skip
    means = [geometric_mean(values[i] for values in ratios) for i in range(len(OURS))]
    table.row("geometric mean", "", "", "", *means, *[""] * 5)
    bench.finish()


if __name__ == "__main__":
    run(main, build)
