"""Writes PyTorch's values, gradients and second derivatives of every row of the table.

    python tests/reference/make_reference.py [family ...]

Run it with an interpreter that has PyTorch after adding or changing rows; the tests only read what it
writes, tests/reference/<family>.npz: all numbers of a family in one float64 vector, and an index. For each
row it has the fingerprint of the inputs and, for each array, its dtype, shape and place in the vector.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def torch_library():
    import torch

    from tests.cases.library import Library

    def tensor(array, requires_grad):
        return torch.tensor(array.copy(), requires_grad=requires_grad)

    def array(x):
        return x.numpy(force=True)

    return Library(torch, torch.nn.functional, tensor, array, torch.autograd.grad)


def make(family: str) -> None:
    import torch

    from tests.cases import cases_of
    from tests.cases.library import fingerprint, run

    library, rows, numbers, end = torch_library(), {}, [], 0
    for case in cases_of(family):
        if not case.torch:
            continue
        arrays = case.arrays()
        try:
            outcome = run(library, case, arrays, order=2 if case.second else 1)
        except Exception as error:
            raise RuntimeError(f"{case}: {error}") from error
        row = {"inputs": fingerprint(arrays)}
        for what in ("values", "first", "second"):
            entries = []
            for x in getattr(outcome, what) or []:
                entries.append([x.dtype.name, list(x.shape), end])
                numbers.append(x.astype(np.float64).ravel())
                end += x.size
            row[what] = entries
        assert case.id not in rows, f"two rows are called {case.id}"
        rows[case.id] = row
    index = json.dumps({"torch": torch.__version__, "rows": rows}, separators=(",", ":"))
    path = HERE / f"{family}.npz"
    np.savez_compressed(path, index=np.frombuffer(index.encode(), np.uint8), numbers=np.concatenate(numbers))
    print(f"{family:12} {len(rows):4} rows {path.stat().st_size / 1024:8.1f} KiB")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from tests.cases import FAMILIES

    for name in sys.argv[1:] or FAMILIES:
        make(name)
