"""The summary: right numbers, and the model is as it was before."""

import io

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.nn.module import Module
from tensorgrad.viz import summary
from tests.viz.nets import Chain, Dense, Net, Pool, SharedRelu


def test_numbers():
    net = Net()
    table = summary(net, (2, 1, 8, 8), verbose=0)
    rows = {row.path: row for row in table.rows}
    assert list(rows) == ["", "features", "features.0", "features.1", "features.2", "features.3", "fc"]
    assert rows["features.0"].output_shape == (2, 4, 8, 8)
    assert rows["features.0"].kernel == (3, 3)
    assert rows["features.0"].mult_adds == 2 * 64 * (4 * 9 + 4)
    assert rows["features.3"].kernel == (2, 2)
    assert rows["fc"].mult_adds == 2 * (64 * 3 + 3)
    assert rows["features"].parameters == 40 + 8
    assert table.parameters == table.trainable == sum(p.numel() for p in net.parameters())
    assert table.mult_adds == sum(row.mult_adds for row in table.rows)
    assert table.input_bytes == 2 * 64 * 4


def test_the_table(capsys):
    net = Net()
    net.fc.weight.requires_grad_(False)
    table = summary(net, (2, 1, 8, 8))
    printed = capsys.readouterr().out
    assert printed == f"{table}\n"
    lines = printed.splitlines()
    assert lines[0].split() == [
        "Layer",
        "(path:",
        "class)",
        "Kernel",
        "Output",
        "shape",
        "Parameters",
        "Mult-adds",
        "Trainable",
    ]
    assert any(line.startswith("│  ├─ 0: Conv") and "3x3" in line and "(2, 4, 8, 8)" in line for line in lines)
    assert next(line for line in lines if "fc: Dense" in line).split()[-1] == "partly"
    assert any(line.split() == ["frozen", "192"] for line in lines)
    assert "features.0" not in repr(table)
    short = str(summary(net, (2, 1, 8, 8), depth=1, verbose=0))
    assert "Conv" not in short
    assert f"{2 * 64 * 40 + 2 * 4 * 64 * 2:,}" in next(line for line in short.splitlines() if "features" in line)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_output_without_lines_to_draw_with(monkeypatch, encoding):
    memory = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(memory, encoding=encoding, write_through=True))
    summary(SharedRelu(), (2, 4))
    lines = memory.getvalue().decode("ascii").splitlines()
    assert set(lines[1]) == {"-"}
    assert lines[0].startswith("Layer (path: class)")
    assert any(line.startswith("+- ") and "x3" in line for line in lines)


def test_the_model_is_left_as_it_was():
    net = Net()
    net.features.eval()
    x = tg.randn(2, 1, 8, 8)
    state = tg.get_rng_state()
    before = {key: value.numpy().copy() for key, value in net.state_dict().items()}
    summary(net, input_data=x, verbose=0)
    assert net.training
    assert not net.features.training
    assert all(np.array_equal(value, net.state_dict()[key].numpy()) for key, value in before.items())
    assert tg.get_rng_state() == state
    assert all(p.grad is None for p in net.parameters())
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())


def test_a_forward_that_draws_and_counts_disturbs_nothing_either():
    class Noisy(Module):
        def __init__(self):
            self.register_buffer("calls", tg.zeros(1))

        def forward(self, x):
            self.calls.data += 1
            return x + tg.randn(*x.shape)

    noisy, state = Noisy(), tg.get_rng_state()
    summary(noisy, (2, 3), verbose=0)
    assert tg.get_rng_state() == state
    assert noisy.calls.item() == 0


def test_a_failing_forward_restores_too():
    net = Net()
    with pytest.raises(ValueError, match="conv2d"):
        summary(net, (2, 5, 8, 8), verbose=0)
    assert net.training
    assert all(not m._forward_hooks for m in net.modules())


def test_modules_called_again_and_never():
    net = SharedRelu()
    net.spare = Dense(4, 4)
    table = summary(net, (2, 4), verbose=0)
    assert {row.path: row.calls for row in table.rows} == {"": 1, "a": 1, "b": 1, "c": 1, "relu": 3, "spare": 0}
    assert next(row for row in table.rows if row.path == "spare").output_shape is None
    (line,) = [line for line in str(table).splitlines() if "spare" in line]
    assert "not called" in line
    (line,) = [line for line in str(table).splitlines() if "relu" in line]
    assert "relu: Relu ×3" in line


def test_a_module_called_twice_has_one_row_with_the_work_of_both_calls():
    class Twice(Module):
        def __init__(self):
            self.block = Chain(Dense(4, 4), Dense(4, 4))

        def forward(self, x):
            return self.block(self.block(x)[:1])

    net = Twice()
    table = summary(net, (2, 4), verbose=0)
    assert [row.path for row in table.rows] == ["", "block", "block.0", "block.1"]
    first = table.rows[2]
    assert (first.calls, first.output_shape, first.shapes_differ) == (2, (2, 4), True)
    assert first.mult_adds == (2 + 1) * (16 + 4)
    assert first.output_bytes == (2 + 1) * 4 * 4
    assert first.parameters == 20
    assert table.parameters == 40
    assert table.mult_adds == 2 * first.mult_adds
    lines = str(table).splitlines()
    assert [line[: line.index("  -")].rstrip() for line in lines[2:6]] == [
        "Twice",
        "└─ block: Chain ×2",
        "   ├─ 0: Dense ×2",
        "   └─ 1: Dense ×2",
    ]
    assert "(2, 4), …" in lines[4]


def test_inputs_of_every_kind():
    class Two(Module):
        def forward(self, a, b):
            return {"sum": a + b}

    for given in ([(2, 3), (2, 3)], [tg.ones(2, 3), np.ones((2, 3), np.float32)]):
        table = summary(Two(), given, verbose=0)
        assert table.rows[0].output_shape == (2, 3)
        assert table.input_bytes == 48
    assert summary(Pool(), tg.ones(1, 1, 4, 4), verbose=0).rows[0].output_shape == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (lambda x: x, (1,), "expected a Module"),
        (Pool(), None, "give input_size"),
        (Pool(), "1x2", "got str"),
        (Pool(), ["1x2"], "for every input"),
    ],
)
def test_wrong_arguments(model, given, words):
    with pytest.raises(TypeError, match=words):
        summary(model, given)
