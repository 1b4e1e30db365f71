from __future__ import annotations

import numpy as np
import pytest

from tensorgrad.kernels import matmul as module
from tensorgrad.kernels import threads, twin
from tensorgrad.kernels.matmul import matmul

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (1, 6, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((0, 3), (3, 2)),
    ((0, 0), (5, 0, 0)),
    ((5, 5, 0), (0, 5)),
    ((0, 4, 3), (3, 2)),
    ((70, 40), (40, 50)),
    ((40, 30), (30, 90)),
    ((20, 7, 8), (20, 8, 9)),
    ((1, 100), (100, 300)),
    ((1, 70), (70, 150)),
    ((3, 300), (300, 150)),
    ((7, 40), (40, 130)),
    ((50, 3), (3, 140)),
    ((60, 1), (1, 50)),
    ((20, 9, 2), (20, 2, 70)),
    ((3, 60, 1), (1, 50)),
    ((60, 1), (3, 1, 50)),
    ((4, 1, 60, 1), (3, 1, 50)),
]


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("split", [False, True])
def test_as_numpy(a, b, dtype, split, monkeypatch):
    if split:
        monkeypatch.setattr(module, "ONE_CALL", 1)
        monkeypatch.setattr(module, "PER_TASK", 2)
        monkeypatch.setattr(module, "BLAS_STAYS_SINGLE", 1)
    rng = np.random.default_rng(0)
    a, b = ((10 * rng.standard_normal(s)).astype(dtype) for s in (a, b))
    expected = np.matmul(a, b)
    turned = [np.asfortranarray(a), a[..., ::-1].copy()[..., ::-1]]
    for left in [a, *turned]:
        for right in [b, np.asfortranarray(b), b[::-1].copy()[::-1]]:
            y = matmul(left, right)
            assert np.shape(y) == np.shape(expected)
            assert y.dtype == expected.dtype
            np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-3)


def test_mixed_dtypes():
    a, b = np.ones((300, 200), np.float32), np.ones((200, 300), np.float64)
    assert matmul(a, b).dtype == np.float64
    assert matmul(a, a.T).dtype == np.float32


def test_mismatch():
    with pytest.raises(ValueError, match=r"inner sizes must agree: \(2, 3\) @ \(2, 3\) pairs 3 with 2"):
        matmul(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"at least 1-d operands, got shapes \(\) and \(2, 3\)"):
        matmul(np.ones(()), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"batches must broadcast: \(2, 3, 4\) @ \(3, 4, 5\)"):
        matmul(np.ones((2, 3, 4)), np.ones((3, 4, 5)))


def test_zero_times_infinity():
    a = np.zeros((300, 200))
    b = np.zeros((200, 300))
    b[0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        y = matmul(a, b)
    assert np.isnan(y[:, 0]).all()
    assert not y[:, 1:].any()


def test_thread_counts_give_equal_bits():
    rng = np.random.default_rng(0)
    pairs = [((300, 500), (500, 100)), ((64, 900), (900, 128)), ((12, 100, 90), (12, 90, 110))]
    before = threads.get_num_threads()
    for a, b in pairs:
        a, b = rng.standard_normal(a).astype(np.float32), rng.standard_normal(b).astype(np.float32)
        results = []
        try:
            for n in (1, 2, 3):
                threads.set_num_threads(n)
                results.append(matmul(a, b))
        finally:
            threads.set_num_threads(before)
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("rows", [11, 12, 48, 49])
def test_few_rows_times_a_transpose(rows):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, 900)).astype(np.float32), rng.standard_normal((110, 900)).astype(np.float32)
    bias = rng.standard_normal(110).astype(np.float32)
    assert module.FEW_ROWS == (12, 48)
    assert 12 * b.size > module.FEW_ROWS_WORK
    with twin.using("numpy"):
        y = module.linear(a, b, bias)
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y, a.astype(np.float64) @ b.T + bias, atol=2e-4)


# --------------------------------------------------------------------------- the compiled product


@pytest.mark.parametrize("depth", [1, 15, 16, 17, 100, 784, 1025])
@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (2, 4), (3, 5), (8, 16), (9, 40), (32, 128), (47, 49), (200, 7), (530, 33)]
)
def test_the_compiled_product_is_blas_up_to_rounding(rows, columns, depth):
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
    bound = (np.abs(a) @ np.abs(b)).astype(np.float64) * np.finfo(np.float32).eps * (2 + np.sqrt(depth))
    exact = a.astype(np.float64) @ b
    bias = rng.standard_normal(columns).astype(np.float32)
    bound += np.abs(bias) * np.finfo(np.float32).eps
    with twin.using("compiled"):
        for left in (a, np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]):
            for right in (b, np.asfortranarray(b), np.repeat(b, 2, axis=1)[:, ::2]):
                for more in (None, bias):
                    y = module.product(left, right, more)
                    assert y.shape == exact.shape
                    assert y.dtype == np.float32
                    assert (np.abs(y - exact - (0 if more is None else more)) <= bound).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_a_nan_stays_in_its_row_of_the_compiled_product(transposed):
    pytest.importorskip("numba")
    a, b = np.ones((11, 37), np.float32), np.ones((37, 19), np.float32)
    a[3, 36], b[0, 5] = np.nan, np.inf
    with twin.using("compiled"):
        y = module.product(a, np.asfortranarray(b) if transposed else b)
    expected = np.full((11, 19), 37.0, np.float32)
    expected[:, 5], expected[3] = np.inf, np.nan
    np.testing.assert_array_equal(y, expected)


def test_other_dtypes_and_dimensions_are_numpys():
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    for a, b in [
        ((20, 30), (30, 40)),
        ((30,), (30, 40)),
        ((5, 20, 30), (30, 40)),
        ((0, 30), (30, 40)),
        ((20, 0), (0, 9)),
    ]:
        for dtype in (np.float64, np.float32, np.int64):
            left, right = (rng.standard_normal(s).astype(dtype) for s in (a, b))
            with twin.using("compiled"):
                np.testing.assert_allclose(module.product(left, right), np.matmul(left, right), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(600, 700, 80), (80, 700, 600), (130, 1000, 200)])
def test_large_products(shape):
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    rows, depth, columns = shape
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
    assert a.size * columns > module.ONE_CALL
    exact = a.astype(np.float64) @ b
    with twin.using("compiled"):
        for left in (a, np.asfortranarray(a)):
            for right in (b, np.asfortranarray(b)):
                np.testing.assert_allclose(module.product(left, right), exact, atol=2e-4)


def transposed(x):
    return np.ascontiguousarray(x.mT).mT


def part(x):
    """The same numbers between others."""
    wide = np.full((*x.shape[:-1], x.shape[-1] + 3), np.nan, x.dtype)
    wide[..., 1:-2] = x
    return wide[..., 1:-2]


def of_heads(x):
    """The same numbers, a row of all matrices of the last dimension of a batch after the other."""
    return np.ascontiguousarray(x.swapaxes(-3, -2)).swapaxes(-3, -2)


@pytest.mark.parametrize(
    ("batch", "others", "sizes"),
    [
        ((3, 4), (3, 4), (32, 32, 32)),
        ((5,), (5,), (9, 17, 5)),
        ((2, 1), (3,), (70, 300, 40)),
        ((1, 2), (3, 1), (8, 33, 65)),
        ((2,), (2,), (600, 40, 70)),
        ((3,), (1,), (3, 100, 100)),
    ],
)
@pytest.mark.parametrize("kernels", ["numpy", "compiled"])
def test_batches_however_they_lie(batch, others, sizes, kernels):
    if kernels == "compiled":
        pytest.importorskip("numba")
    rows, depth, columns = sizes
    rng = np.random.default_rng(0)
    a = rng.standard_normal((*batch, rows, depth)).astype(np.float32)
    b = rng.standard_normal((*others, depth, columns)).astype(np.float32)
    exact = np.matmul(a, b, dtype=np.float64)
    bound = 2e-7 * (2 + np.sqrt(depth)) * np.matmul(np.abs(a), np.abs(b))
    before = threads.get_num_threads()
    lay = [
        lambda x: x,
        transposed,
        part,
        lambda x: transposed(part(x)),
        of_heads,
        lambda x: x[..., ::-1].copy()[..., ::-1],
    ]
    with twin.using(kernels):
        for left in (f(a) for f in lay):
            for right in (f(b) for f in lay):
                found = []
                for n in (1, 2):
                    threads.set_num_threads(n)
                    found.append(module.batched_product(left, right, exact.shape[:-2]))
                threads.set_num_threads(before)
                assert found[0].dtype == np.float32
                assert (np.abs(found[0] - exact) <= bound).all()
                np.testing.assert_array_equal(*found)


def test_nan_and_infinity_stay_in_their_matrix():
    pytest.importorskip("numba")
    a, b = np.ones((4, 16, 20), np.float32), np.ones((4, 20, 24), np.float32)
    a[1, 3, 19], b[2, 0, 5] = np.nan, np.inf
    expected = np.full((4, 16, 24), 20.0, np.float32)
    expected[1, 3], expected[2, :, 5] = np.nan, np.inf
    with twin.using("compiled"):
        for right in (b, transposed(b)):
            np.testing.assert_array_equal(module.batched_product(a, right, (4,)), expected)


def test_which_loops_serve_a_product():
    pytest.importorskip("numba")
    from tensorgrad.kernels.compiled import matmul as compiled

    one, few, many = (np.zeros((n, 300), np.float32) for n in (1, 10, 100))
    b, long = np.zeros((300, 200), np.float32), np.zeros((1000, 300), np.float32)
    bt = np.asfortranarray(b)

    def plan(a, b):
        return compiled._plan(a.shape, a.strides, b.shape, b.strides)

    for a, other in ((many, b), (many, bt), (few, b), (one, b)):
        assert not plan(a, other).along_sum
    for a, other in ((few, bt), (many, bt[:, : compiled.LANES]), (one, bt)):
        assert plan(a, other).along_sum
    assert plan(long.T[:, :900], long[:900]) is None  # gaps in its memory
    assert plan(long.T, long) is None  # a large transpose
    for a, other in ((many[0], b), (many[:, ::2], b[:150]), (many[:0], b)):
        assert plan(a, other) is None


def test_tiles_fit_the_columns_of_a_result():
    pytest.importorskip("numba")
    from tensorgrad.kernels.compiled.tile_product import LANES, MOST_ROWS, REGISTERS, SPEED, tile_form

    for itemsize in (4, 8):
        for columns in (1, 10, *(LANES * n for n in range(1, 13)), 1000):
            rows, lanes = tile_form(columns, itemsize)
            registers = len(rows) * len(lanes) * itemsize // 4
            assert registers <= REGISTERS
            assert 1 < len(rows) <= MOST_ROWS
            work = -(-columns // (LANES * len(lanes))) * len(lanes)  # in vectors; never slower than in the widest tiles
            assert itemsize == 8 or work / SPEED[len(lanes)] <= max(SPEED) * -(-columns // (max(SPEED) * LANES))


@pytest.mark.parametrize("columns", [10, 16, 20, 33, 48, 64, 70, 80, 96, 128, 150])
@pytest.mark.parametrize("rows", [30, 130])
def test_tiles_of_every_form(rows, columns):
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, 310), (310, columns)))
    bias, exact = rng.standard_normal(columns).astype(np.float32), a.astype(np.float64) @ b
    with twin.using("compiled"):
        for right in (b, transposed(b)):
            np.testing.assert_allclose(module.product(a, right, bias), exact + bias, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 9, 300])
@pytest.mark.parametrize("kernels", ["numpy", "compiled"])
def test_linear_adds_its_bias_once(rows, kernels):
    if kernels == "compiled":
        pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s).astype(np.float32) for s in ((rows, 400), (500, 400), 500))
    with twin.using(kernels):
        np.testing.assert_allclose(module.linear(x, w, b), x.astype(np.float64) @ w.T + b, atol=1e-4)
        np.testing.assert_allclose(module.linear(x, w, None), x.astype(np.float64) @ w.T, atol=1e-4)
        assert module.linear(x, w, b.astype(np.float64)).dtype == np.float32
        with pytest.raises(ValueError, match=r"inner sizes must agree: \(9, 400\) @ \(3, 500\)"):
            module.linear(np.ones((9, 400)), np.ones((500, 3)), np.ones(500))


def test_a_transpose_in_registers():
    numba = pytest.importorskip("numba")
    from tensorgrad.kernels.compiled.simd import LANES
    from tensorgrad.kernels.compiled.transpose import copy_transposed

    @numba.njit
    def run(a, row, last, out, out_row):
        copy_transposed(a, 2, row, last, out, 3, out_row)

    for dtype in (np.float32, np.float64):
        for last in (0, 1, LANES - 2, LANES - 1, LANES + 5):
            a = np.arange(LANES * (LANES + 7), dtype=dtype).reshape(LANES, -1)
            out = np.full((LANES, LANES + 5), -1.0, dtype)
            run(a.reshape(-1), a.shape[1], last, out.reshape(-1), out.shape[1])
            rows = np.minimum(np.arange(LANES), last)
            np.testing.assert_array_equal(out[:, 3:-2], a[rows, 2 : 2 + LANES].T)
            assert (out[:, :3] == -1).all()
            assert (out[:, -2:] == -1).all()
