"""Both versions of the kernels, one thread and two."""

import importlib.util

import pytest

from tensorgrad.kernels import norm, threads, twin

VERSIONS = ["numpy"] + ["compiled"] * (importlib.util.find_spec("numba") is not None)


@pytest.fixture(params=VERSIONS)
def version(request):
    """The name of the version that runs."""
    with twin.using(request.param):
        yield request.param


@pytest.fixture(params=[1, 2])
def one_thread_or_two(request):
    """The number of threads."""
    before = threads.get_num_threads()
    threads.set_num_threads(request.param)
    yield request.param
    threads.set_num_threads(before)


@pytest.fixture
def small_blocks_of_rows(monkeypatch):
    """Rows that are normalised come in blocks of 500 numbers, and from 2,000 on threads share them."""
    monkeypatch.setattr(norm, "BLOCK_FLOATS", 500)
    monkeypatch.setattr(norm, "SHARED_FLOATS", 2000)
