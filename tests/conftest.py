"""What every test starts from."""

import pytest

import tensorgrad


@pytest.fixture(autouse=True)
def _seed():
    """Every test draws the same random numbers, whatever ran before it."""
    tensorgrad.manual_seed(0)


def pytest_addoption(parser):
    parser.addoption(
        "--second-version",
        action="store_true",
        help="after a run with the compiled kernels, one with TENSORGRAD_KERNELS=numpy: only what it may change",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--second-version"):
        return
    left_out = [item for item in items if _repeats(item)]
    config.hook.pytest_deselected(items=left_out)
    repeated = set(left_out)
    items[:] = [item for item in items if item not in repeated]


def _repeats(item):
    """Whether a test does the same without Numba.

    It takes both versions itself; or it is a row of the table that comes to no kernel with two versions. Second
    derivatives are made of the operators that have rows of their own.
    """
    from tests.cases.case import Case
    from tests.cases.versions import has_two_versions

    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    if not isinstance(case, Case):
        return "version" in item.fixturenames
    return item.originalname == "test_second_derivative" or not has_two_versions(case)
