"""Copies, joins and borders of large arrays, in any order of memory: bit for bit what NumPy makes."""

import numpy as np
import pytest

from tensorgrad.kernels import copy as kernel
from tensorgrad.kernels import threads

pytestmark = pytest.mark.usefixtures("version")

DTYPES = [np.float32, np.float64, np.float16, np.bool_]


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"], autouse=True)
def _threads(request, monkeypatch):
    before = threads.get_num_threads()
    monkeypatch.setattr(kernel, "SHARED_FLOATS", 1000)
    threads.set_num_threads(request.param)
    yield
    threads.set_num_threads(before)


def sample(*shape, dtype=np.float32):
    return (100 * np.random.default_rng(0).random(shape)).astype(dtype)


#: Views larger than `LARGE`, each with something that a loop must know of.
VIEWS = {
    "contiguous": lambda d: sample(300, 301, dtype=d),
    "vector": lambda d: sample(70_001, dtype=d),
    "transposed": lambda d: sample(257, 301, dtype=d).T,
    "transposed, a multiple of a register": lambda d: sample(256, 320, dtype=d).T,
    "a few long rows, transposed": lambda d: sample(7, 12_000, dtype=d).T,
    "matrices, transposed": lambda d: sample(5, 130, 140, dtype=d).transpose(0, 2, 1),
    "channels last": lambda d: sample(9, 21, 19, 24, dtype=d).transpose(0, 3, 1, 2),
    "reversed order of axes": lambda d: sample(9, 11, 13, 70, dtype=d).T,
    "flipped": lambda d: sample(300, 301, dtype=d)[:, ::-1],
    "flipped rows": lambda d: sample(300, 301, dtype=d)[::-1],
    "every second": lambda d: sample(300, 602, dtype=d)[:, ::2],
    "transposed, every second": lambda d: sample(602, 300, dtype=d)[::2].T,
    "cropped": lambda d: sample(30, 62, 62, dtype=d)[:, 3:-1, 2:-2],
    "repeated": lambda d: np.broadcast_to(sample(1, 300, dtype=d), (301, 300)),
    "one number": lambda d: np.broadcast_to(sample(1, dtype=d), (300, 300)),
    "five axes": lambda d: sample(6, 7, 8, 9, 50, dtype=d)[::-1, ::2, 1:, ::-1, ::2],
    "small": lambda d: sample(3, 4, dtype=d).T,
    "nothing": lambda d: sample(0, 4, dtype=d),
    "0-d": lambda d: sample(dtype=d),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_copied(view, dtype):
    x = VIEWS[view](dtype)
    y = kernel.copied(x)
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("view", VIEWS)
def test_written_into_a_view(view):
    x = VIEWS[view](np.float32)
    memory = np.zeros((*x.shape, 3), np.float32)
    kernel.write(x, memory[..., 1])
    np.testing.assert_array_equal(memory[..., 1], x)
    assert not memory[..., ::2].any()


def test_every_bit_of_a_nan_is_moved():
    x = np.arange(0x7F800000, 0x7F800000 + 300 * 300, dtype=np.int32).view(np.float32).reshape(300, 300)
    for view in (x, x.T, x[:, ::-1]):
        np.testing.assert_array_equal(kernel.copied(view).view(np.int32), view.view(np.int32))


@pytest.mark.parametrize("dim", [0, 1, 2, 3])
@pytest.mark.parametrize("order", ["C", "channels last"])
@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float32, np.float64), (np.int64, np.int64)])
def test_joined(dim, order, kinds):
    parts = [sample(*(n if d == dim else 17 for d in range(4)), dtype=k) for n, k in zip((9, 11), kinds, strict=True)]
    if order == "channels last":
        parts = [np.moveaxis(np.ascontiguousarray(np.moveaxis(part, 1, -1)), -1, 1) for part in parts]
    y, expected = kernel.joined(parts, dim), np.concatenate(parts, axis=dim)
    assert (y.dtype, y.strides) == (expected.dtype, expected.strides)
    np.testing.assert_array_equal(y, expected)


def test_joined_with_nothing():
    parts = [sample(0, 300), sample(300, 300), sample(0, 300)]
    np.testing.assert_array_equal(kernel.joined(parts, 0), parts[1])
    np.testing.assert_array_equal(kernel.joined(parts[:1], 0), parts[0])


@pytest.mark.parametrize("widths", [((0, 0), (1, 1), (2, 0)), ((1, 0), (0, 0), (0, 0)), ((-1, 2), (-3, -1), (0, -5))])
@pytest.mark.parametrize("shape", [(3, 4, 6), (9, 90, 100)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_padded(widths, shape, dtype):
    x = sample(*shape, dtype=dtype)
    y = kernel.padded(x, widths, 1.0)
    crop = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(shape, widths, strict=True))
    expected = np.pad(x[crop], [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=1.0)
    assert y.dtype == dtype
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(y, expected)
