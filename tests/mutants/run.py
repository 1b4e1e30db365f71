"""Plant every fault of `planted` in a copy of the package and see whether the tests notice.

python tests/mutants/run.py [--only WORDS] [--jobs 2]

The working tree is never touched: each job has a copy of its own in a temporary folder. A fault counts as caught
only if a test fails with it (an error before the tests run does not count) and passes again without it.
"""

import argparse
import os
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants.planted import FAULTS, Fault  # noqa: E402

SECONDS = 180  # no selection takes longer, unless the fault makes it run for ever
FAILED = 1  # pytest's exit status when tests ran and some failed


class Outcome(NamedTuple):
    """What became of a fault: the test that caught it, or what there is to say instead."""

    test: str | None
    otherwise: str = ""


def copy_of_the_project(folder: Path) -> Path:
    """The package, its tests and their settings, and nothing compiled."""
    for name in ("tensorgrad", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def pytest(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run tests on a copy."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PLANTED_COPY": str(copy), "OPENBLAS_NUM_THREADS": "1"}
    environment["TENSORGRAD_KERNELS"] = "numpy"  # the version in which the faults are planted
    settings = ["-x", "-q", "-o", "addopts=--import-mode=importlib"]
    plugins = ["-p", "tests.mutants.guard", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *settings, *plugins, *arguments]
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def write(path: Path, source: str) -> None:
    """Write a module; what was compiled from its former text goes, for its date might be the same."""
    path.write_text(source)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


@contextmanager
def planted(fault: Fault, copy: Path) -> Iterator[None]:
    """The fault in the copy, for as long as the block runs."""
    path = copy / fault.file
    source = path.read_text()
    write(path, source.replace(fault.old, fault.new))
    try:
        yield
    finally:
        write(path, source)


def try_fault(fault: Fault, copy: Path) -> Outcome:
    """Plant one fault and run its tests."""
    if (copy / fault.file).read_text().count(fault.old) != 1:
        return Outcome(None, "text not found")
    first = copy / "first_failure"
    first.unlink(missing_ok=True)
    try:
        with planted(fault, copy):
            result = pytest(copy, *shlex.split(fault.tests))
        if result.returncode == FAILED and first.exists():
            test = first.read_text()
            if pytest(copy, test).returncode == 0:
                return Outcome(test)
            return Outcome(None, f"NOT CAUGHT: {test} fails without the fault, too")
    except subprocess.TimeoutExpired:
        return Outcome(None, f"NOT CAUGHT: no end after {SECONDS} s")
    if result.returncode == 0:
        return Outcome(None, "NOT CAUGHT")
    last = (result.stdout + result.stderr).strip().splitlines()[-1:]
    return Outcome(None, f"NOT CAUGHT: the tests did not run ({' '.join(last)})")


def main() -> int:
    """Try all faults, or those whose name contains the words given."""
    parser = argparse.ArgumentParser(description="Plant faults in a copy of tensorgrad and run the tests on it.")
    parser.add_argument("--only", default="", help="only faults whose name contains these words")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tested at a time")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only.lower() in fault.name.lower()]
    if not faults:
        parser.error(f"no fault's name contains {options.only!r}")
    copies: queue.Queue[Path] = queue.Queue()

    def job(fault: Fault) -> Outcome:
        copy = copies.get()
        try:
            return try_fault(fault, copy)
        finally:
            copies.put(copy)

    caught = 0
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, ThreadPoolExecutor(options.jobs) as pool:
        for number in range(min(options.jobs, len(faults))):
            copies.put(copy_of_the_project(Path(folder, str(number)).resolve()))
        outcomes = tqdm(pool.map(job, faults), total=len(faults), unit="fault", disable=None)
        for fault, outcome in zip(faults, outcomes, strict=True):
            caught += outcome.test is not None
            tqdm.write(f"{fault.name}: {f'caught by {outcome.test}' if outcome.test else outcome.otherwise}")
            sys.stdout.flush()
    print(f"caught {caught} / planted {len(faults)}")
    return 0 if caught == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
