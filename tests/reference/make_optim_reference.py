"""Writes PyTorch's trajectories of optimizers, schedulers, gradient clipping and a small CNN.

    python tests/reference/make_optim_reference.py

Run it with an interpreter that has PyTorch after changing tests/optim/scenarios.py; the tests only read what it
writes, tests/reference/optim.npz.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def make() -> dict[str, np.ndarray]:
    import torch

    from tests.optim import scenarios

    torch.set_default_dtype(torch.float64)  # of the numbers that NAdam keeps
    arrays = {f"optimizer/{name}": scenarios.optimizer_trajectory(torch, name) for name in scenarios.OPTIMIZERS}
    torch.set_default_dtype(torch.float32)
    for optimizer in ("SGD", "AdamW"):
        for name, scheduler in scenarios.SCHEDULERS.items():
            arrays[f"scheduler/{optimizer}/{name}"] = scenarios.scheduler_trajectory(torch, [scheduler], optimizer)
    for name, chain in scenarios.CHAINS.items():
        arrays[f"chain/{name}"] = scenarios.scheduler_trajectory(torch, chain)
    for name, composed in scenarios.COMPOSED.items():
        arrays[f"composed/{name}"] = scenarios.scheduler_trajectory(torch, [composed])
    for name in scenarios.PLATEAUS:
        arrays[f"plateau/{name}"] = scenarios.plateau_trajectory(torch, name)
    for name in scenarios.RESTARTS:
        arrays[f"restarts/{name}"] = scenarios.restarts_trajectory(torch, name)
    for i, clip in enumerate(scenarios.CLIPS):
        arrays[f"clip/{i}"] = scenarios.clipped(torch, *clip)
    for name, value in scenarios.cnn_training(torch).items():
        arrays[f"cnn/{name}"] = np.array(value)
    return arrays


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    warnings.simplefilter("ignore")
    result = make()
    path = HERE / "optim.npz"
    np.savez_compressed(path, **result)
    print(f"{len(result)} arrays, {path.stat().st_size / 1024:.1f} KiB")
