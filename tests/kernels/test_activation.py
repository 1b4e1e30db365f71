"""The rectifier on raw arrays: every size and memory order, both versions, threads."""

import numpy as np
import pytest

from tensorgrad.kernels import activation as kernel
from tensorgrad.kernels import slices, threads

pytestmark = pytest.mark.usefixtures("version")

ORDERS = {
    "contiguous": lambda a: np.ascontiguousarray(a),
    "Fortran": np.asfortranarray,
    "channels last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1),
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
}
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 1e-40]


@pytest.fixture(params=["large", "small"], autouse=True)
def _size(request, monkeypatch):
    """The same arrays, taken for large ones or not."""
    if request.param == "large":
        monkeypatch.setattr(kernel, "LARGE", 0)
        monkeypatch.setattr(kernel, "ROW", 7)
        monkeypatch.setattr(slices, "SHARED_FLOATS", 0)
        monkeypatch.setattr(slices, "SLICE_FLOATS", 7)


def sample(dtype, seed=0, shape=(2, 5, 3, 4)):
    values = np.array([*SPECIAL, np.nan])
    return values[np.random.default_rng(seed).integers(0, len(values), shape)].astype(dtype)


def same_bits(a, b):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
def test_relu(order, dtype):
    x = ORDERS[order](sample(dtype))
    before = x.copy()
    y = kernel.relu(x)
    assert y.dtype == dtype
    same_bits(y, expected(x))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_of_some_thousand_numbers(dtype):
    x = sample(dtype, shape=(40, 50))
    for view in (x, x.T, x[:, ::2]):
        y = kernel.relu(view)
        assert y.dtype == dtype
        same_bits(y, expected(view))


def expected(x):
    """``max(0, x)``, number by number."""
    return np.array([v if v > 0 or v == 0 or np.isnan(v) else 0.0 for v in x.ravel()], x.dtype).reshape(x.shape)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("g_order", ORDERS)
@pytest.mark.parametrize("y_order", ORDERS)
def test_gradient(g_order, y_order, dtype):
    y = ORDERS[y_order](expected(sample(dtype)))
    g = ORDERS[g_order](sample(dtype, seed=1))
    before = g.copy(), y.copy()
    dx = kernel.relu_grad(g, y)
    assert dx.dtype == dtype
    same_bits(dx, np.where((y > 0) | np.isnan(y), g, dtype(0)))
    np.testing.assert_array_equal(g, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (1, 4, 1, 3)])
def test_shapes(shape):
    x = sample(np.float32, shape=shape)
    same_bits(kernel.relu(x), expected(x))
    assert kernel.relu(x).shape == kernel.relu_grad(x, x).shape == shape


def test_numbers():
    assert kernel.relu(-2.0) == 0
    assert kernel.relu(3) == 3


def test_the_number_of_threads_changes_no_bit():
    g, y = sample(np.float32, 1), expected(sample(np.float32))
    results = []
    before = threads.get_num_threads()
    for n in (1, 2):
        threads.set_num_threads(n)
        results.append(kernel.relu_grad(g, y))
    threads.set_num_threads(before)
    same_bits(*results)
