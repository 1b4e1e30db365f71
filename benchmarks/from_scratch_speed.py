"""Milliseconds per training image: the loop version, the engine one image at a time, the engine in batches.

The same network (16 filters 3x3, 2x2 max pooling, dense softmax), the same images; the three take turns in one run,
so that a busy machine is unfair to none. A training image is forward, loss, backward and the SGD step. The table
shows the median round and the fastest and slowest one.

    python benchmarks/from_scratch_speed.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from loops_cnn import LoopCNN

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.data import MNIST

RATE = 0.01


def loops(data: MNIST, count: int) -> Callable[[], None]:
    """A round of the loop version."""
    net = LoopCNN(np.random.default_rng(0))

    def round_() -> None:
        for image, label in zip(data.images[:count], data.labels[:count], strict=True):
            net.train(image / 255, int(label), RATE)

    return round_


def engine(data: MNIST, count: int, batch: int) -> Callable[[], None]:
    """A round of the engine with ``batch`` images a step."""
    images, labels = (t[:count] for t in data.tensors())
    rng = np.random.default_rng(0)
    params = [
        tg.tensor(array.astype(np.float32), requires_grad=True)
        for array in (rng.standard_normal((16, 1, 3, 3)) / 9, rng.standard_normal((10, 2704)) / 2704, np.zeros(10))
    ]
    kernels, weight, bias = params

    def round_() -> None:
        for i in range(0, count, batch):
            pooled = F.max_pool2d(F.conv2d(images[i : i + batch], kernels), 2)
            logits = F.linear(pooled.flatten(1), weight, bias)
            F.cross_entropy(logits, labels[i : i + batch]).backward()
            for p in params:
                p.data -= RATE * p.grad.data
                p.grad = None

    return round_


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loop-images", type=int, default=60, help="images of a round of the loop version")
    parser.add_argument("--images", type=int, default=1280, help="images of a round of the engine")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()

    data = MNIST()
    contenders = {
        "loops, one image at a time": (loops(data, args.loop_images), args.loop_images),
        "engine, one image at a time": (engine(data, args.images, 1), args.images),
        f"engine, batches of {args.batch}": (engine(data, args.images, args.batch), args.images),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(args.rounds + 1):
        for name, (round_, count) in contenders.items():
            started = time.perf_counter()
            round_()
            if number:  # the first round warms up
                times[name].append(1000 * (time.perf_counter() - started) / count)

    slowest = float(np.median(next(iter(times.values()))))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}, {args.rounds} rounds")
    print(f"| {'':29} | ms/image |       from .. to | times faster |")
    print(f"|{'-' * 31}|---------:|-----------------:|-------------:|")
    for name, values in times.items():
        middle = float(np.median(values))
        span = f"{min(values):.3f} .. {max(values):.3f}"
        print(f"| {name:29} | {middle:8.3f} | {span:>16} | {slowest / middle:12.0f} |")
    if args.json:
        args.json.write_text(json.dumps(times, indent=2) + "\n")


if __name__ == "__main__":
    main()
