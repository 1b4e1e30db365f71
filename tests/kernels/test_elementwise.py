"""Sums by all threads are NumPy's, bit for bit, in any memory order and for any operands."""

import numpy as np
import pytest

from tensorgrad.kernels import elementwise, slices, threads

pytestmark = pytest.mark.usefixtures("version")


@pytest.fixture(params=[1, 2, 3], autouse=True)
def _threads(request, monkeypatch):
    monkeypatch.setattr(elementwise, "LARGE", 10)
    monkeypatch.setattr(slices, "SHARED_FLOATS", 10)
    before = threads.get_num_threads()
    threads.set_num_threads(request.param)
    yield
    threads.set_num_threads(before)


def arrays(shape, dtype=np.float32):
    rng = np.random.default_rng(0)
    return (100 * rng.standard_normal(shape)).astype(dtype), (100 * rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, np.bool_, np.float16])
@pytest.mark.parametrize(
    "view",
    [lambda a: a, lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a[:0]],
    ids=["plain", "transposed", "reversed", "every other", "empty"],
)
def test_two_arrays(view, dtype):
    a, b = (view(x) for x in arrays((6, 8), dtype))
    a.flat[:1] = b.flat[:1] = 0
    expected = np.add(a, b)
    found = elementwise.add(a, b)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_sums_in_place(dtype):
    total, other = arrays((6, 8), dtype)
    for b in (other, other.T.copy().T):
        expected = total + b
        elementwise.add_to(total, b)
        np.testing.assert_array_equal(total, expected)


def test_operands_of_several_kinds():
    a, b = arrays((6, 8))
    for other in (2.0, np.ones(8, np.float32), np.ones((6, 8)), b.T.reshape(6, 8), np.broadcast_to(b[:1], b.shape)):
        np.testing.assert_array_equal(elementwise.add(a, other), a + other)
        np.testing.assert_array_equal(elementwise.add(other, a), other + a)
    with pytest.raises(ValueError, match="broadcast"):
        elementwise.add(a, a[:5])
