"""The network of `make mnist` from its first step to 99.2 % of the test images, ours and PyTorch in one run.

    python benchmarks/mnist_race.py

Both libraries run examples/mnist_cnn.py itself: PyTorch after its import lines are exchanged. All columns start from
the same weights and are given the same batches in the same order, shifted alike, under the same schedule. They take
turns of ``--every`` steps (default: an epoch), each followed by a test, and a column's clock runs in its own turns
only. Reading the files and building the model come before; compiling, where a library does it, is in the first turn.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from alternate import OURS, TORCH, Comparison, Step, Table, run
from libraries import Library, load
from tqdm import tqdm

BATCH = 128
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "mnist_cnn.py"


def example(lib: Library) -> ModuleType:
    """examples/mnist_cnn.py, its import lines exchanged where the library is PyTorch."""
    source, name = EXAMPLE.read_text(), lib.tg.__name__
    source = source.replace("import tensorgrad", f"import {name}").replace(
        "from tensorgrad import", f"from {name} import"
    )
    module = ModuleType("mnist_cnn")
    module.__file__ = str(EXAMPLE)
    exec(compile(source, EXAMPLE, "exec"), vars(module))
    return module


class Batches:
    """Some steps of the training: indices and shifts come from a generator that knows no library."""

    def __init__(self, images: Any, labels: Any, batch_size: int, steps: int, rng: np.random.Generator) -> None:
        self.images, self.labels, self.batch_size, self.steps, self.rng = images, labels, batch_size, steps, rng
        self.order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Any:
        for _ in range(self.steps):
            if not len(self.order):
                self.order = self.rng.permutation(len(self.labels))
            now, self.order = np.split(self.order, [self.batch_size])
            shift = self.rng.integers(-1, 2, 2).tolist()
            yield self.images[now].roll(shift, (2, 3)), self.labels[now]


class Tests:
    """The test images in batches."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.batches, self.dataset = list(zip(images.split(1000), labels.split(1000), strict=True)), labels

    def __iter__(self) -> Any:
        return iter(self.batches)


def initial_weights(model: Any, lib: Library, rng: np.random.Generator) -> dict[str, Any]:
    """PyTorch's default initialisation, uniform within 1 / sqrt(fan in), drawn without either library."""
    state, bound = {}, 1.0
    for name, p in model.named_parameters():
        if name.endswith("weight"):
            bound = float(np.prod(p.shape[1:])) ** -0.5  # the bias that follows has its weight's
        state[name] = lib.tg.tensor(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32))
    return state


def build(column: str, threads: int, seed: int, epochs: int, images: int, every: int) -> Step:
    """One turn: some training steps and a test; the answer tells seconds and accuracy so far."""
    from tensorgrad.data import MNIST

    lib = load(column, threads)
    module, rng = example(lib), np.random.default_rng(seed)
    train_images, train_labels, test_images, test_labels = (
        lib.tg.tensor(t.numpy()) for part in (True, False) for t in MNIST(train=part).tensors()
    )
    options = SimpleNamespace(batch_size=BATCH, log_interval=10, quiet=True, dry_run=False)
    model = module.Net()
    model.load_state_dict(initial_weights(model, lib, rng))
    if column == "torch_last":
        model = model.to(memory_format=lib.tg.channels_last)
    total, rate = epochs * -(-images // BATCH), 4e-3
    optimizer = lib.optim.Adam(model.parameters(), lr=rate)
    scheduler = lib.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=total)
    batches = Batches(train_images[:images], train_labels[:images], BATCH, every, rng)
    tests = Tests(test_images, test_labels)
    state = {"steps": 0, "seconds": 0.0, "with_tests": 0.0}

    def turn() -> dict[str, float]:
        batches.steps = min(every, total - int(state["steps"]))
        started = time.perf_counter()
        module.train(model, batches, optimizer, scheduler, 0, options)
        trained = time.perf_counter()
        _, correct = module.test(model, tests)
        state["steps"] += batches.steps
        state["seconds"] += trained - started
        state["with_tests"] += time.perf_counter() - started
        return {**state, "accuracy": correct / len(test_labels)}

    return turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=float, default=99.2, metavar="PERCENT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=4, help="length of the one-cycle schedule")
    parser.add_argument("--images", type=int, default=60_000, help="training images of an epoch")
    parser.add_argument("--every", type=int, metavar="STEPS", help="steps between tests; default: an epoch")
    bench = Comparison(__file__, OURS | TORCH, parser, timed=False)
    args = bench.args
    epoch = -(-args.images // BATCH)
    total, every = args.epochs * epoch, args.every or epoch
    task = {"seed": args.seed, "epochs": args.epochs, "images": args.images, "every": every}

    columns = bench.columns
    table = Table(
        "Training seconds, and correct among the test images", ("step", ">10"),
        *(pair for column in columns.values() for pair in ((column.heading, ">9.2f"), ("", ">7.2%"))),
    )  # fmt: skip
    reached: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        workers = [stack.enter_context(worker) for worker in bench.workers(args.threads)]
        for worker in workers:
            worker.ask("build", {**task, "threads": args.threads})
        for step in tqdm(range(every, total + every, every), disable=None, leave=False, unit="turn"):
            answers = {worker.column: worker.ask("call") for worker in workers}
            bench.records.append({**task, "threads": args.threads, "results": answers})
            table.row(min(step, total), *(a[key] for a in answers.values() for key in ("seconds", "accuracy")))
            for column, answer in answers.items():
                if 100 * answer["accuracy"] >= args.target:
                    reached.setdefault(column, answer)
    for text, key in (("training", "seconds"), ("with tests", "with_tests")):
        table.row(text, *(cell for column in columns for cell in (reached.get(column, {}).get(key), "")))
    print(f"The last two lines: seconds to {args.target} %; a dash where it was not reached.")
    bench.finish()


if __name__ == "__main__":
    run(main, build)
