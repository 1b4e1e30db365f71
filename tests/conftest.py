"""What every test starts from."""

import pytest

import tensorgrad


@pytest.fixture(autouse=True)
def _seed():
    """Every test draws the same random numbers, whatever ran before it."""
    tensorgrad.manual_seed(0)
