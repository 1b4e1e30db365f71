"""The table of operators: one file a family, one row a way to call an operator.

Adding a row is adding a `Case` to the list `CASES` of a family; then run
`python tests/reference/make_reference.py <family>` with an interpreter that has PyTorch.
"""

from importlib import import_module

from tests.cases.case import Case

FAMILIES = (
    "elementwise",
    "elementary",
    "rounding",
    "special",
    "activation",
    "piecewise",
    "reduce",
    "shape",
    "index",
    "scan",
    "order",
    "rearrange",
    "diagonal",
    "scatter",
    "write",
    "linalg",
    "linalg_products",
    "linalg_factors",
    "conv",
    "pool",
    "norm",
    "resize",
    "grid_sample",
    "attention",
    "multihead_attention",
    "recurrent",
    "transformer",
    "parametrize",
    "loss",
    "likelihood",
    "margin",
    "gradient",
)


def cases_of(family: str) -> list[Case]:
    return import_module(f"tests.cases.{family}").CASES


def all_cases() -> list[Case]:
    return [case for family in FAMILIES for case in cases_of(family)]
