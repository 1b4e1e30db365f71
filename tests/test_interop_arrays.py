"""NumPy's functions on tensors: NumPy's values, a tensor as result, and gradients where the result is a float."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.interop_arrays import ARRAY_FUNCTIONS
from tests.cases.expect import assert_equal, rows

nan = float("nan")
X = np.random.RandomState(3).permutation(24).reshape(2, 3, 4) / 4.0 - 2.0
M, V = X[0], X[0, 0]
HOLES = np.where(X > 2, nan, X)

CALLS = rows(
    ("cumsum, flattened", np.cumsum, lambda x: np.cumsum(x), X),
    ("cumsum, axis", np.cumsum, lambda x: np.cumsum(x, axis=1), X),
    ("cumprod, flattened", np.cumprod, lambda x: np.cumprod(x), M),
    ("nansum", np.nansum, lambda x: np.nansum(x, axis=0), HOLES),
    ("nanmean", np.nanmean, lambda x: np.nanmean(x), HOLES),
    ("nanmax", np.nanmax, lambda x: np.nanmax(x, axis=1, keepdims=True), HOLES),
    ("nanmin", np.nanmin, lambda x: np.nanmin(x), HOLES),
    ("count_nonzero", np.count_nonzero, lambda x: np.count_nonzero(x, axis=(0, 1)), X),
    ("ptp", np.ptp, lambda x: np.ptp(x, axis=1), X),
    ("average", np.average, lambda x: np.average(x, axis=0), X),
    ("average, weights", np.average, lambda x: np.average(x, weights=x * x), V),
    ("average, vector of weights", np.average, lambda x: np.average(x, axis=1, weights=[1.0, 2.0, 0.5]), X),
    ("median averages", np.median, lambda x: np.median(x), X),
    ("median, axes", np.median, lambda x: np.median(x, axis=(0, 2), keepdims=True), X),
    ("nanmedian", np.nanmedian, lambda x: np.nanmedian(x, axis=-1), HOLES),
    ("quantile", np.quantile, lambda x: np.quantile(x, [0.2, 0.7], axis=1), X),
    ("quantile, number", np.quantile, lambda x: np.quantile(x, 0.3, method="lower", keepdims=True), X),
    ("nanquantile", np.nanquantile, lambda x: np.nanquantile(x, 0.4, axis=(0, 1)), HOLES),
    ("percentile", np.percentile, lambda x: np.percentile(x, [10, 50], axis=(1, 2), keepdims=True), X),
    ("nanpercentile", np.nanpercentile, lambda x: np.nanpercentile(x, 25), HOLES),
    ("sort", np.sort, lambda x: np.sort(x, axis=0), X),
    ("sort, flattened", np.sort, lambda x: np.sort(x, axis=None), X),
    ("argsort", np.argsort, lambda x: np.argsort(x), X),
    ("diff", np.diff, lambda x: np.diff(x, n=2, axis=1), X),
    ("diff, prepend", np.diff, lambda x: np.diff(x, prepend=x[..., :1]), X),
    ("gradient", np.gradient, lambda x: np.gradient(x, 0.5, axis=1), X),
    ("gradient, all", np.gradient, lambda x: np.stack(np.gradient(x)), X[:, :2, :2]),
    ("gradient, coordinates", np.gradient, lambda x: np.gradient(x, [0.0, 1.0, 3.0, 4.0], edge_order=2), V),
    ("trapezoid", np.trapezoid, lambda x: np.trapezoid(x, dx=0.5, axis=0), X),
    ("trapezoid, points", np.trapezoid, lambda x: np.trapezoid(x, x * x), V),
    ("moveaxis", np.moveaxis, lambda x: np.moveaxis(x, [0, 1], [-1, 0]), X),
    ("swapaxes", np.swapaxes, lambda x: np.swapaxes(x, axis1=0, axis2=2), X),
    ("ravel", np.ravel, lambda x: np.ravel(x), X),
    ("expand_dims", np.expand_dims, lambda x: np.expand_dims(x, (0, -1)), M),
    ("atleast_1d", np.atleast_1d, lambda x: np.atleast_1d(x), X[0, 0, 0]),
    ("atleast_2d", np.atleast_2d, lambda x: np.atleast_2d(x), V),
    ("atleast_3d", np.atleast_3d, lambda x: np.atleast_3d(x), V),
    ("tile", np.tile, lambda x: np.tile(x, (2, 1)), V),
    ("tile, number", np.tile, lambda x: np.tile(x, 2), M),
    ("repeat", np.repeat, lambda x: np.repeat(x, 2), M),
    ("repeat, axis", np.repeat, lambda x: np.repeat(x, [1, 0, 2], axis=0), M),
    ("fliplr", np.fliplr, lambda x: np.fliplr(x), M),
    ("flipud", np.flipud, lambda x: np.flipud(x), M),
    ("rot90", np.rot90, lambda x: np.rot90(x, 3, axes=(1, 2)), X),
    ("hstack", np.hstack, lambda x: np.hstack([x, x]), M),
    ("vstack", np.vstack, lambda x: np.vstack([x, x]), V),
    ("dstack", np.dstack, lambda x: np.dstack([x, x]), V),
    ("column_stack", np.column_stack, lambda x: np.column_stack([x, x]), V),
    ("append", np.append, lambda x: np.append(x, x, axis=1), M),
    ("append, flattened", np.append, lambda x: np.append(x, x[0]), M),
    ("split", np.split, lambda x: np.stack(np.split(x, 2, axis=1)), M),
    ("split, places", np.split, lambda x: np.split(x, [1, 3])[1], V),
    ("array_split", np.array_split, lambda x: np.array_split(x, 3)[0], V),
    ("hsplit", np.hsplit, lambda x: np.hsplit(x, 2)[1], M),
    ("vsplit", np.vsplit, lambda x: np.vsplit(x, 3)[1], M),
    ("dsplit", np.dsplit, lambda x: np.dsplit(x, [1])[1], X),
    ("broadcast_arrays", np.broadcast_arrays, lambda x: np.broadcast_arrays(x, np.ones((2, 1, 1)))[0], M),
    ("meshgrid is xy", np.meshgrid, lambda x: np.stack(np.meshgrid(x, x[:3])), V),
    ("meshgrid, ij", np.meshgrid, lambda x: np.stack(np.meshgrid(x, x[:3], indexing="ij")), V),
    ("pad", np.pad, lambda x: np.pad(x, ((1, 0), (2, 1)), constant_values=3.0), M),
    ("pad, one width", np.pad, lambda x: np.pad(x, 1), M),
    ("pad, reflect", np.pad, lambda x: np.pad(x, ((0, 0), (1, 2)), mode="reflect"), M),
    ("pad, edge", np.pad, lambda x: np.pad(x, (1, 2), mode="edge"), M),
    ("pad, wrap", np.pad, lambda x: np.pad(x, 2, mode="wrap"), M),
    ("diag", np.diag, lambda x: np.diag(x, k=1), M),
    ("diagflat", np.diagflat, lambda x: np.diagflat(x), V),
    ("diagonal", np.diagonal, lambda x: np.diagonal(x, 1, axis1=1, axis2=2), X),
    ("trace", np.trace, lambda x: np.trace(x, offset=-1, axis1=2, axis2=1), X),
    ("tril", np.tril, lambda x: np.tril(x, k=-1), M),
    ("triu", np.triu, lambda x: np.triu(x), M),
    ("take", np.take, lambda x: np.take(x, [0, -1], axis=1), M),
    ("take, flattened", np.take, lambda x: np.take(x, [[0, 5], [3, 3]]), M),
    ("take_along_axis", np.take_along_axis, lambda x: np.take_along_axis(x, np.array([[0, -1], [1, 2], [0, 0]]), 1), M),
    ("compress", np.compress, lambda x: np.compress([True, False, True], x, axis=0), M),
    ("nonzero", np.nonzero, lambda x: np.stack(np.nonzero(x > 0)), M),
    ("flatnonzero", np.flatnonzero, lambda x: np.flatnonzero(x > 0), M),
    ("argwhere", np.argwhere, lambda x: np.argwhere(x > 0), M),
    ("unique", np.unique, lambda x: np.unique(x), M),
    ("unique, counts", np.unique, lambda x: np.unique(x > 0, return_counts=True)[1], M),
    ("searchsorted", np.searchsorted, lambda x: np.searchsorted(np.sort(x), [0.0, 1.0], side="right"), V),
    ("digitize", np.digitize, lambda x: np.digitize(x, np.array([-1.0, 0.0, 2.0])), M),
    ("digitize, right", np.digitize, lambda x: np.digitize(x, np.array([-1.0, 0.0, 2.0]), right=True), M),
    ("bincount", np.bincount, lambda x: np.bincount(np.array([0, 2, 2, 1]), weights=x, minlength=5), V),
    ("isin", np.isin, lambda x: np.isin(x, [0.0, 1.0]), M),
    ("vector_norm", np.linalg.vector_norm, lambda x: np.linalg.vector_norm(x, axis=1, ord=3), M),
)


@pytest.mark.parametrize(("function", "call", "x"), CALLS)
def test_value_and_gradient(function, call, x):
    expected = call(np.array(x))
    t = tg.tensor(np.array(x), requires_grad=True)
    y = call(t)
    assert isinstance(y, tg.Tensor)
    assert_equal(y.numpy(force=True), expected)
    if y.dtype.kind != "f":
        return
    y.sum().backward()
    g = t.grad.numpy()
    for place in list(np.ndindex(x.shape))[:6]:
        if not np.isnan(x[place]):
            step = np.zeros(x.shape)
            step[place] = 1e-6
            slope = (np.sum(call(x + step)) - np.sum(call(x - step))) / 2e-6
            assert g[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_every_function_is_tested():
    assert set(ARRAY_FUNCTIONS) == {row.values[0] for row in CALLS}


@pytest.mark.parametrize(
    ("call", "named"),
    rows(
        ("a window of pad", lambda x: np.pad(x, 1, mode="linear_ramp"), "pad"),
        ("sparse meshgrid", lambda x: np.meshgrid(x, x, sparse=True), "meshgrid"),
        ("return_index", lambda x: np.unique(x, return_index=True), "unique"),
        ("sort with fields", lambda x: np.sort(x, order="a"), "sort"),
        ("interp", lambda x: np.interp(x, x, x), "interp"),
    ),
)
def test_refused(call, named):
    with pytest.raises((TypeError, RuntimeError), match=named):
        call(tg.tensor([1.0, 2.0], requires_grad=True))
