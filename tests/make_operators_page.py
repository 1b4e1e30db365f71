"""docs/operators.md, written from the table of cases: ``python -m tests.make_operators_page``.

A row of the page counts what the tests of an operator check: its rows, how many of them are compared with stored
PyTorch values, gradients and second derivatives, how many with central differences, and which NumPy functions
dispatch to it. The suite fails when the page is not what this script writes.
"""

from collections import defaultdict
from pathlib import Path

from tensorgrad.interop import FUNCTIONS, UFUNCS
from tests.cases import FAMILIES, cases_of
from tests.test_reference import REFERENCE

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operators.md"
HEAD = """# Operators, and what is checked of them

Written by `python -m tests.make_operators_page` from [the table of cases](../tests/cases); every row runs in
the suite.

- *rows*: calls with different shapes, arguments and values.
- *value*, *gradient*, *second*: rows compared with PyTorch's stored float64 numbers at 1e-9. A dash: PyTorch has no
  counterpart, or the operator has no derivative there.
- *differences*: rows whose first and second derivatives are compared with central differences. Every row is also
  checked for dtypes, memory layouts, and that its inputs are left alone.
- *NumPy*: the NumPy functions that reach the operator when they are called on a tensor.
"""


def numpy_names() -> dict[str, list[str]]:
    """Operator name -> the np functions that dispatch to it, by the name of either."""
    names = defaultdict(set)
    for table in (UFUNCS, FUNCTIONS):
        for function, op in table.items():
            module = "np.linalg." if "linalg" in getattr(function, "__module__", "numpy") else "np."
            own = getattr(op, "primitive", None)
            for name in {getattr(op, "__name__", "").strip("_"), function.__name__, own.name if own else ""}:
                names[name].add(module + function.__name__)
    return {name: sorted(found) for name, found in names.items()}


def page() -> str:
    """The text of the page."""
    numpy = numpy_names()
    lines = [HEAD]
    for family in FAMILIES:
        rows = defaultdict(list)
        for case in cases_of(family):
            rows[case.op].append(case)
        lines += [f"\n## {family.replace('_', ' ')}\n"]
        lines += [
            "| operator | rows | value | gradient | second | differences | NumPy |",
            "|---|---|---|---|---|---|---|",
        ]
        for op, cases in sorted(rows.items()):
            stored = [REFERENCE[case.id] for case in cases if case.torch]
            counts = [len(stored), sum(bool(r["first"]) for r in stored), sum(bool(r["second"]) for r in stored)]
            smooth = sum(case.smooth and (not case.torch or bool(REFERENCE[case.id]["first"])) for case in cases)
            cells = [str(n) if n else "-" for n in (len(cases), *counts, smooth)]
            lines.append(f"| {op} | {' | '.join(cells)} | {' '.join(numpy.get(op, []))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
