"""The table of faults cannot rot: each still has its place in the source. Planting them is `make mutants`."""

import ast
import shlex
from pathlib import Path

import pytest

from tests.mutants.planted import FAULTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_exactly_one_place(fault):
    source = (ROOT / fault.file).read_text()
    assert source.count(fault.old) == 1
    assert fault.new != fault.old
    ast.parse(source.replace(fault.old, fault.new))  # a fault is wrong, but it runs
    for word in shlex.split(fault.tests):
        if word.startswith("tests/"):
            assert (ROOT / word).exists()


def test_names_are_distinct():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.file, fault.old, fault.new) for fault in FAULTS}) == len(FAULTS)
