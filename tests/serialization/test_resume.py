"""Training that was stopped, saved, and went on in a new process ends with the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg

SCRIPT = """
import sys
import numpy as np
import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn, optim
from tensorgrad.data import DataLoader, TensorDataset

path, first, last, optimizer_name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
tg.manual_seed(1)
data = TensorDataset(tg.Tensor(np.random.default_rng(0).normal(size=(48, 1, 6, 6)).astype("f4")),
                     tg.Tensor(np.arange(48) % 3))
loader = DataLoader(data, 16, shuffle=True)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(64, 3))
optimizer = {"SGD": lambda p: optim.SGD(p, 0.05, momentum=0.9), "Adam": optim.Adam}[optimizer_name](model.parameters())
schedule = optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "loader": loader}
if first:
    state = tg.load(path)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    tg.set_rng_state(state["random"])
    assert state["epoch"] == first
for epoch in range(first, last):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    schedule.step()
state = {name: part.state_dict() for name, part in parts.items()}
tg.save({**state, "epoch": last, "random": tg.get_rng_state()}, path)
"""


def numbers(path):
    """The bytes of all tensors in the file, and what stands around them."""
    import safetensors.numpy

    arrays = safetensors.numpy.load_file(path)
    rest = tg.load(path)
    return {name: a.tobytes() for name, a in arrays.items()}, str(rest["random"]), str(rest["schedule"])


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_two_and_two_epochs_are_four(tmp_path, optimizer):
    def run(name, first, last, folder, seed):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / name), str(first), str(last), optimizer]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run(command, check=True, cwd=folder, env=environment)

    run("whole", 0, 4, tmp_path, "1")
    run("parts", 0, 2, tmp_path, "2")
    assert numbers(tmp_path / "parts") != numbers(tmp_path / "whole")
    run("parts", 2, 4, tmp_path.parent, "3")
    assert numbers(tmp_path / "parts") == numbers(tmp_path / "whole")


@pytest.mark.parametrize("change", ["has_uint32", "state", "bit_generator", None])
def test_a_random_state_that_is_none_changes_nothing(change):
    state = tg.get_rng_state()
    later = {**state, "state": {**state["state"], "state": 5}}
    wrong = 3 if change is None else {key: value for key, value in later.items() if key != change}
    with pytest.raises(ValueError, match=r"set_rng_state: expected what get_rng_state\(\) returned, got "):
        tg.set_rng_state(wrong)
    assert tg.get_rng_state() == state
