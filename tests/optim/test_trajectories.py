"""Optimizers, schedules and a small network, number for number as PyTorch's."""

from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tests.optim import scenarios

REFERENCE = Path(__file__).parents[1] / "reference" / "optim.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as stored:
        return dict(stored)


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", scenarios.OPTIMIZERS)
def test_optimizer(reference, name):
    assert_close(scenarios.optimizer_trajectory(tg, name), reference[f"optimizer/{name}"])


@pytest.mark.parametrize("name", scenarios.OPTIMIZERS)
def test_optimizer_in_float32(reference, name):
    actual = scenarios.optimizer_trajectory(tg, name, np.float32)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, reference[f"optimizer/{name}"], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("name", scenarios.SCHEDULERS)
def test_scheduler(reference, name, optimizer):
    actual = scenarios.scheduler_trajectory(tg, [scenarios.SCHEDULERS[name]], optimizer)
    assert_close(actual, reference[f"scheduler/{optimizer}/{name}"])


@pytest.mark.parametrize("name", scenarios.CHAINS)
def test_chained_schedulers(reference, name):
    assert_close(scenarios.scheduler_trajectory(tg, scenarios.CHAINS[name]), reference[f"chain/{name}"])


@pytest.mark.parametrize("name", scenarios.COMPOSED)
def test_schedulers_made_of_others(reference, name):
    assert_close(scenarios.scheduler_trajectory(tg, [scenarios.COMPOSED[name]]), reference[f"composed/{name}"])


@pytest.mark.parametrize("name", scenarios.PLATEAUS)
def test_reduce_lr_on_plateau(reference, name):
    assert_close(scenarios.plateau_trajectory(tg, name), reference[f"plateau/{name}"])


@pytest.mark.parametrize("name", scenarios.RESTARTS)
def test_warm_restarts_at_any_epoch(reference, name):
    assert_close(scenarios.restarts_trajectory(tg, name), reference[f"restarts/{name}"])


@pytest.mark.parametrize("i", range(len(scenarios.CLIPS)))
def test_clip_grad_norm(reference, i):
    assert_close(scenarios.clipped(tg, *scenarios.CLIPS[i]), reference[f"clip/{i}"])


def test_training_a_small_cnn(reference):
    result = scenarios.cnn_training(tg)
    assert result["keys"] == list(reference["cnn/keys"])
    assert_close(result["losses"], reference["cnn/losses"])
    np.testing.assert_allclose(result["gradients"], reference["cnn/gradients"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result["state"], reference["cnn/state"], rtol=1e-7, atol=1e-9)


def test_training_a_small_cnn_in_float32(reference):
    result = scenarios.cnn_training(tg, "float32")
    np.testing.assert_allclose(result["losses"][:2], reference["cnn/losses"][:2], rtol=1e-6)
    # the bias before a batch norm has gradient 0 but for rounding, of which Adam keeps the sign: PyTorch's own
    # float32 is off by 3e-3 in the end
    np.testing.assert_allclose(result["losses"], reference["cnn/losses"], rtol=5e-3)


@pytest.mark.parametrize(
    ("cls", "settings", "expected"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, 0.590209958191),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.01}, 0.6973029049940026),
        ("Adam", {"lr": 0.1, "weight_decay": 0.01}, 0.7000189414283239),
    ],
)
def test_three_steps(cls, settings, expected):
    p = tg.tensor(np.array([1.0]), requires_grad=True)
    optimizer = getattr(tg.optim, cls)([p], **settings)
    for _ in range(3):
        p.grad = tg.tensor(np.array([0.5]))
        optimizer.step()
    assert p.item() == pytest.approx(expected, rel=1e-12)


def test_eps_is_outside_the_root_and_after_the_correction():
    p = tg.tensor(np.array([2.0]), requires_grad=True)
    p.grad = tg.tensor(np.array([1e-12]))
    tg.optim.Adam([p], lr=0.1).step()
    assert p.item() == pytest.approx(1.9999900009999, rel=1e-13)


@pytest.mark.parametrize(
    "name",
    [
        "sgd all", "sgd nesterov decay", "adam all", "adamw amsgrad", "rmsprop all", "adagrad all", "adadelta all",
        "adamax all", "nadam all", "nadam decay", "radam never rectified", "radam all",
    ],
)  # fmt: skip
def test_pieces_of_large_parameters_and_odd_memory_orders(name):
    """What is updated piece by piece, or not contiguous, moves as the same numbers in a small array."""
    cls, settings = scenarios.OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    values, grads = rng.normal(size=(300, 250)), rng.normal(size=(3, 300, 250))
    whole = tg.Tensor(values.copy(), requires_grad=True)
    fortran = tg.Tensor(np.asfortranarray(values), requires_grad=True)
    strided = tg.Tensor(np.repeat(values, 2, axis=1)[:, ::2], requires_grad=True)
    rows = [tg.Tensor(row.copy(), requires_grad=True) for row in values]
    optimizer = getattr(tg.optim, cls)([whole, fortran, strided, *rows], **settings)
    for g in grads:
        for p in (whole, fortran, strided):
            p.grad = tg.Tensor(g)
        for p, row in zip(rows, g, strict=True):
            p.grad = tg.Tensor(row)
        optimizer.step()
    expected = np.stack([p.numpy(force=True) for p in rows])
    for p in (whole, fortran, strided):
        np.testing.assert_array_equal(p.numpy(force=True), expected)
