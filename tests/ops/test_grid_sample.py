"""Reading images between their pixels: errors, edges where PyTorch has no number, and laws."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F

ones = tg.ones
IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def draw(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, shape)


# --------------------------------------------------------------------------- errors

ERRORS = {
    "mode": (lambda: F.grid_sample(ones(1, 1, 2, 2), ones(1, 1, 1, 2), "cubic"), ValueError, "mode .* got 'cubic'"),
    "padding": (
        lambda: F.grid_sample(ones(1, 1, 2, 2), ones(1, 1, 1, 2), padding_mode="reflect"),
        ValueError,
        "padding_mode must be one of zeros, border, reflection, got 'reflect'",
    ),
    "dimensions": (lambda: F.grid_sample(ones(1, 1, 2), ones(1, 1, 1)), ValueError, r"expected input \(N, C, H, W\)"),
    "an image and a grid of volumes": (
        lambda: F.grid_sample(ones(1, 1, 2, 2), ones(1, 1, 1, 1, 3)),
        ValueError,
        r"got float32\(1, 1, 2, 2\) and float32\(1, 1, 1, 1, 3\)",
    ),
    "coordinates": (lambda: F.grid_sample(ones(1, 1, 2, 2), ones(1, 1, 1, 3)), ValueError, "expected input"),
    "bicubic volume": (
        lambda: F.grid_sample(ones(1, 1, 2, 2, 2), ones(1, 1, 1, 1, 3), "bicubic"),
        ValueError,
        "use 'bilinear'",
    ),
    "batch": (lambda: F.grid_sample(ones(2, 1, 2, 2), ones(1, 1, 1, 2)), ValueError, "same batch size"),
    "no pixels": (lambda: F.grid_sample(ones(1, 1, 0, 2), ones(1, 1, 1, 2)), ValueError, "no pixels"),
    "dtypes": (
        lambda: F.grid_sample(ones(1, 1, 2, 2), ones(1, 1, 1, 2, dtype=np.float64)),
        TypeError,
        "float32 and float64",
    ),
    "integers": (
        lambda: F.grid_sample(ones(1, 1, 2, 2, dtype=np.int64), ones(1, 1, 1, 2, dtype=np.int64)),
        TypeError,
        "floating-point",
    ),
    "affine: rank": (lambda: F.affine_grid(ones(1, 2, 3), (1, 1, 2)), ValueError, r"size must be \(N, C, H, W\)"),
    "affine: nothing": (lambda: F.affine_grid(ones(1, 2, 3), (1, 1, 0, 2)), ValueError, "none of them 0"),
    "affine: shape": (lambda: F.affine_grid(ones(1, 2, 3), (1, 1, 1, 2, 2)), ValueError, r"expects theta \(1, 3, 4\)"),
    "affine: batch": (lambda: F.affine_grid(ones(1, 2, 3), (2, 1, 2, 2)), ValueError, r"expects theta \(2, 2, 3\)"),
    "affine: integers": (lambda: F.affine_grid(np.ones((1, 2, 3), int), (1, 1, 2, 2)), TypeError, "int64"),
}


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS.values(), ids=ERRORS.keys())
def test_error(call, kind, words):
    with pytest.raises(kind, match=f"^(grid_sample|affine_grid): .*{words}"):
        call()


# --------------------------------------------------------------------------- edges


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["border", "reflection"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_places_without_a_number_have_a_gradient(mode, padding, number):
    """NaN reads the first pixel; PyTorch's value is the same, its derivative reads outside its memory."""
    x = tg.tensor([[[[1.0, 2.0, 3.0]]]], requires_grad=True)
    grid = tg.tensor([[[[number, 0.0]]]], requires_grad=True)
    y = F.grid_sample(x, grid, mode, padding, align_corners=False)
    y.backward()
    last = padding == "border" and number == math.inf
    assert y.item() == (3.0 if last else 1.0)
    assert x.grad.flatten().tolist() == ([0.0, 0.0, 1.0] if last else [1.0, 0.0, 0.0])
    assert grid.grad.flatten().tolist() == [0.0, 0.0]


def test_an_infinite_gradient_outside_reaches_no_pixel():
    x = ones(1, 1, 1, 2, requires_grad=True)
    y = F.grid_sample(x, tg.tensor([[[[3.0, 0.0]]]]), align_corners=True)
    y.backward(tg.tensor([[[[math.inf]]]]))
    assert x.grad.flatten().tolist() == [0.0, 0.0]


def test_the_nearest_pixel_does_not_change_with_the_place():
    grid = tg.zeros(1, 2, 2, 2, requires_grad=True)
    y = F.grid_sample(ones(1, 1, 3, 3), grid, "nearest", align_corners=False)
    assert y.requires_grad
    y.sum().backward()
    assert grid.grad.tolist() == np.zeros((1, 2, 2, 2)).tolist()


def test_a_batch_is_its_samples_and_threads_change_nothing():
    """Large enough for blocks in several threads."""
    x, grid = draw(6, 64, 48, 48).astype(np.float32), 1.2 * draw(6, 40, 40, 2, seed=1).astype(np.float32)
    a, b = tg.tensor(x, requires_grad=True), tg.tensor(grid, requires_grad=True)
    y = F.grid_sample(a, b, align_corners=False)
    y.square().sum().backward()
    for i in range(6):
        c, d = tg.tensor(x[i : i + 1], requires_grad=True), tg.tensor(grid[i : i + 1], requires_grad=True)
        z = F.grid_sample(c, d, align_corners=False)
        z.square().sum().backward()
        for ours, one in ((y.detach(), z.detach()), (a.grad, c.grad), (b.grad, d.grad)):
            np.testing.assert_allclose(ours.numpy()[i : i + 1], one.numpy(), rtol=1e-6, atol=1e-6)


# --------------------------------------------------------------------------- laws


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_the_identity_changes_nothing(mode, padding, align_corners):
    x = draw(1, 3, 4, 5)
    grid = F.affine_grid(np.array([IDENTITY]), x.shape, align_corners)
    np.testing.assert_allclose(F.grid_sample(x, grid, mode, padding, align_corners), x, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_even_grid_is_resizing(mode, align_corners):
    x = draw(1, 2, 4, 5)
    grid = F.affine_grid(np.array([IDENTITY]), (1, 2, 7, 3), align_corners)
    resized = F.interpolate(x, (7, 3), mode=mode, align_corners=align_corners)
    np.testing.assert_allclose(F.grid_sample(x, grid, mode, "border", align_corners), resized, rtol=1e-13, atol=1e-13)


def test_a_transformer_turns_an_image():
    quarter = np.array([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    x = draw(1, 2, 4, 4)
    y = F.grid_sample(x, F.affine_grid(quarter, x.shape, False), align_corners=False)
    np.testing.assert_allclose(y, np.rot90(x, -1, (2, 3)), atol=1e-14)
