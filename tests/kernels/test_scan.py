"""Running sums: against float64, from both ends, over any axis."""

import numpy as np
import pytest

from tensorgrad.kernels import threads
from tensorgrad.kernels.scan import running_sum

pytestmark = pytest.mark.usefixtures("version")

SHAPES = [
    (5, 7),
    (0, 3),
    (3, 0),
    (1,),
    (40, 513),
    (512, 40),
    (9, 40, 50),
    (20_000,),
    (16_400, 1),
    (1, 16_400),
    (3, 7001),
]


def expected(x, dim, backwards):
    flip = (lambda a: np.flip(a, dim)) if backwards else (lambda a: a)
    return flip(np.cumsum(flip(x), axis=dim, dtype=np.float64 if x.dtype.kind == "f" else x.dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6), (np.int64, 0)])
def test_against_float64(shape, backwards, dtype, tolerance):
    x = (10 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
    for dim in range(x.ndim):
        for laid in (x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2]):
            y = running_sum(laid, dim, backwards)
            assert (y.shape, y.dtype) == (shape, dtype)
            largest = np.abs(x).sum(axis=dim).max(initial=0)
            np.testing.assert_allclose(y, expected(x, dim, backwards), rtol=0, atol=tolerance * largest)


@np.errstate(invalid="ignore")
@pytest.mark.parametrize("shape", [(40, 1003), (1003, 40)])
@pytest.mark.parametrize("backwards", [False, True])
def test_nan_and_infinity_reach_what_comes_after_them_only(shape, backwards):
    x = np.ones(shape, np.float32)
    x[3, 17], x[5, 20], x[21, 9], x[30, 30], x[30, 33] = np.nan, np.inf, -np.inf, np.inf, -np.inf
    for dim in (0, 1):
        np.testing.assert_array_equal(running_sum(x, dim, backwards), expected(x, dim, backwards).astype(np.float32))


def test_float16_does_not_go_through_the_loops():
    x = np.ones((300, 100), np.float16)
    np.testing.assert_array_equal(running_sum(x, 1, False)[7], np.arange(1, 101))


@pytest.mark.parametrize("dim", [0, 1])
def test_the_number_of_threads_changes_no_bit(dim):
    x = np.random.default_rng(0).standard_normal((300, 700)).astype(np.float32)
    before = threads.get_num_threads()
    found = []
    for n in (1, 2):
        threads.set_num_threads(n)
        found.append([running_sum(x, dim, backwards) for backwards in (False, True)])
    threads.set_num_threads(before)
    np.testing.assert_array_equal(*found)
