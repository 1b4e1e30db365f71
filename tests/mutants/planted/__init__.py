"""Faults to plant, one at a time, and the tests that must catch each: is the suite as sharp as it looks?

`old` occurs exactly once in `file` (tests/mutants/test_planted.py holds the table to that), `new` takes its place,
and `tests` is what pytest is given. `python tests/mutants/run.py` plants them in a copy of the package.
"""

from tests.mutants.planted import (
    compiled,
    convolutions,
    engine,
    files,
    formulas,
    kernels,
    ops,
    optimizers,
    replay,
    sequences,
)
from tests.mutants.planted.fault import Fault

FAULTS = [
    *engine.FAULTS,
    *optimizers.FAULTS,
    *ops.FAULTS,
    *kernels.FAULTS,
    *convolutions.FAULTS,
    *compiled.FAULTS,
    *formulas.FAULTS,
    *files.FAULTS,
    *sequences.FAULTS,
    *replay.FAULTS,
]

__all__ = ["FAULTS", "Fault"]
