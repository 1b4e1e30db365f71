"""What every test starts from."""

import pytest

import tensorgrad


@pytest.fixture(autouse=True)
def _seed():
    """Every test draws the same random numbers, whatever ran before it."""
    tensorgrad.manual_seed(0)


def pytest_addoption(parser):
    parser.addoption(
        "--two-versions",
        action="store_true",
        help="of the rows of the table, only those that come to a kernel with a compiled version: the others would "
        "repeat, without Numba, what they do with it",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--two-versions"):
        return
    from tests.cases.case import Case
    from tests.cases.versions import has_two_versions

    left_out, kept = [], []
    for item in items:
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        repeats = isinstance(case, Case) and not has_two_versions(case)
        (left_out if repeats else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
