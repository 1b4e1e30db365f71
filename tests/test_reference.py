"""Every row against PyTorch's stored float64 numbers: values, gradients and second derivatives."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cases import FAMILIES, cases_of
from tests.cases.library import fingerprint, run
from tests.cases.ours import OURS

RTOL, ATOL = 1e-9, 1e-12  # the absolute one is relative to the largest value


def load(family):
    """The rows of a family: for each id its fingerprint and, for each kind of number, a list of arrays."""
    with np.load(Path(__file__).parent / "reference" / f"{family}.npz") as file:
        index, numbers = json.loads(file["index"].tobytes()), file["numbers"]

    def array(dtype, shape, start):
        size = int(np.prod(shape))
        return numbers[start : start + size].reshape(shape).astype(dtype)

    return {
        name: {what: row[what] if what == "inputs" else [array(*entry) for entry in row[what]] for what in row}
        for name, row in index["rows"].items()
    }


REFERENCE = {name: row for family in FAMILIES for name, row in load(family).items()}
CASES = [case for family in FAMILIES for case in cases_of(family) if case.torch]


def assert_matches(actual, expected, what):
    assert len(actual) == len(expected), what
    for k, (a, b) in enumerate(zip(actual, expected, strict=True)):
        assert a.shape == b.shape, f"{what} {k}"
        assert a.dtype == b.dtype, f"{what} {k}"
        finite = np.abs(b[np.isfinite(b)])
        scale = max(1.0, finite.max()) if finite.size else 1.0
        np.testing.assert_allclose(a, b, RTOL, ATOL * scale, err_msg=f"{what} {k}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reference(case):
    arrays, row = case.arrays(), REFERENCE[case.id]
    assert row["inputs"] == fingerprint(arrays), "the row has changed: run tests/reference/make_reference.py"
    outcome = run(OURS, case, arrays, order=2 if case.second else 1)
    assert_matches(outcome.values, row["values"], "value")
    assert_matches(outcome.first or [], row["first"], "gradient")
    assert_matches(outcome.second or [], row["second"], "second derivative")


def test_no_reference_without_a_row():
    assert set(REFERENCE) == {case.id for case in CASES}
