"""What recording costs: microseconds of a small operator above the bare NumPy call, and of a node on the way back.

    python benchmarks/overhead.py

Each line is one expression, in this engine and in PyTorch with gradients required, and on NumPy arrays. On the way
back through ``z + y``, NumPy's addition to the gradient of ``y`` is counted too. The last line is what `import
tensorgrad` takes beyond `import numpy`, in new processes by turns, both compiled to bytecode before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from typing import Any

import numpy as np
from alternate import TORCH, Column, Comparison, Step, Table, Unsupported, run, seconds, times
from libraries import load

OPERATOR, NODE, IMPORT = 1.0, 2.5, 50  # the goals: microseconds, microseconds, milliseconds

COLUMNS = {"ours": Column("tensorgrad", "numpy"), "bare": Column("NumPy", "numpy"), "torch": TORCH["torch"]}

EXPRESSIONS = [
    "x + y", "x * y", "x * 2.0", "exp(x)", "relu(x)", "x.sum()", "x.reshape(2, 4)", "x[2:5]", "m @ m", "linear(m, m)",
]  # fmt: skip
CALLS = [{"name": expression, "chain": False} for expression in EXPRESSIONS]
NODES = [{"name": expression, "chain": True} for expression in ("z + 1.0", "z + y")]

BARE = {"exp": np.exp, "relu": lambda x: np.maximum(x, 0), "linear": lambda x, weight: x @ weight.T}
SERIES, LENGTH = 1_000, 5_000  # calls, nodes of a chain


def build(column: str, threads: int, name: str, chain: bool) -> Step:
    """The step of one expression: it says itself how many seconds one call, or one node on the way back, takes."""
    numbers = {"x": np.ones(8, np.float32), "y": np.full(8, 2.0, np.float32), "m": np.eye(4, dtype=np.float32)}
    if column == "bare":
        if chain:
            raise Unsupported("NumPy records nothing")
        return calls(name, {**BARE, **numbers})
    tg, F = load(column, threads)[:2]
    tensors = {key: tg.tensor(value, requires_grad=True) for key, value in numbers.items()}
    if chain:
        return node(name, tensors)
    return calls(name, {"exp": tg.exp, "relu": F.relu, "linear": F.linear, **tensors})


def calls(expression: str, names: dict[str, Any]) -> Step:
    """Seconds of a call: the fastest of five series."""
    timer = timeit.Timer(expression, globals=names)
    return lambda: min(timer.repeat(5, SERIES)) / SERIES


def node(expression: str, names: dict[str, Any]) -> Step:
    """Seconds a node of the way back through a chain of calls, each with ``z``, the result of the one before."""
    call = compile(expression, expression, "eval")

    def step() -> float:
        scope = {**names, "z": names["x"]}
        for _ in range(LENGTH):
            scope["z"] = eval(call, scope)
        return timeit.timeit(scope["z"].sum().backward, number=1) / LENGTH

    return step


def import_above_numpy(turns: int) -> float:
    """Seconds of `import tensorgrad` in a new process above those of `import numpy`: between the medians."""
    taken: dict[str, list[float]] = {"numpy": [], "tensorgrad": []}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        for _ in range(turns + 1):
            for package, found in taken.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, "-c", f"import {package}"], check=True, env=environment)
                found.append(time.perf_counter() - started)
    numpy, ours = (statistics.median(found[1:]) for found in taken.values())  # the first one compiles
    return ours - numpy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = Comparison(__file__, COLUMNS, parser)
    headings = [(column.heading, ">10.2f") for column in COLUMNS.values()]
    goal = ("goal", ">6.1f")

    table = Table("Microseconds of a recorded call", ("", "<24"), *headings, ("above", ">8.2f"), goal)
    for task, results in bench.rows(CALLS):
        ours, bare, torch = figures(results)
        table.row(task["name"], ours, bare, torch, None if ours is None or bare is None else ours - bare, OPERATOR)

    table = Table("Microseconds of a node on the way back", ("", "<24"), *headings, ("", ">8"), goal)
    for task, results in bench.rows(NODES):
        table.row(task["name"], *figures(results), "", NODE)

    table = Table("Milliseconds of an import", ("", "<24"), ("above NumPy", ">12.1f"), ("goal", ">6.1f"))
    table.row("import tensorgrad", 1e3 * import_above_numpy(bench.args.turns), IMPORT)
    bench.finish()


def figures(results: Any) -> list[float | None]:
    """Every column's microseconds."""
    return [times(seconds(results, column), 1e6) for column in COLUMNS]


if __name__ == "__main__":
    run(main, build)
