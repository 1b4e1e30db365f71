"""What every comparison here shares: one process a column, turns in alternation, medians, tables, JSON.

A script is its own worker: it says which columns and tasks there are, and its function ``build`` makes from a column
and a task the step to be timed. The script is started again, once a column, and the processes take turns: A, B, C,
A, B, C ... So a machine that slows down is unfair to none, and no library's threads, allocator or cache disturbs
another's. docs/benchmarks.md tells how to read the figures.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tqdm import tqdm

Step = Callable[[], Any]
Task = dict[str, Any]
Results = dict[str, dict[str, Any]]  # column -> seconds, turns, memory, process

VERSIONS = ("numpy", "numba", "torch", "jax", "mygrad", "autograd", "tinygrad")  # named above every table


class Column(NamedTuple):
    """One contender: its heading, the package it needs, and what its environment says."""

    heading: str
    package: str
    environment: Mapping[str, str] = MappingProxyType({})


OURS = {
    "compiled": Column("compiled", "numba", {"TENSORGRAD_KERNELS": "compiled"}),
    "numpy": Column("NumPy", "numpy", {"TENSORGRAD_KERNELS": "numpy"}),
}
TORCH = {
    "torch": Column("torch", "torch"),
    "torch_last": Column("ch.last", "torch"),  # images and weights in channels-last memory
}


class Unsupported(Exception):
    """Raised by a builder: this column cannot run the task, its place in the table stays empty."""


# ---- the worker: one column --------------------------------------------------------------------------------


def run(main: Callable[[], None], build: Callable[..., Step]) -> None:
    """Be the script, or the worker of one column that the script has started."""
    if sys.argv[1:2] == ["--worker"]:
        _serve(functools.partial(build, sys.argv[2]))
    else:
        main()


def _serve(build: Callable[..., Step]) -> None:
    """Answer each line of standard input: build a task, warm up, let memory count from here, time a turn, or call."""
    step, before = _nothing, 0.0
    for line in sys.stdin:
        order, argument = json.loads(line)
        answer: Any = None
        if order == "build":
            step = _nothing  # the last task's memory goes before the next task's comes
            gc.collect()
            try:
                step = build(**argument)
            except Unsupported as reason:
                answer = str(reason)
        elif order == "warm up":
            _warm_up(step)
        elif order == "baseline":
            step = _nothing
            before = _forget_peak()
        elif order == "call":
            answer = step()
        else:
            answer = {"seconds": _median(step, argument), "before": before, "peak": _resident("VmHWM")}
        print(json.dumps(answer), flush=True)


def _nothing() -> None:
    """The step of a worker that has no task."""


def _warm_up(step: Step, least: int = 3, most: int = 6, seconds: float = 1.0) -> None:
    """Compilers and caches have done their part after three steps."""
    started = time.perf_counter()
    for i in range(most):
        step()
        if i >= least - 1 and time.perf_counter() - started > seconds:
            break


def _median(step: Step, turn: float) -> float:
    """Seconds of the median step of a turn; a step that returns a number has measured itself."""
    times: list[float] = []
    end = time.perf_counter() + turn
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        own = step()
        times.append(own if isinstance(own, float) else time.perf_counter() - started)
    return statistics.median(times)


def _resident(field: str) -> float:
    """MiB that this process holds now (VmRSS) or held at most (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux: the highest ever is all that there is
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field)) / 1024


def _forget_peak() -> float:
    """Let the highest memory count from here; the MiB of this moment, without what was freed and kept for later."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return _resident("VmRSS")


# ---- the script: all columns -------------------------------------------------------------------------------


class Worker:
    """The process of one column."""

    def __init__(self, script: str, column: str, environment: dict[str, str], threads: int) -> None:
        self.column = column
        pools = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(threads))
        self._process = subprocess.Popen(
            [sys.executable, script, "--worker", column],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **pools, **environment},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout

    def ask(self, order: str, argument: Any = None) -> Any:
        """The answer to one order; the script ends where a worker does."""
        print(json.dumps([order, argument]), file=self._orders, flush=True)
        answer = self._answers.readline()
        if not answer:
            sys.exit(f"{self.column}: the worker failed at {order} {argument or ''}, see above")
        return json.loads(answer)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._orders.close()
        if error[0] is not None:
            self._process.terminate()
        self._process.wait()


class Comparison:
    """The columns of a script that can run here, its options, and the records that ``--json`` writes."""

    def __init__(
        self, script: str, columns: dict[str, Column], parser: argparse.ArgumentParser, timed: bool = True
    ) -> None:
        parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every library")
        parser.add_argument("--columns", nargs="+", choices=columns, default=list(columns), help="only these")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn as JSON")
        if timed:
            parser.add_argument("--turns", type=int, default=7, help="turns of a column, a figure is their median")
            parser.add_argument("--seconds", type=float, default=0.25, help="length of a turn")
            parser.add_argument("--filter", nargs="+", default=[""], metavar="TEXT", help="only rows that contain one")
        self.script, self.args = script, parser.parse_args()
        self.records: list[dict[str, Any]] = []
        self.columns: dict[str, Column] = {}
        for name in self.args.columns:
            if importlib.util.find_spec(columns[name].package):
                self.columns[name] = columns[name]
            else:
                print(f"column {columns[name].heading} left out: {columns[name].package} is not installed")
        found = [f"{name} {importlib.metadata.version(name)}" for name in VERSIONS if importlib.util.find_spec(name)]
        self.machine = ", ".join(
            [platform.machine(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *found]
        )
        turns = f", {self.args.turns} turns of {self.args.seconds} s" if timed else ""
        print(f"{self.machine}; float32, {self.args.threads} threads{turns}", flush=True)

    def rows(
        self, tasks: Iterable[Task], threads: int | None = None, baseline: Task | None = None
    ) -> Iterator[tuple[Task, Results]]:
        """Each task with what every column took for it.

        With a ``baseline`` every row has processes of its own that run, first, the task with these changes (or none)
        and forget it. Memory counts from there, so code that is imported or compiled late is not in it.
        """
        threads = threads or self.args.threads
        chosen = [task for task in tasks if any(text in task["name"] for text in self.args.filter)]
        with ExitStack() as stack:
            workers: list[Worker] = []
            for task in tqdm(chosen, disable=None, leave=False, unit="row"):
                workers = workers or [stack.enter_context(worker) for worker in self.workers(threads)]
                if baseline is not None:
                    for worker in workers:
                        worker.ask("build", {**task, **baseline, "threads": threads})
                        worker.ask("warm up")
                        worker.ask("baseline")
                results = self._alternate(workers, {**task, "threads": threads})
                self.records.append({**task, "threads": threads, "results": results})
                yield task, results
                if baseline is not None:
                    stack.close()
                    workers = []

    def workers(self, threads: int) -> Iterator[Worker]:
        """A new process for each column."""
        for name, column in self.columns.items():
            yield Worker(self.script, name, column.environment, threads)

    def _alternate(self, workers: list[Worker], task: Task) -> Results:
        able = [worker for worker in workers if worker.ask("build", task) is None]
        for worker in able:
            worker.ask("warm up")
        turns: dict[str, list[dict[str, float]]] = {worker.column: [] for worker in able}
        for _ in range(self.args.turns):
            for worker in able:
                turns[worker.column].append(worker.ask("time", self.args.seconds))
        return {
            column: {
                "seconds": statistics.median(turn["seconds"] for turn in answers),
                "turns": [turn["seconds"] for turn in answers],
                "memory": max(turn["peak"] - turn["before"] for turn in answers),
                "process": max(turn["peak"] for turn in answers),
            }
            for column, answers in turns.items()
        }

    def finish(self) -> None:
        """Write what ``--json`` asked for."""
        if self.args.json:
            self.args.json.parent.mkdir(parents=True, exist_ok=True)
            report = {"machine": self.machine, "arguments": vars(self.args), "rows": self.records}
            self.args.json.write_text(json.dumps(report, indent=1, default=str) + "\n")


# ---- figures -----------------------------------------------------------------------------------------------


def seconds(results: Results, *columns: str) -> float | None:
    """The fastest of the columns, None where none of them ran."""
    return min((results[column]["seconds"] for column in columns if column in results), default=None)


def ratio(results: Results, ours: str, *others: str) -> float | None:
    """How many times faster ``ours`` is than the fastest of the others."""
    mine, best = seconds(results, ours), seconds(results, *others)
    return best / mine if mine and best else None


def times(value: float | None, factor: float) -> float | None:
    """``value * factor``, None where there is no value."""
    return None if value is None else value * factor


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """The geometric mean of the values that exist."""
    logs = [math.log(value) for value in values if value is not None]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


class Table:
    """A table that is printed row by row, as the figures come: ``("batch", ">5"), ("ratio", ">6.2f")``."""

    def __init__(self, title: str, *columns: tuple[str, str]) -> None:
        self._formats = [format_ for _, format_ in columns]
        tqdm.write(f"\n{title}")
        self._write([heading for heading, _ in columns])

    def row(self, *values: Any) -> None:
        """Print one row; ``None`` is a dash."""
        self._write(["-" if value is None else value for value in values])

    def _write(self, values: list[Any]) -> None:
        cells = []
        for value, format_ in zip(values, self._formats, strict=True):
            alignment, width = re.match(r"([<>])(\d+)", format_).groups()
            cells.append(format(value, alignment + width if isinstance(value, str) else format_))
        tqdm.write(" ".join(cells).rstrip())


def compare_by_name(
    bench: Comparison, title: str, heading: tuple[str, str], names: Iterable[str], **settings: Any
) -> None:
    """Time tasks that differ by name, all with these settings, and print a table with one column for PyTorch."""
    columns = {"compiled": "compiled", "numpy": "NumPy", "torch": "torch"}
    table = Table(
        f"{title}, ms; ratio = PyTorch / ours, above 1 ours is faster", heading,
        *((column, ">9.3f") for column in columns.values()), ("ratio", ">8.2f"), ("r. NumPy", ">8.2f"),
    )  # fmt: skip
    measured = []
    for task, results in bench.rows([{"name": name, **settings} for name in names]):
        measured.append([ratio(results, ours, *TORCH) for ours in OURS])
        table.row(task["name"], *(times(seconds(results, c), 1e3) for c in columns), *measured[-1])
    means = [geometric_mean(ratios[i] for ratios in measured) for i in range(len(OURS))]
    table.row("geometric mean", *[""] * len(columns), *means)
    bench.finish()
