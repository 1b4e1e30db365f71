"""A pytest plugin for `run.py`: refuses to test anything but the copy, and writes down the first test that fails."""

import os
from pathlib import Path


def pytest_configure(config):
    import tensorgrad

    copy = Path(os.environ["PLANTED_COPY"]).resolve()
    if copy not in Path(tensorgrad.__file__).resolve().parents:
        raise SystemExit(f"{tensorgrad.__file__} would be tested instead of the copy in {copy}")


def pytest_runtest_logreport(report):
    found = Path(os.environ["PLANTED_COPY"], "first_failure")
    if report.failed and not found.exists():
        found.write_text(report.nodeid)
