"""The MNIST example, short: it learns, writes what it promises, and fails when the target is missed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist_cnn.py"


def run(*options, check=True, **settings):
    command = [sys.executable, str(EXAMPLE), *options]
    return subprocess.run(command, capture_output=True, text=True, check=check, **settings)


def test_one_epoch_reaches_97_percent(tmp_path):
    result = run("--epochs", "1", "--json", str(tmp_path / "r.json"), "--save-model", str(tmp_path / "m.safetensors"))
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["accuracy"] > 97
    last = result.stdout.strip().split("\n")[-1]
    assert last.startswith(f"test accuracy: {report['accuracy']:.2f} % (")
    assert result.stderr == ""  # no progress bar where nobody watches
    assert {name: value.shape for name, value in tg.load(tmp_path / "m.safetensors").items()} == {
        "conv1.weight": (16, 1, 5, 5),
        "conv1.bias": (16,),
        "conv2.weight": (32, 16, 5, 5),
        "conv2.bias": (32,),
        "fc1.weight": (128, 512),
        "fc1.bias": (128,),
        "fc2.weight": (10, 128),
        "fc2.bias": (10,),
    }


def test_dry_run_draws_the_graph_and_misses_the_target(tmp_path):
    result = run("--epochs", "1", "--dry-run", "--graph", str(tmp_path / "g.dot"), "--target-acc", "99", check=False)
    assert result.returncode == 1
    assert "below the target of 99.0 %" in result.stderr
    assert "conv2d" in (tmp_path / "g.dot").read_text()


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    losses = []
    for i in range(2):
        file = tmp_path / f"{i}.json"
        run("--epochs", "1", "--dry-run", "--seed", "5", "--json", str(file))
        losses.append(json.loads(file.read_text())["epochs"][0]["test_loss"])
    assert losses[0] == losses[1]


def test_a_package_installed_elsewhere_finds_the_shipped_files(tmp_path):
    """After `pip install .` the package lies in site-packages, and the example still beside its data."""
    site = tmp_path / "site"
    unused = shutil.ignore_patterns("__pycache__")
    shutil.copytree(EXAMPLE.parents[1] / "tensorgrad", site / "tensorgrad", ignore=unused)
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "TENSORGRAD_KERNELS": "numpy",
        "TENSORGRAD_DATA": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
    }
    where = [sys.executable, "-P", "-c", "import tensorgrad; print(tensorgrad.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, env=environment).stdout
    assert found.startswith(str(site))
    result = run("--epochs", "1", "--dry-run", env=environment)
    assert "test accuracy" in result.stdout


@pytest.mark.parametrize("options", [["--data", "nowhere", "--dry-run"], ["--epochs", "many"]])
def test_wrong_options(options):
    result = run(*options, check=False)
    assert result.returncode != 0
    assert options[1] in result.stderr
