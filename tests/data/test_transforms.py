"""Transforms of images."""

import numpy as np
import pytest

from tensorgrad.creation import as_tensor
from tensorgrad.data.transforms import Compose, Normalize, ToTensor
from tensorgrad.tensor import Tensor

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "result"),
    [((4, 5), (1, 4, 5)), ((4, 5, 3), (3, 4, 5)), ((2, 4, 5, 3), (2, 3, 4, 5)), ((4, 5, 1), (1, 4, 5))],
)
def test_to_tensor(shape, result):
    array = RNG.integers(256, size=shape, dtype=np.uint8)
    tensor = ToTensor()(array)
    assert type(tensor) is Tensor
    assert (tensor.shape, tensor.dtype) == (result, np.float32)
    channels_first = np.moveaxis(array.reshape(*shape, 1) if len(shape) == 2 else array, -1, -3)
    np.testing.assert_array_equal(tensor.data, channels_first.astype(np.float32) / np.float32(255))
    assert ToTensor()(tensor) is tensor


def test_to_tensor_scales_only_bytes():
    assert ToTensor()(np.full((2, 2), 300, np.int32)).tolist() == [[[300, 300], [300, 300]]]
    assert ToTensor()(np.ones((2, 2))).dtype == np.float64
    with pytest.raises(ValueError, match="ToTensor: expected"):
        ToTensor()(np.zeros(3))


@pytest.mark.parametrize("lead", [(), (4,), (2, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalize(lead, dtype):
    array = RNG.random((*lead, 3, 5, 6)).astype(dtype)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    before = array.copy()
    result = Normalize(mean, std)(array)
    assert result.dtype == dtype
    expected = (before - np.array(mean, dtype)[:, None, None]) / np.array(std, dtype)[:, None, None]
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(array, before)
    tensor = Normalize(mean, std)(as_tensor(array))
    assert type(tensor) is Tensor
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor.data, expected)
    again = as_tensor(before.copy())
    assert Normalize(mean, std, inplace=True)(again) is again
    np.testing.assert_array_equal(again.data, expected)
    assert Normalize(mean, std, inplace=True)(array) is array
    np.testing.assert_array_equal(array, expected)


def test_normalize_passes_the_gradient_on():
    image = Tensor(np.ones((1, 2, 2), np.float32), requires_grad=True)
    Normalize((0.5,), (0.25,), inplace=True)(image).sum().backward()
    assert image.grad.tolist() == [[[4.0, 4.0], [4.0, 4.0]]]


def test_normalize_one_number_for_all_channels():
    array = np.ones((3, 2, 2), np.float32)
    assert Normalize(0.5, 0.5)(array).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("mean", "std"), [((0,), (0,)), ((0, 0), (1,)), ((0,), (-1,)), ([[0]], [[1]]), ((0,), (float("nan"),))]
)
def test_normalize_refuses_numbers(mean, std):
    with pytest.raises(ValueError, match="Normalize: expected"):
        Normalize(mean, std)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((3, 4, 4), np.uint8), TypeError),
        ([[[0.0]]], TypeError),
        (np.zeros((4, 4)), ValueError),
        (np.zeros((2, 4, 4)), ValueError),
    ],
)
def test_normalize_refuses_images(image, error):
    with pytest.raises(error, match="Normalize: expected"):
        Normalize((0, 0, 0), (1, 1, 1))(image)


def test_compose():
    both = Compose([ToTensor(), Normalize((0.5,), (0.5,))])
    assert both(np.full((2, 2), 255, np.uint8)).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
    assert both.batched
    assert not Compose([ToTensor(), abs]).batched
    assert repr(both) == "Compose([ToTensor(), Normalize(mean=(0.5,), std=(0.5,))])"
