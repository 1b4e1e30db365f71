"""Reading and adding at positions: against NumPy's indexing and float64 sums."""

import numpy as np
import pytest

from tensorgrad.kernels import gather, scatter, threads, twin

pytestmark = pytest.mark.usefixtures("version")

DTYPES = [np.float32, np.float64, np.float16, np.int64, np.bool_]
TOLERANCE = {np.float64: 1e-15, np.float32: 1e-6, np.float16: 1e-3, np.int64: 0}


@pytest.fixture(autouse=True)
def _many_blocks(monkeypatch):
    monkeypatch.setattr(gather, "BLOCK", 5000)


def sample(*shape, dtype=np.float32):
    return (10 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def places(length, *shape, dtype=np.int64):
    return np.random.default_rng(1).integers(0, length, shape).astype(dtype)


#: (shape, dimension, number of indices): wide rows, narrow ones, single numbers; few targets, many, little work
SLICES = [
    ((60, 700), 0, 90), ((60, 700), 1, 900), ((3, 300), 0, 400), ((5000, 40), 0, 900), ((20_000,), 0, 30_000),
    ((4, 50, 130), 1, 70), ((6, 7), 0, 20), ((6, 7), 1, 20), ((5, 3), 0, 0), ((500, 3), 0, 20_000),
    ((50, 32), 0, 60), ((32, 50), 1, 60), ((70, 90), 0, 100),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "dim", "number"), SLICES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_take(shape, dim, number, dtype, kind):
    x, index = sample(*shape, dtype=dtype), places(min(shape[dim], 200), number, dtype=kind)
    for laid in (x, np.asfortranarray(x)):
        y = gather.take(laid, index, dim)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, np.take(x, index, axis=dim))


@pytest.mark.parametrize(("shape", "dim", "number"), SLICES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_slices_are_added(shape, dim, number, dtype):
    index = places(shape[dim], number)
    values = sample(*shape[:dim], number, *shape[dim + 1 :], dtype=dtype)
    at = (slice(None),) * dim + (index,)
    exact, total = np.zeros(shape, np.int64 if dtype is np.int64 else np.float64), np.zeros(shape)
    np.add.at(exact, at, values)
    np.add.at(total, at, np.abs(values))
    for laid in (values, np.asfortranarray(values)):
        found = scatter.add_at(laid, at if dim else index, shape)
        assert (found.dtype, found.shape) == (dtype, shape)
        assert (np.abs(found - exact) <= TOLERANCE[dtype] * total).all()
    negative = (*at[:-1], np.where(index % 2, index, index - shape[dim]))
    np.testing.assert_array_equal(scatter.add_at(values, negative, shape), found)


def test_a_table_of_indices_names_rows():
    x, index = sample(50, 600), places(50, 7, 9)
    np.testing.assert_array_equal(gather.take(x, index, 0), x[index])
    np.testing.assert_array_equal(gather.read(x, index - 50), x[index])
    values = sample(7, 9, 600)
    exact = np.zeros((50, 600))
    np.add.at(exact, index, values.astype(np.float64))
    np.testing.assert_allclose(scatter.add_at(values, index, (50, 600)), exact, atol=1e-5)


def test_many_values_at_one_place_keep_their_digits():
    values = np.full((100_000, 16), 0.1, np.float32)
    found = scatter.add_at(values, np.zeros(100_000, np.int64), (2, 16))
    np.testing.assert_allclose(found[0], 1e5 * np.float64(np.float32(0.1)), rtol=1e-6)
    assert not found[1].any()


@np.errstate(invalid="ignore")
def test_nan_and_infinity_stay_in_their_rows():
    values, index = sample(90, 700), np.arange(90) % 60
    values[3], values[4, 5], values[64, 5] = np.nan, np.inf, -np.inf
    found = scatter.add_at(values, index, (60, 700))
    assert np.isnan(found[3]).all()
    assert np.isnan(found[4, 5])
    assert np.isfinite(np.delete(found, [3, 4], axis=0)).all()


@pytest.mark.parametrize(
    ("shape", "dim"), [((70, 300), 1), ((70, 300), 0), ((5, 60, 90), 1), ((20_000,), 0), ((3, 4), 1)]
)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("number", [1, 40, 400])
def test_along_a_dimension(shape, dim, dtype, number):
    index = places(shape[dim], *shape[:dim], number, *shape[dim + 1 :])
    x = sample(*shape, dtype=dtype)
    y = gather.take_along(x, index, dim)
    np.testing.assert_array_equal(y, np.take_along_axis(x, index, axis=dim))
    at = tuple(index if d == dim else where for d, where in enumerate(np.ix_(*map(np.arange, index.shape))))
    exact, total = np.zeros(shape, np.int64 if dtype is np.int64 else np.float64), np.zeros(shape)
    np.add.at(exact, at, y)
    np.add.at(total, at, np.abs(y))
    for laid in (y, np.asfortranarray(y)):
        found = scatter.add_along(laid, dim, index, shape)
        assert (found.dtype, found.shape) == (dtype, shape)
        assert (np.abs(found - exact) <= TOLERANCE[dtype] * total).all()


def test_an_index_may_be_smaller_than_what_it_reads():
    x, index = sample(300, 400), places(400, 200, 200)
    np.testing.assert_array_equal(gather.take_along(x, index, 1), np.take_along_axis(x[:200], index, axis=1))
    found = scatter.add_along(x[:200, :200], 1, index, x.shape)
    assert not found[200:].any()
    np.testing.assert_allclose(found.sum(), x[:200, :200].sum(), rtol=1e-3)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.int8, np.uint8])
@pytest.mark.parametrize("size", [5, 40_000])
def test_indices_exist(kind, size):
    index = places(100, size, dtype=kind)
    index[:2] = 0, 99
    assert gather.exist(index, 100)
    assert gather.exist(index[::2], 100)
    assert not gather.exist(index, 99)
    assert gather.exist(index[:0], 0)
    if np.dtype(kind).kind == "i":
        index[-1] = -1
        assert not gather.exist(index, 100)


def test_rows_that_do_not_exist_are_refused():
    x = sample(50, 600)
    for bad in (50, -51):
        with pytest.raises(IndexError, match="out of bounds"):
            gather.read(x, np.full(60, bad))


def test_the_two_versions_agree_bit_for_bit_along_a_dimension():
    pytest.importorskip("numba")
    for dim, shape in ((0, (90, 400)), (1, (90, 400))):
        index, values = places(shape[dim], *shape), sample(*shape)
        found = []
        for version in ("numpy", "compiled"):
            with twin.using(version):
                found.append(scatter.add_along(values, dim, index, shape))
        np.testing.assert_array_equal(*found)


def test_the_number_of_threads_changes_no_bit():
    rows, columns, along = places(300, 500), places(300, 300), places(300, 500, 300)
    wide, high = sample(500, 300), sample(500, 300).T
    before = threads.get_num_threads()
    found = []
    for n in (1, 2):
        threads.set_num_threads(n)
        found.append(
            [
                gather.take(wide, rows, 0),
                gather.take_along(wide, along % 500, 0),
                scatter.add_at(wide, rows, (300, 300)),
                scatter.add_at(wide, (slice(None), columns), (500, 300)),
                scatter.add_along(wide, 0, along, (300, 300)),
                scatter.add_along(high, 1, along.T, (300, 300)),
            ]
        )
    threads.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
