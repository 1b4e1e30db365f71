"""Freed memory stays in the process; each case in a process of its own, since the setting is made once."""

import os
import subprocess
import sys

import pytest

CODE = """
import ctypes, sys
from tensorgrad.kernels import memory
libc = ctypes.CDLL(None)
if not hasattr(libc, "gnu_get_libc_version"):
    sys.exit(77)
print(memory.keep_freed_memory())
import resource, numpy as np
np.ones(5_000_000, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(5_000_000, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(**settings):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env={**clean, **settings})
    if found.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert found.returncode == 0, found.stderr
    kept, faults = found.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_blocks_are_used_again_without_page_faults():
    kept, faults = run()
    assert kept
    assert faults < 100


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
@pytest.mark.parametrize("settings", [{"TENSORGRAD_KEEP_MEMORY": "0"}, {"MALLOC_ARENA_MAX": "4"}])
def test_the_user_may_keep_the_allocator_as_it_is(settings):
    kept, _ = run(**settings)
    assert not kept
