"""Small networks in other libraries that differentiate: JAX, MyGrad, HIPS autograd, tinygrad, and plain Python loops.

    python benchmarks/others.py

The same training step for all: forward, cross-entropy, backward, SGD with momentum. The networks are those of
networks.py; other_libraries.py runs their layers with each library's own operators, compiled as a whole where it can
(`jax.jit`, `TinyJit`). A library that is not installed is left out: `pip install '.[bench-others]'` brings them.
tinygrad needs a C compiler, clang, to run on a CPU. A figure "x" is that library's time over ours, compiled (NumPy's
where Numba is missing), so above 1 ours is faster.
"""

from __future__ import annotations

import argparse

from alternate import OURS, TORCH, Column, Comparison, Step, Table, geometric_mean, run, seconds, times
from libraries import network_step

OTHERS = {
    "jax": Column("JAX", "jax", {"JAX_PLATFORMS": "cpu"}),
    "mygrad": Column("MyGrad", "mygrad"),
    "autograd": Column("autograd", "autograd"),
    "tinygrad": Column("tinygrad", "tinygrad", {"DEV": "CPU"}),
    "loops": Column("loops", "numpy"),
}
COLUMNS = OURS | TORCH | OTHERS
TASKS = [
    {"name": name, "batch": batch}
    for name, batch in [
        ("mlp 784-128-10", 32),
        ("conv16-pool-dense", 1),
        ("conv16-pool-dense", 64),
        ("LeNet-5", 64),
        ("conv32-conv64-pool-dropout-128-10", 64),
    ]
]


def build(column: str, name: str, batch: int, threads: int) -> Step:
    """A training step of one network in one library."""
    if column not in OTHERS:
        return network_step(column, name, batch, threads)
    import other_libraries

    return other_libraries.training_step(column, name, batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = Comparison(__file__, COLUMNS, parser)
    ran, baseline = bench.columns, next(iter(bench.columns))
    rivals = [name for name in ran if name not in OURS]
    table = Table(
        f"Training step, ms; x: times slower than ours, {COLUMNS[baseline].heading}",
        ("network", "<33"), ("batch", ">5"), *((ran[name].heading, ">9.2f") for name in ran),
        *((f"x {ran[name].heading}", ">10.1f") for name in rivals),
    )  # fmt: skip
    slower: dict[str, list[float]] = {name: [] for name in rivals}
    for task, results in bench.rows(TASKS):
        ours = seconds(results, baseline)
        factors = {name: results[name]["seconds"] / ours for name in rivals if name in results and ours}
        for name, factor in factors.items():
            slower[name].append(factor)
        measured = [times(seconds(results, name), 1e3) for name in ran]
        table.row(task["name"], task["batch"], *measured, *(factors.get(name) for name in rivals))
    table.row("geometric mean", "", *[""] * len(ran), *(geometric_mean(slower[name]) for name in rivals))
    bench.finish()


if __name__ == "__main__":
    run(main, build)
