"""Sums by all threads are NumPy's sums, bit for bit, in any memory order and for any operands."""

import numpy as np
import pytest

from tensorgrad.kernels import elementwise, slices, threads


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
    return rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.float16])
@pytest.mark.parametrize(
    "view",
    [lambda a: a, lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a[:0]],
    ids=["plain", "transposed", "reversed", "every other", "empty"],
)
def test_sums(view, dtype):
    a, b = (view(x) for x in arrays((6, 8), dtype))
    expected = np.add(a, b)
    found = elementwise.add(a, b)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    total = a.copy(order="K")
    elementwise.add_to(total, b)
    np.testing.assert_array_equal(total, expected)


def test_operands_of_several_kinds():
    a, b = arrays((6, 8))
    for other in (2.0, np.ones(8, np.float32), np.ones((6, 8)), b.T.reshape(6, 8), np.broadcast_to(b[:1], b.shape)):
        np.testing.assert_array_equal(elementwise.add(a, other), np.add(a, other))
        np.testing.assert_array_equal(elementwise.add(other, a), np.add(other, a))
    with pytest.raises(ValueError, match="broadcast"):
        elementwise.add(a, a[:5])
