"""What recording costs: microseconds per small operator above the bare NumPy call, and per node of a backward pass.

`python benchmarks/overhead.py` prints a table with the goals beside the figures; the fastest of several repetitions,
one thread. On the way back through ``z + y``, NumPy's addition to the gradient of ``y`` is counted too. The last line
is what `import tensorgrad` takes beyond `import numpy`, in new processes by turns, both compiled to bytecode before.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit

import numpy as np

import tensorgrad as tg
import tensorgrad.nn.functional as F

A = np.ones(8, np.float32)
B = np.full(8, 2.0, np.float32)
M = np.eye(4, dtype=np.float32)

x, y = tg.tensor(A, requires_grad=True), tg.tensor(B, requires_grad=True)
m = tg.tensor(M, requires_grad=True)

OPERATOR, NODE, IMPORT = 1.0, 2.5, 50  # the goals: microseconds, microseconds, milliseconds

ROWS = {
    "x + y": (lambda: x + y, lambda: np.add(A, B)),
    "x * y": (lambda: x * y, lambda: np.multiply(A, B)),
    "x * 2.0": (lambda: x * 2.0, lambda: np.multiply(A, 2.0)),
    "exp(x)": (lambda: tg.exp(x), lambda: np.exp(A)),
    "x.sum()": (lambda: x.sum(), lambda: np.sum(A)),
    "x.reshape(2, 4)": (lambda: x.reshape(2, 4), lambda: A.reshape(2, 4)),
    "m @ m": (lambda: m @ m, lambda: M @ M),
    "x[2:5]": (lambda: x[2:5], lambda: A[2:5]),
    "linear(m, m)": (lambda: F.linear(m, m), lambda: M @ M.T),
    "relu(x)": (lambda: F.relu(x), lambda: np.maximum(A, 0)),
}


def best(function, number=20_000, repeat=9):
    """Microseconds of one call, the fastest of ``repeat`` series."""
    return min(timeit.repeat(function, number=number, repeat=repeat)) / number * 1e6


def backward_per_node(add, n=20_000):
    """Microseconds per node to go back through a chain of additions."""
    times = []
    for _ in range(5):
        z = x
        for _ in range(n):
            z = add(z)
        total = z.sum()
        times.append(timeit.timeit(total.backward, number=1) / n * 1e6)
    return min(times)


def import_above_numpy(turns=9):
    """Milliseconds of `import tensorgrad` in a new process above those of `import numpy`: between the medians."""
    taken = {"numpy": [], "tensorgrad": []}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        for _ in range(turns + 1):
            for package, seconds in taken.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, "-c", f"import {package}"], check=True, env=environment)
                seconds.append(time.perf_counter() - started)
    numpy, ours = (1e3 * statistics.median(seconds[1:]) for seconds in taken.values())  # the first one compiles
    return ours - numpy


def main():
    print(f"{'operator':18} {'recorded':>9} {'NumPy':>9} {'above':>9} {'goal':>6}   (microseconds)")
    for name, (recorded, bare) in ROWS.items():
        ours, numpy = best(recorded), best(bare)
        print(f"{name:18} {ours:9.2f} {numpy:9.2f} {ours - numpy:9.2f} {OPERATOR:6.1f}")
    print(f"{'backward, a node: z + 1.0':38} {backward_per_node(lambda z: z + 1.0):9.2f} {NODE:6.1f}")
    print(f"{'backward, a node and a leaf: z + y':38} {backward_per_node(lambda z: z + y):9.2f} {NODE:6.1f}")
    print(f"{'import tensorgrad above import numpy':38} {import_above_numpy():9.1f} {IMPORT:6}   (milliseconds)")


if __name__ == "__main__":
    main()
