"""Ordering, scanning, scattering: refusals, ties and NaN, and what PyTorch's table of rows cannot say."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows

inf, nan = math.inf, math.nan


def zeros(*shape):
    return tg.tensor(np.zeros(shape))


def ints(*values):
    return tg.tensor(np.array(values, np.int64))


# --------------------------------------------------------------------------- refusals

REFUSED = rows(
    ("cumprod, dim", lambda: tg.cumprod(zeros(2), 1), IndexError, "cumprod"),
    ("logcumsumexp of integers", lambda: tg.logcumsumexp(ints(1, 2), 0), TypeError, "logcumsumexp"),
    ("cummax, dim", lambda: tg.cummax(zeros(2, 2), 2), IndexError, "cummax"),
    ("nanmean of integers", lambda: tg.nanmean(ints(1, 2)), TypeError, "nanmean"),
    ("nansum, dim", lambda: tg.nansum(zeros(2), 1), IndexError, "nansum"),
    ("aminmax of nothing", lambda: tg.aminmax(zeros(0)), ValueError, "aminmax"),
    ("sort, dim", lambda: tg.sort(zeros(2), 1), IndexError, "sort"),
    ("topk, k", lambda: tg.topk(zeros(2), 3), ValueError, "topk"),
    ("topk, negative k", lambda: tg.topk(zeros(2), -1), ValueError, "topk"),
    ("kthvalue, k=0", lambda: tg.kthvalue(zeros(2), 0), ValueError, "kthvalue"),
    ("kthvalue, k", lambda: tg.kthvalue(tg.tensor(1.0), 2), ValueError, "kthvalue"),
    ("median of an empty axis", lambda: tg.median(zeros(0), 0), (IndexError, ValueError), "median"),
    ("median of booleans", lambda: tg.median(tg.tensor([True])), TypeError, "median"),
    ("mode of an empty axis", lambda: tg.mode(zeros(0)), (IndexError, ValueError), "mode"),
    ("quantile of nothing", lambda: tg.quantile(zeros(0), 0.5), ValueError, "quantile"),
    ("quantile, q", lambda: tg.quantile(zeros(2), 1.5), ValueError, "quantile"),
    ("quantile, q matrix", lambda: tg.quantile(zeros(2), [[0.5]]), ValueError, "quantile"),
    ("quantile, kind", lambda: tg.quantile(zeros(2), 0.5, interpolation="cubic"), ValueError, "cubic"),
    ("quantile of integers", lambda: tg.quantile(ints(1), 0.5), TypeError, "quantile"),
    ("diff of 0-d", lambda: tg.diff(zeros()), ValueError, "diff"),
    ("diff, n", lambda: tg.diff(zeros(3), -1), ValueError, "diff"),
    ("trapezoid, x and dx", lambda: tg.trapezoid(zeros(3), zeros(3), dx=1), TypeError, "trapezoid"),
    ("trapezoid, points", lambda: tg.trapezoid(zeros(3), zeros(2)), ValueError, "trapezoid"),
    ("gradient, samples", lambda: tg.gradient(zeros(1)), ValueError, "gradient"),
    ("gradient, edge_order", lambda: tg.gradient(zeros(2), edge_order=2), ValueError, "gradient"),
    ("gradient, spacings", lambda: tg.gradient(zeros(3, 3), spacing=(1.0,)), ValueError, "gradient"),
    ("movedim, twice", lambda: tg.movedim(zeros(2, 3), (0, 0), (0, 1)), ValueError, "movedim"),
    ("movedim, lengths", lambda: tg.movedim(zeros(2, 3), (0, 1), 0), ValueError, "movedim"),
    ("unflatten, sizes", lambda: tg.unflatten(zeros(6), 0, (4, -1)), ValueError, "unflatten"),
    ("sum_to_size", lambda: zeros(2, 3).sum_to_size(2), ValueError, "sum_to_size"),
    ("repeat, too few", lambda: zeros(2, 2).repeat(2), ValueError, "repeat"),
    ("repeat, negative", lambda: zeros(2).repeat(-1), ValueError, "repeat"),
    ("repeat_interleave, negative", lambda: tg.repeat_interleave(zeros(2), -1), ValueError, "repeat_interleave"),
    ("repeat_interleave, counts", lambda: tg.repeat_interleave(zeros(3), ints(1, 2), 0), ValueError, "interleave"),
    ("rot90, dims", lambda: tg.rot90(zeros(2, 3), 1, (0, 0)), ValueError, "rot90"),
    ("fliplr of a vector", lambda: tg.fliplr(zeros(2)), ValueError, "fliplr"),
    ("unfold, size", lambda: zeros(2).unfold(0, 3, 1), ValueError, "unfold"),
    ("unfold, step", lambda: zeros(2).unfold(0, 1, 0), ValueError, "unfold"),
    ("hstack of nothing", lambda: tg.hstack([]), ValueError, "hstack"),
    ("block_diag, 3-d", lambda: tg.block_diag(zeros(1, 1, 1)), ValueError, "block_diag"),
    ("meshgrid, matrix", lambda: tg.meshgrid(zeros(2, 2)), ValueError, "meshgrid"),
    ("meshgrid, indexing", lambda: tg.meshgrid(zeros(2), indexing="yx"), ValueError, "meshgrid"),
    ("broadcast_tensors", lambda: tg.broadcast_tensors(zeros(2), zeros(3)), ValueError, "broadcast_tensors"),
    ("combinations of a matrix", lambda: tg.combinations(zeros(2, 2)), ValueError, "combinations"),
    ("hsplit, not even", lambda: tg.hsplit(zeros(5), 2), ValueError, "hsplit"),
    ("vsplit of a vector", lambda: tg.vsplit(zeros(4), 2), ValueError, "vsplit"),
    ("tensor_split, none", lambda: tg.tensor_split(zeros(4), 0), ValueError, "tensor_split"),
    ("unbind of 0-d", lambda: tg.unbind(zeros()), ValueError, "unbind"),
    ("select, out of range", lambda: tg.select(zeros(3), 0, 3), IndexError, "select"),
    ("select of 0-d", lambda: tg.select(zeros(), 0, 0), IndexError, "select"),
    ("diag, 3-d", lambda: tg.diag(zeros(2, 2, 2)), ValueError, "diag"),
    ("diagonal, one dim", lambda: tg.diagonal(zeros(2, 2), 0, 0, 0), ValueError, "diagonal"),
    ("trace of a vector", lambda: tg.trace(zeros(3)), ValueError, "trace"),
    ("tril of a vector", lambda: tg.tril(zeros(3)), ValueError, "tril"),
    ("diagonal_scatter, shape", lambda: tg.diagonal_scatter(zeros(2, 2), zeros(3)), ValueError, "diagonal_scatter"),
    ("take, out of range", lambda: tg.take(zeros(3), ints(3)), IndexError, "getitem|take"),
    ("take, floats", lambda: tg.take(zeros(3), zeros(1)), TypeError, "take"),
    ("take_along_dim, out of range", lambda: tg.take_along_dim(zeros(3), ints(-4), 0), IndexError, "gather|take"),
    ("masked_select, mask", lambda: tg.masked_select(zeros(2), ints(0, 1)), TypeError, "masked_select"),
    ("masked_select, shapes", lambda: tg.masked_select(zeros(2), zeros(3) == 0), ValueError, "masked_select"),
    ("masked_fill, mask", lambda: tg.masked_fill(zeros(2), ints(0, 1), 1.0), TypeError, "masked_fill"),
    ("masked_fill, vector", lambda: tg.masked_fill(zeros(2), zeros(2) == 0, zeros(2)), ValueError, "masked_fill"),
    ("masked_fill, digits lost", lambda: tg.masked_fill(ints(1), ints(1) == 1, 1.5), TypeError, "masked_fill"),
    ("masked_scatter, too few", lambda: tg.masked_scatter(zeros(2), zeros(2) == 0, zeros(1)), ValueError, "mask"),
    ("scatter, out of range", lambda: tg.scatter(zeros(2), 0, ints(2), zeros(1)), IndexError, "scatter"),
    ("scatter, negative", lambda: tg.scatter(zeros(2), 0, ints(-1), zeros(1)), IndexError, "scatter"),
    ("scatter, dtype", lambda: tg.scatter(zeros(2), 0, ints(0), ints(1)), TypeError, "scatter"),
    ("scatter, nothing", lambda: tg.scatter(zeros(2), 0, ints(0)), TypeError, "scatter"),
    ("scatter, reduce", lambda: tg.scatter(zeros(2), 0, ints(0), 1.0, reduce="max"), ValueError, "scatter"),
    ("scatter_reduce", lambda: zeros(2).scatter_reduce(0, ints(0), zeros(1), "max"), ValueError, "scatter_reduce"),
    ("scatter_reduce, src", lambda: zeros(2).scatter_reduce(0, ints(0, 1), zeros(1), "sum"), ValueError, "src"),
    ("index_add, out of range", lambda: tg.index_add(zeros(2), 0, ints(-1), zeros(1)), IndexError, "index_add"),
    ("index_add, shape", lambda: tg.index_add(zeros(2, 2), 0, ints(0), zeros(2, 2)), ValueError, "index_add"),
    ("index_copy, matrix", lambda: tg.index_copy(zeros(2), 0, ints([0]), zeros(1)), ValueError, "index_copy"),
    ("index_fill, vector", lambda: tg.index_fill(zeros(2), 0, ints(0), zeros(2)), ValueError, "index_fill"),
    ("index_put, shape", lambda: tg.index_put(zeros(3), (ints(0, 1),), zeros(3)), ValueError, "index_put"),
    ("slice_scatter, shape", lambda: tg.slice_scatter(zeros(4), zeros(3), 0, 1, 3), ValueError, "slice_scatter"),
    ("select_scatter, index", lambda: tg.select_scatter(zeros(2, 2), zeros(2), 0, 2), IndexError, "select_scatter"),
    ("pad, mode", lambda: F.pad(zeros(1, 3), (1, 1), "mirror"), ValueError, "mirror"),
    ("pad, reflect too far", lambda: F.pad(zeros(1, 3), (3, 0), "reflect"), ValueError, "reflect"),
    ("pad, circular too far", lambda: F.pad(zeros(1, 3), (4, 0), "circular"), ValueError, "circular"),
    ("pad, replicate of nothing", lambda: F.pad(zeros(1, 0), (1, 0), "replicate"), ValueError, "replicate"),
    ("pad, a value", lambda: F.pad(zeros(1, 3), (1, 0), "reflect", 1.0), ValueError, "value"),
    ("searchsorted, rows", lambda: tg.searchsorted(zeros(2, 3), zeros(3, 3)), ValueError, "searchsorted"),
    ("searchsorted, side", lambda: tg.searchsorted(zeros(2), zeros(3), side="up"), ValueError, "searchsorted"),
    ("bucketize, matrix", lambda: tg.bucketize(zeros(2), zeros(2, 2)), ValueError, "bucketize"),
    ("bincount, negative", lambda: tg.bincount(ints(-1)), ValueError, "bincount"),
    ("bincount, floats", lambda: tg.bincount(zeros(2)), TypeError, "bincount"),
    ("histc, limits", lambda: tg.histc(zeros(2), 4, 3, 0), ValueError, "histc"),
    ("histc of integers", lambda: tg.histc(ints(1), 4), TypeError, "histc"),
)


@pytest.mark.parametrize(("call", "error", "named"), REFUSED)
def test_refusal(call, error, named):
    with pytest.raises(error, match=named):
        call()


# --------------------------------------------------------------------------- exactness


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    rows(
        ("cumprod, one zero", lambda x: tg.cumprod(x, 0), [2.0, 0, 3], [2, 0, 0], [1, 8, 0]),
        ("cummax, ties: the last", lambda x: tg.cummax(x, 0).values, [1.0, 3, 3, 2], [1, 3, 3, 3], [1, 1, 2, 0]),
        ("median, ties", tg.median, [2.0, 2, 1, 3], 2, [0.5, 0.5, 0, 0]),
        ("median, nan", tg.median, [nan, 2, nan, 3], nan, [0.5, 0, 0.5, 0]),
        ("nanmean of nan", tg.nanmean, [nan, nan], nan, nan),
        ("nansum", tg.nansum, [1.0, nan], 1, [1, 0]),
        ("topk, nan is largest", lambda x: tg.topk(x, 1).values, [1.0, nan, inf], [nan], [0, 1, 0]),
        ("quantile, nan", lambda x: tg.quantile(x, 0.5), [1.0, nan, 3], nan, [0, 1, 0]),
        ("pad, reflect", lambda x: F.pad(x, (1, 2), "reflect"), [1.0, 2, 3], [2, 1, 2, 3, 2, 1], [2, 3, 1]),
        ("sort, of equals", lambda x: tg.sort(x).values * ints(1, 2, 3), [2.0, 1, 2], [1, 4, 6], [2, 1, 3]),
    ),
)
def test_value_and_gradient(function, x, value, gradient):
    check(function, [x], value, gradient)


def test_the_last_of_several_values_put_at_one_place_gets_the_gradient():
    index = ints(1, 1, 0)
    check(lambda x, s: tg.scatter(x, 0, index, s), [[1.0, 2, 3], [4.0, 5, 6]], [6, 5, 3], [0, 0, 1], [0, 1, 1])
    check(lambda x, s: tg.index_copy(x, 0, index, s), [[1.0, 2, 3], [4.0, 5, 6]], [6, 5, 3], [0, 0, 1], [0, 1, 1])


def test_product_of_zeros_to_third_order():
    """The third derivative of x y z is 1 wherever the factors are 0."""
    x = tg.tensor([0.0, 0.0, 0.0], requires_grad=True)
    g = tg.tensor([1.0, 1.0, 1.0])
    y = tg.cumprod(x, 0)[2]
    for k in range(3):
        (d,) = tg.autograd.grad(y, x, create_graph=True)
        y = d[k]
    assert y.item() == 1
    y = tg.scatter_reduce(g[:1], 0, ints(0, 0, 0), x, "prod").sum()
    for k in range(3):
        (d,) = tg.autograd.grad(y, x, create_graph=True)
        y = d[k]
    assert y.item() == 1


def test_logcumsumexp_at_a_zero_gradient():
    """The gradient is linear in the incoming one, also at 0, where a logarithm of it would fail."""
    x = tg.tensor(np.array([0.5, -1.0, 2.0]), requires_grad=True)
    v = tg.tensor(np.zeros(3), requires_grad=True)
    (g,) = tg.autograd.grad(tg.logcumsumexp(x, 0), x, v, create_graph=True)
    (dv,) = tg.autograd.grad(g, v, tg.tensor(np.ones(3)))
    assert_equal(dv.numpy(force=True), np.ones(3))  # adding 1 everywhere adds 1 to each result


def test_gradients_of_repeated_rows_are_accurate_in_float32():
    """A million readings of two rows: added one after the other they would lose one percent."""
    index = np.arange(1_000_000) % 2
    table = tg.zeros(2, 2, requires_grad=True)
    weights = np.random.RandomState(0).uniform(0, 1, (1_000_000, 2)).astype(np.float32)
    (table[index] * tg.tensor(weights)).sum().backward()
    exact = [weights[index == k].astype(np.float64).sum(0) for k in (0, 1)]
    assert_equal(table.grad.numpy() / exact, np.ones((2, 2)), rtol=1e-6)


def test_large_integers_are_added_exactly():
    x = tg.tensor(np.array([2**60], np.int64))
    assert tg.index_add(x, 0, ints(0, 0), ints(2**53 + 1, 1))[0].item() == 2**60 + 2**53 + 2
    assert tg.scatter_add(x, 0, ints(0, 0), ints(2**53 + 1, 1))[0].item() == 2**60 + 2**53 + 2


def test_a_write_through_a_diagonal_reaches_the_matrix():
    x = tg.zeros(2, 2)
    x.diagonal().fill_(3)
    assert x.tolist() == [[3, 0], [0, 3]]


def test_results_do_not_share_memory_with_the_input():
    x = tg.tensor(2.0)
    for y in (tg.cumsum(x, 0), tg.cumprod(x, 0)):
        y.fill_(5)
    assert x.item() == 2


def test_inputs_without_tensors_give_arrays():
    """Operators on raw arrays stay raw: the rules of derivatives rely on it."""
    x = np.array([2.0, 1.0])
    for y in (tg.sort(x).values, tg.median(x), tg.tril(x[None]), tg.scatter(x, 0, np.array([0]), x[:1]), tg.unique(x)):
        assert type(y) is np.ndarray
