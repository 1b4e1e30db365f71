"""What a planted fault is, and names for the tests that several of them are given to."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One wrong line, and where it should be noticed."""

    name: str
    file: str
    old: str
    new: str
    tests: str


CONV = "tests/test_reference.py -k conv"
KERNEL_CONV = "tests/kernels/test_conv.py"
DIRECT = "tests/kernels/test_direct.py"
POOL = "tests/test_reference.py tests/kernels/test_pool.py -k pool"
CE = "tests/test_semantics_loss.py tests/test_reference.py -k cross_entropy"
NORM = "tests/test_reference.py tests/test_semantics_norm.py -k norm"
STATISTICS = "tests/test_semantics_norm.py -k statistics"
ENGINE = "tests/test_semantics_engine.py"
LENT = "tests/engine/test_lent.py"
PLANNED = "tests/engine/test_planned.py"
OPTIM = "tests/optim/test_trajectories.py"
SCHEDULES = "tests/optim/test_lr_scheduler.py"


def table(k: str) -> str:
    """The rows whose id contains k: against PyTorch's numbers first, then against finite differences."""
    return f"tests/test_reference.py tests/test_table.py -k '{k}'"
