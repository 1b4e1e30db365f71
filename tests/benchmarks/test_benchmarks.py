"""The benchmark scripts, tiny: each runs, prints its tables, and writes what it measured. No figure is judged."""

import argparse
import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = ["--threads", "1", "--turns", "1", "--seconds", "0"]


@pytest.fixture
def alternate(monkeypatch):
    """The module that the scripts share; they stand in its folder, as when Python starts one of them."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("alternate")


def run(script, tmp_path, *options):
    """What a script prints, and the rows of its JSON file."""
    file = tmp_path / "results" / "report.json"
    command = [sys.executable, str(FOLDER / script), *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress bar where nobody watches
    return done.stdout, json.loads(file.read_text())["rows"]


@pytest.mark.parametrize("mode", [[], ["--inference"]])
def test_training_step(tmp_path, mode):
    printed, rows = run("train_step.py", tmp_path, *TINY, "--columns", "numpy", "--filter", "mlp", "depthwise", *mode)
    assert [(row["name"], row["batch"]) for row in rows] == [
        ("mlp 784-128-10", 32), ("mlp 784-128-10", 128), ("depthwise-separable", 64),
    ]  # fmt: skip
    assert ("Inference" if mode else "Training step") in printed
    memory = [row["results"]["numpy"]["memory"] for row in rows]
    assert memory[-1] > 10 > memory[0]  # MiB above the libraries: the activations of 64 images; a small matrix
    assert rows[-1]["results"]["numpy"]["process"] > memory[-1]


def test_every_operator(tmp_path):
    printed, rows = run("operators.py", tmp_path, *TINY, "--columns", "numpy")
    for name in ("matmul 1536", "copy 1,024 KiB", "conv 3x3 64-64, grad weight", "max_pool2d 2, there and back", "add"):
        assert f"\n{name} " in printed
        assert name in [row["name"] for row in rows]
    assert "GFLOP/s" in printed
    assert "GB/s" in printed


@pytest.mark.parametrize("size", [[], ["--small"]])
def test_every_building_block(tmp_path, size):
    printed, rows = run("building_blocks.py", tmp_path, *TINY, *size, "--columns", "numpy")
    for name in ("gelu", "softmax over rows", "a * column", "embedding", "mse_loss", "attention"):
        assert f"\n{name} " in printed
        assert name in [row["name"] for row in rows]
    assert "geometric mean" in printed


def test_scaling(tmp_path):
    some = ["batch 4: LeNet", "channels 8", "threads: LeNet", "depth 10,"]
    printed, rows = run("scaling.py", tmp_path, *TINY, "--columns", "numpy", "--filter", *some)
    assert [row["name"] for row in rows] == [
        "batch 4: LeNet-5", "channels 8", "threads: LeNet-5", "depth 10, forward", "depth 10, backward",
    ]  # fmt: skip
    assert "Depth: microseconds a node" in printed


def test_sequences(tmp_path):
    printed, rows = run("sequences.py", tmp_path, *TINY, "--columns", "numpy", "--filter", "RNN", "Transformer")
    assert [row["name"] for row in rows] == ["RNN", "TransformerEncoderLayer, 4 heads"]
    assert "Layers for sequences" in printed


def test_overhead(tmp_path):
    printed, rows = run(
        "overhead.py", tmp_path, *TINY, "--columns", "ours", "bare", "--filter", "x + y", "m @ m", "z + y"
    )
    assert [row["name"] for row in rows] == ["x + y", "m @ m", "z + y"]
    assert [list(row["results"]) for row in rows] == [["ours", "bare"], ["ours", "bare"], ["ours"]]
    assert "\nimport tensorgrad " in printed


def test_other_libraries_that_are_installed(tmp_path):
    libraries = {"jax": "JAX", "mygrad": "MyGrad", "autograd": "autograd", "tinygrad": "tinygrad"}
    columns = ["--columns", "numpy", *libraries, "loops"]
    printed, rows = run("others.py", tmp_path, *TINY, "--filter", "mlp", *columns)
    results = rows[0]["results"]
    assert "numpy" in results
    assert "loops" not in results  # the loop version is another network: a dash in the table
    for name, heading in libraries.items():
        installed = importlib.util.find_spec(name) is not None
        assert (f"column {heading} left out: {name} is not installed" in printed) != installed
        assert (name in results) == (installed and (name != "tinygrad" or shutil.which("clang") is not None))


def test_python_loops_train(alternate):
    other_libraries = importlib.import_module("other_libraries")
    other_libraries.training_step("loops", "conv16-pool-dense", 1)()
    with pytest.raises(alternate.Unsupported, match="one fixed network"):
        other_libraries.training_step("loops", "LeNet-5", 1)


def test_mnist_race(tmp_path):
    columns = ["numpy"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    short = ["--images", "1024", "--epochs", "2", "--every", "6", "--target", "20", "--threads", "1"]
    printed, rows = run("mnist_race.py", tmp_path, *short, "--columns", *columns)
    assert [row["results"]["numpy"]["steps"] for row in rows] == [6, 12, 16]
    assert all(rows[-1]["results"][column]["accuracy"] > 0.5 for column in columns)  # it learns
    for row in rows:  # the same weights, batches and shifts: the same way through training
        now = [row["results"][column]["accuracy"] for column in columns]
        assert max(now) - min(now) < 0.01
    assert "seconds to 20.0 %" in printed


# ---- what the scripts share --------------------------------------------------------------------------------


def test_a_column_whose_package_is_missing_is_left_out_visibly(alternate, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["script"])
    columns = {"numpy": alternate.OURS["numpy"], "other": alternate.Column("Other", "no_such_package")}
    bench = alternate.Comparison("script", columns, argparse.ArgumentParser())
    assert list(bench.columns) == ["numpy"]
    assert "column Other left out: no_such_package is not installed" in capsys.readouterr().out


def test_a_worker_that_fails_says_why():
    command = [sys.executable, str(FOLDER / "train_step.py"), "--worker", "numpy"]
    orders = json.dumps(["build", {"name": "no such network", "batch": 1, "threads": 1}])
    done = subprocess.run(command, input=orders, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no such network" in done.stderr


def test_ratio_is_the_faster_rival_over_ours(alternate):
    results = {"numpy": {"seconds": 2.0}, "torch": {"seconds": 4.0}, "torch_last": {"seconds": 3.0}}
    assert alternate.ratio(results, "numpy", *alternate.TORCH) == 1.5
    assert alternate.ratio(results, "compiled", *alternate.TORCH) is None
    assert alternate.ratio({"numpy": {"seconds": 2.0}}, "numpy", *alternate.TORCH) is None


def test_geometric_mean_leaves_out_what_is_missing(alternate):
    assert alternate.geometric_mean([2.0, None, 8.0]) == pytest.approx(4.0)
    assert alternate.geometric_mean([None]) is None


def test_table_prints_dashes_for_missing_figures(alternate, capsys):
    table = alternate.Table("Title", ("row", "<6"), ("ms", ">7.2f"))
    table.row("one", 1.234)
    table.row("two", None)
    assert capsys.readouterr().out == "\nTitle\nrow         ms\none       1.23\ntwo          -\n"
