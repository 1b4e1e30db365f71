"""The from-scratch example, its loop version, and the page that sets them side by side."""

import doctest
import importlib.util
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from benchmarks.loops_cnn import LoopCNN
from tensorgrad.data import MNIST

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "from-scratch.md"
EXAMPLE = ROOT / "examples" / "from_scratch.py"


@pytest.fixture(scope="module")
def data():
    return MNIST()


def run(*options):
    return subprocess.run(
        [sys.executable, EXAMPLE, *map(str, options)], check=True, capture_output=True, text=True, cwd=ROOT, timeout=300
    )


def test_short_training_learns_and_reports(tmp_path):
    done = run("--images", 600, "--epochs", 1, "--json", tmp_path / "result.json")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["images"] == 600
    assert result["epochs"][0]["running_accuracy"] > 0.6
    assert result["test_accuracy"] > 0.75
    assert "test accuracy on 10,000 images" in done.stdout
    assert done.stderr == ""  # no progress bar where nobody looks


def test_same_seed_same_result(tmp_path):
    results = []
    for name in ("first.json", "second.json"):
        run("--images", 50, "--epochs", 1, "--seed", 3, "--json", tmp_path / name)
        result = json.loads((tmp_path / name).read_text())
        del result["epochs"][0]["seconds"]
        results.append(result)
    assert results[0] == results[1]


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    run("--images", 20, "--epochs", 1, "--pictures", tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "random_filter.png",
        "edges.png",
        "learned_filters.png",
    }


def test_pictures_are_refused_before_the_training_where_nothing_can_draw(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["from_scratch.py", "--pictures", str(tmp_path / "new")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "--pictures needs matplotlib: pip install '.[plot]'" in capsys.readouterr().err


def engine_gradients(net, image, label):
    """The engine's gradients at the loop version's parameters, in the loop version's layout."""
    weight = net.dense.weight.reshape(13, 13, 16, 10).transpose(3, 2, 0, 1).reshape(10, -1)
    k, w, b = params = [
        tg.tensor(array, requires_grad=True) for array in (net.convolution.kernels[:, None], weight, net.dense.bias)
    ]
    logits = F.linear(F.max_pool2d(F.conv2d(tg.tensor(image[None, None]), k), 2).flatten(1), w, b)
    loss = F.cross_entropy(logits, tg.tensor([label]))
    loss.backward()
    kernels, weight, bias = (p.grad.numpy() for p in params)
    weight = weight.reshape(10, 16, 13, 13).transpose(2, 3, 1, 0).reshape(2704, 10)
    return loss.item(), kernels[:, 0], weight, bias


@pytest.mark.parametrize("index", [0, 2, 4, 8])
def test_loops_and_engine_agree(data, index):
    net = LoopCNN(np.random.default_rng(index))
    image, label = data.images[index] / 255, int(data.labels[index])
    for rate in (0.1, 0.0):  # at the start, and a step away from it
        loss = net.loss(image, label)
        before = engine_gradients(net, image, label)
        net.backward(label, rate)
        ours = (loss, net.convolution.kernels_grad, net.dense.weight_grad, net.dense.bias_grad)
        for a, b in zip(ours, before, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("fault", ["early_return", "all_ties"])
def test_each_fault_is_one(data, fault):
    image, label = data.images[2] / 255, int(data.labels[2])
    net = LoopCNN(np.random.default_rng(0), **{fault: True})
    net.forward(image)
    _, exact, _, _ = engine_gradients(net, image, label)
    net.backward(label, rate=0)
    assert abs(net.convolution.kernels_grad - exact).max() > 0.05 * abs(exact).max()


def test_page_runs():
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert tried > 20
    assert failed == 0


def quotations():
    """Every block of the page whose first line names the file it quotes."""
    blocks = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [pytest.param(path, text, id=f"{path}-{number}") for number, (path, text) in enumerate(blocks)]


@pytest.mark.parametrize(("path", "text"), quotations())
def test_page_quotes_the_source_as_it_is(path, text):
    source = (ROOT / path).read_text()
    assert " ".join(text.split()) in " ".join(source.split()), f"{PAGE.name} quotes {path} as it no longer is"


def test_page_quotes_both_sides():
    paths = [quotation.values[0] for quotation in quotations()]
    assert sum(path.startswith("tensorgrad/") for path in paths) >= 5
    assert sum(path.startswith("benchmarks/") for path in paths) >= 5
