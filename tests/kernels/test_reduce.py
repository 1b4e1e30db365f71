from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensorgrad.kernels import reduce, threads
from tensorgrad.kernels.reduce import accurate_sum, select
from tests.kernels import naive

pytestmark = pytest.mark.usefixtures("version")


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_as_numpy(data):
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 17, 70]), max_size=4)))
    shape = shape if np.prod(shape) < 200_000 else shape[:3]
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.int32, np.bool_]))
    x = (100 * np.random.default_rng(0).random(shape)).astype(dtype)
    x = x.transpose(data.draw(st.permutations(range(x.ndim))))
    if x.ndim:
        x = x[data.draw(st.sampled_from([slice(None), slice(None, None, -1), slice(0, None, 2)]))]
    if data.draw(st.booleans()):
        x = np.broadcast_to(x, (5, *x.shape))
    axes = (
        data.draw(st.none() | st.lists(st.sampled_from(range(-x.ndim, x.ndim)), unique_by=lambda a: a % x.ndim))
        if x.ndim
        else None
    )
    axes = tuple(axes) if axes is not None else None
    keepdims = data.draw(st.booleans())
    y = accurate_sum(x, axes, keepdims)
    exact = np.float64 if x.dtype == np.float32 else x.dtype
    expected = np.sum(x, axis=axes, keepdims=keepdims, dtype=exact)
    assert np.shape(y) == np.shape(expected)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(300, 5), (1000, 16), (257, 300), (97, 1), (65, 2000)])
def test_rows_in_blocks_and_on_any_number_of_threads(shape, monkeypatch):
    monkeypatch.setattr(reduce, "BLOCK_FLOATS", 1000)
    monkeypatch.setattr(reduce, "SHARED_FLOATS", 1000)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    before = threads.get_num_threads()
    found = []
    for n in (1, 2, 3):
        threads.set_num_threads(n)
        found.append(accurate_sum(x, (0,)))
    threads.set_num_threads(before)
    for y in found:
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, found[0])
    np.testing.assert_allclose(found[0], x.sum(axis=0, dtype=np.float64), atol=1e-6 * np.abs(x).sum(axis=0).max())


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.0])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1_000_000, 2), (0,)),
        ((300_001, 3), (0,)),
        ((50, 7, 30, 31), (0, 2, 3)),
        ((1_000_000, 1), (0,)),
        ((64, 10), (0,)),
    ],
)
def test_float32_accuracy(shape, axes, value):
    x = np.full(shape, value, np.float32)
    if len(shape) == 4:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    exact = np.sum(x, axis=axes, dtype=np.float64)
    y = accurate_sum(x, axes)
    assert y.dtype == np.float32
    assert np.abs(y / exact - 1).max() <= 1e-6


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((300, 70), (0,)), ((300, 70), (1,)), ((300, 70), None), ((5, 3000), (1,)), ((7, 130, 33), (1,)),
        ((600, 7), (1,)), ((600, 255), (1,)), ((3, 40_000), (1,)), ((40_000, 3), (0,)), ((9, 8, 20, 21), (0, 2, 3)),
        ((1, 70, 1, 90), (1,)), ((4, 1000, 300), (1,)), ((20, 30), (0, 1)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("squares", [False, True])
def test_sums_of_numbers_and_of_squares(shape, axes, squares):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    before = threads.get_num_threads()
    for lay in (x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2], x[::-1].copy()[::-1]):
        found = []
        for n in (1, 2):
            threads.set_num_threads(n)
            found.append(accurate_sum(lay, axes, squares=squares))
        threads.set_num_threads(before)
        numbers = lay.astype(np.float64) ** (1 + squares)
        bound = 4e-7 * np.abs(numbers).sum(axis=axes)
        assert found[0].dtype == np.float32
        assert (np.abs(found[0] - numbers.sum(axis=axes)) <= bound).all()
        np.testing.assert_array_equal(*found)


def test_short_rows_keep_to_themselves():
    x = np.ones((37, 20), np.float32)
    x[5, 19], x[36, 0] = np.nan, np.inf
    for length in (20, 3):
        y = reduce.sum_of_middle(np.ascontiguousarray(x[:, -length:])[..., None])[:, 0]
        expected = np.full(37, float(length))
        expected[5], expected[36] = np.nan, np.inf if length == 20 else length
        np.testing.assert_array_equal(y, expected)


def test_empty_axes_and_arrays():
    x = np.ones((100, 3), np.float32)
    np.testing.assert_array_equal(accurate_sum(x, ()), x)
    np.testing.assert_array_equal(accurate_sum(x[:0], (0,)), [0, 0, 0])
    assert accurate_sum(x[:, :0], (0,)).shape == (0,)


def test_nan_stays_in_its_column():
    x = np.ones((1000, 3), np.float32)
    x[500, 1] = np.nan
    np.testing.assert_array_equal(accurate_sum(x, (0,)), [1000, np.nan, 1000])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.int32, np.uint8])
def test_select(dtype):
    rng = np.random.default_rng(0)
    g = (100 * rng.random((3, 4, 5))).astype(dtype)
    if g.dtype.kind == "f":
        g.flat[:20] = np.resize([np.inf, -np.inf, np.nan, -0.0], 20)
    mask = rng.random(g.shape) > 0.5
    expected = np.where(mask, g, dtype(0))
    for (_, one), (_, two) in itertools.product(naive.layouts(g).items(), naive.layouts(mask).items()):
        y = select(two, one)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected)
        assert np.argsort(np.abs(y.strides)).tolist() == np.argsort(np.abs(one.strides)).tolist()
    np.testing.assert_array_equal(select(mask, np.broadcast_to(g[:1], g.shape)), np.where(mask, g[:1], 0))
    np.testing.assert_array_equal(select(mask[:, :1], g), np.where(mask[:, :1], g, 0))


def test_select_large_and_scalar():
    g = np.random.default_rng(0).standard_normal((1100, 1000)).astype(np.float32).T
    mask = g > 0
    y = select(mask, g)
    np.testing.assert_array_equal(y, np.where(mask, g, 0))
    assert y.strides == g.strides
    assert select(np.array(True), np.array(2.0)) == 2
    assert select(np.array(False), np.array(np.nan)) == 0
