"""Which version of a kernel runs: chosen once, by what is installed or by the environment variable."""

import contextlib
import importlib.util
import os
import subprocess
import sys

import pytest

from tensorgrad.kernels import twin

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the fast extra is not installed")


def test_the_names_of_the_choice_are_checked():
    with (
        pytest.raises(ValueError, match=r"expected one of auto, numpy, compiled, got 'fortran'"),
        twin.using("fortran"),
    ):
        pass


def test_the_environment_variable_is_read_at_import():
    code = "from tensorgrad.kernels import twin; print(twin.compiled_kernels())"
    environment = {**os.environ, "TENSORGRAD_KERNELS": "numpy"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.strip() == "False"


@needs_numba
def test_using_changes_the_choice():
    with twin.using("numpy"):
        assert not twin.compiled_kernels()
        with twin.using("compiled"):
            assert twin.compiled_kernels()


def test_using_restores_the_choice_after_an_error():
    before = twin.compiled_kernels()
    with contextlib.suppress(RuntimeError), twin.using("numpy"):
        raise RuntimeError
    assert twin.compiled_kernels() == before
